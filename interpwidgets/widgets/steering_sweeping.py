"""SteeringPanel's table of many targets: what each does alone, and what it costs."""

from __future__ import annotations

import math
import time
from collections import Counter
from typing import Any

import numpy as np

from interpwidgets._core.requests import answers
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.analyses.steering.sweep import sweep_rows, swept
from interpwidgets.analyses.steering.targets import targets as factories
from interpwidgets.errors import InputError
from interpwidgets.records.steering import SteeringTarget
from interpwidgets.widgets.steering_adding import SteeringAdding

# The page asks for a block after the other, so that the kernel stays free in between: about so long each, in seconds.
BLOCK_SECONDS = 0.25
# Features of each dictionary that a sweep tries unless told otherwise.
FIRING = 64


class SteeringSweeping(SteeringAdding):
    """Sweeping block by block; a row of the table can be added."""

    _usual_key: tuple[Any, ...] | None = None
    _usual_targets: tuple[SteeringTarget, ...] = ()

    @property
    def sweep_targets(self) -> tuple[SteeringTarget, ...]:
        """What a sweep goes through: the panel's targets and the features of its dictionaries that fire on the prompt.

        Set it to any list of targets, e.g. ``panel.sweep_targets = [iw.targets.feature(sae, j) for j in range(512)]``.
        """
        return self._usual() if self._sweep_given is None else self._sweep_given

    def _usual(self) -> tuple[SteeringTarget, ...]:
        """The panel's own targets, and the features of its dictionaries that fire most at the end of the prompt."""
        key = (repr(self.prompt), len(self._dictionaries), *self._targets)
        if self._usual_key != key:
            found = dict(self._targets)
            for dictionary in self._dictionaries:
                for one in factories.of(self._lm, dictionary, prompt=self.prompt, count=FIRING):
                    found.setdefault(one.name, one)
            self._usual_key, self._usual_targets = key, tuple(found.values())
        return self._usual_targets

    @sweep_targets.setter
    def sweep_targets(self, given: Any) -> None:
        found = tuple(swept(self._lm, given))
        twice = [name for name, times in Counter(one.name for one in found).items() if times > 1]
        if twice:
            raise InputError(expected="targets with different names", got=f"{twice[0]} twice", fix="Leave one out.")
        self._sweep_given = found
        self._describe()

    @answers("sweep")
    def _sweep(self, prompt: Any, words: list[str], start: int, act: str) -> dict[str, Any]:
        """Some of the targets, from ``start`` on, each alone: effect on the watched words together, and its cost."""
        todo = self.sweep_targets
        if not 0 <= start <= len(todo):
            raise InputError(expected=f"a start from 0 to {len(todo)}", got=str(start), fix="Begin the sweep again.")
        if not words:
            raise InputError(expected="a word to watch", got="none", fix="Add one, e.g. panel.words = ['she'].")
        session = self._session_of(prompt)
        ids = [self._vocabulary.id(word) for word in words]
        unsteered = float(np.exp(session.unsteered[ids].astype(np.float64)).sum())
        rows: list[dict[str, Any]] = []
        began = time.perf_counter()
        for target, found in zip(todo[start:], sweep_rows(session, todo[start:], ids), strict=False):
            rows.append(_row(target, *found, unsteered))
            if time.perf_counter() - began > BLOCK_SECONDS:
                break
        stop = start + len(rows)
        return {"rows": rows, "next": stop if stop < len(todo) else None, "total": len(todo)}

    @answers("add_swept")
    def _add_swept(self, name: str, act: str) -> dict[str, Any]:
        """A row of the table becomes a slider."""
        one = next((target for target in self.sweep_targets if target.name == name), None)
        if one is None:
            raise InputError(expected="a target of the sweep", got=repr(name), fix="Begin the sweep again.")
        return {"names": list(self.add(one))}


def _row(
    target: SteeringTarget, strengths: np.ndarray, curve: np.ndarray, kl: np.ndarray, unsteered: float
) -> dict[str, Any]:
    """A line of the table: the largest change of the watched words together, and the divergence where it is."""
    at = int(np.abs(curve - unsteered).argmax())
    effect, cost = float(curve[at] - unsteered), float(kl[at])
    return {
        "name": well_formed(target.name),
        "label": well_formed(target.label),
        "effect": effect if math.isfinite(effect) else None,
        "kl": cost if math.isfinite(cost) else None,
        "curve": pack(np.asarray(curve, dtype=np.float32)),
        "strengths": pack(np.asarray(strengths, dtype=np.float32)),
    }
