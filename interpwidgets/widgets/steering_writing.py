"""How SteeringPanel writes: the page pulls a few tokens at a time, so the kernel stays free in between."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from interpwidgets._core.requests import answers
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.analyses.steering import Writer, perplexity
from interpwidgets.records.steering import Steering
from interpwidgets.widgets.steering_state import SteeringState


class Column:
    """One text that is being written, or was."""

    def __init__(self, key: str, writer: Any) -> None:
        self.key = key
        self.writer = writer
        self.written: list[Any] = []
        self.perplexity: float | None = None

    def more(self) -> None:
        """Write for a moment."""
        self.written += list(self.writer.more())

    @property
    def text(self) -> str:
        """What has been written so far."""
        return "".join(token.text for token in self.written)


class SteeringWriting(SteeringState):
    """Texts, default and steered; a newer one replaces an older one of its column."""

    _columns: dict[str, Column]

    @property
    def text(self) -> str:
        """What has been written under steering, as far as it is."""
        ways = ("live", "frozen") if self._active() else ("default",)
        return next((self._columns[name].text for name in ways if name in self._columns), "")

    @property
    def default_text(self) -> str:
        """What has been written without steering, as far as it is."""
        return self._columns["default"].text if "default" in self._columns else ""

    def _sampling(self) -> dict[str, Any]:
        names = ("max_new_tokens", "temperature", "top_k", "top_p", "seed")
        return {name: getattr(self, name) for name in names}

    def _open_writer(self, session: Any, steering: Steering | None, attention: str, sampling: dict[str, Any]) -> Any:
        return Writer(self._lm, session.ids, steering, attention=attention, **sampling)

    def _perplexity(self, session: Any, ids: list[int]) -> float:
        return float(perplexity(self._lm, session.ids, ids))

    @answers("write")
    def _write(
        self,
        column: str,
        prompt: Any,
        rows: list[Any],
        positions: Any,
        attention: str,
        at: int,
        edition: int = 0,
        **sampling: Any,
    ) -> dict[str, Any]:
        """The tokens from ``at`` on: those that are written already, else a few more."""
        session = self._session_of(prompt)
        key = json.dumps([prompt, rows, positions, attention, edition, sampling])
        here = self._columns.get(column)
        if here is None or here.key != key:
            targets, strengths = self._at_work(rows)
            steering = None
            if rows:
                steering = Steering(tuple(targets), tuple(strengths), positions, len(session.tokens))
            here = Column(key, self._open_writer(session, steering, attention, sampling))
            if not self._recording:
                self._columns[column] = here
        while not here.writer.done and (len(here.written) <= at or self._recording):
            here.more()
        done = bool(here.writer.done)
        if done and here.perplexity is None and here.written:
            here.perplexity = self._perplexity(session, [token.id for token in here.written])
        new = here.written[at:]
        return {
            "ids": [int(token.id) for token in new],
            "texts": [well_formed(token.text) for token in new],
            "probability": pack(np.array([token.probability for token in new], dtype=np.float64)),
            "done": done,
            "perplexity": here.perplexity if done and np.isfinite(here.perplexity or 0.0) else None,
        }

    def _asked_texts(self, place: dict[str, Any], rows: list[Any], ways: tuple[str, ...]) -> list[Any]:
        """What the page asks for to show every text of one setting, from its beginning."""
        sampling = {**self._sampling(), "prompt": place["prompt"], "edition": place["edition"], "at": 0}
        plain = {**sampling, "column": "default", "rows": [], "positions": "all", "attention": "live"}
        steered = [
            {**sampling, "column": way, "rows": rows, "positions": place["positions"], "attention": way} for way in ways
        ]
        return [("write", plain), *(("write", params) for params in steered if rows)]
