"""What a saved page of SteeringPanel holds: the answers for a grid of strengths."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace

from interpwidgets._core import page
from interpwidgets._core.widget import Request
from interpwidgets.records.steering import SteeringTarget
from interpwidgets.widgets.steering_answers import SteeringAnswers, points_of, ways
from interpwidgets.widgets.steering_state import Row
from interpwidgets.widgets.steering_writing import SteeringWriting

# All combinations of the sliders are recorded up to this many; beyond it each slider moves alone.
COMBINATIONS = 128
ALONE = 13


class SteeringRecording(SteeringAnswers, SteeringWriting):
    """The saved page."""

    def static_item(self, *, max_bytes: int = 8_000_000) -> page.Item:
        """The panel as data for a page, its sliders snapping to the recorded strengths."""
        self._recording = True
        try:
            item = super().static_item(max_bytes=max_bytes)
        finally:
            self._recording = False
        points, product = self._grid()
        view = {**self._view, "grid": {"points": points, "product": product}}
        return replace(item, state={**item.state, "_view": view})

    def _grid(self) -> tuple[dict[str, list[float]], bool]:
        """The strengths recorded for each target, and whether in every combination."""
        n = len(self._targets)
        count = next((k for k in (13, 9, 5) if n and k**n <= COMBINATIONS), None)
        points = {}
        for name in self._targets:
            target: SteeringTarget = self._in_mode(name)
            found = points_of(target, ALONE if count is None else count)
            now = self._applied.get(name)
            if now is not None and now not in found:
                # The saved strength is always there: it takes the place of the nearest that is not neutral.
                others = [x for x in found if x != target.neutral]
                found.remove(min(others, key=lambda x, now=now: abs(x - now)))
                found.append(now)
            points[name] = sorted(found)
        return points, count is not None

    def _combinations(self) -> Iterator[dict[str, float | None]]:
        saved = dict(self._applied)
        points, product = self._grid()
        # Clamping has no neutral strength: off is a place of its own there.
        choices = {
            name: [*values, *([None] if self._in_mode(name).neutral is None else [])] for name, values in points.items()
        }
        if product:
            for values in itertools.product(*choices.values()):
                yield dict(zip(choices, values, strict=True))
            return
        for name, values in choices.items():
            for value in values:
                yield {**saved, name: value}

    def recordable(self) -> Iterable[Request]:
        """For a static page: what is seen, then every recorded strength with its text, then the curves between."""
        saved = self._active()
        place = self._place()
        shown = ways(self.attention)
        yield from self._first_paint()
        yield from self._asked_texts(place, saved, shown)
        for name in self._targets:
            yield from self._asked_of(name, saved, gauge=True)
        settings = [self._rows_of(setting) for setting in self._combinations()]
        for rows in settings:
            yield from self._asked(rows)
        for rows in settings:
            yield from self._asked_texts(place, rows, shown)
        if self._grid()[1]:
            for rows in settings:
                for name in self._targets:
                    yield from self._asked_of(name, rows, gauge=self.limit is not None)

    def _rows_of(self, setting: dict[str, float | None]) -> list[Row]:
        return [
            [name, self._mode_of(name), value] for name, value in setting.items() if self._in_mode(name).moves(value)
        ]
