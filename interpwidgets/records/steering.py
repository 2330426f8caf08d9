"""Steering as data: which targets, how strongly, at which positions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.steered_tokens import SteeredTokens
from interpwidgets.records.steering_curve import SteeringCurve
from interpwidgets.records.steering_target import SteeringTarget

__all__ = ["SteeredTokens", "Steering", "SteeringCurve", "SteeringTarget"]

Strength = float | None | tuple[float | None, ...]
PLACES = ("all", "prompt", "generated")


@dataclass(frozen=True, eq=False)
class Steering:
    """What a steering panel does to a model, as data: ``with lm.edit(steering): ...`` does the same in plain code.

    At each site every target reads the values as they arrive and all changes are added, so the order of the targets
    means nothing. Where everything is neutral or off, not even a hook is set.

    Args:
        targets: what is turned.
        strengths: one for each target: a number; None for off; or for a batch one entry for each row.
        positions: which tokens are steered: ``"all"``, ``"prompt"``, ``"generated"``, or a whole number n for token n
            and all after it.
        prompt_tokens: how many tokens the prompt has, which is what "prompt" and "generated" mean.

    Raises:
        InputError: another number of strengths than targets, NaN or infinity, two targets of one name, positions that
            are none of the above.
    """

    targets: tuple[SteeringTarget, ...]
    strengths: tuple[Strength, ...]
    positions: str | int = "all"
    prompt_tokens: int = 0

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "targets", tuple(self.targets))
        keep(self, "strengths", check_strengths(self.targets, self.strengths))
        names = [target.name for target in self.targets]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(
                expected="targets with different names", got=f"{twice} twice", fix="Leave one out, or rename it."
            )
        rows = {len(s) for s in self.strengths if isinstance(s, tuple)}
        if len(rows) > 1:
            raise InputError(
                expected="as many rows for every target",
                got=f"{sorted(rows)} rows",
                fix="Give each target one strength, or one for each row of the batch.",
            )
        keep(self, "positions", check_positions(self.positions))
        if not isinstance(self.prompt_tokens, int) or self.prompt_tokens < 0:
            raise InputError(
                expected="the number of the prompt's tokens", got=repr(self.prompt_tokens), fix="Pass prompt_tokens."
            )
        if self.positions in ("prompt", "generated") and self.prompt_tokens == 0:
            raise InputError(
                expected=f"prompt_tokens together with positions={self.positions!r}",
                got="0 prompt tokens",
                fix="Say how many tokens the prompt has, e.g. prompt_tokens=len(lm.tokens(prompt)).",
            )

    @property
    def rows(self) -> int | None:
        """How many rows of a batch it is for; None where one strength holds for every row."""
        return next((len(s) for s in self.strengths if isinstance(s, tuple)), None)

    @property
    def idle(self) -> bool:
        """True where everything is neutral or off, and nothing will be touched."""
        return not any(
            target.moves(s)
            for target, strength in zip(self.targets, self.strengths, strict=True)
            for s in (strength if isinstance(strength, tuple) else (strength,))
        )

    @property
    def span(self) -> tuple[int, int | None]:
        """The steered tokens, from and up to (None: without end)."""
        if self.positions == "all":
            return 0, None
        if self.positions == "prompt":
            return 0, self.prompt_tokens
        return (self.prompt_tokens if self.positions == "generated" else int(self.positions)), None

    def of_rows(self, rows: Sequence[Sequence[float | None]]) -> Steering:
        """The same targets with one list of strengths for each row of a batch."""
        columns = [tuple(row[i] for row in rows) for i in range(len(self.targets))]
        return replace(self, strengths=tuple(columns))

    def save(self, path: str | Path) -> Path:
        """Write it into one safetensors file; the dictionaries themselves are not in it, only their names."""
        from interpwidgets.records.steering_files import save

        return save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path, *, dictionaries: Any = ()) -> Steering:
        """Read what `save` wrote.

        Args:
            path: the file.
            dictionaries: those its features come from, as a list or by name; not needed where features are only added.

        Raises:
            InputError: no such file, another kind of file, a dictionary that is needed and missing.
        """
        from interpwidgets.records.steering_files import load

        return load(Path(path), dictionaries)

    def __repr__(self) -> str:
        parts = [f"{t.name} {t.mode} {s}" for t, s in zip(self.targets, self.strengths, strict=True)]
        return f"Steering({', '.join(parts) or 'nothing'}; {self.positions} positions)"


def check_strengths(targets: Sequence[SteeringTarget], strengths: Any) -> tuple[Strength, ...]:
    """Strengths as Python numbers, one for each target; None stays None."""
    given = list(strengths)
    if len(given) != len(targets):
        raise InputError(
            expected=f"{len(targets)} strengths, one for each target",
            got=str(len(given)),
            fix="Give a number for each target, or None for off.",
        )
    return tuple(_strength(target, strength) for target, strength in zip(targets, given, strict=True))


def _strength(target: SteeringTarget, given: Any) -> Strength:
    if isinstance(given, (list, tuple, np.ndarray)) and not (isinstance(given, np.ndarray) and given.ndim == 0):
        return tuple(number(target, one) for one in given)
    return number(target, given)


def number(target: SteeringTarget, given: Any) -> float | None:
    """One strength, checked."""
    if given is None:
        return None
    try:
        value = float(given)
    except (TypeError, ValueError):
        value = math.nan
    if isinstance(given, (bool, str)) or not math.isfinite(value):
        raise InputError(
            expected=f"a finite number as the strength of {target.name}, or None for off",
            got=repr(given),
            fix=f"Give a number, e.g. one from {target.low:g} to {target.high:g}.",
        )
    return value


def check_positions(given: Any) -> str | int:
    """Positions, checked: one of three words, or a whole number from 0."""
    if isinstance(given, str) and given in PLACES:
        return given
    if not isinstance(given, (str, bool)) and hasattr(given, "__index__") and int(given) >= 0:
        return int(given)
    raise InputError(
        expected='positions out of "all", "prompt" and "generated", or a whole number n for token n and all after it',
        got=repr(given),
        fix='Write positions="all" to steer everywhere.',
    )


def by_name(dictionaries: Any) -> dict[str, Any]:
    """Dictionaries by their names."""
    if isinstance(dictionaries, Mapping):
        return dict(dictionaries)
    several = dictionaries if isinstance(dictionaries, (list, tuple)) else [dictionaries]
    return {dictionary.name: dictionary for dictionary in several}
