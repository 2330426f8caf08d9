"""What prototypes are trained for: right answers, near patches of the own class, far patches of the others."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn import functional as F

from interpwidgets.prototypes.network import PrototypeNetwork
from interpwidgets.prototypes.similarity import log_similarity


class Evidence(NamedTuple):
    """Similarities and distances of some examples: images, or single places where every pixel has a label.

    Attributes:
        similarity: ``[example, prototype]``.
        distance: ``[example, prototype]``: squared distance; with cosine similarity 1 - cosine.
        target: ``[example]`` classes.
        maps: ``[image, prototype, row, column]`` of the similarity.
    """

    similarity: torch.Tensor
    distance: torch.Tensor
    target: torch.Tensor
    maps: torch.Tensor


def evidence(net: PrototypeNetwork, x: torch.Tensor, labels: torch.Tensor) -> Evidence:
    """One pass over a batch.

    Args:
        net: the network.
        x: as `prepare` gives it.
        labels: ``[image]`` classes, or ``[image, height, width]`` of every pixel; -1 leaves a pixel out.
    """
    if net.similarity == "distance":
        distances = net.distances(x)
        maps = log_similarity(distances)
    else:
        maps = net.similarity_maps(x)
        distances = 1 - maps
    if labels.ndim == 1:
        return Evidence(maps.amax((2, 3)), distances.amin((2, 3)), labels, maps)
    target = coarse_labels(labels, maps.shape[2:]).reshape(-1)
    known = target >= 0
    flat = [values.movedim(1, -1).reshape(-1, values.shape[1])[known] for values in (maps, distances)]
    return Evidence(flat[0], flat[1], target[known], maps)


def coarse_labels(labels: torch.Tensor, shape: tuple[int, ...] | torch.Size) -> torch.Tensor:
    """Labels of pixels at the middle of each place of a map, ``[image, row, column]``."""
    rows = ((torch.arange(shape[0]) + 0.5) * labels.shape[1] / shape[0]).long()
    columns = ((torch.arange(shape[1]) + 0.5) * labels.shape[2] / shape[1]).long()
    return labels[:, rows.to(labels.device)][:, :, columns.to(labels.device)]


def cluster_and_separation(seen: Evidence, owner: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean distance to the nearest prototype of the own class, and of any other class (Chen et al. 2019, eq. 4)."""
    own = owner[None] == seen.target[:, None]
    far = seen.distance.detach().max() + 1
    near = torch.where(own, seen.distance, far).amin(1)
    other = torch.where(own, far, seen.distance).amin(1)
    has_own, has_other = own.any(1), (~own).any(1)
    return near[has_own].mean(), other[has_other].mean()


def diversity(seen: Evidence, owner: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """How alike the prototypes of a class and scale are in where they look, 0 (apart) to 1 (the same places).

    Mean of ``exp(-KL)`` with the symmetric Kullback-Leibler divergence between their distributions over places (the
    diversity loss of Sacha et al. 2023, "ProtoSeg", applied within each scale).
    """
    logp = seen.maps.flatten(2).log_softmax(2)
    pairs = [(i, j) for i in range(len(owner)) for j in range(i) if owner[i] == owner[j] and scale[i] == scale[j]]
    if not pairs:
        return logp.sum() * 0
    a, b = (logp[:, list(side)] for side in zip(*pairs, strict=True))
    divergence = (a.exp() * (a - b) + b.exp() * (b - a)).sum(2)
    return torch.exp(-divergence).mean()


def classification(net: PrototypeNetwork, seen: Evidence) -> torch.Tensor:
    """Cross-entropy (nats) of the logits."""
    return F.cross_entropy(net.from_similarities(seen.similarity), seen.target)
