"""Edits: what they change, and that nothing of them remains."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from interpwidgets.errors import InputError
from interpwidgets.models import Edit, Model, load
from tests.unit import families as F


def hooks_of(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def logits(lm: Model, name: str) -> torch.Tensor:
    with torch.no_grad():
        return lm.model(**F.arguments(name)).logits


VECTOR = torch.linspace(-1.0, 1.0, 32)


@pytest.mark.parametrize("name", F.FAMILIES)
def test_every_site_can_be_edited_and_is_itself_again(name: str) -> None:
    """Ablating any site zeroes what is captured there, changes the run, and leaves nothing behind."""
    lm = load(F.build(name))
    plain, before = logits(lm, name), hooks_of(lm.model)
    given, decoder = F.example(name), F.decoder_ids(name)
    for site in lm.sites:
        if site.layer not in (None, 1):
            continue
        with lm.edit(Edit(site, ablate=True)):
            changed = logits(lm, name)
            if site.kind != "logits":
                value = lm.trace(given, decoder=decoder, sites=[site])[site]
                assert float(value.abs().max()) < 1e-5, site
        assert not torch.equal(changed, plain), site
        assert hooks_of(lm.model) == before, site
        assert torch.equal(logits(lm, name), plain), site


@pytest.mark.parametrize("name", F.FAMILIES)
def test_adding_a_vector_adds_it(name: str) -> None:
    lm = load(F.build(name))
    given, decoder = F.example(name), F.decoder_ids(name)
    for kind in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"):
        if kind not in lm.anatomy.blocks[1].taps:
            continue
        site = f"{kind}.1"
        plain = lm.trace(given, decoder=decoder)[site]
        with lm.edit(Edit(site, add=VECTOR, strength=3.0)):
            edited = lm.trace(given, decoder=decoder, sites=[site])[site]
        torch.testing.assert_close(edited, plain + 3.0 * VECTOR, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [n for n in F.ATTENDING if n != "vit"])
def test_editing_the_middle_reaches_both_of_its_readers(name: str) -> None:
    """The stream between attention and MLP is read by the norm and by the skip connection; an edit must meet both."""
    lm = load(F.build(name))
    if "resid_mid" not in lm.anatomy.blocks[1].taps:
        return
    given, decoder = F.example(name), F.decoder_ids(name)
    value = torch.randn(32, generator=torch.Generator().manual_seed(1))
    with lm.edit(Edit("resid_mid.1", set=value)):
        trace = lm.trace(given, decoder=decoder, sites=["resid_mid.1", "mlp_out.1", "resid_post.1"])
    torch.testing.assert_close(trace["resid_mid.1"], value.expand(len(trace), -1), atol=1e-5, rtol=1e-5)
    after = trace["resid_mid.1"] + trace["mlp_out.1"]
    end = lm.anatomy.blocks[1].end_norm
    after = after if end is None else end(after).detach()
    torch.testing.assert_close(trace["resid_post.1"], after, atol=1e-4, rtol=1e-4)
    # Every position had the same middle, so every position must leave the block the same.
    same = trace["resid_post.1"][:1].expand(len(trace), -1)
    torch.testing.assert_close(trace["resid_post.1"], same, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", F.FAMILIES)
def test_strength_zero_is_bit_identical(name: str) -> None:
    lm = load(F.build(name))
    plain, before = logits(lm, name), hooks_of(lm.model)
    with lm.edit(Edit("resid_post.1", add=VECTOR, strength=0.0), Edit("resid_pre.0", scale=1.0)):
        assert hooks_of(lm.model) == before
        assert torch.equal(logits(lm, name), plain)


@pytest.mark.parametrize("name", F.FAMILIES)
def test_ablating_is_setting_to_zero(name: str) -> None:
    lm = load(F.build(name))
    with lm.edit(Edit("resid_post.1", ablate=True)):
        ablated = logits(lm, name)
    with lm.edit(Edit("resid_post.1", set=torch.zeros(32))):
        assert torch.equal(logits(lm, name), ablated)
    with lm.edit(Edit("resid_post.1", scale=0.0)):
        assert torch.equal(logits(lm, name), ablated)


@pytest.mark.parametrize("name", F.ATTENDING)
def test_heads_are_edited_alone(name: str) -> None:
    lm = load(F.build(name))
    given, decoder = F.example(name), F.decoder_ids(name)
    plain = lm.trace(given, decoder=decoder)["head_out.1"]
    with lm.edit(Edit("head_out.1", ablate=True, heads=[3, 0])):
        trace = lm.trace(given, decoder=decoder, sites=["head_out.1", "attn_out.1"])
    torch.testing.assert_close(trace["head_out.1"][:, 1:3], plain[:, 1:3])
    assert float(trace["head_out.1"][:, [0, 3]].abs().max()) == 0.0
    with lm.edit(Edit("head_out.1", scale=0.5, heads=-1)):
        half = lm.trace(given, decoder=decoder)["head_out.1"]
    torch.testing.assert_close(half[:, 3], plain[:, 3] * 0.5, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert", "bloom"])
def test_what_a_head_writes_can_be_added_and_set(name: str) -> None:
    lm = load(F.build(name))
    given = F.example(name)
    plain = lm.trace(given, sites=["attn_out.1", "head_out.1"])
    with lm.edit(Edit("head_out.1", add=VECTOR, strength=2.0, heads=[1, 2])):
        added = lm.trace(given)["attn_out.1"]
    torch.testing.assert_close(added, plain["attn_out.1"] + 4.0 * VECTOR, atol=1e-5, rtol=1e-5)
    with lm.edit(Edit("head_out.1", set=VECTOR, heads=1)):
        replaced = lm.trace(given)["attn_out.1"]
    expected = plain["attn_out.1"] - plain["head_out.1"][:, 1] + VECTOR
    torch.testing.assert_close(replaced, expected, atol=1e-5, rtol=1e-5)


def test_edits_compose_in_order_and_nested() -> None:
    lm = load(F.build("gpt2"))
    add, half = Edit("resid_post.1", add=VECTOR), Edit("resid_post.1", scale=0.5)
    plain = lm.trace(F.example("gpt2"))["resid_post.1"]
    with lm.edit(add, half):
        together = lm.trace(F.example("gpt2"))["resid_post.1"]
    with lm.edit(add):
        with lm.edit(half):
            nested = lm.trace(F.example("gpt2"))["resid_post.1"]
        only_add = lm.trace(F.example("gpt2"))["resid_post.1"]
    assert torch.equal(together, nested)
    torch.testing.assert_close(together, (plain + VECTOR) * 0.5)
    torch.testing.assert_close(only_add, plain + VECTOR)
    assert torch.equal(lm.trace(F.example("gpt2"))["resid_post.1"], plain)


def test_positions() -> None:
    lm = load(F.build("llama"))
    ids = F.example("llama", 9)
    plain = lm.trace(ids)["resid_post.1"]
    for positions, rows in (
        ([2, -1], [2, 8]),
        (slice(3, 5), [3, 4]),
        (slice(-2, None), [7, 8]),
        (0, [0]),
        (torch.tensor([4, -3]), [4, 6]),
        (torch.tensor(5), [5]),
        ([], []),
    ):
        with lm.edit(Edit("resid_post.1", add=VECTOR, positions=positions)):
            edited = lm.trace(ids)["resid_post.1"]
        expected = plain.clone()
        expected[rows] += VECTOR
        torch.testing.assert_close(edited, expected)
    vectors = torch.stack([VECTOR, -VECTOR])
    with lm.edit(Edit("resid_post.1", set=vectors, positions=[1, 4])):
        patched = lm.trace(ids)["resid_post.1"]
    torch.testing.assert_close(patched[[1, 4]], vectors)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj", "bloom", "mamba"])
def test_generation_meets_positions_as_one_long_run_would(name: str) -> None:
    """With a cache each step sees one token; one pass over the finished text must give the same tokens."""
    lm = load(F.build(name))
    prompt = F.example(name, 6)
    # Sharp weights repeat tokens; a strong edit makes its reach visible.
    for positions in (None, [1, -1], slice(2, None), slice(4, None, 3)):
        fixed = [1, 5] if positions == [1, -1] else positions
        with lm.edit(Edit("resid_post.1", add=VECTOR, strength=8.0, positions=positions)):
            written = lm.generate(prompt, 6)
        with lm.edit(Edit("resid_post.1", add=VECTOR, strength=8.0, positions=fixed)):
            whole = lm.trace(written.ids[:-1])
        assert whole.logits is not None
        assert whole.logits[5:].argmax(-1).tolist() == written.new_ids.tolist()


def test_one_strength_for_each_row_of_a_batch() -> None:
    lm = load(F.build("llama"))
    ids = torch.tensor([F.example("llama", 7)]).expand(3, -1)
    with lm.edit(Edit("resid_post.1", add=VECTOR, strength=[0.0, 1.0, -2.0])):
        output, _ = lm.run(ids)
    plain, _ = lm.run(ids)
    assert torch.equal(output.logits[0], plain.logits[0])
    with lm.edit(Edit("resid_post.1", add=VECTOR, strength=-2.0)):
        alone = lm.trace(ids[0]).logits
    torch.testing.assert_close(output.logits[2], alone, atol=1e-4, rtol=1e-4)
    with lm.edit(Edit("resid_post.1", add=VECTOR, strength=[1.0, 2.0])), pytest.raises(InputError, match="3 rows"):
        lm.run(ids)


class BoomError(Exception):
    pass


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt])
@pytest.mark.parametrize("name", F.FAMILIES)
def test_no_hook_outlives_an_error_inside_the_forward(name: str, error: type[BaseException]) -> None:
    lm = load(F.build(name))
    given, decoder = F.example(name), F.decoder_ids(name)
    plain, before = logits(lm, name), hooks_of(lm.model)
    lm.model.train()
    configs = {id(m.config): m.config for m in lm.model.modules() if hasattr(m, "config")}
    implementations = {key: config._attn_implementation for key, config in configs.items()}

    def fail(*args: Any) -> None:
        raise error

    # Inside the last block, when captures, edits and the attention store are all at work.
    leaves = [m for m in lm.anatomy.blocks[-1].module.modules() if not list(m.children()) and list(m.parameters())]
    broken = leaves[0].register_forward_hook(fail)

    def run() -> None:
        with lm.edit(Edit("resid_post.0", add=VECTOR, positions=[1])):
            lm.trace(given, decoder=decoder, sites=lm.sites)

    with pytest.raises(error):
        run()
    broken.remove()
    assert hooks_of(lm.model) == before
    assert {key: config._attn_implementation for key, config in configs.items()} == implementations
    assert not any("_attn" in module.__dict__ for module in lm.model.modules())
    assert lm.model.training
    lm.model.eval()
    assert torch.equal(logits(lm, name), plain)
    assert lm.trace(given, decoder=decoder)._edits == ()


def test_an_error_in_the_body_of_an_edit_leaves_nothing() -> None:
    lm = load(F.build("gpt2"))
    before = hooks_of(lm.model)

    def fail() -> None:
        with lm.edit(Edit("resid_post.0", ablate=True)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert hooks_of(lm.model) == before


def test_training_mode_is_each_modules_own_and_comes_back() -> None:
    model = F.build("gpt2").train()
    model.transformer.h[1].eval()
    modes = [module.training for module in model.modules()]
    lm = load(model)
    first, second = lm.trace([5, 6, 7]).logits, lm.trace([5, 6, 7]).logits
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert [module.training for module in model.modules()] == modes


NAN = torch.full((32,), float("nan"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"site": "resid_post.0"}, "exactly one of"),
        ({"site": "resid_post.0", "ablate": True, "scale": 2.0}, "exactly one of"),
        ({"site": "resid_post.0", "add": NAN}, "32 of 32 values NaN"),
        ({"site": "resid_post.0", "set": torch.tensor([1.0, float("inf")])}, "NaN or infinite"),
        ({"site": "resid_post.0", "add": VECTOR, "strength": float("nan")}, "strength of the edit"),
        ({"site": "resid_post.0", "scale": float("inf")}, "scale of the edit"),
        ({"site": "resid_post.0", "ablate": True, "strength": 2.0}, "a strength only together with add"),
        ({"site": "resid_post.0", "ablate": True, "heads": [0]}, "heads only at head_out"),
        ({"site": "resid.0", "ablate": True}, "a site kind"),
        ({"site": "head_out.0", "ablate": True, "heads": [1.5]}, "whole numbers as heads"),
        ({"site": "resid_post.0", "ablate": True, "positions": ["a"]}, "whole numbers as positions"),
        ({"site": "resid_post.0", "ablate": True, "positions": 1.0}, "whole numbers as positions"),
    ],
)
def test_edits_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Edit(**arguments)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit("resid_post.3", ablate=True), "a layer from 0 to 2"),
        (Edit("resid_post.0", add=torch.ones(31)), "a vector of 32 numbers"),
        (Edit("mlp_act.0", add=torch.ones(32)), "a vector of 128 numbers"),
        (Edit("logits", add=torch.ones(32)), "a vector of 97 numbers"),
        (Edit("resid_post.0", set=torch.tensor(1.0)), "a vector of 32 numbers"),
        (Edit("head_out.0", ablate=True, heads=[4]), "heads from 0 to 3"),
        ("resid_post.0", "edits"),
    ],
)
def test_edits_that_do_not_fit_the_model(edit: Any, message: str) -> None:
    lm = load(F.build("gpt2"))
    before = hooks_of(lm.model)
    with pytest.raises(InputError, match=message), lm.edit(edit):
        pass
    assert hooks_of(lm.model) == before
    assert lm.trace([5])._edits == ()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit("resid_post.0", ablate=True, positions=[3]), "positions from 0 to 2"),
        (Edit("resid_post.0", ablate=True, positions=[-4]), "positions from 0 to 2"),
        (Edit("resid_post.0", set=torch.ones(2, 32), positions=[0, 1, 2]), "one for each of the 3"),
    ],
)
def test_edits_that_do_not_fit_the_text(edit: Edit, message: str) -> None:
    lm = load(F.build("gpt2"))
    before = hooks_of(lm.model)
    with lm.edit(edit), pytest.raises(InputError, match=message):
        lm.trace([5, 6, 7])
    assert hooks_of(lm.model) == before
    assert len(lm.trace([5, 6, 7])) == 3
