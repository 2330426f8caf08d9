"""What each kind of dictionary optimises.

All share one shape, a linear reading W_enc, a sparse rule and a linear writing W_dec with directions of length 1, and
one main term, the fraction of variance unexplained (FVU). They differ in the rule, and in what keeps it sparse.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn

from interpwidgets.dictionaries.activation import Activation
from interpwidgets.dictionaries.batch_topk import BatchTopK
from interpwidgets.dictionaries.gated import Gated
from interpwidgets.dictionaries.jumprelu import JumpReLU
from interpwidgets.dictionaries.relu import ReLU
from interpwidgets.dictionaries.topk import TopK
from interpwidgets.dictionaries.training.plan import Filled


class Recipe(nn.Module, ABC):
    """The sparse rule of one kind while it is learnt.

    Args:
        plan: how many features, how many of them should fire, and what keeps them few.
    """

    kind: ClassVar[str]

    def __init__(self, plan: Filled) -> None:
        super().__init__()
        self.plan = plan
        self.register_buffer("strength", torch.tensor(math.log(plan.penalty or 1e-3)))

    @abstractmethod
    def codes(self, pre: torch.Tensor) -> torch.Tensor:
        """Codes of pre-activations, both [token, feature], with gradients."""

    @abstractmethod
    def rule(self) -> Activation:
        """The finished rule."""

    def sparsity(self, pre: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """The term that is added to the FVU; nothing where the rule itself counts."""
        return pre.new_zeros(())

    def after_step(self, codes: torch.Tensor, l0: torch.Tensor, pace: float) -> None:
        """Look at what a step brought; l0 is the mean number of features that fired, over all ranks."""

    def _steer(self, l0: torch.Tensor, pace: float) -> None:
        """Move the penalty's weight towards where k features fire: faster at first, slower the more steps are done."""
        if self.plan.penalty is None:
            wrong = (l0.clamp_min(1e-3) / self.plan.k).log().clamp(-1, 1)
            self.get_buffer("strength").add_(0.03 * pace * wrong)


