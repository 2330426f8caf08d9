"""Steering one prompt: exact answers for many strengths, as fast as they can be had."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from interpwidgets.analyses.steering.asking import Row, check_attention, check_targets, check_writes, row_of, rows_of
from interpwidgets.analyses.steering.bisection import check_limit, farthest
from interpwidgets.analyses.steering.given_text import GivenText
from interpwidgets.analyses.steering.writer import Writer
from interpwidgets.errors import InputError
from interpwidgets.models import Model
from interpwidgets.models.inputs import to_ids
from interpwidgets.models.steered import check
from interpwidgets.records.steering import SteeredTokens, Steering, SteeringCurve, SteeringTarget
from interpwidgets.records.tokens import Tokens

AHEAD = 16
GivenRow = Sequence[float | None]


class SteeringSession:
    """One prompt and its unsteered run, ready to be steered again and again.

    Only the layers from the lowest edited one up run again (`Model.prefix`), several strengths run as one batch, and
    only what is asked for is unembedded. A session keeps nothing on the model: two on one model do not see each other,
    and edits that are active outside do not reach in.

    Args:
        lm: a causal language model.
        prompt: text, ids, or chat messages (through the model's template).

    Attributes:
        lm: the model.
        tokens: the prompt, token by token.
        ids: ``[token]`` its ids.
        unsteered: ``[vocab]`` float32, log-probabilities of the next token without any edit.

    Raises:
        ModelError: a model that does not continue its prompt.
        InputError: an empty prompt, or one longer than the context.
    """

    def __init__(self, lm: Model, prompt: Any) -> None:
        check_writes(lm)
        self.lm = lm
        self.ids: list[int] = to_ids(lm, prompt)
        self.tokens: Tokens = lm.tokens(self.ids)
        self._prompt = GivenText(lm, self.ids)
        self.unsteered: np.ndarray = self._prompt.reference(1)[0].cpu().numpy()

    def __repr__(self) -> str:
        return f"SteeringSession({self.lm.name}, {len(self.ids)} tokens)"

    @cached_property
    def continuation(self) -> list[int]:
        """``[token]`` ids of the unsteered greedy continuation, at most 16, that the divergence is measured on too."""
        writer = Writer(self.lm, self.ids, max_new_tokens=AHEAD)
        while not writer.done:
            writer.more()
        return writer.ids[len(self.ids) :]

    def steered(
        self,
        targets: Sequence[SteeringTarget],
        strengths: GivenRow | Sequence[GivenRow],
        *,
        positions: str | int = "all",
        attention: str = "live",
    ) -> SteeredTokens:
        """The next-token distribution for one row of strengths, or for several as one batch.

        Args:
            targets: what is turned.
            strengths: ``[target]``, or ``[row][target]``; None is off.
            positions: "all", "prompt", "generated" (which the next token cannot feel yet), or n for token n and after.
            attention: "live", or "frozen" at the unsteered patterns.

        Raises:
            InputError: targets, strengths or positions that do not fit.
            ModelError: frozen attention in a model where that cannot be.
        """
        targets, rows, record = self._asked(targets, strengths, positions)
        frozen = check_attention(self.lm, attention)
        found, kl = self._prompt.distributions(record, rows, frozen)
        return SteeredTokens(found, kl, tuple(rows), self.unsteered, self.lm.vocabulary.texts)

    def divergence(
        self,
        targets: Sequence[SteeringTarget],
        rows: GivenRow | Sequence[GivenRow],
        *,
        positions: str | int = "all",
        attention: str = "live",
        per_token: bool = False,
    ) -> np.ndarray:
        """How far steering moves the model: mean KL(steered || unsteered) per token, in nats.

        Measured on the prompt and its unsteered greedy continuation of 16 tokens, over the positions the edit can
        reach, so that what acts only on generated text shows too.

        Args:
            targets, positions, attention: as for `steered`.
            rows: ``[target]``, or ``[row][target]``.
            per_token: for each position instead of the mean.

        Returns:
            float64 ``[row]``, or ``[row, position]`` with zeros where the edit cannot reach.
        """
        targets, several, record = self._asked(targets, rows, positions)
        return self._text.divergence(record, several, check_attention(self.lm, attention), per_token)

    def kept(
        self,
        targets: Sequence[SteeringTarget],
        start: GivenRow,
        wanted: GivenRow,
        limit: float,
        *,
        positions: str | int = "all",
        attention: str = "live",
    ) -> Row:
        """The largest step from start to wanted whose `divergence` stays within a limit, found by bisection.

        Args:
            targets, positions, attention: as for `steered`.
            start: strengths that keep the limit; where they do not, everything neutral takes their place.
            wanted: the strengths asked for; returned unchanged where they keep the limit.
            limit: the largest divergence, in nats per token.

        Returns:
            Strengths ``[target]`` that were measured to keep the limit: asking for them again changes nothing.
        """
        targets, (first, last), record = self._asked(targets, [start, wanted], positions)
        measure = self._measure(record, attention)
        return farthest(measure, targets, first, last, limit, width=self._width)

    def limits(
        self,
        targets: Sequence[SteeringTarget],
        strengths: GivenRow,
        limit: float,
        *,
        only: Sequence[int] | None = None,
        positions: str | int = "all",
        attention: str = "live",
    ) -> list[tuple[float, float]]:
        """How far each target may go alone within a limit, the others held at their strengths.

        Args:
            targets, positions, attention: as for `steered`.
            strengths: where everything stands ``[target]``.
            limit: the largest divergence, in nats per token.
            only: numbers of the targets wanted; None for all. Each costs two bisections.

        Returns:
            (low, high) for each, within the target's own range; NaN where no strength of it keeps the limit.
        """
        targets, (row,), record = self._asked(targets, [strengths], positions)
        check_limit(limit)
        measure = self._measure(record, attention)
        wide = not measure([row])[0] <= limit
        found = []
        for i in range(len(targets)) if only is None else only:
            target = targets[i]
            start = (*row[:i], target.neutral, *row[i + 1 :]) if wide else row
            if wide and not measure([start])[0] <= limit:
                found.append((float("nan"), float("nan")))
                continue
            ends = []
            for end in (target.low, target.high):
                wanted = (*row[:i], end, *row[i + 1 :])
                reached = farthest(measure, targets, start, wanted, limit, width=self._width)[i]
                # A clamp that is off has no place on its scale.
                ends.append(float("nan") if reached is None else reached)
            found.append((ends[0], ends[1]))
        return found

    def curve(
        self,
        targets: Sequence[SteeringTarget],
        strengths: GivenRow,
        index: int,
        *,
        points: int = 13,
        words: Sequence[int] = (),
        top: int = 10,
        positions: str | int = "all",
        attention: str = "live",
    ) -> SteeringCurve:
        """Dose and response: the next token over the range of one target, the others held.

        Args:
            targets, positions, attention: as for `steered`.
            strengths: the others' strengths ``[target]``.
            index: which target varies.
            points: how many strengths, the neutral one among them.
            words: ids of tokens to follow in any case.
            top: how many more are followed: those that are likeliest somewhere on the curve.
        """
        targets, (row,), _ = self._asked(targets, [strengths], positions)
        if not 0 <= index < len(targets):
            raise InputError(
                expected=f"a target from 0 to {len(targets) - 1}", got=str(index), fix="Choose one of the targets."
            )
        doses = _doses(targets[index], points)
        rows = [(*row[:index], float(dose), *row[index + 1 :]) for dose in doses]
        found = self.steered(targets, rows, positions=positions, attention=attention)
        found.probability_of(words)  # refuses ids outside the vocabulary
        # Where a strength was so large that nothing is left but NaN, the other points decide.
        highest = np.fmax(np.fmax.reduce(found.log_probability), self.unsteered)
        likely = [int(i) for i in np.argsort(-highest, kind="stable")[: top + len(words)] if int(i) not in words]
        ids = np.array([*dict.fromkeys(int(i) for i in words), *likely[:top]], dtype=np.int64)
        texts = tuple(found.vocabulary[i] for i in ids)
        kept = found.log_probability[:, ids]
        return SteeringCurve(targets[index], doses, ids, texts, kept, found.kl, self.unsteered[ids])

    def record(
        self, targets: Sequence[SteeringTarget], strengths: GivenRow, *, positions: str | int = "all"
    ) -> Steering:
        """The same as data: ``with lm.edit(session.record(...)):`` replays it in plain code."""
        targets = check_targets(targets)
        return Steering(targets, row_of(targets, strengths), positions, len(self.ids))

    @cached_property
    def _text(self) -> GivenText:
        return GivenText(self.lm, [*self.ids, *self.continuation])

    @property
    def _width(self) -> int:
        # Rows of a batch are nearly free on a GPU and cost their full price on a CPU.
        return 1 if self.lm.device.type == "cpu" else 9

    def _measure(self, record: Steering, attention: str) -> Any:
        frozen = check_attention(self.lm, attention)
        return lambda rows: self._text.divergence(record, rows, frozen, False)

    def _asked(
        self, targets: Any, given: Any, positions: Any
    ) -> tuple[tuple[SteeringTarget, ...], list[Row], Steering]:
        targets = check_targets(targets)
        rows = rows_of(targets, given)
        record = Steering(targets, (None,) * len(targets), positions, len(self.ids))
        check(self.lm, record)
        first, count = record.span[0], len(self.ids) + AHEAD
        if first >= count:
            raise InputError(
                expected=f"a position before {count}, the end of the prompt and of what is measured after it",
                got=f"positions={first}",
                fix=f"The prompt has {len(self.ids)} tokens; choose an earlier token.",
            )
        return targets, rows, record


def _doses(target: SteeringTarget, points: int) -> np.ndarray:
    """Strengths over a target's range, with the neutral one in the place of its neighbour."""
    if isinstance(points, bool) or not hasattr(points, "__index__") or points < 2:
        raise InputError(expected="at least 2 points", got=repr(points), fix="Leave points out for 13.")
    doses = np.linspace(target.low, target.high, int(points))
    if target.neutral is not None:
        doses[np.abs(doses - target.neutral).argmin()] = target.neutral
    return doses
