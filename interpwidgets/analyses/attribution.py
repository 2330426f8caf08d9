"""Direct logit attribution: which part of the model wrote a logit, and for a head, from which token."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from interpwidgets.analyses.decompose import Decomposition, Part, check, output_weight
from interpwidgets.analyses.given import check_layer, check_trace
from interpwidgets.errors import InputError, ModelError
from interpwidgets.records.attribution import LogitAttribution
from interpwidgets.records.head_sources import HeadSources

if TYPE_CHECKING:
    from interpwidgets.models import AttentionLayer, Trace


def logit_attribution(
    trace: Trace, token: int | str | None = None, *, contrast: int | str | None = None, position: int = -1
) -> LogitAttribution:
    """Split a logit over everything that wrote to the residual stream.

    The last residual stream is a sum: embedding, every head, every MLP, biases. The unembedding is linear, and the
    final norm is linear once its scale is held at the value it had in this run. So a logit is a sum over the parts, and
    each part's share is the product of what it wrote with the token's unembedding direction (Elhage et al. 2021, "A
    Mathematical Framework for Transformer Circuits"). What a part did *through* later parts is counted there.

    LayerNorm takes the mean off each part, RMSNorm does not; the norm's gain is included. A norm behind each part
    (Gemma 2 and 3, OLMo 2) or on the stream itself (OPT-350m) is held in the same way. A mixture of experts is one MLP.
    What is found in a layer beyond its attention and its MLP is a visible part, ``rest of layer l`` (the mixer of a
    state-space model, an edit of the stream) or ``cross-attention l``.

    Args:
        trace: what ``lm.trace(text)`` returned.
        token: whose logit, as id or text; None is the token the model itself puts first there.
        contrast: a second token whose logit is taken off. A difference is often the clearer question: what favours
            every name alike drops out.
        position: where; the logit predicts the token after it. Negative positions count from the end.

    Returns:
        The parts in logits, with a `SumCheck` against the model's own logit. A soft-cap (Gemma 2) acts on the sum, so
        there the parts sum to the logit before it.

    Raises:
        InputError: a token or position that does not exist.
        ModelError: a model whose head is more than one matrix (BERT), or that has none.
    """
    where, which, against = _checked(trace, token, contrast, position)
    found = Decomposition(trace, where, which, against)
    target, slack = _target(trace, where, which, against)
    tolerance = _tolerance(trace, found.parts) + slack
    # What rounding explains is left to the sum check; anything larger is shown as a part of its own.
    parts = [p for p in found.parts if p.kind not in ("rest", "cross") or not abs(p.value) <= tolerance / 4]
    texts = trace.model.vocabulary.texts
    return LogitAttribution(
        kinds=tuple(p.kind for p in parts),
        layers=tuple(p.layer for p in parts),
        heads=tuple(p.head for p in parts),
        values=np.array([p.value for p in parts], dtype=np.float64),
        tokens=trace.tokens,
        position=where,
        token=which,
        token_text=texts[which],
        contrast=against,
        contrast_text=None if against is None else texts[against],
        logit=target,
        tolerance=tolerance,
        softcap=_softcap(trace),
    )


def head_sources(
    trace: Trace,
    layer: int,
    head: int,
    token: int | str | None = None,
    *,
    contrast: int | str | None = None,
    position: int = -1,
) -> HeadSources:
    """Split one head's share of a logit over the tokens it read: attention probability times value, projected.

    A head writes a mixture of what it takes from each token, so its share is a sum over tokens: where it looks, and
    what it finds there. Looking alone (an attention pattern) says nothing of what is found.

    Args:
        trace: what ``lm.trace(text)`` returned, with its attention.
        layer, head: whose share; negative layers count from the end.
        token, contrast, position: as in `logit_attribution`.

    Returns:
        ``[source]`` in logits, with a `SumCheck` against the head's whole share.

    Raises:
        InputError: a layer, head, token or position that does not exist.
        ModelError: the heads of this model cannot be told apart.
    """
    where, which, against = _checked(trace, token, contrast, position)
    lm = trace.model
    check_layer(lm, layer)
    place = lm.site(f"head_out.{int(layer)}")
    number = place.layer
    assert number is not None
    attention = _attention_of(trace, number)
    at = attention._head(head)
    found = Decomposition(trace, where, which, against)
    share = next((p.value for p in found.parts if (p.kind, p.layer, p.head) == ("head", number, at)), None)
    if share is None:
        raise ModelError(
            expected=f"heads in layer {number} that can be told apart",
            got=f"{lm.name} of the {lm.family} family",
            fix="Look at the layer's attention as a whole.",
        )
    weight = output_weight(lm.anatomy.blocks[number].output, attention.n_heads, number)[at]
    reads = weight @ found.readers[number]
    pattern = attention.pattern(at, slice(where, where + 1))[0].double().cpu()
    values = pattern * (attention.value(at).double().cpu() @ reads)
    # A key that is masked gives nothing, also where its value is not finite.
    values = torch.where(pattern == 0, 0.0, values)
    size = float(values.abs().sum()) + abs(share)
    return HeadSources(
        values=values.numpy(),
        tokens=trace.tokens,
        layer=number,
        head=at,
        position=where,
        total=share,
        tolerance=_rounding(trace) * max(size, 1e-2),
    )


def _checked(
    trace: Trace, token: int | str | None, contrast: int | str | None, position: int
) -> tuple[int, int, int | None]:
    check_trace(trace)
    lm = trace.model
    check(lm)
    if trace.logits is None:
        raise ModelError(expected="a trace with logits", got=f"{lm.name} without them", fix="Load it with its head.")
    n = len(trace)
    if not hasattr(position, "__index__") or not -n <= int(position) < n:
        raise InputError(
            expected=f"a position from 0 to {n - 1}", got=repr(position), fix="Negative ones count from the end."
        )
    where = int(position) % n
    which = int(trace.logits[where].argmax()) if token is None else lm.vocabulary.id(token)
    against = None if contrast is None else lm.vocabulary.id(contrast)
    if which == against:
        raise InputError(
            expected="two different tokens",
            got=f"{lm.vocabulary.texts[which]!r} as token and as contrast",
            fix="Choose another contrast, or None.",
        )
    return where, which, against


def _attention_of(trace: Trace, layer: int) -> AttentionLayer:
    groups = trace.attention
    group = groups.get("self") or groups.get("decoder") or []
    found = next((a for a in group if a.layer == layer), None)
    if found is None:
        raise ModelError(
            expected=f"attention in layer {layer}", got="a layer without it", fix="Choose a layer that attends."
        )
    return found


def _softcap(trace: Trace) -> float | None:
    config = trace.model.config
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    cap = getattr(text, "final_logit_softcapping", None)
    return float(cap) if cap else None


def _target(trace: Trace, position: int, token: int, contrast: int | None) -> tuple[float, float]:
    """The model's own number, its soft-cap undone, and how far that undoing may be off."""
    assert trace.logits is not None
    chosen = [token] if contrast is None else [token, contrast]
    values = [float(trace.logits[position, t].double()) for t in chosen]
    cap, slack = _softcap(trace), 0.0
    if cap is not None:
        # Near the bound a logit says little of what came before: its last digit stands for ever more.
        shares = [max(-1 + 1e-7, min(1 - 1e-7, value / cap)) for value in values]
        values = [cap * math.atanh(share) for share in shares]
        slack = sum(4 * torch.finfo(_type(trace)).eps * cap / (1 - share**2) for share in shares)
    return (values[0] if contrast is None else values[0] - values[1]), slack


def _tolerance(trace: Trace, parts: list[Part]) -> float:
    sizes = [abs(part.value) for part in parts if part.kind not in ("rest", "cross")]
    return _rounding(trace) * max(1.0, sum(sizes))


def _rounding(trace: Trace) -> float:
    kind = _type(trace)
    return torch.finfo(kind).eps * (32 if kind == torch.float32 else 2)


def _type(trace: Trace) -> torch.dtype:
    """The type whose rounding counts: norms work in float32 even in a float64 model."""
    return torch.float32 if trace.model.dtype == torch.float64 else trace.model.dtype
