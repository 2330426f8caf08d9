"""The dictionary that knows the atoms and searches for the codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from interpwidgets.dictionaries import Dictionary
from interpwidgets.dictionaries.checks import weight, whole
from interpwidgets.errors import InputError

BLOCK = 2**24


class Oracle(Dictionary):
    """Sparse codes over known directions: at most ``active`` of them, as strong as fits best, none below 0.

    Reading with a product, as an autoencoder does, errs wherever directions overlap. Here the best support is searched
    for: each likely direction in turn is taken first, the others are added greedily, each chosen for how much error it
    removes beside those already there (orthogonal matching pursuit; Pati, Rezaiifar and Krishnaprasad 1993), and of
    all these attempts the one that leaves the least error stays.

    Args:
        directions: what each feature writes [feature, d], none of length 0.
        active: how many features a token has at most.
        decoder_bias: taken off before, added after [d]; zeros by default.
        tries: how many first directions are tried; all up to 64 by default.
        about: name, site_in, labels, source.

    Raises:
        InputError: arrays that do not fit together, or more active features than dimensions.
    """

    kind: ClassVar[str] = "oracle"

    def __init__(
        self, directions: Any, *, active: int, decoder_bias: Any = None, tries: int | None = None, **about: Any
    ) -> None:
        super().__init__(**about)
        self.W_dec = weight("directions", directions, (None, None))
        n, d = self.W_dec.shape
        self.b_dec = weight(
            "decoder_bias", self.W_dec.new_zeros(d) if decoder_bias is None else decoder_bias, (d,), like=self.W_dec
        )
        if bool((self.W_dec.norm(dim=1) == 0).any()):
            raise InputError(expected="directions longer than 0", got="one of length 0", fix="Leave that one out.")
        self.active = whole("active", active, 1, min(n, d))
        self.tries = min(n, 64) if tries is None else whole("tries", tries, 1, n)
        _ = self.labels

    @property
    def directions(self) -> torch.Tensor:
        return self.W_dec

    @property
    def detectors(self) -> torch.Tensor:
        return torch.linalg.pinv(self.W_dec.float()).T.to(self.dtype)

    def config(self) -> dict[str, Any]:
        return {"active": self.active, "tries": self.tries}

    @classmethod
    def build(cls, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], **about: Any) -> Oracle:
        return cls(tensors["W_dec"], decoder_bias=tensors["b_dec"], **config, **about)

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        wide = torch.promote_types(self.dtype, torch.float32)
        rows = (x.to(wide) - self.b_dec.to(wide)).reshape(-1, self.d_in)
        atoms = self.W_dec.to(wide)
        size = max(1, BLOCK // (self.tries * max(self.d_in, self.n_features)))
        parts = [self._search(rows[i : i + size], atoms) for i in range(0, len(rows), size)]
        codes = torch.cat(parts) if parts else rows.new_zeros(0, self.n_features)
        return codes.to(self.dtype).reshape(*x.shape[:-1], self.n_features)

    def _decode(self, codes: torch.Tensor, x: torch.Tensor | None) -> torch.Tensor:
        return codes @ self.W_dec + self.b_dec

    def _search(self, x: torch.Tensor, atoms: torch.Tensor) -> torch.Tensor:
        """Codes [token, feature] of a block of rows ``x [token, d]``."""
        finite = torch.isfinite(x).all(1, keepdim=True)
        x = torch.where(finite, x, 0.0)
        unit = torch.nn.functional.normalize(atoms, dim=1)
        chosen = (x @ unit.T).topk(self.tries, dim=1).indices[..., None]
        left = x[:, None, :].expand(-1, self.tries, -1)
        basis: list[torch.Tensor] = []
        for step in range(self.active):
            new = unit[chosen[..., step]]
            for axis in basis:
                new = new - (new * axis).sum(-1, keepdim=True) * axis
            axis = torch.nn.functional.normalize(new, dim=-1)
            basis.append(axis)
            left = left - (left * axis).sum(-1, keepdim=True) * axis
            if step + 1 < self.active:
                # What is left is orthogonal to the basis, so only the part of an atom outside the basis can help.
                outside = 1 - sum(((axis @ unit.T) ** 2 for axis in basis), start=torch.zeros(()).to(x))
                gain = (left @ unit.T).relu() / outside.clamp_min(1e-6).sqrt()
                best = gain.scatter(-1, chosen, -1.0).argmax(-1, keepdim=True)
                chosen = torch.cat([chosen, best], dim=-1)
        winner = left.pow(2).sum(-1).argmin(1)
        support = chosen[torch.arange(len(x), device=x.device), winner]
        values = torch.linalg.lstsq(atoms[support].mT, x[..., None]).solution[..., 0]
        # Rounding of the solver would otherwise make a feature of nothing.
        values = torch.where(values > 1e-5 * values.abs().amax(1, keepdim=True), values, 0.0)
        codes = x.new_zeros(len(x), self.n_features).scatter(1, support, values)
        return torch.where(finite, codes, torch.nan)
