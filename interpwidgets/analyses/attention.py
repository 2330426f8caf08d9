"""Attention patterns of a trace, of two traces, or of plain arrays, worked out only where somebody looks.

`attention` gives a record for your own code. The view asks a `Patterns` for what it shows: a picture of a window at
the screen's resolution, exact rows, where each head looks most. Nothing of size T x T exists for a head nobody opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.analyses.patterns import Patterns, TracePatterns
from interpwidgets.errors import InputError
from interpwidgets.records import Attention

if TYPE_CHECKING:
    from interpwidgets.models import Trace


def patterns_of(trace: Trace) -> dict[str, Patterns]:
    """Every kind of attention in a trace: ``{"self": ...}``, or ``encoder``, ``decoder`` and ``cross``."""
    return {kind: TracePatterns(trace, kind) for kind in trace.attention}


def attention(
    trace: Trace, *, layers: Sequence[int] | None = None, heads: Sequence[int] | None = None, kind: str | None = None
) -> Attention:
    """The attention patterns of a trace as one array ``[layer, head, query, key]``.

    Args:
        trace: what `Model.trace` returned.
        layers: the layers wanted, by number; all of them when None. Twelve layers of twelve heads at 1,024 tokens
            take 0.6 GB, so ask for what you need.
        heads: the heads wanted; all when None.
        kind: ``"self"``, ``"encoder"``, ``"decoder"`` or ``"cross"``; the first the model has when None.
    """
    kinds = patterns_of(trace)
    kind = next(iter(kinds)) if kind is None else kind
    if kind not in kinds:
        raise InputError(expected=f"a kind of attention among {list(kinds)}", got=repr(kind), fix="Choose one of them.")
    source = kinds[kind]
    chosen = source.layers if layers is None else tuple(source.check_layer(layer) for layer in layers)
    counts = {source.n_heads(layer) for layer in chosen}
    if len(counts) != 1:
        raise InputError(
            expected="one or more layers with the same number of heads",
            got=f"{len(chosen)} layers with {sorted(counts)} heads",
            fix="Ask for the layers one at a time.",
        )
    wanted = range(counts.pop()) if heads is None else heads
    pattern = np.stack([[source.block(layer, source.check_head(layer, h)) for h in wanted] for layer in chosen])
    sink = np.stack([[source.sink(layer, h) for h in wanted] for layer in chosen])
    return Attention(
        pattern=pattern,
        queries=source.queries,
        keys=source.keys,
        layers=tuple(chosen),
        causal=source.causal,
        kind=kind,
        sink=sink if sink.any() else None,
    )
