"""What SteeringPanel answers while a slider moves: distributions, curves, divergences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from interpwidgets._core.requests import answers
from interpwidgets._core.widget import Request
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.records.steering import SteeringTarget
from interpwidgets.widgets.steering_state import Row, SteeringState

# Tokens that travel with each answer, and with each curve; points of a curve.
TOKENS = 48
CURVE_TOKENS = 14
POINTS = 13


class SteeringAnswers(SteeringState):
    """The answers.

    Every request says all it depends on, so that an answer can be remembered, recorded and trusted: the prompt, the
    targets that change something (``[[name, mode, strength], ...]``), positions, attention, and the edition of the
    panel's names (a name that was removed may come back as another target).
    """

    def _place(self) -> dict[str, Any]:
        """What every request names besides its targets."""
        place = {"prompt": self.prompt, "positions": self.positions, "attention": self.attention}
        return {**place, "edition": self._edition}

    def _kept(
        self, prompt: Any, rows: Sequence[Row], positions: Any, attention: str, limit: float
    ) -> list[float | None]:
        """The strengths nearest to those wanted, on the way from those applied, that keep the limit."""
        targets, wanted = self._at_work(rows)
        start = [
            self._applied.get(name) if self._mode_of(name) == mode else self._in_mode(name, mode).neutral
            for name, mode, _ in rows
        ]
        session = self._session_of(prompt)
        # Kept under live attention need not be kept under frozen: each narrows until both agree.
        for _ in range(4):
            before = wanted
            for way in ways(attention):
                wanted = list(session.kept(targets, start, wanted, limit, positions=positions, attention=way))
            if wanted == before or attention != "both":
                return wanted
        return [target.neutral for target in targets]

    @answers("steer")
    def _steer(
        self,
        prompt: Any,
        rows: list[Row],
        positions: Any,
        attention: str,
        words: list[str],
        limit: float | None,
        edition: int = 0,
    ) -> dict[str, Any]:
        """The next token before and after, under the limit."""
        session = self._session_of(prompt)
        targets, strengths = self._at_work(rows)
        applied = strengths if limit is None or not rows else self._kept(prompt, rows, positions, attention, limit)
        found = [session.steered(targets, [applied], positions=positions, attention=way) for way in ways(attention)]
        before = _probability(session.unsteered)
        after = np.stack([_probability(one.log_probability[0]) for one in found])
        watched = [self._vocabulary.id(word) for word in words]
        ids = likeliest(np.maximum(before, after.max(0)), TOKENS)
        return {
            "applied": [[row[0], value] for row, value in zip(rows, applied, strict=True)],
            "limited": any(map(_apart, applied, strengths)),
            "ids": ids,
            "texts": self._texts(ids),
            "before": pack(before[ids]),
            "after": pack(after[:, ids]),
            "words": {"before": pack(before[watched]), "after": pack(after[:, watched])},
            "kl": pack(np.array([one.kl[0] for one in found], dtype=np.float64)),
        }

    @answers("curve")
    def _curve(
        self,
        prompt: Any,
        rows: list[Row],
        name: str,
        mode: str,
        positions: Any,
        attention: str,
        words: list[str],
        edition: int = 0,
    ) -> dict[str, Any]:
        """Dose and response of one target over its range, the others held at ``rows``."""
        session = self._session_of(prompt)
        targets, points, grid = self._points(rows, name, mode)
        found = [session.steered(targets, grid, positions=positions, attention=way) for way in ways(attention)]
        log = np.stack([one.log_probability for one in found]).astype(np.float32)
        before = _probability(session.unsteered)
        watched = [self._vocabulary.id(word) for word in words]
        ids = likeliest(np.maximum(before, np.exp(log.max((0, 1)).astype(np.float64))), CURVE_TOKENS)
        return {
            "strengths": pack(points),
            "ids": ids,
            "texts": self._texts(ids),
            "before": pack(before[ids]),
            "log_probability": pack(np.ascontiguousarray(log[:, :, ids])),
            "words": pack(np.ascontiguousarray(log[:, :, watched])),
            "kl": pack(np.stack([one.kl for one in found]).astype(np.float64)),
        }

    @answers("reach")
    def _reach(
        self,
        prompt: Any,
        rows: list[Row],
        name: str,
        mode: str,
        positions: Any,
        attention: str,
        limit: float | None,
        edition: int = 0,
    ) -> dict[str, Any]:
        """Divergence over the range of one target, and how far it may go under the limit, the others held."""
        session = self._session_of(prompt)
        targets, points, grid = self._points(rows, name, mode)
        place = {"positions": positions}
        divergence = [session.divergence(targets, grid, **place, attention=way) for way in ways(attention)]
        low = high = None
        if limit is not None:
            held = [float(strength) for _, _, strength in rows]
            here = [*held, self._applied.get(name) if self._mode_of(name) == mode else targets[-1].neutral]
            last = [len(targets) - 1]
            ends = [
                session.limits(targets, here, limit, only=last, **place, attention=way)[0] for way in ways(attention)
            ]
            lows, highs = [float(end[0]) for end in ends], [float(end[1]) for end in ends]
            if np.isfinite([*lows, *highs]).all():
                low, high = max(lows), min(highs)
        return {
            "strengths": pack(points),
            "divergence": pack(np.stack(divergence).astype(np.float64)),
            "low": low,
            "high": high,
        }

    @answers("gauge")
    def _gauge(self, prompt: Any, rows: list[Row], positions: Any, attention: str, edition: int = 0) -> dict[str, Any]:
        """Mean divergence in nats per token, for each way of attention."""
        targets, strengths = self._at_work(rows)
        session = self._session_of(prompt)
        found = [
            session.divergence(targets, [strengths], positions=positions, attention=way)[0] if rows else 0.0
            for way in ways(attention)
        ]
        return {"divergence": pack(np.array(found, dtype=np.float64))}

    def _points(
        self, rows: Sequence[Row], name: str, mode: str
    ) -> tuple[list[SteeringTarget], np.ndarray, list[list[float | None]]]:
        targets, held = self._at_work([row for row in rows if row[0] != name])
        target = self._in_mode(self._known(name), mode)
        points = points_of(target, POINTS)
        return [*targets, target], np.array(points), [[*held, point] for point in points]

    def _texts(self, ids: Sequence[int]) -> list[str]:
        return [well_formed(self._vocabulary.texts[i]) for i in ids]

    def _asked(self, rows: list[Row]) -> list[Request]:
        """What the page wants for one setting of the sliders."""
        place = {**self._place(), "rows": rows}
        return [("steer", {**place, "words": list(self.words), "limit": self.limit}), ("gauge", place)]

    def _asked_of(self, name: str, rows: list[Row], *, gauge: bool) -> list[Request]:
        """What the page wants for one slider, the others at ``rows``."""
        others = [row for row in rows if row[0] != name]
        place = {**self._place(), "rows": others, "name": name, "mode": self._mode_of(name)}
        curve: Request = ("curve", {**place, "words": list(self.words)})
        return [curve, ("reach", {**place, "limit": self.limit})] if gauge else [curve]

    def _first_paint(self) -> list[Request]:
        rows = self._active()
        name = next(iter(self._targets), None)
        return [*self._asked(rows), *([] if name is None else self._asked_of(name, rows, gauge=False))]


def _apart(one: float | None, other: float | None) -> bool:
    """Whether two strengths differ by more than rounding."""
    if one is None or other is None:
        return one is not other
    return abs(one - other) > 1e-6 * max(1.0, abs(other))


def ways(attention: str) -> tuple[str, ...]:
    """The ways of attention that are shown."""
    return ("live", "frozen") if attention == "both" else (attention,)


def points_of(target: SteeringTarget, count: int) -> list[float]:
    """Strengths over a target's range, the neutral one among them, rising."""
    points = {float(x) for x in np.round(np.linspace(target.low, target.high, count), 9)}
    if target.neutral is not None:
        points.add(float(target.neutral))
    return sorted(points)


def likeliest(values: np.ndarray, count: int) -> list[int]:
    """The positions of the largest values, largest first."""
    few = np.argpartition(-values, min(count, len(values) - 1))[:count]
    return [int(i) for i in few[np.argsort(-values[few], kind="stable")]]


def _probability(log_probability: np.ndarray) -> np.ndarray:
    return np.exp(np.asarray(log_probability, dtype=np.float64))
