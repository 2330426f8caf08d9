"""Reusing what lower blocks returned gives the very same numbers, and leaves the model as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import Edit, Model, load
from interpwidgets.models.prefix import run_last
from tests.unit import families as F

VECTOR = torch.linspace(-1.0, 1.0, 32)


def whole(lm: Model, name: str, edits: list[Edit]) -> torch.Tensor:
    with lm.edit(*edits), torch.no_grad():
        extra: dict[str, Any] = {} if name == "vit" else {"use_cache": False}
        return lm.model(**F.arguments(name), **extra).logits


@pytest.mark.parametrize("name", F.FAMILIES)
def test_bit_identical_to_the_whole_run_at_every_layer(name: str) -> None:
    lm = load(F.build(name))
    prefix = lm.prefix(F.example(name), decoder=F.decoder_ids(name))
    plain = whole(lm, name, [])
    for layer in range(lm.n_layers + 1):
        assert torch.equal(prefix.logits(layer), plain), layer
    for layer in range(lm.n_layers):
        for edit, first in (
            (Edit(f"resid_pre.{layer}", add=VECTOR, strength=2.0), layer),
            (Edit(f"resid_post.{layer}", add=VECTOR, strength=-3.0), layer + 1),
        ):
            with lm.edit(edit):
                assert torch.equal(prefix.logits(first), whole_now(lm, name)), (layer, edit.site)
    assert not any("forward" in module.__dict__ for module in lm.model.modules())
    assert torch.equal(whole(lm, name, []), plain)


def whole_now(lm: Model, name: str) -> torch.Tensor:
    return whole(lm, name, [])


@pytest.mark.parametrize("name", F.FAMILIES)
def test_a_batch_of_strengths_against_one_by_one(name: str) -> None:
    lm = load(F.build(name))
    prefix = lm.prefix(F.example(name), decoder=F.decoder_ids(name))
    strengths = [0.0, 1.0, -2.0, 5.0]
    with lm.edit(Edit("resid_pre.1", add=VECTOR, strength=strengths)):
        batch = prefix.logits(1, 4)
    for row, strength in zip(batch, strengths, strict=True):
        alone = whole(lm, name, [Edit("resid_pre.1", add=VECTOR, strength=strength)])[0]
        torch.testing.assert_close(row, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", F.DECODERS)
def test_unembedding_the_last_position_alone(name: str) -> None:
    lm = load(F.build(name))
    prefix = lm.prefix(F.example(name))
    torch.testing.assert_close(prefix.logits(2, last=1)[0, 0], whole(lm, name, [])[0, -1], atol=1e-5, rtol=1e-5)
    assert prefix.logits(2, last=3).shape == (1, 3, 97)


def test_the_blocks_below_do_not_run() -> None:
    lm = load(F.build("llama"))
    prefix = lm.prefix(F.example("llama"))
    ran: list[int] = []
    handles = [
        block.module.self_attn.register_forward_hook(lambda *args, i=i: ran.append(i))  # type: ignore[union-attr]
        for i, block in enumerate(lm.anatomy.blocks)
    ]
    prefix.logits(2)
    for handle in handles:
        handle.remove()
    assert ran == [2]


class BoomError(Exception):
    pass


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt])
@pytest.mark.parametrize("name", F.FAMILIES)
def test_every_block_is_itself_again_after_an_error(name: str, error: type[BaseException]) -> None:
    lm = load(F.build(name))
    plain = whole(lm, name, [])
    prefix = lm.prefix(F.example(name), decoder=F.decoder_ids(name))

    def fail(*args: Any) -> None:
        raise error

    broken = lm.anatomy.blocks[-1].module.register_forward_hook(fail)
    with pytest.raises(error):
        prefix.logits(1)
    broken.remove()
    assert not any("forward" in module.__dict__ for module in lm.model.modules())
    assert torch.equal(whole(lm, name, []), plain)


def test_a_forward_that_was_already_replaced_comes_back() -> None:
    """accelerate puts its own forward on a module's instance to move weights; it has to survive."""
    lm = load(F.build("llama"))
    block = lm.anatomy.blocks[0].module
    own = block.forward
    block.forward = lambda *args, **kwargs: own(*args, **kwargs)  # type: ignore[method-assign]
    replaced = block.__dict__["forward"]
    prefix = lm.prefix(F.example("llama"))
    prefix.logits(2)
    assert block.__dict__["forward"] is replaced


def test_active_edits_do_not_reach_the_unedited_run() -> None:
    lm = load(F.build("gpt2"))
    plain = whole(lm, "gpt2", [])
    with lm.edit(Edit("resid_post.0", ablate=True)):
        prefix = lm.prefix(F.example("gpt2"))
        assert not torch.equal(lm.trace(F.example("gpt2")).logits, plain[0])  # type: ignore[arg-type]
    assert torch.equal(prefix.logits(2), plain)


def test_what_cannot_be() -> None:
    lm = load(F.build("gpt2"))
    prefix = lm.prefix(F.example("gpt2"))
    with pytest.raises(InputError, match="a layer from 0 to 3"):
        prefix.logits(4)
    with pytest.raises(InputError, match="at least one token"):
        lm.prefix([])
    module = load(torch.nn.Sequential(torch.nn.Linear(4, 4)), sites={"resid_post.0": "0"})
    if not module.anatomy.blocks:
        with pytest.raises(ModelError, match="blocks"):
            module.prefix(torch.ones(4))
    assert run_last(lm, prefix.rows(2), 1).shape == (2, 1, 97)
