"""Following a logit back through a model: which direction of each part's output it reads.

Seen from the end, everything between a part and a logit is linear once the norms' scales are held: a later norm, a
projection, the unembedding. So one direction is carried from the last layer to the first, and what a part adds is the
product of its output with the direction that stands there. No part is ever written out in the width of the stream for
every head, and families differ only in the norms passed on the way: none inside the block (GPT-2, LLaMA), one behind
each part (Gemma 2, OLMo 2), or one on the stream itself (OPT-350m).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from interpwidgets.analyses.frozen_norm import FrozenNorm, freeze
from interpwidgets.errors import ModelError
from interpwidgets.models.attention import plain_weight
from interpwidgets.models.blocks import Block
from interpwidgets.models.families import logit_scale
from interpwidgets.models.site import Site

if TYPE_CHECKING:
    from interpwidgets.models import Model, Trace


@dataclass(frozen=True)
class Part:
    """One part and what it adds, in logits."""

    kind: str
    layer: int | None
    head: int | None
    value: float


class Decomposition:
    """One logit (or a difference) at one position, followed back through every layer.

    Args:
        trace: a run of a decoder with a linear unembedding.
        position: where, from 0.
        token: whose logit.
        contrast: whose logit is taken off, or None.

    Attributes:
        parts: every part, in the order of the forward pass, constants last.
        readers: ``[layer]`` the direction, ``[d_model]`` float64, in which the logit reads what the heads of a layer
            write.

    Raises:
        ModelError: a model whose way from stream to logits is not linear.
    """

    def __init__(self, trace: Trace, position: int, token: int, contrast: int | None) -> None:
        check(trace.model)
        self._trace, self._at = trace, position
        blocks = trace.model.anatomy.blocks
        trace.capture(list(_sites(trace.model)))
        self.readers: list[torch.Tensor] = [torch.zeros(0)] * len(blocks)
        direction, constants = self._unembedding(token, contrast)
        layers: list[list[Part]] = []
        for layer in reversed(range(len(blocks))):
            after = direction
            direction, parts = self._layer(layer, after)
            before, here = self._row("resid_pre", layer), self._after(layer)
            rest = float(after @ here - direction @ before) - sum(part.value for part in parts)
            layers.append([*parts, Part("cross" if blocks[layer].cross else "rest", layer, None, rest)])
        start = list(self._embedding(direction))
        self.parts = [*start, *(part for parts in reversed(layers) for part in parts), *constants]

    def _unembedding(self, token: int, contrast: int | None) -> tuple[torch.Tensor, list[Part]]:
        """The direction of the last residual stream that the logit reads, and what comes after the stream."""
        lm, anatomy = self._trace.model, self._trace.model.anatomy
        head: Any = anatomy.head
        text = lm.config.get_text_config(decoder=True) if hasattr(lm.config, "get_text_config") else lm.config
        scale = logit_scale(text)

        def of(values: torch.Tensor) -> torch.Tensor:
            chosen = values[token] if contrast is None else values[token].double() - values[contrast].double()
            return chosen.detach().double().cpu()

        direction = scale * of(head.weight)
        bias = 0.0 if getattr(head, "bias", None) is None else scale * float(of(head.bias))
        extra = getattr(lm.model, "final_logits_bias", None)
        bias += 0.0 if extra is None else float(of(extra[0]))
        before_bias = 0.0
        if anatomy.project_out is not None:
            projection: Any = anatomy.project_out
            if projection.bias is not None:
                before_bias = float(direction @ projection.bias.detach().double().cpu())
            direction = direction @ projection.weight.detach().double().cpu()
        norm = freeze(anatomy.final_norm, self._after(lm.n_layers - 1))
        constants = []
        if anatomy.final_norm is not None and (norm.bias.any() or before_bias):
            constants.append(Part("final_norm_bias", None, None, float(direction @ norm.bias) + before_bias))
        if bias or getattr(head, "bias", None) is not None:
            constants.append(Part("unembedding_bias", None, None, bias))
        return norm.back(direction), constants

    def _layer(self, layer: int, direction: torch.Tensor) -> tuple[torch.Tensor, list[Part]]:
        """What a layer's parts add, and the direction that reads the stream entering it."""
        block = self._trace.model.anatomy.blocks[layer]
        constant = 0.0
        mlp = self._row("mlp_out", layer) if "mlp_out" in block.taps else None
        if block.end_norm is not None and mlp is not None:
            norm = freeze(block.end_norm, self._row("resid_mid", layer) + mlp)
            constant += float(direction @ norm.bias)
            direction = norm.back(direction)
        parts = [] if mlp is None else [Part("mlp", layer, None, float(direction @ mlp))]
        written = self._written(layer, block)
        if written is not None:
            if block.middle_norm is not None:
                norm = freeze(block.middle_norm, self._row("resid_pre", layer) + written.total)
                constant += float(direction @ norm.bias)
                direction = norm.back(direction)
            parts = [*self._attention(layer, written, direction), *parts]
        if block.end_norm is not None or block.middle_norm is not None:
            parts.append(Part("norm_bias", layer, None, constant))
        return direction, parts

    def _attention(self, layer: int, written: Written, direction: torch.Tensor) -> Iterator[Part]:
        reader = written.norm.back(direction)
        self.readers[layer] = reader
        if written.heads is None:
            yield Part("attention", layer, None, float(direction @ written.total))
            return
        shares = torch.einsum("hk,khm,m->h", *_by_head(written), reader)
        for head, value in enumerate(shares.tolist()):
            yield Part("head", layer, head, value)
        bias = float(reader @ written.bias + direction @ written.norm.bias)
        if bias:
            yield Part("attention_bias", layer, None, bias)

    def _written(self, layer: int, block: Block) -> Written | None:
        """What attention wrote at this position, before and after a norm of its own."""
        if "attn_out" not in block.taps:
            return None
        tap = block.taps["attn_out"].module
        total = self._row("attn_out", layer)
        own = None if tap in (block.attention, block.output) else tap
        if "head_out" not in block.taps or (own is not None and _inside(own, block)):
            return Written(None, None, torch.zeros_like(total), freeze(None, total), total)
        z = self._trace.head_values(layer)[self._at].detach().double().cpu()
        weight = output_weight(block.output, z.shape[0], layer)
        bias = getattr(block.output, "bias", None)
        bias = torch.zeros_like(total) if bias is None else bias.detach().double().cpu()
        raw = torch.einsum("hk,hkm->m", z, weight) + bias
        norm = freeze(own, raw)
        return Written(z, weight, bias, norm, raw if own is None else norm.apply(raw) + norm.bias)

    def _embedding(self, direction: torch.Tensor) -> Iterator[Part]:
        """The token's embedding and its position's; one part where they cannot be told apart."""
        first = self._row("resid_pre", 0)
        token = self._token_embedding(len(first))
        table = _position_table(self._trace.model.model, len(first))
        if token is not None and table is not None:
            place = first - token
            rows = table.detach().double().cpu()
            nearest = float((rows - place).abs().amax(-1).min())
            if nearest <= 1e-4 * max(float(place.abs().max()), 1e-6):
                yield Part("embedding", None, None, float(direction @ token))
                yield Part("position", None, None, float(direction @ place))
                return
        yield Part("embedding", None, None, float(direction @ first))

    def _token_embedding(self, width: int) -> torch.Tensor | None:
        lm = self._trace.model
        if "embed" not in lm.anatomy.taps:
            return None
        token = self._row("embed", None)
        inward = next((m for name, m in lm.model.named_modules() if name.endswith("project_in")), None)
        if isinstance(inward, nn.Linear) and len(token) != width:
            token = inward.weight.detach().double().cpu() @ token
        return token if len(token) == width else None

    def _after(self, layer: int) -> torch.Tensor:
        """The stream leaving a layer, as the next one received it."""
        last = layer == self._trace.model.n_layers - 1
        return self._row("resid_post", layer) if last else self._row("resid_pre", layer + 1)

    def _row(self, kind: str, layer: int | None) -> torch.Tensor:
        value = self._trace[Site(kind, layer)]
        return value.reshape(len(self._trace), -1)[self._at].detach().double().cpu()


