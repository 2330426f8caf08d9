"""From a prototype network and an image to what looks like what, and what that adds to each class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.errors import InputError
from interpwidgets.prototypes import TextPrototypes, read_images
from interpwidgets.records.prototypes import PrototypeComparison

if TYPE_CHECKING:
    from interpwidgets.prototypes import PrototypeModel

NEEDED = ("similarity_maps", "prepare", "place_box", "n_prototypes")


def compare_prototypes(net: PrototypeModel, image: Any, *, label: int | str | None = None) -> PrototypeComparison:
    """Compare one image with every prototype: this part of it looks like that training patch.

    Args:
        net: a `PrototypeNetwork`, or a network of your own behind `adapt`.
        image: uint8 ``[height, width, 3]``, a Pillow image or a path; it is resized to what the network takes.
        label: the image's own class, by number or name, where it is known.

    Returns:
        Similarity maps, the best place of each prototype with its box, logits, and what each prototype adds to each;
        ``record.sum_check`` says whether that adds up.

    Raises:
        InputError: no such network, several images, or a class it does not have.
    """
    check_network(net)
    pixels = one_image(net, image)
    with quietly(net):
        x = net.prepare(pixels)
        maps = net.similarity_maps(x)
        values = maps.amax((2, 3))
        groups: Any = getattr(net, "groups", None)
        linear = bool(getattr(groups, "linear", True))
        weights = net.weights if linear else groups.class_weights @ groups.mixture
        logits = _call(net, "logits", x, lambda: values @ weights.to(values).T)
        adds = _call(net, "contributions", x, lambda: values[:, None] * weights.to(values))
    classes = tuple(str(name) for name in net.classes)
    places = best_places(maps)[0]
    sources = net.sources
    record = PrototypeComparison(
        image=pixels[0],
        similarity_maps=array(maps[0]),
        similarities=array(values[0]),
        places=places,
        boxes=place_boxes(net, places, tuple(maps.shape[2:])),
        weights=array(weights),
        contributions=array(adds[0]),
        logits=array(logits[0]),
        classes=classes,
        prototype_class=np.asarray(net.prototype_class, np.int64),
        similarity=str(getattr(net, "similarity", "similarity")),
        source_images=None if sources is None else sources.images,
        source_boxes=None if sources is None else np.asarray(sources.box, np.int64),
        source_indices=None if sources is None else np.asarray(sources.image, np.int64),
        source_labels=() if sources is None else label_names(sources.labels, classes),
        scales=_scales(net),
        groups=None if groups is None else array(groups.mixture),
        group_weights=None if groups is None else array(groups.class_weights),
        linear=linear,
        name=name_of(net),
    )
    return record if label is None else replace(record, label=record.class_index(label))


def check_network(net: Any) -> None:
    """Refuse what cannot compare images with prototypes."""
    missing = [part for part in NEEDED if not hasattr(net, part)]
    if missing:
        raise InputError(
            expected="a network with prototypes",
            got=f"{type(net).__name__}, which has no {missing[0]}",
            fix='Pass iw.load("birdworld"), a PrototypeNetwork, or your own model behind adapt(...).',
        )
    if isinstance(net, TextPrototypes):
        raise InputError(
            expected="a network with prototypes of images",
            got=f"{type(net).__name__}, whose prototypes are spans of text",
            fix="Read net.similarity_maps(net.prepare(texts)) and net.contributions(...) directly.",
        )


def one_image(net: Any, image: Any) -> np.ndarray:
    """One image as the network sees it, ``[1, height, width, 3]`` uint8 of its size."""
    pixels = read_images(image, getattr(net, "image_size", None))
    if len(pixels) != 1:
        raise InputError(expected="one image", got=f"{len(pixels)} images", fix="Pass them one by one, images[0].")
    return pixels


@contextmanager
def quietly(net: Any) -> Iterator[None]:
    """No gradients, and evaluation mode if the network is a module; its modes are restored."""
    modules = [m for m in net.modules() if m.training] if isinstance(net, torch.nn.Module) else []
    try:
        for module in modules:
            module.training = False
        with torch.no_grad():
            yield
    finally:
        for module in modules:
            module.training = True


def best_places(maps: torch.Tensor) -> np.ndarray:
    """``[image, prototype, 2]`` row and column of the largest similarity; the first of equal ones."""
    # Not a number counts as smallest: a broken place must not win over a real one.
    flat = maps.flatten(2).nan_to_num(nan=-torch.inf).argmax(2).cpu().numpy()
    return np.stack(np.divmod(flat, maps.shape[3]), axis=-1).astype(np.int64)


def place_boxes(net: Any, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``[prototype, 4]`` the pixels of each prototype's place: for a coarse prototype those of its own coarse cell."""
    scales, shapes = _scales(net), net.map_shapes() if _scales(net) is not None else []
    boxes = []
    for p, (row, column) in enumerate(places.tolist()):
        own = shape if scales is None else shapes[int(scales[p])]
        place = (row * own[0] // shape[0], column * own[1] // shape[1])
        boxes.append(net.place_box(place, tuple(own)))
    return np.array(boxes, np.int64).reshape(len(places), 4)


def label_names(labels: Any, classes: tuple[str, ...]) -> tuple[str, ...]:
    """What each source image shows: class numbers become names, words stay."""
    return tuple(
        (classes[int(v)] if 0 <= int(v) < len(classes) else "") if isinstance(v, int | np.integer) else str(v)
        for v in labels
    )


def name_of(net: Any) -> str:
    """What to call the network."""
    return str(getattr(net, "name", "") or type(net).__name__)


def array(values: torch.Tensor) -> np.ndarray:
    """A tensor as float32 numbers."""
    return values.detach().float().cpu().numpy()


def _scales(net: Any) -> np.ndarray | None:
    scales = getattr(net, "prototype_scale", None)
    several = scales is not None and len(set(np.asarray(scales).tolist())) > 1 and hasattr(net, "map_shapes")
    return np.asarray(scales, np.int64) if several else None


def _call(net: Any, method: str, x: torch.Tensor, otherwise: Any) -> torch.Tensor:
    return getattr(net, method)(x) if hasattr(net, method) else otherwise()
