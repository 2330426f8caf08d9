"""The conservation law of a method, checked on the numbers that are shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SumCheck:
    """What should add up, what it adds up to, and how far apart the two are.

    Attributes:
        law: the law in words, e.g. ``"rows sum to 1"``.
        value: the sum found (of many, the one farthest from the target).
        target: the sum that the law demands.
        tolerance: the largest residual that floating point explains.
    """

    law: str
    value: float
    target: float
    tolerance: float = 1e-4

    @classmethod
    def farthest(cls, law: str, sums: np.ndarray, *, target: float, tolerance: float = 1e-4) -> SumCheck:
        """The check of the worst of many sums; a sum that is not a number is worse than any."""
        if sums.size == 0:
            return cls(law, target, target, tolerance)
        flat = sums.reshape(-1)
        distance = np.where(np.isfinite(flat), np.abs(flat - target), np.inf)
        return cls(law, float(flat[int(distance.argmax())]), target, tolerance)

    @property
    def residual(self) -> float:
        """How far the value is from the target."""
        return self.value - self.target

    @property
    def holds(self) -> bool:
        """Whether the residual is within the tolerance."""
        return bool(abs(self.residual) <= self.tolerance)
