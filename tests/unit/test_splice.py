"""Splicing dictionaries into forward passes, against hooks set by hand and identities that must hold."""

import pytest
import torch

import interpwidgets as iw
from interpwidgets import InputError, ModelError
from interpwidgets.analyses.splice import splice
from interpwidgets.dictionaries import BatchTopK, Identity, Normalisation, SparseAutoencoder, TopK, Transcoder
from tests.unit.families import build, example

D, F = 32, 80


def model(family="gpt2"):
    return iw.load(build(family).double(), None)


def weights(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * shape[-1] ** -0.5


def autoencoder(site="resid_post.1", rule=None, **more):
    return SparseAutoencoder(
        weights(0, F, D), weights(1, F, D), decoder_bias=weights(2, D), activation=rule or TopK(5), site_in=site, **more
    )


def transcoder(skip=True):
    return Transcoder(
        weights(3, F, D),
        weights(4, F, D),
        encoder_bias=weights(5, F),
        skip=weights(6, D, D) if skip else None,
        site_in="mlp_in.1",
        site_out="mlp_out.1",
    )


KINDS = {
    "autoencoder": autoencoder,
    "scaled by token": lambda: autoencoder(normalisation=Normalisation("layer_norm")),
    "batch_topk before a norm": lambda: autoencoder("resid_mid.1", BatchTopK(0.5, k=5)),
    "transcoder": lambda: transcoder(skip=False),
    "skip transcoder": transcoder,
    "identity": lambda: Identity(D, dtype=torch.float64, site_in="resid_pre.2"),
}


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "gpt_neox"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_with_its_error_a_dictionary_changes_nothing_and_leaves_nothing(family, kind):
    lm, text = model(family), example("gpt2")
    plain = lm.trace(text).logits
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in lm.model.modules())
    if lm.family == "gpt_neox" and kind == "batch_topk before a norm":
        pytest.skip("attention and MLP are parallel: there is no stream between them")
    with splice(lm, KINDS[kind](), error=True):
        assert (lm.trace(text).logits - plain).abs().max() < 1e-13
    if kind != "identity":
        with splice(lm, KINDS[kind]()):
            assert (lm.trace(text).logits - plain).abs().max() > 1e-3, "the splice is really there"
    assert torch.equal(lm.trace(text).logits, plain)
    assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in lm.model.modules()) == hooks
    assert not lm._edits
    assert not lm._edit_hooks


def test_an_autoencoder_stands_in_for_the_stream():
    lm, text, sae = model(), example("gpt2"), autoencoder()
    x = lm.trace(text)["resid_post.1"]
    pre = x @ sae.detectors.T
    kept = pre.topk(5, dim=-1)
    codes = torch.zeros_like(pre).scatter(-1, kept.indices, kept.values.relu())
    made = codes @ sae.directions + sae.b_dec
    handle = lm.model.transformer.h[1].register_forward_hook(lambda m, a, out: made[None])
    wanted = lm.model(torch.tensor([text])).logits[0]
    handle.remove()
    with splice(lm, sae):
        assert torch.allclose(lm.trace(text).logits, wanted, atol=1e-12)
        assert torch.allclose(lm.model(torch.tensor([text])).logits[0], wanted, atol=1e-12)


def test_a_transcoder_reads_one_place_and_writes_another():
    lm, text, wide = model(), example("gpt2"), transcoder()
    trace = lm.trace(text)
    read = trace["mlp_in.1"]
    made = (read @ wide.detectors.T + wide.b_enc).relu() @ wide.directions + read @ wide.W_skip.T
    handle = lm.model.transformer.h[1].mlp.register_forward_hook(lambda m, a, out: made[None])
    wanted = lm.model(torch.tensor([text])).logits[0]
    handle.remove()
    with splice(lm, wide):
        assert torch.allclose(lm.trace(text).logits, wanted, atol=1e-12)


