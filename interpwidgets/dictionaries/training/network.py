"""The weights that are learnt, and the dictionary they become."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from interpwidgets.dictionaries.autoencoder import SparseAutoencoder
from interpwidgets.dictionaries.linear import LinearDictionary
from interpwidgets.dictionaries.matryoshka import Matryoshka
from interpwidgets.dictionaries.training.recipes import GatedRecipe, Recipe
from interpwidgets.dictionaries.training.source import Chunk
from interpwidgets.dictionaries.transcoder import Transcoder


class Network(nn.Module):
    """A dictionary while it is learnt, on activations scaled to a mean length of √d.

    Args:
        recipe: the sparse rule.
        chunk: the first activations: they give the scales, the starting biases, and the variance to explain.
    """

    def __init__(self, recipe: Recipe, chunk: Chunk) -> None:
        super().__init__()
        self.recipe, self.plan = recipe, recipe.plan
        self.transcodes = chunk.read is not chunk.written
        read, written = chunk.read.float(), chunk.written.float()
        scales = [_scale(part) if self.plan.normalise else 1.0 for part in (read, written)]
        self.register_buffer("scale_in", torch.tensor(scales[0]))
        self.register_buffer("scale_out", torch.tensor(scales[1]))
        self.register_buffer("mean", written.mean(0) * scales[1])
        self.register_buffer("variance", (written * scales[1] - self.get_buffer("mean")).square().sum(1).mean())
        d_in, d_out, n = read.shape[1], written.shape[1], self.plan.n_features
        draw = torch.Generator().manual_seed(self.plan.seed)
        directions = nn.functional.normalize(torch.randn(n, d_out, generator=draw), dim=1)
        detectors = directions
        if self.transcodes:
            detectors = nn.functional.normalize(torch.randn(n, d_in, generator=draw), dim=1)
        centre = read.mean(0).cpu() * scales[0]
        self.W_dec = nn.Parameter(directions.clone())
        self.W_enc = nn.Parameter(detectors.T.clone().contiguous())
        self.b_enc = nn.Parameter(-(centre @ detectors.T) if self.transcodes else torch.zeros(n))
        self.b_dec = nn.Parameter(self.get_buffer("mean").cpu().clone())
        self.W_skip = nn.Parameter(torch.zeros(d_out, d_in)) if self.plan.skip else None

    def scaled(self, chunk: Chunk) -> Chunk:
        """Activations in the units of training."""
        return Chunk(
            chunk.read.float() * self.get_buffer("scale_in"), chunk.written.float() * self.get_buffer("scale_out")
        )

    def preactivations(self, x: torch.Tensor) -> torch.Tensor:
        """How well each detector matches [token, feature]."""
        return (x if self.transcodes else x - self.b_dec) @ self.W_enc + self.b_enc

    def decode(self, codes: torch.Tensor, x: torch.Tensor, first: int | None = None) -> torch.Tensor:
        """What the codes write [token, d_out], or those of the first so many features."""
        made = codes @ self.W_dec[:first] + self.b_dec
        return made if self.W_skip is None else made + x @ self.W_skip.T

    def unexplained(self, made: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The fraction of variance unexplained."""
        return (target - made).square().sum(1).mean() / self.get_buffer("variance")

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """What is made smaller, and what there is to see of it.

        Returns:
            The loss; and ``codes``, ``pre`` [token, feature], ``made`` [token, d_out] and ``fvu``.
        """
        pre = self.preactivations(x)
        codes = self.recipe.codes(pre)
        made = self.decode(codes, x)
        fvu = self.unexplained(made, y)
        total = fvu + self.recipe.sparsity(pre, codes)
        if self.plan.levels:
            total = total - fvu + self._nested(codes, x, y)
        if isinstance(self.recipe, GatedRecipe):
            alone = self.recipe.gate(pre) @ self.W_dec.detach() + self.b_dec.detach()
            total = total + self.unexplained(alone, y)
        return total, {"codes": codes.detach(), "pre": pre, "made": made.detach(), "fvu": fvu.detach()}

    def _nested(self, codes: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The mean FVU over the prefixes, each built on the one before."""
        made, total, start = self.decode(codes[:, :0], x, 0), x.new_zeros(()), 0
        for size in self.plan.levels:
            made = made + codes[:, start:size] @ self.W_dec[start:size]
            total = total + self.unexplained(made, y)
            start = size
        return total / len(self.plan.levels)

    def revive(self, dead: torch.Tensor, seen: dict[str, torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        """The auxiliary loss that brings dead features back: let the best of them explain what is left.

        With e = y − ŷ and ê what the largest d/2 dead pre-activations write of it, ``‖e − ê‖² / ‖e‖²`` (Gao et al.
        2024, section A.2). 0 where none is dead.
        """
        count = int(dead.sum())
        if count == 0:
            return y.new_zeros(())
        left = y - seen["made"]
        pre = seen["pre"][:, dead].relu()
        values, best = pre.topk(min(count, max(1, y.shape[1] // 2)), dim=1, sorted=False)
        made = torch.zeros_like(pre).scatter(1, best, values) @ self.W_dec[dead]
        return (left - made).square().sum() / left.square().sum().clamp_min(1e-12)

    @torch.no_grad()
    def forget_lengths(self) -> None:
        """Before a step: a direction's gradient along itself would only change its length."""
        grad = self.W_dec.grad
        if grad is not None:
            grad -= (grad * self.W_dec).sum(1, keepdim=True) * self.W_dec

    @torch.no_grad()
    def unit_directions(self) -> None:
        """After a step: directions of length 1."""
        self.W_dec.copy_(nn.functional.normalize(self.W_dec, dim=1))

    def dictionary(self, **about: Any) -> LinearDictionary:
        """What has been learnt, with the scales folded in: it reads and writes activations in their own units."""
        scale_in, scale_out = float(self.get_buffer("scale_in")), float(self.get_buffer("scale_out"))
        detectors, directions = self.W_enc.detach().T * scale_in, self.W_dec.detach() / scale_out
        rest = {
            "encoder_bias": self.b_enc.detach(),
            "decoder_bias": self.b_dec.detach() / scale_out,
            "activation": self.recipe.rule(),
            **about,
        }
        if self.transcodes:
            skip = None if self.W_skip is None else self.W_skip.detach() * (scale_in / scale_out)
            return Transcoder(detectors, directions, skip=skip, **rest)
        if self.plan.levels:
            return Matryoshka(detectors, directions, levels=self.plan.levels, subtract_bias=True, **rest)
        return SparseAutoencoder(detectors, directions, subtract_bias=True, **rest)


def _scale(rows: torch.Tensor) -> float:
    """√d over the mean length."""
    length = float(rows.norm(dim=1).mean())
    return rows.shape[1] ** 0.5 / length if length > 0 else 1.0
