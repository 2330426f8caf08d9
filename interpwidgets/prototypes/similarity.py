"""How alike a patch and a prototype are: a squared distance turned into evidence, or the cosine of an angle."""

from __future__ import annotations

import math

import torch

EPSILON = 1e-4
CEILING = math.log(1 / EPSILON)  # the similarity of a patch that is the prototype itself: 9.2103
KINDS = ("distance", "cosine")


def squared_distances(features: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """Squared L2 distance of every place's feature vector to every prototype, by one convolution.

    ``|z - p|² = |z|² - 2 z·p + |p|²`` (Chen et al. 2019, "This Looks Like That"). The three terms nearly cancel where
    patch and prototype agree, so they are added in double precision where the device has it: a prototype that is a
    patch then lies at distance 0 to 1e-13.

    Args:
        features: ``[image, d, row, column]``.
        prototypes: ``[prototype, d]``.

    Returns:
        ``[image, prototype, row, column]``, in the type of the features, never below 0.
    """
    exact = features.float() if features.device.type == "mps" else features.double()
    p = prototypes.to(exact)
    cross = torch.nn.functional.conv2d(exact, p[:, :, None, None])
    squares = exact.square().sum(1, keepdim=True) + p.square().sum(1)[:, None, None]
    return (squares - 2 * cross).clamp_min(0).to(features.dtype)


def log_similarity(distances: torch.Tensor) -> torch.Tensor:
    """``log((d² + 1) / (d² + 1e-4))``: 9.2103 at distance 0, and falling to 0 far away."""
    return torch.log((distances + 1) / (distances + EPSILON))


def cosine_similarity(features: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """Cosine of the angle between every place's feature vector and every prototype, in ``[-1, 1]``.

    Args:
        features: ``[image, d, row, column]``.
        prototypes: ``[prototype, d]``.

    Returns:
        ``[image, prototype, row, column]``; 0 where a vector has no length.
    """
    z = torch.nn.functional.normalize(features, dim=1)
    p = torch.nn.functional.normalize(prototypes, dim=1).to(z)
    return torch.nn.functional.conv2d(z, p[:, :, None, None]).clamp(-1, 1)


def similarity(kind: str, features: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """Similarity maps ``[image, prototype, row, column]`` of either kind."""
    if kind == "cosine":
        return cosine_similarity(features, prototypes)
    return log_similarity(squared_distances(features, prototypes))
