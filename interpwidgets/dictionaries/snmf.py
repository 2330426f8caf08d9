"""Activations as non-negative sums of parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from interpwidgets.dictionaries.checks import weight, whole
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError

TINY = 1e-9


def winner_take_all(directions: torch.Tensor, share: float) -> torch.Tensor:
    """Each direction with only its largest entries in size, a ``share`` of them; without it parts are not unique."""
    if not 0 < share <= 1:
        raise InputError(expected="a share above 0, up to 1", got=repr(share), fix="Use 0.05 for one neuron in 20.")
    keep = max(1, round(share * directions.shape[1]))
    best = directions.abs().topk(keep, dim=1).indices
    return torch.zeros_like(directions).scatter(1, best, directions.gather(1, best))


def multiplicative_step(codes: torch.Tensor, match: torch.Tensor, gram: torch.Tensor) -> torch.Tensor:
    """Better codes g ≥ 0 [token, part] for fixed parts F: ``g ⊙ √( (M⁺ + g Γ⁻) / (M⁻ + g Γ⁺) )``.

    With ``M = X Fᵀ`` [token, part] and ``Γ = F Fᵀ``; ⁺ and ⁻ are the positive and negative parts. The error never rises
    (Ding et al. 2010, section 3.1).
    """
    above = match.relu() + codes @ (-gram).relu()
    below = (-match).relu() + codes @ gram.relu()
    return codes * (above / (below + TINY)).sqrt()


class SNMF(Dictionary):
    """Semi-non-negative factors: ``x ≈ Σ_j g_j F_j`` with g ≥ 0 and parts F of any sign, each on few neurons.

    Ding et al. 2010, "Convex and Semi-Nonnegative Matrix Factorizations"; on MLP activations Shafran et al. 2025,
    "Decomposing MLP Activations into Interpretable Features via Semi-Nonnegative Matrix Factorization". A token's codes
    solve ``min ‖x − g F‖²`` over g ≥ 0, by the factorisation's own multiplicative rule, under which the error of every
    step is at most the error of the one before::

        g ← g ⊙ √( ((xFᵀ)⁺ + g (FFᵀ)⁻) / ((xFᵀ)⁻ + g (FFᵀ)⁺) )

    Args:
        directions: F [part, d].
        share: keep only this share of every part's entries (winner-take-all); None keeps all.
        groups: the hierarchy above: for each level the weights [part of the coarser level, part of the finer one], all
            ≥ 0. A coarser part is that mixture of finer ones.
        steps: how often the rule is applied.
        about: name, site_in, labels, source.

    Raises:
        InputError: arrays that do not fit together; negative group weights.
    """

    kind: ClassVar[str] = "snmf"

    def __init__(
        self,
        directions: Any,
        *,
        share: float | None = None,
        groups: Sequence[Any] = (),
        steps: int = 200,
        **about: Any,
    ) -> None:
        super().__init__(**about)
        parts = weight("directions", directions, (None, None))
        self.W_dec = parts if share is None else weight("directions", winner_take_all(parts, share), (None, None))
        self.share = share
        self.steps = whole("steps", steps, 1, 10**6)
        self.groups = torch.nn.ParameterList()
        width = len(parts)
        for level in groups:
            mixture = weight("groups", level, (None, width), like=parts)
            if bool((mixture < 0).any()):
                raise InputError(expected="group weights of 0 or more", got="negative ones", fix="Clip them at 0.")
            self.groups.append(mixture)
            width = len(mixture)
        self.to(parts.dtype)
        _ = self.labels

    @property
    def directions(self) -> torch.Tensor:
        return self.W_dec

    @property
    def detectors(self) -> torch.Tensor:
        return torch.linalg.pinv(self.W_dec.float()).T.to(self.dtype)

    def level(self, number: int) -> SNMF:
        """The dictionary of a level: 0 is this one, 1 the mixtures above it, and so on."""
        whole("level", number, 0, len(self.groups))
        made = self.directions
        for mixture in list(self.groups)[:number]:
            made = mixture @ made
        about = {"name": f"{self.name} level {number}", "site_in": self.site_in, "site_out": self.site_out}
        return type(self)(made, groups=list(self.groups)[number:], steps=self.steps, **about)

    def config(self) -> dict[str, Any]:
        return {"share": self.share, "steps": self.steps}

    @classmethod
    def build(cls, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], **about: Any) -> SNMF:
        levels = sum(key.startswith("groups.") for key in tensors)
        return cls(tensors["W_dec"], groups=[tensors[f"groups.{i}"] for i in range(levels)], **config, **about)

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        # Half precision has too few digits for two hundred products of ratios.
        wide = torch.promote_types(self.dtype, torch.float32)
        parts, x = self.W_dec.to(wide), x.to(wide)
        match, gram = x @ parts.T, parts @ parts.T
        codes = match.relu() / gram.diagonal().clamp_min(TINY) + 1e-3
        for _ in range(self.steps):
            codes = multiplicative_step(codes, match, gram)
        return codes.to(self.dtype)

    def _decode(self, codes: torch.Tensor, x: torch.Tensor | None) -> torch.Tensor:
        return codes @ self.W_dec


class NMF(SNMF):
    """Parts that are non-negative too, so nothing cancels: for activations that are never below 0, as after a ReLU.

    Lee and Seung 1999, "Learning the Parts of Objects by Non-Negative Matrix Factorization". A token's codes solve the
    same problem as those of `SNMF`.

    Args:
        directions: F [part, d], all ≥ 0.
        rest: see `SNMF`.

    Raises:
        InputError: a negative direction.
    """

    kind: ClassVar[str] = "nmf"

    def __init__(self, directions: Any, **rest: Any) -> None:
        super().__init__(directions, **rest)
        if bool((self.W_dec < 0).any()):
            raise InputError(expected="directions of 0 or more", got="negative ones", fix="Use SNMF for these.")
