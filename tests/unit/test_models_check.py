"""The self-check: passes for every family, and names what is wrong with a sabotaged model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from interpwidgets.errors import ModelError
from interpwidgets.models import load
from tests.unit import families as F


@pytest.mark.parametrize("name", F.FAMILIES)
@pytest.mark.parametrize("implementation", [None, "eager"])
def test_every_family_passes(name: str, implementation: str | None) -> None:
    lm = load(F.build(name, implementation))
    assert lm.family == F.build(name).config.model_type
    assert lm.n_layers == len(lm.anatomy.blocks)
    assert lm.d_model == 32
    assert name in ("mamba",) or lm.n_heads == 4
    assert lm.context in (64, None)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "bert", "t5", "gptj", "falcon_grouped"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_types_pass_too(name: str, dtype: torch.dtype) -> None:
    model = F.build(name).to(dtype)
    lm = load(model)
    trace = lm.trace(F.example(name), decoder=F.decoder_ids(name))
    assert lm.dtype == dtype
    layers = next(iter(trace.attention.values()))
    assert layers[0].pattern(0).dtype == torch.float32


class Twice(nn.Module):
    """Returns twice what the wrapped module does; as attention's norm or projection, a lie about what is added."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.inner(*args, **kwargs) * 2.0


def sabotage_residual(model: Any) -> None:
    """A family that scales what attention adds, in a way the module tree does not show."""
    block = model.model.layers[1]
    forward = block.forward

    def scaled(hidden_states: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return forward(hidden_states, **kwargs) + hidden_states

    block.forward = scaled


def sabotage_between(model: Any) -> None:
    """Something happens to the stream between two blocks."""
    model.model.layers[1].register_forward_pre_hook(
        lambda module, args, kwargs: ((args[0] * 1.5, *args[1:]), kwargs), with_kwargs=True
    )


def sabotage_logits(model: Any) -> None:
    forward = model.forward

    def changed(*args: Any, **kwargs: Any) -> Any:
        out = forward(*args, **kwargs)
        out.logits = out.logits * 1.3
        return out

    model.forward = changed


def sabotage_attention(model: Any) -> None:
    """The heads' values are changed between attention and its output projection."""
    model.model.layers[1].self_attn.o_proj.register_forward_pre_hook(lambda module, args: (args[0] * 1.5,))


@pytest.mark.parametrize(
    ("sabotage", "named"),
    [
        (sabotage_residual, "resid_mid.1 \\+ mlp_out.1 to equal resid_post.1"),
        (sabotage_between, "resid_pre.1 to equal resid_post.0"),
        (sabotage_logits, "the logits to equal|to equal the last residual|the last residual"),
        (sabotage_attention, "pattern times value in the attention of layer 1, head 0"),
    ],
)
def test_a_sabotaged_model_is_named(sabotage: Any, named: str) -> None:
    model = F.build("llama")
    sabotage(model)
    with pytest.raises(ModelError, match=named) as caught:
        load(model)
    assert "check=False" in caught.value.fix
    assert load(model, check=False).n_layers == 3


def test_a_wrong_module_named_by_hand_is_caught() -> None:
    with pytest.raises(ModelError, match=r"resid_pre.0 \+ attn_out.0 to equal resid_mid.0"):
        load(F.build("llama"), sites={"attn_out.0": "model.layers.0.input_layernorm"})
    lm = load(F.build("llama"), sites={"attn_out.0": "model.layers.0.self_attn"})
    assert lm.trace([5, 6])["attn_out.0"].shape == (2, 32)


def test_a_model_that_is_no_stack_of_blocks() -> None:
    model = F.build("gpt2")
    model.transformer.h = nn.ModuleList(model.transformer.h[:2])
    with pytest.raises(ModelError, match="a list of 3 blocks"):
        load(model)
