"""The same weights in sae-lens and here give the same codes and reconstructions."""

import pytest
import torch

from interpwidgets.dictionaries import from_sae_lens, load_dictionary, save_sae_lens

sae_lens = pytest.importorskip("sae_lens", reason="sae-lens is not installed")

N, D, D_OUT, ROWS = 40, 12, 8, 33
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
HOOK = "blocks.3.hook_resid_post"


def make(architecture, seed=0, **more):
    """A random dictionary made by the peer's own classes."""
    config = {
        "architecture": architecture,
        "d_in": D,
        "d_sae": N,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": "transcoder" not in architecture,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"hook_name": HOOK, "sae_lens_version": sae_lens.__version__},
        **({"d_out": D_OUT} if "transcoder" in architecture else {}),
        **more,
    }
    torch.manual_seed(seed)
    sae = sae_lens.SAE.from_dict(config)
    with torch.no_grad():
        for name, value in sae.named_parameters():
            value.copy_(torch.randn_like(value) * 0.4)
            if name == "threshold":
                value.abs_()
    return sae


CASES = [
    ("standard", {}),
    ("standard", {"apply_b_dec_to_input": False}),
    ("standard", {"normalize_activations": "layer_norm"}),
    ("standard", {"normalize_activations": "constant_norm_rescale"}),
    ("jumprelu", {}),
    ("jumprelu", {"normalize_activations": "layer_norm"}),
    ("gated", {}),
    ("topk", {"k": 5}),
    ("topk", {"k": 5, "rescale_acts_by_decoder_norm": True}),
    ("abstopk", {"k": 5}),
    ("matching_pursuit", {}),
    ("matching_pursuit", {"residual_threshold": 0.5, "max_iterations": 4}),
    ("matching_pursuit", {"stop_on_duplicate_support": False, "max_iterations": 6}),
    ("transcoder", {}),
    ("transcoder", {"normalize_activations": "layer_norm"}),
    ("skip_transcoder", {}),
    ("jumprelu_transcoder", {}),
    ("jumprelu_skip_transcoder", {}),
]


def agree(ours, theirs, x):
    with torch.no_grad():
        codes = theirs.encode(x)
        made = theirs(x)
    torch.testing.assert_close(ours.encode(x), codes, **CLOSE)
    torch.testing.assert_close(ours.reconstruct(x), made, **CLOSE)
    assert float(codes.abs().sum()) > 0


@pytest.mark.parametrize(("architecture", "more"), CASES, ids=lambda v: v if isinstance(v, str) else "-".join(v))
def test_the_peers_folder_and_object_give_the_peers_numbers(architecture, more, tmp_path):
    if architecture == "matching_pursuit":
        theirs = make(architecture, **more)
        with torch.no_grad():
            theirs.W_dec.div_(theirs.W_dec.norm(dim=1, keepdim=True))
    else:
        theirs = make(architecture, **more)
    x = torch.randn(ROWS, D, generator=torch.Generator().manual_seed(1)) * 2
    theirs.save_model(tmp_path)
    loaded = load_dictionary(tmp_path)
    assert loaded.site_in == "resid_post.3"
    agree(loaded, theirs, x)
    agree(from_sae_lens(theirs), theirs, x)


def test_heads_side_by_side(tmp_path):
    theirs = make("standard", reshape_activations="hook_z", metadata={"hook_name": "blocks.1.attn.hook_z"})
    theirs.save_model(tmp_path)
    ours = load_dictionary(tmp_path)
    assert ours.site_in == "blocks.1.attn.hook_z"
    x = torch.randn(7, 3, D // 3, generator=torch.Generator().manual_seed(6))
    agree(ours, theirs, x)
    # Three heads of a token are one input, and come back as three heads; a row that is already flat stays so.
    assert (ours.encode(x).shape, ours.reconstruct(x).shape) == ((7, N), x.shape)
    torch.testing.assert_close(ours.encode(x.reshape(7, D)), ours.encode(x), rtol=0, atol=0)
    assert ours.reconstruct(x.reshape(7, D)).shape == (7, D)


WRITTEN = [c for c in CASES if c[0] != "matching_pursuit"]


@pytest.mark.parametrize(("architecture", "more"), WRITTEN, ids=lambda v: v if isinstance(v, str) else "-".join(v))
def test_the_peer_reads_what_we_write(architecture, more, tmp_path):
    ours = from_sae_lens(make(architecture, seed=2, **more))
    theirs = sae_lens.SAE.load_from_disk(save_sae_lens(ours, tmp_path))
    assert theirs.cfg.metadata.hook_name == HOOK
    agree(ours, theirs, torch.randn(ROWS, D, generator=torch.Generator().manual_seed(3)) * 2)


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka_batchtopk"])
def test_batch_topk_in_training_and_as_saved(architecture, tmp_path):
    more = {"matryoshka_widths": [10, N]} if architecture.startswith("matr") else {}
    names = {"batchtopk": "BatchTopKTrainingSAE", "matryoshka_batchtopk": "MatryoshkaBatchTopKTrainingSAE"}
    kind = getattr(sae_lens, names[architecture])
    config = getattr(sae_lens, names[architecture] + "Config")(d_in=D, d_sae=N, k=4, **more)
    torch.manual_seed(4)
    theirs = kind(config)
    with torch.no_grad():
        for value in theirs.parameters():
            value.copy_(torch.randn_like(value) * 0.4)
        theirs.topk_threshold.fill_(0.7)
    theirs.save_inference_model(tmp_path)
    saved = sae_lens.SAE.load_from_disk(tmp_path)
    x = torch.randn(ROWS, D, generator=torch.Generator().manual_seed(5)) * 2
    agree(load_dictionary(tmp_path), saved, x)
    ours = from_sae_lens(theirs)
    # The peer folds the directions' lengths into its codes when it saves; the reconstruction is the same either way.
    torch.testing.assert_close(ours.reconstruct(x), saved(x), **CLOSE)
    assert getattr(ours, "levels", [N]) == more.get("matryoshka_widths", [N])


def test_a_temporal_dictionary_is_refused_in_one_sentence(tmp_path):
    from interpwidgets import InputError

    theirs = make("standard")
    theirs.save_model(tmp_path)
    text = (tmp_path / "cfg.json").read_text().replace('"standard"', '"temporal"')
    (tmp_path / "cfg.json").write_text(text)
    with pytest.raises(InputError, match="temporal"):
        load_dictionary(tmp_path)
