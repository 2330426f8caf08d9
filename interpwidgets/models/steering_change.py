"""What one steering target adds to the values at one site."""

from __future__ import annotations

from typing import Any

import torch

from interpwidgets.errors import InputError
from interpwidgets.records.steering_target import SteeringTarget

BLOCK = 2**24  # codes worked out at once


class Codes:
    """How strongly the features of one dictionary fire in the running forward pass, read once for all its targets."""

    def __init__(self, dictionary: Any) -> None:
        self._dictionary = dictionary
        self._features: list[int] = []
        self._values: torch.Tensor | None = None

    def wanted(self, feature: int) -> int:
        """Ask for a feature; its column in `value`."""
        if feature not in self._features:
            self._features.append(feature)
        return self._features.index(feature)

    def read(self, x: torch.Tensor) -> None:
        """Encode the steered values ``[batch, token, d]``, in blocks, and keep the features asked for."""
        rows = x.reshape(-1, x.shape[-1])
        size = max(1, BLOCK // self._dictionary.n_features)
        # With every position in one block this is what encode itself gives.
        parts = [self._dictionary.encode(rows[i : i + size])[..., self._features] for i in range(0, len(rows), size)]
        self._values = torch.cat(parts).reshape(*x.shape[:2], -1) if parts else x.new_zeros(*x.shape[:2], 1)

    def value(self, column: int) -> torch.Tensor:
        """The codes of one feature ``[batch, token]``."""
        assert self._values is not None
        return self._values[..., column]


class Change:
    """One target at one of its sites.

    Args:
        target: what is turned.
        strength: how far; one number, or one for each row of the batch; None is off.
        site: which of the target's sites this is.
        codes: for a feature that is clamped, scaled or ablated: where its codes are read.
        heads: how many heads the layer has.
    """

    def __init__(self, target: SteeringTarget, strength: Any, site: int, codes: Codes | None, heads: int) -> None:
        self._target = target
        self._rows = strength if isinstance(strength, tuple) else (strength,)
        self._heads = heads
        self._codes = codes
        self._column = codes.wanted(target.feature or 0) if codes is not None else 0
        write = target.write
        self._write = None if write is None else torch.from_numpy(write if write.ndim == 1 else write[site])

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """What is added to the values ``[batch, token, d]``, of their shape."""
        if len(self._rows) not in (1, len(x)):
            raise InputError(
                expected=f"one strength, or one for each of the {len(x)} rows of the batch",
                got=f"{len(self._rows)} strengths of {self._target.name}",
                fix="Pass as many strengths as there are rows.",
            )
        if self._write is None:
            return self._whole(x)
        write = self._write.to(x)
        if self._target.mode == "add":
            return self._strength(x)[:, None, None] * write
        code = x[..., self._target.feature] if self._codes is None else self._codes.value(self._column)
        return self._moved(code, self._step(code))[..., None].to(x) * write

    def _whole(self, x: torch.Tensor) -> torch.Tensor:
        """Heads and layers: everything they write is scaled."""
        if self._target.head is None:
            return self._moved(x, self._step(x))
        parts = x.reshape(*x.shape[:-1], self._heads, -1)
        own = parts[..., self._target.head, :]
        change = torch.zeros_like(parts)
        change[..., self._target.head, :] = self._moved(own, self._step(own))
        return change.reshape(x.shape)

    def _step(self, code: torch.Tensor) -> torch.Tensor:
        strength = self._strength(code).reshape(-1, *[1] * (code.dim() - 1))
        if self._target.mode == "clamp":
            return strength - code
        factor = strength if self._target.mode == "scale" else 1 - strength
        return factor * code - code

    def _strength(self, like: torch.Tensor) -> torch.Tensor:
        """The strengths ``[1 or batch]``; off as what would change nothing."""
        neutral = self._target.neutral or 0.0
        rows = [neutral if s is None else s for s in self._rows]
        return torch.tensor(rows, dtype=torch.float64).to(device=like.device, dtype=like.dtype)

    def _moved(self, code: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Steps of the rows that are not off; a number has no neutral value where a feature is clamped."""
        if all(s is not None for s in self._rows):
            return step
        on = torch.tensor([s is not None for s in self._rows], device=code.device)
        return torch.where(on.reshape(-1, *[1] * (code.dim() - 1)), step, torch.zeros_like(step))
