"""Exchanging few features of one activation for those of another, greedily."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from interpwidgets.dictionaries.protocol import BLOCK, Dictionary

# Features that may be exchanged at a position: those that differ most, by what they write.
CANDIDATES = 512


class Exchanged(NamedTuple):
    """Edited activations, and how much of what fires was exchanged.

    Attributes:
        activations: [budget, row, d] at the output site.
        weight: [budget] mean feature weight of the features edited, half of it before and half after.
    """

    activations: torch.Tensor
    weight: np.ndarray


def exchange(
    dictionary: Dictionary,
    read: torch.Tensor,
    write: torch.Tensor,
    read_other: torch.Tensor,
    write_other: torch.Tensor,
    budgets: tuple[int, ...],
) -> Exchanged:
    """Set the codes of up to k features to another activation's, each step the one that brings it nearest.

    Starting from ``r = x' - x``, a step takes the feature with the largest ``2 r·v - |v|²``, v the change of its code
    times its direction, as long as that is above 0.

    Args:
        dictionary: the features.
        read, write: activations at its input and output site [row, d].
        read_other, write_other: the counterfactual's [row, d].
        budgets: how many features, rising.
    """
    rows = max(1, BLOCK // max(dictionary.n_features, CANDIDATES * dictionary.d_out))
    parts = []
    for i in range(0, len(read), rows):
        at = slice(i, i + rows)
        parts.append(_exchange(dictionary, read[at], write[at], read_other[at], write_other[at], budgets))
    edited = torch.cat([part[0] for part in parts], 1)
    return Exchanged(edited, torch.cat([part[1] for part in parts], 1).nanmean(1).cpu().numpy())


def _exchange(
    dictionary: Dictionary,
    read: torch.Tensor,
    write: torch.Tensor,
    read_other: torch.Tensor,
    write_other: torch.Tensor,
    budgets: tuple[int, ...],
) -> tuple[torch.Tensor, torch.Tensor]:
    directions = dictionary.directions.float()
    codes, others = dictionary.encode(read).float(), dictionary.encode(read_other).float()
    change = others - codes
    m = max(1, min(CANDIDATES, int((change != 0).sum(1).max())))
    chosen = (change.abs() * directions.norm(dim=1)).topk(m, dim=1).indices
    scale = _scale(dictionary, codes, read)
    moves = directions[chosen] * (change.gather(1, chosen) * scale)[..., None]
    size = moves.pow(2).sum(-1)
    weights = (_weights(codes, directions).gather(1, chosen) + _weights(others, directions).gather(1, chosen)) / 2
    left = (write_other - write).float().to(moves)
    used = torch.zeros_like(size, dtype=torch.bool)
    edited, weight = [], []
    rows = torch.arange(len(left), device=left.device)
    for step in range(1, budgets[-1] + 1):
        gain = 2 * torch.einsum("rmd,rd->rm", moves, left) - size
        best = gain.masked_fill(used, -torch.inf).max(1)
        good = best.values > 0
        used[rows, best.indices] |= good
        left = left - moves[rows, best.indices] * good[:, None]
        if step in budgets:
            edited.append(write_other.to(left) - left)
            weight.append((weights * used).sum(1))
    return torch.stack(edited), torch.stack(weight)


def _weights(codes: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Size of each feature's share of the reconstruction [row, feature] (see `Dictionary.feature_weights`)."""
    written = codes @ directions
    return (codes * (written @ directions.T) / written.pow(2).sum(1, keepdim=True)).abs()


def _scale(dictionary: Dictionary, codes: torch.Tensor, x: torch.Tensor) -> torch.Tensor | float:
    """By how much a normalisation scales what features write, for each row [row, 1]."""
    if getattr(getattr(dictionary, "normalisation", None), "kind", "none") == "none":
        return 1.0
    needed = x if dictionary.needs_input else None
    plain = codes @ dictionary.directions.float()
    made = dictionary.decode(codes, needed) - dictionary.decode(torch.zeros_like(codes), needed)
    return (made.float() * plain).sum(1, keepdim=True) / plain.pow(2).sum(1, keepdim=True).clamp_min(1e-30)
