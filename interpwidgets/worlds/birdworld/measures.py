"""What each prototype really sees, asked of the renderer: parts by their masks, concepts by changing one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from interpwidgets.prototypes import PrototypeNetwork

from .draw import Birds, draw
from .species import CLASSES, CONCEPTS, PARTS

SEED = 2  # birds that neither training nor testing saw


@torch.no_grad()
def best_boxes(net: PrototypeNetwork, images: np.ndarray, prototype: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a prototype is most similar in each image: places ``[image, 2]``, boxes ``[image, 4]``, values."""
    maps = net.similarity_maps(net.prepare(images))[:, prototype]
    flat = maps.flatten(1).argmax(1).numpy()
    places = np.stack(np.divmod(flat, maps.shape[2]), 1)
    return places, np.array([net.place_box((int(y), int(x))) for y, x in places]), maps.flatten(1).amax(1).numpy()


def parts_seen(net: PrototypeNetwork, birds: Birds, prototype: int) -> dict[str, float]:
    """Share of the prototype's best boxes that lies on each part, and on the ``bird`` at all, over its own species."""
    own = birds.take(birds.labels == net.prototype_class[prototype])
    _, boxes, _ = best_boxes(net, own.images, prototype)
    share = {
        part: float(
            np.mean([m[y0:y1, x0:x1].mean() for m, (y0, x0, y1, x1) in zip(own.masks[part], boxes, strict=True)])
        )
        for part in PARTS
    }
    return {**share, "bird": sum(share.values())}


@torch.no_grad()
def concepts_read(net: PrototypeNetwork, *, n: int = 24) -> dict[str, np.ndarray]:
    """Concept -> ``[prototype]``: mean loss of similarity, at the place where it was best, when it alone is changed.

    The birds are drawn again with everything else as it was, so this is what a prototype reads, not what goes with it.
    """
    lost: dict[str, np.ndarray] = {name: np.zeros(net.n_prototypes) for name in CONCEPTS}
    owner = net.prototype_class
    for label in range(len(CLASSES)):
        mine = np.flatnonzero(owner == label)
        if not len(mine):
            continue
        before = _maps(net, draw(n, seed=SEED, label=label), mine)
        at = before.argmax(2, keepdim=True)
        here = before.gather(2, at)
        for name, values in CONCEPTS.items():
            own = str(draw(1, seed=SEED, label=label).concepts[name][0])
            others = [value for value in values if value != own]
            drops = [
                here - _maps(net, draw(n, seed=SEED, label=label, **{name: value}), mine).gather(2, at)
                for value in others
            ]
            lost[name][mine] = torch.stack(drops).mean((0, 1))[:, 0].numpy()
    return lost


def _maps(net: PrototypeNetwork, birds: Birds, prototypes: np.ndarray) -> torch.Tensor:
    return net.similarity_maps(net.prepare(birds.images))[:, prototypes].flatten(2)


def measure(net: PrototypeNetwork, birds: Birds) -> list[dict[str, Any]]:
    """A row for each prototype: class, weight, source, what its boxes lie on, and which concept it reads."""
    lost = concepts_read(net)
    rows = []
    for p, label in enumerate(net.prototype_class):
        share = parts_seen(net, birds, p)
        part = max(PARTS, key=lambda name: share[name])
        concept = max(CONCEPTS, key=lambda name: lost[name][p])
        image = -1 if net.sources is None else int(net.sources.image[p])
        rows.append(
            {
                "prototype": p, "class": CLASSES[label], "weight": round(float(net.weights[label, p].detach()), 3),
                "image": image, "part": part, "on_part": round(share[part], 3), "on_bird": round(share["bird"], 3),
                "concept": concept, "lost": {name: round(float(values[p]), 3) for name, values in lost.items()},
            }
        )  # fmt: skip
    return rows