def test_an_edit_of_the_codes_changes_what_the_feature_writes():
    lm, text, sae = model(), example("gpt2"), autoencoder()
    codes = sae.encode(lm.trace(text)["resid_post.1"])
    feature = int((codes > 0).sum(0).argmax())
    with lm.edit(
        iw.Edit("resid_post.1", add=-codes[:, feature, None] * sae.directions[feature], positions=slice(None))
    ):
        wanted = lm.trace(text).logits
    with splice(lm, sae, error=True, edit=lambda c: torch.where(torch.arange(F) == feature, 0.0, c)):
        assert torch.allclose(lm.trace(text).logits, wanted, atol=1e-12)

    def off(c):
        c[..., feature] = 0

    with splice(lm, sae, error=True, edit=off):
        assert torch.allclose(lm.trace(text).logits, wanted, atol=1e-12)


def test_an_edit_in_place_of_neurons_does_not_touch_the_model():
    lm, text = model(), example("gpt2")
    plain = lm.trace(text).logits
    with splice(lm, Identity(D, dtype=torch.float64, site_in="resid_post.0"), error=True, edit=lambda c: c.zero_()):
        assert not torch.allclose(lm.trace(text).logits, plain)
    assert torch.equal(lm.trace(text).logits, plain)


def test_a_mask_says_where():
    lm, text, sae = model(), example("gpt2"), autoencoder()
    mask = torch.zeros(1, len(text), dtype=torch.bool)
    mask[0, 4] = True
    x = lm.trace(text)["resid_post.1"]
    with lm.edit(iw.Edit("resid_post.1", set=sae.reconstruct(x)[4], positions=[4])):
        wanted = lm.trace(text).logits
    with splice(lm, sae, mask=mask):
        assert torch.allclose(lm.trace(text).logits, wanted, atol=1e-12)
        with pytest.raises(InputError, match=r"a mask of shape \[1, 23\]|a mask of shape \[1, 5\]"):
            lm.trace(text[:5])


def test_a_trace_made_inside_keeps_its_splice():
    lm, text, sae = model(), example("gpt2"), autoencoder()
    with splice(lm, sae):
        trace = lm.trace(text)
    late = trace["resid_post.1"]
    assert torch.allclose(late, sae.reconstruct(lm.trace(text)["resid_post.1"]), atol=1e-12)


def test_a_single_precision_dictionary_in_a_double_precision_model_and_one_token():
    lm, sae = model(), autoencoder().float()
    plain = lm.trace([7]).logits
    with splice(lm, sae, error=True):
        assert (lm.trace([7]).logits - plain).abs().max() < 1e-13
    whole = example("gpt2", lm.context)
    plain = lm.trace(whole).logits
    with splice(lm, sae, error=True):
        assert (lm.trace(whole).logits - plain).abs().max() < 1e-13


def test_nothing_is_left_after_an_exception():
    lm, text = model(), example("gpt2")
    plain = lm.trace(text).logits

    def bad(codes):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), splice(lm, autoencoder(), edit=bad):
        lm.trace(text)
    assert torch.equal(lm.trace(text).logits, plain)
    assert not lm._edits


def test_wrong_input_gets_one_sentence():
    lm, text = model(), example("gpt2")

    def enter(dictionary, **more):
        with splice(lm, dictionary, **more):
            lm.trace(text)

    with pytest.raises(InputError, match="a dictionary of width 32 at resid_post"):
        enter(Identity(31, dtype=torch.float64, site_in="resid_post.1"))
    with pytest.raises(InputError, match="says where it reads"):
        enter(Identity(32))
    with pytest.raises(InputError, match="a layer from 0 to 2"):
        enter(autoencoder("resid_post.9"))
    with pytest.raises(InputError, match="expected a dictionary, got list"):
        enter([1, 2])
    with pytest.raises(InputError, match="from edit"):
        enter(autoencoder(), edit=lambda codes: codes[:, 1:])
    with pytest.raises(InputError, match="new values of shape"), lm.replaced("resid_post.0", lambda x: x[:, 1:]):
        lm.trace(text)
    late = Transcoder(weights(3, F, D), weights(4, F, D), site_in="mlp_in.2", site_out="mlp_out.1")
    with pytest.raises(ModelError, match=r"mlp_in\.2 before mlp_out\.1"):
        enter(late)
