"""Sparse autoencoders: what is read is written again."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from interpwidgets.dictionaries.linear import LinearDictionary
from interpwidgets.errors import InputError


class SparseAutoencoder(LinearDictionary):
    """Activations as few features out of many, at one place of the model.

    ``codes = activation((x − b_dec) W_enc + b_enc)``, ``x̂ = codes W_dec + b_dec`` (Bricken et al. 2023; Cunningham et
    al. 2023, "Sparse Autoencoders Find Highly Interpretable Features in Language Models"). The kind is the activation:
    `ReLU`, `Gated`, `JumpReLU`, `TopK`, `BatchTopK`.

    Args:
        detectors: what each feature reads [feature, d].
        directions: what each feature writes [feature, d].
        subtract_bias: whether b_dec is taken off before reading, as above, or not.
        rest: see `LinearDictionary`.

    Raises:
        InputError: arrays that do not fit together, or that hold NaN or infinities.
    """

    kind: ClassVar[str] = "autoencoder"

    def __init__(self, detectors: Any, directions: Any, *, subtract_bias: bool = False, **rest: Any) -> None:
        super().__init__(detectors, directions, **rest)
        if self.d_in != self.d_out:
            raise InputError(
                expected="detectors and directions of one width, for an autoencoder",
                got=f"{self.d_in} and {self.d_out}",
                fix="Use Transcoder for a dictionary that reads one place and writes another.",
            )
        self.subtract_bias = bool(subtract_bias)

    @property
    def unit_writes(self) -> torch.Tensor:
        return self.directions * self.normalisation.unit

    def unit_write(self, feature: int) -> torch.Tensor:
        return self.directions[feature] * self.normalisation.unit

    def config(self) -> dict[str, Any]:
        return {**super().config(), "subtract_bias": self.subtract_bias}

    def _match(self, x: torch.Tensor) -> torch.Tensor:
        x = self.normalisation.apply(x)
        return (x - self.b_dec if self.subtract_bias else x) @ self.W_enc + self.b_enc
