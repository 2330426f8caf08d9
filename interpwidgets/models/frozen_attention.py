"""Attention patterns held still while values stay live.

A head does two things: it chooses where to look (query and key) and what to carry from there (value). Holding the
first at what it was without an edit splits an edit's effect in two: what passes through the values along the old
routes, and what the new routes add (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", which
freezes patterns to read a network as a sum of linear paths).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import interface
from interpwidgets.models.fused_attention import with_value_of
from interpwidgets.models.trace import Trace
from interpwidgets.models.unedited import unedited

if TYPE_CHECKING:
    from interpwidgets.models.model import Model


class Patterns:
    """The queries and keys of one run, which the attention of other runs of the same text is given."""

    def __init__(self, kept: dict[Any, tuple[torch.Tensor, torch.Tensor]]) -> None:
        self._kept = kept

    def instead(self, module: Any, query: torch.Tensor, key: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The held query and key of a module, for as many rows as the live ones have."""
        held = self._kept.get(module)
        if held is None:
            return query, key
        _same_text(held[0], query, 2)
        _same_text(held[1], key, 2)
        rows = len(query)
        return held[0].expand(rows, -1, -1, -1), held[1].expand(rows, -1, -1, -1)

    def instead_fused(self, module: Any, fused: torch.Tensor) -> torch.Tensor:
        """The same where query, key and value come in one piece ``[batch, token, width]``."""
        held = self._kept.get(module)
        if held is None:
            return fused
        _same_text(held[1], fused, 1)
        return with_value_of(module, held[1], fused)

    def made_from(self, module: Any) -> torch.Tensor | None:
        """For such a module, what its held query and key were made from ``[batch, token, d_model]``."""
        held = self._kept.get(module)
        return None if held is None else held[0]


def _same_text(held: torch.Tensor, live: torch.Tensor, axis: int) -> None:
    if held.shape[1:] != live.shape[1:]:
        raise InputError(
            expected=f"the text whose attention is frozen, of {held.shape[axis]} tokens",
            got=f"one of {live.shape[axis]} tokens",
            fix="Freeze the attention of the text that is run: lm.frozen_attention(text).",
        )


def check_can_freeze(lm: Model) -> None:
    """Raise for a model whose attention patterns cannot be held.

    Raises:
        ModelError: no attention.
    """
    if lm.config is None or not any(block.attention is not None for block in lm.anatomy.blocks):
        raise ModelError(
            expected="a model whose attention patterns can be held",
            got=f"{lm.name} of the {lm.family} family, which has no attention known here",
            fix="Steer it with live attention.",
        )


def patterns_of(lm: Model, given: Any) -> Patterns:
    """The patterns of a trace, or of an unedited run of a text."""
    check_can_freeze(lm)
    if isinstance(given, Trace):
        store = given._store
        if store is None or given.model is not lm:
            raise InputError(
                expected=f"a trace of {lm.name} with its attention",
                got="one without, or of another model",
                fix="Pass lm.trace(text), or the text itself.",
            )
        return Patterns(store.queries_and_keys())
    inputs = lm._prepare(given).kwargs
    with unedited(lm), lm._running(), interface.capture(lm.model, lm.anatomy) as store:
        lm._call(inputs)
    return Patterns(store.queries_and_keys())


@contextmanager
def frozen_attention(lm: Model, given: Any) -> Iterator[None]:
    """Hold every attention pattern at what it is in a given run, in all runs of the same text inside the context.

    The model's own attention function is called with the query and key of that run, the values being those of the
    running pass. Without any other change the result is what it was.

    Args:
        lm: the model.
        given: a trace, or a text (ids, chat messages) that is run here without edits; `Patterns` pass through.

    Raises:
        ModelError: a model without attention.
        InputError: on a run, another text.
    """
    patterns = given if isinstance(given, Patterns) else patterns_of(lm, given)
    with interface.holding(lm.model, lm.anatomy, patterns):
        yield
