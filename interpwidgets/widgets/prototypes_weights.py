"""Changes of a last layer, written as a reader writes them: by prototype, or by prototype and class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interpwidgets.errors import InputError

KEY = re.compile(r"(\d+)(?::(\d+))?")


def check_weights(given: Any, prototypes: int, classes: Sequence[str]) -> dict[str, float]:
    """The changes with keys as text, or a sentence about the first that does not fit.

    Args:
        given: ``{"3": 0.0}`` or ``{3: 0.0}`` multiplies every weight of prototype 3, ``{"3:1": 2.5}`` sets its weight
            for class 1.
        prototypes: how many there are.
        classes: their names.
    """
    found: dict[str, float] = {}
    for key, value in given.items():
        parts = KEY.fullmatch(str(key))
        prototype, cls = (int(parts[1]), None if parts[2] is None else int(parts[2])) if parts else (-1, None)
        if not 0 <= prototype < prototypes or (cls is not None and cls >= len(classes)):
            raise InputError(
                expected=f"'prototype' or 'prototype:class', prototypes from 0 to {prototypes - 1} and classes "
                f"from 0 to {len(classes) - 1}",
                got=repr(key),
                fix="For example {'3': 0.0} or {'3:1': 2.5}.",
            )
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not number or not np.isfinite(value):
            raise InputError(
                expected=f"a finite number for {key!r}", got=repr(value), fix="0 switches a prototype off."
            )
        found[str(key)] = float(value)
    return found


def changed_weights(weights: np.ndarray, changes: Mapping[str, float]) -> np.ndarray:
    """``[class, prototype]`` float64: single weights are set first, then a prototype's are multiplied."""
    out = weights.astype(np.float64)
    for key in sorted(changes, key=lambda key: ":" not in key):
        prototype, _, cls = key.partition(":")
        if cls:
            out[int(cls), int(prototype)] = changes[key]
        else:
            out[:, int(prototype)] *= changes[key]
    return out
