"""Attention patterns as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.sum_check import SumCheck
from interpwidgets.records.tokens import Tokens


@dataclass(frozen=True)
class Attention:
    """Where each head of some layers looks: one probability distribution over keys for every query.

    Attributes:
        pattern: ``[layer, head, query, key]`` float32. Rows sum to 1, or to 1 minus the head's sink.
        queries: the positions that look.
        keys: the positions looked at; the same as ``queries`` except in cross-attention.
        layers: the model's number of each layer in ``pattern``.
        causal: whether a query sees only keys at or before its own position.
        kind: ``"self"``, ``"encoder"``, ``"decoder"`` or ``"cross"``.
        sink: ``[layer, head, query]`` probability given to learned sinks instead of keys; zero in most models.
    """

    pattern: np.ndarray
    queries: Tokens
    keys: Tokens
    layers: tuple[int, ...]
    causal: bool
    kind: str = "self"
    sink: np.ndarray | None = None

    def __post_init__(self) -> None:
        wanted = (len(self.layers), self.pattern.shape[1] if self.pattern.ndim > 1 else 0)
        wanted += (len(self.queries), len(self.keys))
        if self.pattern.shape != wanted:
            raise InputError(
                expected=f"a pattern of shape [layer, head, query, key] = {list(wanted)}",
                got=f"shape {list(self.pattern.shape)}",
                fix="Give one token for every query and key, and one number for every layer.",
            )
        if self.sink is not None and self.sink.shape != wanted[:3]:
            raise InputError(
                expected=f"a sink of shape [layer, head, query] = {list(wanted[:3])}",
                got=f"shape {list(self.sink.shape)}",
                fix="Give one probability for every row of the pattern, or None.",
            )

    @property
    def sum_check(self) -> SumCheck:
        """Rows, with the sink, sum to 1; the value is the sum that lies farthest from it."""
        with np.errstate(invalid="ignore"):  # plus and minus infinity sum to not-a-number, which the check shows
            sums = self.pattern.sum(axis=-1, dtype=np.float64)
        if self.sink is not None:
            sums = sums + self.sink
        return SumCheck.farthest("rows sum to 1", sums, target=1.0)

    def to_circuitsvis(self, layer: int, **options: Any) -> Any:
        """The same layer drawn by CircuitsVis, for notebooks built on it; its own local script, no network.

        CircuitsVis writes tokens into a script element, where ``</script>`` in a token would end it. So ``<`` travels
        as a private character and is put back as a JavaScript escape.

        Args:
            layer: the model's layer number, one of `layers`.
            options: passed on to ``circuitsvis.attention.attention_heads``.

        Returns:
            An ``IPython.display.HTML``.
        """
        from circuitsvis.attention import attention_heads
        from IPython.display import HTML

        if layer not in self.layers:
            raise InputError(
                expected=f"a layer of {list(self.layers)}", got=f"layer {layer}", fix="Choose one of them."
            )
        if self.queries.texts != self.keys.texts:
            raise InputError(
                expected="self-attention, which is all that CircuitsVis draws",
                got=f"attention of {len(self.queries)} queries to {len(self.keys)} other keys",
                fix="Use AttentionView(record).",
            )
        drawn = attention_heads(
            attention=self.pattern[self.layers.index(layer)],
            tokens=[t.replace("<", "\ue000") for t in self.queries.texts],
            mask_upper_tri=self.causal,
            **options,
        )
        return HTML(drawn.local_src.replace("\\ue000", "\\u003c").replace("\ue000", "\\u003c"))
