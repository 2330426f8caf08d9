"""One thing to steer with: a slider, and what it does to the model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from interpwidgets.errors import InputError

KINDS = ("feature", "direction", "difference", "neuron", "head", "layers", "vector")
MODES = ("add", "clamp", "scale", "ablate")
NEUTRAL: dict[str, float | None] = {"add": 0.0, "clamp": None, "scale": 1.0, "ablate": 0.0}


@dataclass(frozen=True, eq=False)
class SteeringTarget:
    """A part of the model that one number turns up or down.

    With c the part's code (how strongly a feature fires, a neuron's value, what a head gathered), s the strength and w
    what one unit of it writes, the values x of every site become ``x + change``::

        add     change = s w                     scale    change = (s c - c) w
        clamp   change = (s - c) w               ablate   change = ((1 - s) c - c) w

    so ``ablate`` by 1, ``clamp`` to 0 and ``scale`` by 0 are one and the same.

    Attributes:
        name: unique among the targets used together, e.g. ``"resid_post.2/871"``, ``"head 2.1"``, ``"neuron 3.17"``.
        kind: one of feature, direction, difference, neuron, head, layers, vector.
        mode: add, clamp, scale or ablate.
        modes: the modes this target can have.
        sites: the sites it writes; several get the same change, each for itself.
        site_in: the site its code is read from.
        write: float32 ``[d]`` or ``[site, d]``: what one unit adds; None for heads and layers, which are scaled whole.
        feature: number of the feature in its dictionary, or of the neuron in its layer.
        head: number of the head in its layer.
        dictionary: what encodes a feature; a saved file keeps its name only.
        label: a few words about it, or "".
        low, high: a sensible range for the slider, in the unit of the strength.
        reach: how large the strength typically is when adding or clamping; what `low` and `high` come from.

    Raises:
        InputError: an unknown kind or mode, a vector with NaN, no site.
    """

    name: str
    kind: str
    mode: str
    modes: tuple[str, ...]
    sites: tuple[str, ...]
    site_in: str
    write: np.ndarray | None = field(default=None, repr=False)
    feature: int | None = None
    head: int | None = None
    dictionary: Any = field(default=None, repr=False)
    label: str = ""
    low: float = -10.0
    high: float = 10.0
    reach: float = 10.0

    def __post_init__(self) -> None:
        _one_of("a kind", self.kind, KINDS)
        _one_of(f"a mode of {self.name}", self.mode, self.modes)
        if not self.sites:
            raise InputError(expected=f"a site for {self.name}", got="none", fix='Name one, e.g. "resid_post.2".')
        if self.write is not None:
            if not np.isfinite(self.write).all():
                bad = int((~np.isfinite(self.write)).sum())
                raise InputError(
                    expected=f"finite numbers in the vector of {self.name}",
                    got=f"{bad} of {self.write.size} that are NaN or infinite",
                    fix="Check the vector; a NaN would spread to every later layer.",
                )
            if self.write.ndim == 2 and len(self.write) != len(self.sites):
                raise InputError(
                    expected=f"one vector, or one for each of the {len(self.sites)} sites of {self.name}",
                    got=f"{len(self.write)} vectors",
                    fix="Give as many vectors as sites.",
                )

    @property
    def neutral(self) -> float | None:
        """The strength that changes nothing; None for clamp, where only "off" (None) changes nothing."""
        return NEUTRAL[self.mode]

    @property
    def unit(self) -> str:
        """What the strength counts, in words."""
        if self.mode == "scale":
            return "factor"
        if self.mode == "ablate":
            return "share taken away"
        if self.kind == "feature":
            return "units of its activation"
        return "units of the neuron's value" if self.kind == "neuron" else "times the vector"

    def with_mode(self, mode: str) -> SteeringTarget:
        """The same target in another mode, with that mode's range.

        Raises:
            InputError: a mode this target cannot have.
        """
        _one_of(f"a mode of {self.name}", mode, self.modes)
        if mode in ("clamp", "scale", "ablate") and self.kind == "feature" and self.dictionary is None:
            raise InputError(
                expected=f"the dictionary of {self.name}, which {mode} needs to read how strongly it fires",
                got="a target loaded without it",
                fix="Load it with Steering.load(path, dictionaries=[...]).",
            )
        low, high = ranges(self.kind, mode, self.reach)
        return replace(self, mode=mode, low=low, high=high)

    def moves(self, strength: float | None) -> bool:
        """Whether a strength changes anything."""
        return strength is not None and strength != self.neutral


def ranges(kind: str, mode: str, reach: float) -> tuple[float, float]:
    """A sensible range of strengths: both ways where the sign means something, from nothing to enough elsewhere."""
    if mode == "scale":
        return 0.0, 3.0
    if mode == "ablate":
        return 0.0, 1.0
    return (0.0 if mode == "clamp" and kind == "feature" else -reach), reach


def _one_of(what: str, got: Any, known: tuple[str, ...]) -> None:
    if got not in known:
        raise InputError(expected=f"{what} out of {', '.join(known)}", got=repr(got), fix="Choose one of these.")
