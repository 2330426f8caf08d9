"""Sites: names, and what is captured at them."""

from __future__ import annotations

import pytest
import torch

from interpwidgets.errors import InputError
from interpwidgets.models import Site, load
from interpwidgets.models.site import KINDS
from tests.unit import families as F


def test_names_and_sites_are_the_same_thing() -> None:
    for kind in KINDS:
        site = Site(kind) if kind in ("embed", "logits") else Site(kind, 3)
        assert Site.parse(str(site)) == site == Site.parse(site)
    assert str(Site("resid_post", 3)) == "resid_post.3"
    assert Site.parse("resid_post.-1") == Site("resid_post", -1)
    assert len({Site("embed"), Site.parse("embed")}) == 1


@pytest.mark.parametrize(
    ("hook", "site"),
    [
        ("hook_embed", "embed"),
        ("blocks.3.hook_resid_pre", "resid_pre.3"),
        ("blocks.3.hook_resid_mid", "resid_mid.3"),
        ("blocks.3.hook_resid_post", "resid_post.3"),
        ("blocks.2.attn.hook_z", "head_out.2"),
        ("blocks.2.attn.hook_result", "head_out.2"),
        ("blocks.0.hook_attn_out", "attn_out.0"),
        ("blocks.0.hook_mlp_out", "mlp_out.0"),
        ("blocks.0.hook_mlp_in", "resid_mid.0"),
        ("blocks.0.ln2.hook_normalized", "mlp_in.0"),
        ("blocks.11.mlp.hook_post", "mlp_act.11"),
    ],
)
def test_transformer_lens_names(hook: str, site: str) -> None:
    assert str(Site.parse(hook)) == site


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resid_posts.3", "a site kind out of"),
        ("resid_post", "a whole layer number"),
        ("embed.0", "without a layer"),
        ("resid post 3", "a site name such as"),
        ("", "a site name such as"),
        ("blocks.3.attn.hook_pattern", "a hook out of"),
        (3, "a site name such as"),
    ],
)
def test_names_that_mean_nothing(name: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Site.parse(name)  # type: ignore[arg-type]


def test_a_layer_that_does_not_exist() -> None:
    lm = load(F.build("gpt2"))
    assert str(lm.site("resid_post.-1")) == "resid_post.2"
    for name in ("resid_post.3", "resid_post.-4"):
        with pytest.raises(InputError, match="a layer from 0 to 2"):
            lm.trace([5], sites=[name])


PARALLEL = {"gptj", "phi", "gpt_neox", "falcon", "falcon_grouped"}
EXPERTS = {"mixtral", "gpt_oss"}


@pytest.mark.parametrize("name", F.FAMILIES)
def test_each_family_has_its_sites(name: str) -> None:
    kinds = {site.kind for site in load(F.build(name)).sites}
    absent = set(KINDS) - kinds
    if name == "mamba":
        assert kinds == {"embed", "resid_pre", "resid_post", "logits"}
        return
    expected: set[str] = set()
    if name in PARALLEL:
        expected.add("resid_mid")
    if name in EXPERTS:
        expected.add("mlp_act")
    if name == "vit":
        expected.add("logits")
    assert absent == expected


@pytest.mark.parametrize(
    ("name", "site", "reason"),
    [
        ("phi", "resid_mid.0", "in parallel"),
        ("mixtral", "mlp_act.0", "over experts"),
        ("mamba", "attn_out.0", "state-space"),
        ("vit", "logits", "trace.output"),
    ],
)
def test_a_site_a_family_has_not_says_why(name: str, site: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        load(F.build(name)).site(site)


@pytest.mark.parametrize("name", F.FAMILIES)
def test_captures_equal_the_models_own_hidden_states(name: str) -> None:
    """Against `output_hidden_states`, which the adapter never uses."""
    lm = load(F.build(name))
    trace = lm.trace(F.example(name), decoder=F.decoder_ids(name))
    with torch.no_grad():
        out = F.build(name)(**F.arguments(name), output_hidden_states=True, return_dict=True)
    states = out.decoder_hidden_states if name in F.ENCODER_DECODERS else out.hidden_states
    # The last entry is after the final norm in most families; mamba's list starts after the first block.
    first = 1 if name == "mamba" else 0
    for layer in range(lm.n_layers):
        index = layer - first
        if index >= 0:
            torch.testing.assert_close(trace[f"resid_pre.{layer}"], states[index][0], atol=1e-5, rtol=1e-5)
    normed = trace[f"resid_post.{lm.n_layers - 1}"]
    if lm.anatomy.final_norm is not None and name not in ("vit", "mamba"):
        normed = lm.anatomy.final_norm(normed).detach()
    if lm.anatomy.project_out is None and name not in ("mamba",):
        torch.testing.assert_close(normed, states[-1][0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", F.ATTENDING)
def test_the_parts_add_up(name: str) -> None:
    lm = load(F.build(name))
    trace = lm.trace(F.example(name), decoder=F.decoder_ids(name))
    for layer in range(lm.n_layers):
        block = lm.anatomy.blocks[layer]
        total = trace[f"resid_pre.{layer}"] + trace[f"attn_out.{layer}"]
        if not block.parallel and not block.cross:
            middle = total if block.middle_norm is None else block.middle_norm(total).detach()
            torch.testing.assert_close(trace[f"resid_mid.{layer}"], middle, atol=1e-4, rtol=1e-4)
        before = total if block.parallel else trace[f"resid_mid.{layer}"]
        after = before + trace[f"mlp_out.{layer}"]
        if block.end_norm is not None:
            after = block.end_norm(after).detach()
        torch.testing.assert_close(trace[f"resid_post.{layer}"], after, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", F.ATTENDING)
def test_heads_and_bias_add_up_to_attention(name: str) -> None:
    lm = load(F.build(name))
    trace = lm.trace(F.example(name), decoder=F.decoder_ids(name))
    for layer in range(lm.n_layers):
        heads, attention = trace[f"head_out.{layer}"], trace[f"attn_out.{layer}"]
        assert heads.shape == (len(trace), 4, 32)
        output = lm.anatomy.blocks[layer].output
        total = heads.sum(1)
        if getattr(output, "bias", None) is not None:
            total = total + output.bias.detach()  # type: ignore[union-attr]
        tap = lm.anatomy.blocks[layer].taps["attn_out"]
        if "norm" in type(tap.module).__name__.lower():
            total = tap.module(total).detach()
        torch.testing.assert_close(total, attention, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [n for n in F.ATTENDING if n not in EXPERTS])
def test_the_hidden_units_write_the_mlps_output(name: str) -> None:
    lm = load(F.build(name))
    trace = lm.trace(F.example(name), decoder=F.decoder_ids(name), sites=["mlp_in.1", "mlp_act.1", "mlp_out.1"])
    down = lm.anatomy.blocks[1].taps["mlp_act"].module
    written = down(trace["mlp_act.1"]).detach()
    tap = lm.anatomy.blocks[1].taps["mlp_out"]
    if "norm" in type(tap.module).__name__.lower():
        written = tap.module(written).detach()
    torch.testing.assert_close(written, trace["mlp_out.1"], atol=1e-5, rtol=1e-4)
    assert trace["mlp_in.1"].shape == (len(trace), 32)
    assert lm.width("mlp_act.1") == trace["mlp_act.1"].shape[-1]


@pytest.mark.parametrize("name", [n for n in F.FAMILIES if n != "vit"])
def test_unembedding_the_last_residual_gives_the_logits(name: str) -> None:
    lm = load(F.build(name))
    trace = lm.trace(F.example(name), decoder=F.decoder_ids(name))
    assert trace.logits is not None
    torch.testing.assert_close(lm.unembed(trace["resid_post.-1"]), trace.logits, atol=1e-4, rtol=1e-4)
    assert trace.logits.shape == (len(trace), lm.d_vocab)
    torch.testing.assert_close(trace["logits"], trace.logits)


def test_what_was_not_named_is_captured_later_under_the_same_edits() -> None:
    from interpwidgets.models import Edit

    lm = load(F.build("llama"))
    ids = F.example("llama")
    steer = Edit("resid_post.0", add=torch.ones(32), strength=2.0)
    with lm.edit(steer):
        now = lm.trace(ids, sites=["resid_post.2"])
        later = lm.trace(ids)
    with lm.edit(Edit("resid_post.1", ablate=True)):
        assert torch.equal(later["resid_post.2"], now["resid_post.2"])
        assert float(lm.trace(ids)["resid_post.1"].abs().max()) == 0.0
    assert not torch.equal(lm.trace(ids)["resid_post.2"], now["resid_post.2"])


def test_activations_are_a_mapping_by_site_or_name() -> None:
    trace = load(F.build("gpt2")).trace([5, 6, 7], sites=["resid_post.0", "head_out.1"])
    assert set(trace.activations) == {Site("resid_post", 0), Site("head_out", 1)}
    assert "resid_post.0" in trace.activations
    assert "resid_post.1" not in trace.activations
    assert trace.activations["head_out.1"].shape == (3, 4, 32)
    with pytest.raises(InputError, match="a captured site"):
        _ = trace.activations["resid_post.1"]
    assert trace.head_values(1).shape == (3, 4, 8)


def test_a_batch_runs_as_one() -> None:
    lm = load(F.build("gpt2"))
    ids = torch.tensor([F.example("gpt2", 9), F.example("gpt2", 9)[::-1]])
    output, kept = lm.run(ids, sites=["resid_post.1", "mlp_act.0"])
    assert output.logits.shape == (2, 9, 97)
    for row in range(2):
        alone = lm.trace(ids[row])
        torch.testing.assert_close(kept[Site("resid_post", 1)][row], alone["resid_post.1"], atol=1e-5, rtol=1e-5)


def test_a_flattening_family_keeps_its_batch() -> None:
    """OPT hands its MLP all tokens of the batch in one row of positions."""
    lm = load(F.build("opt"))
    ids = torch.tensor([F.example("opt", 9), F.example("opt", 9)[::-1]])
    _, kept = lm.run(ids, sites=["mlp_act.0", "mlp_out.1", "resid_mid.1"])
    for site, value in kept.items():
        assert value.shape[:2] == (2, 9)
        torch.testing.assert_close(value[1], lm.trace(ids[1])[site], atol=1e-5, rtol=1e-5)