@dataclass(frozen=True)
class Written:
    """What attention adds at one position, and how it came about."""

    heads: torch.Tensor | None
    weight: torch.Tensor | None
    bias: torch.Tensor
    norm: FrozenNorm
    total: torch.Tensor


def output_weight(output: nn.Module | None, n_heads: int, layer: int) -> torch.Tensor:
    """``W_O`` by head, ``[head, d_head, d_model]`` in float64 on the CPU."""
    weight = plain_weight(output, layer).detach().double().cpu()
    weight = weight if type(output).__name__ == "Conv1D" else weight.T
    return weight.reshape(n_heads, -1, weight.shape[-1])


def check(lm: Model) -> None:
    """Refuse, with the reason, a model whose logits are not linear in what its parts add."""
    anatomy = lm.anatomy
    weight = getattr(anatomy.head, "weight", None)
    whole = anatomy.head is not None and not list(anatomy.head.children())
    linear = whole and isinstance(weight, torch.Tensor) and weight.dim() == 2
    reason, fix = None, "Direct logit attribution cannot be exact here; use ablation (lm.edit) or a lens instead."
    if anatomy.head is None:
        fix = "Load it with its head, e.g. as AutoModelForCausalLM."
        reason = anatomy.missing.get("logits", "no unembedding is known")
    elif not linear or not weight.is_floating_point():  # type: ignore[union-attr]
        reason = f"its head, a {type(anatomy.head).__name__}, is more than one matrix"
    elif any(block.cross and block.middle_norm is not None for block in anatomy.blocks):
        reason = "its decoder norms the stream between attention and cross-attention"
    if reason is not None:
        raise ModelError(
            expected="a model whose logits are a linear map of its normed residual stream",
            got=f"{lm.name} ({lm.family}): {reason}",
            fix=fix,
        )


def _sites(lm: Model) -> Iterator[Site]:
    if "embed" in lm.anatomy.taps:
        yield Site("embed")
    for layer, block in enumerate(lm.anatomy.blocks):
        yield Site("resid_pre", layer)
        kinds = ["attn_out", "head_out", "mlp_out", *(["resid_mid"] if block.end_norm is not None else [])]
        yield from (Site(kind, layer) for kind in kinds if kind in block.taps)
    yield Site("resid_post", lm.n_layers - 1)


def _inside(module: nn.Module, block: Block) -> bool:
    """Whether what `attn_out` names is a part of the attention, rather than a norm behind it."""
    return block.attention is not None and any(m is module for m in block.attention.modules())


def _by_head(written: Written) -> tuple[torch.Tensor, torch.Tensor]:
    assert written.heads is not None
    assert written.weight is not None
    return written.heads, written.weight.transpose(0, 1)


def _position_table(model: nn.Module, width: int) -> torch.Tensor | None:
    """The table of learned positions, where the model has one."""
    names = ("wpe", "embed_positions", "position_embeddings", "position_embed")
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if name.rpartition(".")[2] in names and isinstance(weight, torch.Tensor) and weight.shape[-1:] == (width,):
            return weight
    return None
