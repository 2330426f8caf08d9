"""Take the best feature, subtract it, and look again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from interpwidgets.dictionaries.checks import weight, whole
from interpwidgets.dictionaries.normalisation import Normalisation
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError


class MatchingPursuit(Dictionary):
    """Codes found greedily: the direction with the largest product with what is left joins, until little is left.

    With residual r = x − b: ``j = argmax r·d_j``, ``codes_j += r·d_j``, ``r −= (r·d_j) d_j`` (Mallat and Zhang 1993,
    "Matching Pursuits With Time-Frequency Dictionaries"; as an autoencoder Costa et al. 2025, "From Flat to
    Hierarchical: Extracting Sparse Representations with Matching Pursuit"). The directions detect too.

    Args:
        directions: what each feature reads and writes [feature, d], of norm near 1.
        decoder_bias: b [d]; zeros by default.
        subtract_bias: whether b is taken off first.
        tolerance: stop when ‖r‖ is below it; 0 never does.
        steps: at most so many steps; d by default.
        until_stable: stop when a step brings no new feature.
        normalisation: how activations are scaled first.
        about: name, site_in, labels, source.
    """

    kind: ClassVar[str] = "matching_pursuit"

    def __init__(
        self,
        directions: Any,
        *,
        decoder_bias: Any = None,
        subtract_bias: bool = True,
        tolerance: float = 1e-2,
        steps: int | None = None,
        until_stable: bool = True,
        normalisation: Normalisation | None = None,
        **about: Any,
    ) -> None:
        super().__init__(**about)
        self.W_dec = weight("directions", directions, (None, None))
        d = self.W_dec.shape[1]
        self.b_dec = weight("decoder_bias", self.W_dec.new_zeros(d) if decoder_bias is None else decoder_bias, (d,))
        if not tolerance >= 0:
            raise InputError(expected="a tolerance of 0 or more", got=repr(tolerance), fix="Leave it out for 0.01.")
        self.tolerance = float(tolerance)
        self.steps = d if steps is None else whole("steps", steps, 1, 10**6)
        self.subtract_bias, self.until_stable = bool(subtract_bias), bool(until_stable)
        self.normalisation = normalisation or Normalisation()
        self.to(self.W_dec.device, self.W_dec.dtype)
        _ = self.labels

    @property
    def directions(self) -> torch.Tensor:
        return self.W_dec

    @property
    def detectors(self) -> torch.Tensor:
        return self.W_dec

    @property
    def unit_writes(self) -> torch.Tensor:
        return self.directions * self.normalisation.unit

    def unit_write(self, feature: int) -> torch.Tensor:
        return self.directions[feature] * self.normalisation.unit

    @property
    def needs_input(self) -> bool:
        return self.normalisation.per_token

    def config(self) -> dict[str, Any]:
        names = ("subtract_bias", "tolerance", "steps", "until_stable")
        return {**{n: getattr(self, n) for n in names}, "normalisation": self.normalisation.config()}

    @classmethod
    def build(cls, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], **about: Any) -> MatchingPursuit:
        rest = {**config, "normalisation": Normalisation.build(config["normalisation"])}
        return cls(tensors["W_dec"], decoder_bias=tensors["b_dec"], **rest, **about)

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        x = self.normalisation.apply(x)
        left = (x - self.b_dec if self.subtract_bias else x).reshape(-1, self.d_in)
        codes = left.new_zeros(len(left), self.n_features)
        going = torch.ones(len(left), dtype=torch.bool, device=left.device)
        for _ in range(self.steps):
            best = (left @ self.W_dec.T).argmax(1)
            chosen = self.W_dec[best]
            size = torch.where(going, (left * chosen).sum(1).relu(), 0)
            known = codes.gather(1, best[:, None])[:, 0] != 0
            codes = codes.scatter_add(1, best[:, None], size[:, None])
            left = left - size[:, None] * chosen
            if self.until_stable:
                going = going & ~(known | (size == 0))
            if self.tolerance:
                going = going & ~(left.norm(dim=1) < self.tolerance)
            if not bool(going.any()):
                break
        return codes.reshape(*x.shape[:-1], self.n_features)

    def _decode(self, codes: torch.Tensor, x: torch.Tensor | None) -> torch.Tensor:
        return self.normalisation.undo(codes @ self.W_dec + self.b_dec, x)
