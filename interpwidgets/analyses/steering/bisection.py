"""The farthest step that keeps a limit, found by measuring."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.steering_target import SteeringTarget

Row = tuple[float | None, ...]
Measure = Callable[[list[Row]], np.ndarray]

FINE = 1e-3  # of the way
NEAR = 0.995  # of the limit


def farthest(
    measure: Measure,
    targets: Sequence[SteeringTarget],
    start: Row,
    wanted: Row,
    limit: float,
    *,
    width: int = 1,
) -> Row:
    """The largest step found from start to wanted whose divergence is at most the limit.

    Found to a thousandth of the way, or to 99.5 % of the limit, whichever comes first. A divergence need not rise
    steadily: whatever its shape, what is returned was itself measured, alone, to keep the limit, so asking again
    changes nothing.

    Args:
        measure: from rows of strengths to their divergences ``[row]``.
        targets: what the strengths are of.
        start: where from; where it does not keep the limit itself, everything neutral takes its place.
        wanted: where to; returned unchanged where it keeps the limit.
        limit: the largest divergence, in nats.
        width: how many points are measured as one batch in each round. More need fewer rounds, which pays where a batch
            costs hardly more than a row; 1 looks where the limit should be crossed.
    """
    check_limit(limit)
    end = float(measure([wanted])[0])
    if end <= limit:
        return wanted
    begin = float(measure([start])[0])
    if not begin <= limit:
        start, begin = tuple(target.neutral for target in targets), 0.0

    def at(steps: list[float]) -> np.ndarray:
        return measure([between(targets, start, wanted, step) for step in steps])

    kept = _crossing(at, begin, end, limit) if width == 1 else _narrowed(at, limit, width)
    # A batch rounds a little differently from a row alone, and alone is how it will be asked for.
    for step in sorted(kept, reverse=True):
        if width == 1 or at([step])[0] <= limit:
            return between(targets, start, wanted, step)
    return start


def _crossing(at: Callable[[list[float]], np.ndarray], begin: float, end: float, limit: float) -> list[float]:
    """Steps that keep the limit, by the secant of the root of the divergence, which grows about as the step does."""
    low, high, kept, turn, there = 0.0, 1.0, [], 0, False
    while high - low > FINE and not there:
        turn += 1
        a, b, goal = (math.sqrt(max(value, 0.0)) for value in (begin, end, limit * (1 + NEAR) / 2))
        share = (goal - a) / (b - a) if math.isfinite(b) and b > a else 0.5
        # Every third time the middle: a curve of another shape could hold the secant at one end.
        share = 0.5 if turn % 3 == 0 else min(max(share, 0.02), 0.98)
        step = low + (high - low) * share
        value = float(at([step])[0])
        if value <= limit:
            kept.append(step)
            # A start at the limit can lead inwards first, so near is enough only on the way up.
            there = value >= NEAR * limit > 0 and value >= begin
            low, begin = step, value
        else:
            high, end = step, value
    return kept


def _narrowed(at: Callable[[list[float]], np.ndarray], limit: float, width: int) -> list[float]:
    """Steps that keep the limit, by batches spread over a bracket that shrinks with each."""
    low, high, kept = 0.0, 1.0, []
    while high - low > FINE:
        steps = [low + (high - low) * (i + 1) / (width + 1) for i in range(width)]
        found = at(steps)
        good = [i for i in range(width) if found[i] <= limit]
        if good:
            kept.extend(steps[i] for i in good)
            low, high = steps[good[-1]], steps[good[-1] + 1] if good[-1] + 1 < width else high
        else:
            high = steps[0]
    return kept


def between(targets: Sequence[SteeringTarget], start: Row, wanted: Row, step: float) -> Row:
    """A point on the way; off counts as the neutral strength, and for a clamp as its lowest value."""
    if step == 0:
        return start
    if step == 1:
        return wanted
    return tuple(_one(*parts, step) for parts in zip(targets, start, wanted, strict=True))


def _one(target: SteeringTarget, start: float | None, wanted: float | None, step: float) -> float | None:
    if start is None and wanted is None:
        return None
    rest = target.neutral if target.neutral is not None else max(target.low, 0.0)
    a, b = rest if start is None else start, rest if wanted is None else wanted
    return a + (b - a) * step


def check_limit(limit: Any) -> None:
    """A limit is a number from 0 up."""
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or math.isnan(limit) or limit < 0:
        raise InputError(
            expected="a limit in nats per token, from 0 up", got=repr(limit), fix="Choose a limit such as 0.5."
        )
