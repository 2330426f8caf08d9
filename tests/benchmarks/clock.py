"""Timings that can be compared: warmed up, interleaved, with their spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one thing: the median is the number, the extremes say how far to trust it."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


def interleaved(
    works: Mapping[str, Callable[[], object]],
    *,
    repeats: int = 5,
    warm: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Spread]:
    """Seconds of several pieces of work, taken in turns: what slows the machine for a while slows all of them."""
    for _ in range(warm):
        for work in works.values():
            work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats):
        order = list(works) if turn % 2 == 0 else list(works)[::-1]
        for name in order:
            start = clock()
            works[name]()
            found[name].append(clock() - start)
    return {name: Spread(tuple(values)) for name, values in found.items()}


def repeated(measure: Callable[[], float], *, most: int = 5, seconds: float = 40.0) -> Spread:
    """One measurement up to ``most`` times, fewer when they take longer than ``seconds`` together (a slow peer)."""
    start, values = time.monotonic(), []
    while len(values) < most and (not values or time.monotonic() - start < seconds):
        values.append(measure())
    return Spread(tuple(values))


def ratios(above: Spread, below: Spread) -> Spread:
    """The ratio of two interleaved series, turn by turn."""
    pairs: Sequence[tuple[float, float]] = list(zip(above.values, below.values, strict=True))
    return Spread(tuple(a / b for a, b in pairs))
