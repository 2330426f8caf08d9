"""The numbers of a training, checked, with what was left out filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError

BIG = 2**31


@dataclass(frozen=True)
class Plan:
    """What a training is told; None where the width of the activations decides (`for_width`).

    Attributes:
        kind: what is learnt.
        n_features: how many features.
        k: how many should fire on a token, on average.
        steps: steps of the optimiser.
        batch: tokens in a step, over all processes.
        rate: the highest learning rate.
        penalty: the weight of the penalty on firing; None steers it to k.
        levels: sizes of the nested prefixes (Matryoshka).
        dead_after: tokens without firing after which a feature counts as dead.
        normalise: whether activations are scaled.
        skip: whether a transcoder has a linear part.
        seed: of directions and order.
    """

    kind: str
    n_features: int | None = None
    k: float | None = None
    steps: int | None = None
    batch: int = 2048
    rate: float | None = None
    penalty: float | None = None
    levels: Sequence[int] | None = None
    dead_after: int | None = None
    normalise: bool = True
    skip: bool = False
    seed: int = 0

    def for_width(self, d_in: int) -> Filled:
        """The plan for activations of a width, nothing left open.

        Raises:
            InputError: a number out of range; levels that do not ascend to n_features.
        """
        n = whole("n_features", 8 * d_in if self.n_features is None else self.n_features, 2, BIG)
        k = min(32, max(1, n // 8)) if self.k is None else self.k
        if isinstance(k, bool) or not isinstance(k, int | float) or not 0 < k <= n:
            raise InputError(expected=f"k above 0, up to {n} features", got=repr(k), fix="Leave it out, or use 32.")
        if self.kind == "topk":
            k = whole("k", int(k) if k == int(k) else k, 1, n)
        for what, value in (("rate", self.rate), ("penalty", self.penalty)):
            if value is not None and not 0 < value < float("inf"):
                raise InputError(expected=f"a {what} above 0", got=repr(value), fix="Leave it out.")
        batch = whole("batch", self.batch, 2, BIG)
        filled = {
            "n_features": n,
            "k": k,
            "steps": whole("steps", 2000 if self.steps is None else self.steps, 1, BIG),
            "rate": min(3e-3, 2e-4 * (2**14 / n) ** 0.5) if self.rate is None else self.rate,
            "levels": self._levels(n, k),
            "dead_after": whole("dead_after", 256 * batch if self.dead_after is None else self.dead_after, 1, 2**62),
        }
        return Filled(**{**asdict(self), **filled})

    def _levels(self, n: int, k: float) -> tuple[int, ...]:
        if self.kind != "matryoshka":
            return ()
        # A prefix much smaller than what fires together could explain nothing.
        sizes = tuple(self.levels or sorted({n >> shift for shift in range(5) if n >> shift >= 4 * k} | {n}))
        if sizes[-1] != n or list(sizes) != sorted(set(sizes)) or sizes[0] < 1:
            raise InputError(
                expected=f"prefix sizes that ascend to {n}",
                got=str(list(sizes)),
                fix="Give the sizes of the prefixes, not of the groups between them.",
            )
        return sizes


@dataclass(frozen=True)
class Filled(Plan):
    """A plan with nothing left open but the penalty, which may be steered."""

    n_features: int = 0
    k: float = 0.0
    steps: int = 0
    rate: float = 0.0
    levels: tuple[int, ...] = ()
    dead_after: int = 0

    def settings(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "levels": list(self.levels)}
