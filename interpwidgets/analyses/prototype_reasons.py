"""Why a prototype finds an image similar: hue, saturation, contrast, brightness, shape or texture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm.auto import tqdm

from interpwidgets.analyses.image_changes import ImageChanges
from interpwidgets.analyses.image_units import image_list
from interpwidgets.analyses.misleading import likeness, misleading
from interpwidgets.analyses.prototypes import (
    array,
    best_places,
    check_network,
    name_of,
    one_image,
    place_boxes,
    quietly,
)
from interpwidgets.errors import InputError
from interpwidgets.prototypes import read_images
from interpwidgets.records.prototype_reasons import CHARACTERISTICS, PrototypeReasons

if TYPE_CHECKING:
    from interpwidgets.prototypes import PrototypeModel


def prototype_reasons(
    net: PrototypeModel,
    images: Any,
    *,
    everywhere: bool = False,
    hue: float = ImageChanges.hue,
    saturation: float = ImageChanges.saturation,
    contrast: float = ImageChanges.contrast,
    brightness: float = ImageChanges.brightness,
    shape: float = ImageChanges.shape,
    shape_frequency: float = ImageChanges.shape_frequency,
    texture: float = ImageChanges.texture,
    batch_size: int = 32,
    progress: bool = True,
) -> PrototypeReasons:
    """How much similarity each prototype loses when one characteristic of the image is changed.

    The prototype's best place is found on the image as it is; similarity is then read at that same place of the image
    with one characteristic changed (Nauta et al. 2021, "This Looks Like That, Because ... Explaining Prototypes for
    Interpretable Image Recognition")::

        local    φ[p, c] = g_p(image) − g_p(image with c changed), both at p's best place of the image
        global   Φ[p, c] = Σ_image g_p · φ[p, c] / Σ_image g_p            with g_p below 0 counted as 0

    A change that leaves an image as it is has an importance of exactly 0. How strong each change is matters: an
    importance compares prototypes under one change rather than changes with each other.

    Args:
        net: a `PrototypeNetwork`, or a network of your own behind `adapt`.
        images: one image; with ``everywhere`` many: uint8 ``[image, height, width, 3]``, Pillow images or paths. They
            are brought to the network's size first, and then changed.
        everywhere: the weighted mean over all images instead of one image.
        hue, saturation, contrast, brightness, shape, shape_frequency, texture: how strong, see `ImageChanges`. The wave
            of shape is scaled with the image: amplitude 4 pixels and 0.05 waves per pixel are for 224 pixels.
        batch_size: how many images, changed or not, the network sees at once; memory grows with it and not with the
            number of images.
        progress: show a bar with the time that is left, when it takes longer than a second.

    Returns:
        Importances in units of similarity; for one image also the changed images, how alike prototype and patch look
        to the eye, and which prototypes may mislead.

    Raises:
        InputError: no such network, no images, several without ``everywhere``, or a strength that does not fit.
    """
    check_network(net)
    changes = ImageChanges(hue, saturation, contrast, brightness, shape, shape_frequency, texture)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(expected="a batch size of 1 or more", got=repr(batch_size), fix="32 is the default.")
    if not everywhere:
        return _local(net, one_image(net, images), changes, batch_size)
    return _global(net, images, changes, batch_size, progress)


def _local(net: Any, pixels: np.ndarray, changes: ImageChanges, batch_size: int) -> PrototypeReasons:
    with quietly(net):
        before, lost, places, shape, changed = _measure(net, pixels, changes, batch_size)
    boxes = place_boxes(net, places[0], shape)
    structure, colour = _likenesses(net, pixels[0], places[0], boxes)
    return PrototypeReasons(
        importance=lost[0].astype(np.float32),
        similarities=before[0].astype(np.float32),
        strengths=changes.strengths(*pixels.shape[1:3]),
        changed=changed[0],
        places=places[0],
        boxes=boxes,
        structure=structure,
        colour=colour,
        misleading=misleading(lost[0], before[0], structure, colour),
        similarity=str(getattr(net, "similarity", "similarity")),
        name=name_of(net),
    )


def _global(net: Any, images: Any, changes: ImageChanges, batch_size: int, progress: bool) -> PrototypeReasons:
    images = image_list(images)
    total = np.zeros(net.n_prototypes)
    squares, weighted = np.zeros(net.n_prototypes), np.zeros((net.n_prototypes, len(CHARACTERISTICS)))
    size = getattr(net, "image_size", None)
    strengths: dict[str, float] = {}
    # As many images at a time as, with their changed forms, make a few batches: the rest is not held.
    step = max(1, batch_size // 2)
    with (
        quietly(net),
        tqdm(total=len(images), disable=not progress, desc="reasons", unit="image", delay=1, leave=False) as bar,
    ):
        for start in range(0, len(images), step):
            pixels = read_images(images[start : start + step], size)
            strengths = strengths or changes.strengths(*pixels.shape[1:3])
            before, lost, *_ = _measure(net, pixels, changes, batch_size)
            good = np.isfinite(before) & np.isfinite(lost).all(2)
            weight = np.where(good, np.clip(before, 0, None), 0.0)
            total += weight.sum(0)
            squares += (weight * np.where(good, before, 0.0)).sum(0)
            weighted += (weight[:, :, None] * np.where(good[:, :, None], lost, 0.0)).sum(0)
            bar.update(len(pixels))
    with np.errstate(invalid="ignore", divide="ignore"):
        return PrototypeReasons(
            importance=(weighted / total[:, None]).astype(np.float32),
            similarities=(squares / total).astype(np.float32),
            everywhere=True,
            n_images=len(images),
            strengths=strengths,
            similarity=str(getattr(net, "similarity", "similarity")),
            name=name_of(net),
        )


def _measure(
    net: Any, pixels: np.ndarray, changes: ImageChanges, batch_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, ...], np.ndarray]:
    """Similarity ``[image, prototype]`` at the best places, what each change takes away, and the changed images."""
    count, prototypes = len(pixels), net.n_prototypes
    before = np.zeros((count, prototypes))
    places = np.zeros((count, prototypes, 2), np.int64)
    shape: tuple[int, ...] = ()
    for start in range(0, count, batch_size):
        maps = net.similarity_maps(net.prepare(pixels[start : start + batch_size]))
        places[start : start + batch_size] = best_places(maps)
        before[start : start + batch_size] = _at(maps, places[start : start + batch_size])
        shape = tuple(maps.shape[2:])
    changed = np.stack([[changes.apply(image, name) for name in CHARACTERISTICS] for image in pixels])
    # What a change leaves as it is need not be run: it loses nothing, to the last bit.
    which = [(i, c) for i in range(count) for c in range(len(CHARACTERISTICS)) if (changed[i, c] != pixels[i]).any()]
    lost = np.zeros((count, prototypes, len(CHARACTERISTICS)))
    for start in range(0, len(which), batch_size):
        rows, columns = np.array(which[start : start + batch_size]).T
        maps = net.similarity_maps(net.prepare(changed[rows, columns]))
        lost[rows, :, columns] = before[rows] - _at(maps, places[rows])
    return before, lost, places, shape, changed


def _at(maps: torch.Tensor, places: np.ndarray) -> np.ndarray:
    flat = torch.as_tensor(places[..., 0] * maps.shape[3] + places[..., 1], device=maps.device)
    return array(maps.flatten(2).gather(2, flat[..., None])[..., 0]).astype(np.float64)


def _likenesses(net: Any, image: np.ndarray, places: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How alike each prototype's own patch and the patch it found look, in structure and in colour."""
    structure, colour = np.full(len(boxes), np.nan), np.full(len(boxes), np.nan)
    sources = net.sources
    if sources is None:
        return structure, colour
    # A place stands for its cell and sees more around it: the eye is shown what the network saw, where that is known.
    sees = getattr(net, "receptive_field", None) is not None and len(set(getattr(net, "prototype_scale", [0]))) == 1
    for p in range(len(boxes)):
        if int(sources.image[p]) < 0:
            continue
        if sees:
            mine, theirs = net.receptive_box(tuple(places[p])), net.receptive_box(tuple(sources.place[p]))
        else:
            mine, theirs = boxes[p], sources.box[p]
        structure[p], colour[p] = likeness(image, _whole(mine), sources.images[p], _whole(theirs))
    return structure, colour


def _whole(box: Any) -> tuple[int, int, int, int]:
    top, left, bottom, right = (int(v) for v in box)
    return top, left, bottom, right
