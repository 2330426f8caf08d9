"""Push: each prototype becomes the training patch nearest to it, so that "this looks like that" is literally true."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from interpwidgets.prototypes.data import TrainingSet
from interpwidgets.prototypes.losses import coarse_labels
from interpwidgets.prototypes.network import PrototypeNetwork
from interpwidgets.prototypes.similarity import squared_distances
from interpwidgets.prototypes.sources import Sources


@torch.no_grad()
def push(net: PrototypeNetwork, images: Any, labels: Any, *, distinct: bool = True, batch: int = 128) -> Sources:
    """Replace each prototype by the feature vector of the nearest patch among images of its own class.

    Runs in eval mode, so that afterwards the distance of a prototype to its source patch is 0 and its similarity
    9.2103 (with cosine: 1). Accuracy usually falls here; `refit` gives it back.

    Args:
        net: changed in place: ``prototypes`` and ``sources``.
        images, labels: as for `fit_prototypes`.
        distinct: no two prototypes of a class take the same patch.
        batch: images at a time.

    Returns:
        The sources, which the network has too.

    Raises:
        InputError: a class without images.
    """
    data = TrainingSet(net, images, labels, batch=batch)
    data.require_classes(net.prototype_class)
    training = net.training
    net.eval()
    try:
        found = _nearest(net, data, depth=_most_siblings(net) if distinct else 1)
        chosen = _choose(net, found)
        scale = net.prototype_scale
        image, place, vectors = [], [], []
        for p, (index, row, column) in enumerate(chosen):
            z = net.feature_maps(data.batch_of([index]))[scale[p]]
            vectors.append(z[0, :, row, column])
            image.append(index)
            place.append((row, column))
        net.prototypes.data.copy_(torch.stack(vectors))
    finally:
        net.train(training)
    net.sources = net.sources_at(data.items, np.array(image, np.int64), np.array(place, np.int64))
    return net.sources


def _nearest(net: PrototypeNetwork, data: TrainingSet, depth: int) -> list[list[tuple[float, int, int, int]]]:
    """For each prototype the nearest patches of its class: distance, image, row, column."""
    owner, scale = net.prototype_class, net.prototype_scale
    best: list[list[tuple[float, int, int, int]]] = [[] for _ in owner]
    for rows, x, labels in data.batches():
        for level, z in enumerate(net.feature_maps(x)):
            mine = np.flatnonzero(scale == level)
            if not len(mine):
                continue
            vectors = net.prototypes[torch.from_numpy(mine).to(z.device)]
            if net.similarity == "cosine":
                z, vectors = (torch.nn.functional.normalize(v, dim=1) for v in (z, vectors))
            distance = squared_distances(z, vectors)
            width = distance.shape[3]
            shape = distance.shape[2:]
            where = coarse_labels(labels, shape) if labels.ndim == 3 else labels[:, None, None].expand(-1, *shape)
            for at, p in enumerate(mine):
                values = distance[:, at].masked_fill(where != int(owner[p]), torch.inf).reshape(-1)
                low, order = values.topk(min(depth, len(values)), largest=False)
                for value, flat in zip(low.tolist(), order.tolist(), strict=True):
                    if value < float("inf"):
                        i, rest = divmod(flat, int(shape[0] * shape[1]))
                        row, column = divmod(rest, width)
                        best[p].append((value, int(rows[i]), row, column))
                best[p] = sorted(best[p])[:depth]
    return best


def _choose(net: PrototypeNetwork, found: list[list[tuple[float, int, int, int]]]) -> list[tuple[int, int, int]]:
    """The best patch for each; who is nearest to a patch gets it."""
    scale = net.prototype_scale
    ranked = sorted((candidate, p) for p, candidates in enumerate(found) for candidate in candidates)
    taken: set[tuple[int, ...]] = set()
    chosen: dict[int, tuple[int, int, int]] = {}
    for (_, image, row, column), p in ranked:
        patch = (int(scale[p]), image, row, column)
        if p not in chosen and patch not in taken:
            chosen[p] = (image, row, column)
            taken.add(patch)
    # Without `distinct` only one candidate each was kept, and some patches are shared.
    return [chosen.get(p, found[p][0][1:]) for p in range(len(found))]


def _most_siblings(net: PrototypeNetwork) -> int:
    pairs = list(zip(net.prototype_class.tolist(), net.prototype_scale.tolist(), strict=True))
    return max(pairs.count(pair) for pair in pairs)


def prune(net: PrototypeNetwork, *, tolerance: float = 1e-6) -> np.ndarray:
    """Drop prototypes that say the same as an earlier one of their class and scale; returns the indices kept.

    Args:
        net: changed in place.
        tolerance: prototypes whose squared distance is at most this are the same.
    """
    p = net.prototypes.detach().double()
    distance = torch.cdist(p, p).square().cpu().numpy()
    owner, scale = net.prototype_class, net.prototype_scale
    kept: list[int] = []
    for i in range(len(owner)):
        if not any(owner[i] == owner[j] and scale[i] == scale[j] and distance[i, j] <= tolerance for j in kept):
            kept.append(i)
    if len(kept) < len(owner):
        net.keep_only(kept)
    return np.array(kept)
