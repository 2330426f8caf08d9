"""The last layer: what each prototype's likeness is worth, and how to change that for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from interpwidgets.errors import InputError
from interpwidgets.prototypes.groups import Groups

Switched = TypeVar("Switched", bound="Switching")


class Switching:
    """The part of a prototype network that weighs evidence."""

    class_weights: nn.Parameter
    prototypes: nn.Parameter
    groups: Groups | None
    _factors: dict[int, float]

    @property
    def weights(self) -> torch.Tensor:
        """``[class, prototype]``: what a similarity of 1 adds to each logit, with what is switched counted in.

        Raises:
            ModelError: groups that multiply: logits are then not linear in similarities.
        """
        base = self.class_weights if self.groups is None else self.groups.weights()
        if not self._factors:
            return base
        factors = torch.ones(len(self.prototypes), dtype=base.dtype, device=base.device)
        for p, factor in self._factors.items():
            factors[p] = factor
        return base * factors

    @contextmanager
    def switched(self: Switched, factors: Mapping[int, float]) -> Iterator[Switched]:
        """Multiply the evidence of some prototypes inside the context: 0 switches one off, 1 leaves it, 2 doubles it.

        No weight is written, so on leaving everything is as before, also after an exception.

        Raises:
            InputError: a prototype that does not exist, or a factor that is not finite.
        """
        for p, factor in factors.items():
            if not 0 <= int(p) < len(self.prototypes) or not np.isfinite(factor):
                raise InputError(
                    expected=f"prototypes from 0 to {len(self.prototypes) - 1} with finite factors",
                    got=f"{{{p}: {factor}}}",
                    fix="Pass e.g. {3: 0.0}.",
                )
        before = dict(self._factors)
        self._factors.update({int(p): float(f) for p, f in factors.items()})
        try:
            yield self
        finally:
            self._factors = before


def own_class_weights(owner: torch.Tensor, n_classes: int, other: float = -0.5) -> torch.Tensor:
    """``[class, prototype]``: 1 for a prototype's own class and `other` for the rest."""
    own = torch.nn.functional.one_hot(owner.long(), n_classes).T.float()
    return own + other * (1 - own)
