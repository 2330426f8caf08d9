"""Reusing what the lower layers returned: editing at layer l changes nothing below it.

A block depends only on what comes before it in the forward pass. So the blocks below an edit return what they
returned in one unedited run, and an edit at layer l of L costs (L - l) / L of a forward pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError
from interpwidgets.models.hooks import Hooks
from interpwidgets.models.unedited import unedited

if TYPE_CHECKING:
    from interpwidgets.models.model import Model


class Prefix:
    """What each block returned in one unedited run of a text; made by `Model.prefix`.

    Args:
        lm: the model.
        given: text, ids, chat messages, or an image for an image model.
        decoder: for an encoder-decoder, what its decoder has written so far.

    Attributes:
        inputs: the keyword arguments of the run, a batch of one.
        output: what the model returned.

    Raises:
        InputError: an input that does not fit.
        ModelError: a model without a list of blocks.
    """

    def __init__(self, lm: Model, given: Any, decoder: Any = None) -> None:
        if not lm.anatomy.blocks:
            raise ModelError(
                expected="a model with blocks, whose results can be reused",
                got=f"{lm.name} of the {lm.family} family",
                fix="Run it whole instead.",
            )
        self._lm = lm
        self.inputs: dict[str, Any] = lm._prepare(given, decoder).kwargs
        self._returned: list[Any] = [None] * lm.n_layers
        with unedited(lm), lm._running(), Hooks() as hooks:
            for layer, block in enumerate(lm.anatomy.blocks):
                hooks.after(block.module, partial(self._keep, layer))
            self.output = lm._call(self.inputs)

    def _keep(self, layer: int, module: nn.Module, args: Any, output: Any) -> None:
        # A copy: what comes after may add to the very tensor in place.
        self._returned[layer] = _tensors(output, torch.Tensor.clone)

    @contextmanager
    def above(self, layer: int, rows: int = 1) -> Iterator[dict[str, Any]]:
        """Inside the context the blocks below a layer return what they returned, for each row of a batch.

        Hooks on those blocks still see what they return. On leaving, whatever happened, every block is itself again.

        Args:
            layer: the first block that runs; 0 for all, as many as there are layers for none.
            rows: how many rows the batch has.

        Yields:
            The keyword arguments to call the model with.

        Raises:
            InputError: a layer that does not exist.
        """
        count = len(self._returned)
        if not 0 <= layer <= count:
            raise InputError(
                expected=f"a layer from 0 to {count}", got=str(layer), fix="Name the first layer that is edited."
            )
        changed: list[tuple[nn.Module, Any]] = []
        with self._lm._lock:
            try:
                for i, block in enumerate(self._lm.anatomy.blocks[:layer]):
                    # Only the last of them is read by a block that runs, which may write into it.
                    output = _tensors(self._returned[i], partial(_expanded, count=rows))
                    output = output if i < layer - 1 else _tensors(output, _copy)
                    changed.append((block.module, block.module.__dict__.get("forward")))
                    block.module.forward = partial(_return, output)
                yield self.rows(rows)
            finally:
                for module, before in changed:
                    if before is None:
                        module.__dict__.pop("forward", None)
                    else:
                        module.forward = before

    def rows(self, count: int) -> dict[str, Any]:
        """The keyword arguments of the run, for a batch of equal rows."""
        return {key: _expanded(value, count) for key, value in self.inputs.items()}

    def logits(self, layer: int, rows: int = 1, *, last: int | None = None) -> torch.Tensor:
        """The logits of a batch of equal rows, from a layer up, under whatever hooks are set now.

        Args:
            layer: the first block that runs.
            rows: how many rows the batch has.
            last: how many positions are unembedded, from the end; None for all.

        Returns:
            ``[row, position, vocab]``.
        """
        with self._lm._running(), self.above(layer, rows) as inputs:
            return run_last(self._lm, inputs, last)


def run_last(lm: Model, inputs: dict[str, Any], last: int | None) -> torch.Tensor:
    """The logits of the last positions, with the unembedding of only these where the model can do that."""
    keeps = last is not None and "logits_to_keep" in inspect.signature(lm.model.forward).parameters
    logits = lm._call({**inputs, "logits_to_keep": last} if keeps else inputs).logits
    return logits if last is None else logits[:, -last:]


def _return(output: Any, *args: Any, **kwargs: Any) -> Any:
    return output


def _copy(x: torch.Tensor) -> torch.Tensor:
    return x.clone(memory_format=torch.contiguous_format)


def _expanded(value: Any, count: int) -> Any:
    if not isinstance(value, torch.Tensor) or value.dim() == 0 or value.shape[0] != 1:
        return value
    return value.expand(count, *value.shape[1:])


def _tensors(output: Any, work: Any) -> Any:
    """The same structure with its tensors worked on."""
    if isinstance(output, torch.Tensor):
        return work(output)
    if isinstance(output, tuple):
        return tuple(_tensors(part, work) for part in output)
    return output