class ReLURecipe(Recipe):
    """FVU + λ Σ_j codes_j (Bricken et al. 2023). The penalty shrinks every code, which the other kinds avoid."""

    kind = "relu"

    def codes(self, pre: torch.Tensor) -> torch.Tensor:
        return pre.relu()

    def sparsity(self, pre: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        return self.get_buffer("strength").exp() * codes.sum(1).mean()

    def after_step(self, codes: torch.Tensor, l0: torch.Tensor, pace: float) -> None:
        self._steer(l0, pace)

    def rule(self) -> Activation:
        return ReLU()


class GatedRecipe(ReLURecipe):
    """The penalty acts on the gate alone, which must be able to reconstruct too (Rajamanoharan et al. 2024).

    ``FVU + λ Σ_j max(0, gate_j) + FVU of decoding max(0, gate) with the decoder held still``.
    """

    kind = "gated"

    def __init__(self, plan: Filled) -> None:
        super().__init__(plan)
        self.b_gate = nn.Parameter(torch.zeros(plan.n_features))
        self.b_mag = nn.Parameter(torch.zeros(plan.n_features))
        self.r_mag = nn.Parameter(torch.zeros(plan.n_features))

    def codes(self, pre: torch.Tensor) -> torch.Tensor:
        size = (pre * self.r_mag.exp() + self.b_mag).relu()
        return torch.where(pre + self.b_gate > 0, size, 0)

    def gate(self, pre: torch.Tensor) -> torch.Tensor:
        """What the gate alone would write."""
        return (pre + self.b_gate).relu()

    def sparsity(self, pre: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        return self.get_buffer("strength").exp() * self.gate(pre).sum(1).mean()

    def rule(self) -> Activation:
        return Gated(self.b_gate.detach(), self.b_mag.detach(), self.r_mag.detach())


class JumpReLURecipe(Recipe):
    """A threshold per feature, learnt through a window around the jump, and a penalty on the count itself.

    ``FVU + λ (L0/k − 1)²``: the count has no slope, so the slope of a box of width ε around the threshold stands in
    for it (straight-through; Rajamanoharan et al. 2024, "Jumping Ahead", equations 11 and 12 and its appendix on
    training to a wanted L0).
    """

    kind = "jumprelu"
    WIDTH = 0.1  # ε, in units of the normalised activations

    def __init__(self, plan: Filled) -> None:
        super().__init__(plan)
        self.log_threshold = nn.Parameter(torch.full((plan.n_features,), math.log(0.1)))
        self.weight = 1.0 if plan.penalty is None else plan.penalty

    def codes(self, pre: torch.Tensor) -> torch.Tensor:
        return _Jump.apply(pre, self.log_threshold.exp(), self.WIDTH)

    def sparsity(self, pre: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        count = _Step.apply(pre, self.log_threshold.exp(), self.WIDTH).sum(1).mean()
        return self.weight * (count / self.plan.k - 1).square()

    def rule(self) -> Activation:
        return JumpReLU(self.log_threshold.detach().exp())


class TopKRecipe(Recipe):
    """The k largest of every token (Gao et al. 2024)."""

    kind = "topk"

    def codes(self, pre: torch.Tensor) -> torch.Tensor:
        values, best = pre.relu().topk(round(self.plan.k), dim=1, sorted=False)
        return torch.zeros_like(pre).scatter(1, best, values)

    def rule(self) -> Activation:
        return TopK(round(self.plan.k))


class BatchTopKRecipe(Recipe):
    """The k·B largest of a batch of B tokens (Bussmann et al. 2024).

    The mean of the smallest code that stayed becomes the fixed threshold, so that a finished dictionary does not look
    at its neighbours.
    """

    kind = "batch_topk"

    def __init__(self, plan: Filled) -> None:
        super().__init__(plan)
        self.register_buffer("threshold", torch.tensor(-1.0))

    def codes(self, pre: torch.Tensor) -> torch.Tensor:
        flat = pre.relu().flatten()
        values, best = flat.topk(min(len(flat), round(self.plan.k * len(pre))), sorted=False)
        return torch.zeros_like(flat).scatter(0, best, values).view_as(pre)

    def after_step(self, codes: torch.Tensor, l0: torch.Tensor, pace: float) -> None:
        fired = codes[codes > 0]
        if len(fired):
            threshold, smallest = self.get_buffer("threshold"), fired.min()
            threshold.copy_(torch.where(threshold < 0, smallest, threshold.lerp(smallest, 0.01)))

    def rule(self) -> Activation:
        # Just below the smallest that stayed, which itself must stay.
        return BatchTopK(self.get_buffer("threshold").clamp_min(0).cpu(), k=self.plan.k)


class MatryoshkaRecipe(BatchTopKRecipe):
    """BatchTopK, with the FVU averaged over nested prefixes of the features (Bussmann et al. 2025)."""

    kind = "matryoshka"


RECIPES: dict[str, type[Recipe]] = {
    recipe.kind: recipe
    for recipe in (ReLURecipe, GatedRecipe, JumpReLURecipe, TopKRecipe, BatchTopKRecipe, MatryoshkaRecipe)
}


class _Step(torch.autograd.Function):
    """1 above the threshold and 0 below; backwards, the slope of a box around it, for the threshold only."""

    @staticmethod
    def forward(ctx, pre, threshold, width):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(pre, threshold)
        ctx.width = width
        return (pre > threshold).to(pre.dtype)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        pre, threshold = ctx.saved_tensors
        inside = ((pre - threshold).abs() < ctx.width / 2) / ctx.width
        return None, -(grad * inside).sum(0), None


class _Jump(torch.autograd.Function):
    """The pre-activation above the threshold and 0 below; backwards, the same box for the threshold."""

    @staticmethod
    def forward(ctx, pre, threshold, width):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(pre, threshold)
        ctx.width = width
        return torch.where(pre > threshold, pre, 0)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        pre, threshold = ctx.saved_tensors
        inside = ((pre - threshold).abs() < ctx.width / 2) / ctx.width
        return torch.where(pre > threshold, grad, 0), -(grad * inside * threshold).sum(0), None
