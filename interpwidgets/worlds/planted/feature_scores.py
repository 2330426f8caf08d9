"""Which feature detects what was planted, and how well."""

from __future__ import annotations

from typing import NamedTuple

import torch


class FeatureScores(NamedTuple):
    """How well one feature detects one planted thing.

    Attributes:
        feature: its number.
        precision: of the places where it fires, the share where the thing is.
        recall: of the places where the thing is, the share where it fires.
    """

    feature: int
    precision: float
    recall: float


def best_features(fires: torch.Tensor, truth: torch.Tensor, names: tuple[str, ...]) -> dict[str, FeatureScores]:
    """For each planted thing the feature with the best F1.

    Args:
        fires: where features fire ``[place, feature]``.
        truth: where the things are ``[place, thing]``.
        names: of the things.
    """
    both = fires.double().T @ truth.double()
    precision = both / fires.sum(0)[:, None].clamp_min(1)
    recall = both / truth.sum(0).clamp_min(1)
    f1 = 2 * precision * recall / (precision + recall).clamp_min(1e-12)
    found = {}
    for at, name in enumerate(names):
        best = int(f1[:, at].argmax())
        found[name] = FeatureScores(best, float(precision[best, at]), float(recall[best, at]))
    return found
