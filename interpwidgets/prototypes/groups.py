"""Groups of prototypes: which few, of which scales, act together for a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError


class Groups(nn.Module):
    """A layer between similarities and classes: each group is a mixture of its class's prototypes.

    The mixture weights of a group lie on the simplex (at least 0, together 1), so a group can be read as "so much of
    this prototype and so much of that one", across scales (Porta et al. 2025, "Multi-Scale Grouped Prototypes for
    Interpretable Semantic Segmentation")::

        L_g     = Σ_p  mixture[g, p] · g_p            mixture[g] = softmax over the prototypes of the group's class
        logit_c = Σ_g  weights[c, g] · L_g            or exp(L_g) with activation="exp", as published

    With ``activation="sum"`` logits stay linear in the similarities, and the product of both matrices serves as the
    network's ``weights``.

    Args:
        prototype_class: ``[prototype]``.
        n_classes: how many classes.
        per_class: groups of each class.
        activation: ``"sum"`` or ``"exp"``.
        seed: of the first mixtures.
    """

    def __init__(
        self, prototype_class: Any, n_classes: int, *, per_class: int = 2, activation: str = "sum", seed: int = 0
    ) -> None:
        super().__init__()
        owner = torch.as_tensor(np.asarray(prototype_class), dtype=torch.long)
        if activation not in ("sum", "exp") or per_class < 1 or set(owner.tolist()) - set(range(n_classes)):
            raise InputError(
                expected="per_class of 1 or more, activation 'sum' or 'exp', classes below n_classes",
                got=f"per_class={per_class!r}, activation={activation!r}, classes {sorted(set(owner.tolist()))[:9]}",
                fix="Pass net.prototype_class and len(net.classes).",
            )
        lonely = sorted(set(range(n_classes)) - set(owner.tolist()))
        if lonely:
            raise InputError(
                expected="a prototype of every class", got=f"none of class {lonely[0]}", fix="Group before pruning."
            )
        self.activation, self.per_class, self.n_classes = activation, per_class, n_classes
        group_class = torch.arange(n_classes).repeat_interleave(per_class)
        self.allowed: torch.Tensor
        self.register_buffer("allowed", group_class[:, None] == owner[None])
        self.group_class: torch.Tensor
        self.register_buffer("group_class", group_class)
        start = torch.randn(len(group_class), len(owner), generator=torch.Generator().manual_seed(seed))
        self.scores = nn.Parameter(0.1 * start)
        own = torch.nn.functional.one_hot(group_class, n_classes).T.float()
        self.class_weights = nn.Parameter(own - 0.5 * (1 - own))

    @property
    def linear(self) -> bool:
        """Whether logits are linear in similarities."""
        return self.activation == "sum"

    @property
    def mixture(self) -> torch.Tensor:
        """``[group, prototype]``: rows at least 0 and together 1; 0 outside of the group's class."""
        return self.scores.masked_fill(~self.allowed, -torch.inf).softmax(1)

    def weights(self) -> torch.Tensor:
        """``[class, prototype]``: both layers in one.

        Raises:
            ModelError: groups with ``activation="exp"``.
        """
        if not self.linear:
            raise ModelError(
                expected="groups whose logits are linear in the similarities",
                got='activation="exp"',
                fix="Read net.contributions(x), which add up to the logits, or use activation='sum'.",
            )
        return self.class_weights @ self.mixture

    def levels(self, values: torch.Tensor, factors: Mapping[int, float] | None = None) -> torch.Tensor:
        """``[..., group]``: the mixed similarities of each group."""
        return self._scaled(values, factors) @ self.mixture.T

    def forward(self, values: torch.Tensor, factors: Mapping[int, float] | None = None) -> torch.Tensor:
        """Logits ``[..., class]`` of similarities ``[..., prototype]``; `factors` multiply single prototypes."""
        levels = self.levels(values, factors)
        return (levels if self.linear else levels.exp()) @ self.class_weights.T

    def contributions(self, values: torch.Tensor, factors: Mapping[int, float] | None = None) -> torch.Tensor:
        """``[image, class, prototype]``: a group's evidence shared as its members share its level; sums to logits."""
        shares = self._scaled(values, factors)[:, None] * self.mixture  # [image, group, prototype]
        if not self.linear:
            level = shares.sum(2, keepdim=True)
            # A group at level 0 has evidence exp(0) = 1 and no member to owe it to: the mixture shares it.
            quiet = level.abs() < 1e-9
            shares = torch.where(quiet, self.mixture, shares / torch.where(quiet, 1, level)) * level.exp()
        return torch.einsum("cg,ngp->ncp", self.class_weights, shares)

    def check(self, n_classes: int, n_prototypes: int) -> None:
        """Raise unless the groups were made for these classes and prototypes."""
        if self.allowed.shape[1] != n_prototypes or self.n_classes != n_classes:
            raise InputError(
                expected=f"groups over {n_prototypes} prototypes and {n_classes} classes",
                got=f"{self.allowed.shape[1]} and {self.n_classes}",
                fix="Make the groups with net.prototype_class and len(net.classes).",
            )

    @staticmethod
    def _scaled(values: torch.Tensor, factors: Mapping[int, float] | None) -> torch.Tensor:
        if not factors:
            return values
        scale = torch.ones(values.shape[-1], dtype=values.dtype, device=values.device)
        for p, factor in factors.items():
            scale[p] = factor
        return values * scale
