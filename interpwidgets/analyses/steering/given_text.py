"""One text under many strengths: what a steering session computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property

import numpy as np
import torch

from interpwidgets.analyses.steering.asking import Row
from interpwidgets.errors import OutOfMemoryError
from interpwidgets.models import Model
from interpwidgets.models.frozen_attention import Patterns, frozen_attention, patterns_of
from interpwidgets.models.hooks import Hooks
from interpwidgets.models.prefix import Prefix
from interpwidgets.models.reach import Clock
from interpwidgets.models.steered import attach, lowest_layer
from interpwidgets.models.unedited import unedited
from interpwidgets.records.steering import Steering

LOGITS = 2**26  # logits that one batch may have: 256 MB of float32
STREAM = 2**25  # numbers that its residual stream may have


class GivenText:
    """A text, its unsteered run, and what steering makes of it.

    Args:
        lm: the model.
        ids: the text ``[token]``.
    """

    def __init__(self, lm: Model, ids: Sequence[int]) -> None:
        self._lm = lm
        self._ids = list(ids)
        self._prefix = Prefix(lm, self._ids)
        # The logits of every position are not needed again: those asked for are unembedded as the steered ones are.
        self._prefix.output = None
        self._references: dict[int, torch.Tensor] = {}

    @cached_property
    def _patterns(self) -> Patterns:
        return patterns_of(self._lm, self._ids)

    def reference(self, last: int) -> torch.Tensor:
        """Unsteered log-probabilities of the last positions, float32 ``[position, vocab]``."""
        if last not in self._references:
            with unedited(self._lm):
                logits = self._prefix.logits(self._lm.n_layers, last=last)[0]
            # One at a time: a long text over a large vocabulary is large.
            self._references = {last: torch.log_softmax(logits.float(), -1)}
        return self._references[last]

    def distributions(self, record: Steering, rows: list[Row], frozen: bool) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities of the next token ``[row, vocab]``, and their KL from the unsteered ones ``[row]``."""
        base = self.reference(1)[0]
        found = np.repeat(base.cpu().numpy()[None], len(rows), 0)
        kl = np.zeros(len(rows), dtype=np.float32)
        for numbers, logits in self._batches(record, rows, frozen, 1):
            steered = torch.log_softmax(logits[:, 0].float(), -1)
            values, far = steered.cpu().numpy(), divergence(steered, base).cpu().numpy()
            for row, several in enumerate(numbers):
                found[several], kl[several] = values[row], far[row]
        return found, kl

    def divergence(self, record: Steering, rows: list[Row], frozen: bool, per_token: bool) -> np.ndarray:
        """KL(steered || unsteered) in nats, its mean over the positions an edit can reach, or at each position."""
        count = len(self._ids)
        first = 0 if record.positions == "prompt" else min(record.span[0], count)
        found = np.zeros((len(rows), count))
        if first < count:
            base = self.reference(count - first)
            for numbers, logits in self._batches(record, rows, frozen, count - first):
                for several, row in zip(numbers, logits, strict=True):
                    steered = torch.log_softmax(row.float(), -1)
                    found[several, first:] = divergence(steered, base).cpu().numpy()
        return found if per_token else found[:, first:].mean(1) if first < count else found[:, :0].sum(1)

    def _batches(
        self, record: Steering, rows: list[Row], frozen: bool, last: int
    ) -> Iterator[tuple[list[list[int]], torch.Tensor]]:
        """Logits ``[row, last positions, vocab]`` of the rows that move anything, and the places each has in `rows`."""
        same: dict[Row, list[int]] = {}
        for i, row in enumerate(rows):
            if record.span[0] < len(self._ids) and not record.of_rows([row]).idle:
                same.setdefault(row, []).append(i)
        waiting = list(same)
        width = self._lm.d_model or 1
        most = max(1, min(LOGITS // (last * (self._lm.d_vocab or 1)), STREAM // (len(self._ids) * width * 4)))
        while waiting:
            batch = waiting[:most]
            try:
                logits = self._logits(record.of_rows(batch), len(batch), frozen, last)
            except OutOfMemoryError:
                if len(batch) == 1:
                    raise
                most = len(batch) // 2
                continue
            waiting = waiting[len(batch) :]
            yield [same[row] for row in batch], logits

    def _logits(self, record: Steering, rows: int, frozen: bool, last: int) -> torch.Tensor:
        lm = self._lm
        held = frozen_attention(lm, self._patterns) if frozen else nullcontext()
        with unedited(lm), held, Hooks() as hooks:
            attach(lm, record, hooks, Clock(lm.model, hooks))
            return self._prefix.logits(lowest_layer(lm, record), rows, last=last)


def divergence(steered: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """``KL(steered || base) = sum p (log p - log q)`` of log-probabilities, float64, over the last axis.

    Rounding may leave a negative of the size of the rounding, which no divergence has.
    """
    p = steered.exp()
    # What has no probability adds nothing; what is not a number has to stay one that no limit lets pass.
    terms = torch.where(p == 0, torch.zeros_like(p), p * (steered - base))
    return terms.double().sum(-1).clamp_min(0)
