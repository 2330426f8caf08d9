"""Over many images: where does a prototype, a feature, a cluster answer most?

Images come in batches; for each unit only its few most extreme ones are kept, and only those end up in the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm.auto import tqdm

from interpwidgets.analyses.extremes import Extremes
from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.image_units import centre_values, image_list, patch_activations
from interpwidgets.analyses.packed_images import cell_boxes, thumbnails
from interpwidgets.analyses.prototypes import array, check_network, name_of, place_boxes, quietly
from interpwidgets.errors import InputError
from interpwidgets.prototypes import read_images
from interpwidgets.records.exemplars import Exemplars

if TYPE_CHECKING:
    from interpwidgets.dictionaries import Dictionary
    from interpwidgets.models import Model
    from interpwidgets.models.site import Site
    from interpwidgets.prototypes import PrototypeModel

THUMBNAIL = 128  # pixels: the longer side of a packed image
BATCH = 32
CODES = 2**24  # numbers

Values = Callable[[np.ndarray], np.ndarray]


def exemplars(
    values: np.ndarray | Values,
    images: Any,
    k: int = 9,
    *,
    names: Sequence[str] | None = None,
    labels: Sequence[str] = (),
    image_labels: Sequence[str] = (),
    weakest: bool = False,
    unit_kind: str = "unit",
    value_kind: str = "activation",
    name: str = "units",
    size: tuple[int, int] | None = None,
    thumbnail: int = THUMBNAIL,
    batch_size: int = BATCH,
    seed: int = 0,
    progress: bool = True,
) -> Exemplars:
    """The images, and the place in each, where each unit has its largest values.

    Args:
        values: ``[image, unit, h, w]`` (or ``[image, unit]`` without places), or a function from a batch of uint8
            images ``[image, height, width, 3]`` to such an array, which is then called batch by batch.
        images: uint8 ``[image, height, width, 3]``, Pillow images or paths. Paths are opened when they are needed.
        k: how many for each unit; an image counts once, with its largest value.
        names: of the units; their numbers unless given.
        labels: what is known of each unit.
        image_labels: what each image shows.
        weakest: keep the other extreme too, the images whose largest value is smallest: ``record.weakest``.
        unit_kind, value_kind, name: words for a view, see `Exemplars`.
        size: ``(height, width)`` that all images are brought to first; None where they are of one size.
        thumbnail: longest side of the images in the record, in pixels; boxes are in pixels of these.
        batch_size: how many images at a time; memory does not grow with the number of images.
        seed: settles which of several images with equal values are kept.
        progress: show a bar with the time that is left, when it takes longer than a second.

    Raises:
        InputError: values and images that do not fit, or no images.
    """
    pictures = image_list(images)
    for what, value in (("k", k), ("thumbnail", thumbnail), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise InputError(expected=f"{what} as a whole number of 1 or more", got=repr(value), fix="Pass e.g. 9.")
    if image_labels and len(image_labels) != len(pictures):
        raise InputError(
            expected=f"{len(pictures)} image labels", got=str(len(image_labels)), fix="Give one for each image."
        )
    if not callable(values):
        values = np.asarray(values)
        if values.ndim not in (2, 4) or len(values) != len(pictures) or values.dtype.kind not in "fiu":
            raise InputError(
                expected=f"values [image, unit, h, w] or [image, unit] of numbers for {len(pictures)} images",
                got=f"{values.dtype} of shape {list(values.shape)}",
                fix="Pass one map for each image and unit.",
            )
    rank = np.random.default_rng(seed).permutation(len(pictures))
    ends: list[Extremes] = []
    shape = (1, 1)
    with tqdm(total=len(pictures), disable=not progress, desc="exemplars", unit="image", delay=1, leave=False) as bar:
        for start in range(0, len(pictures), batch_size):
            stop = min(start + batch_size, len(pictures))
            if callable(values):
                batch = np.asarray(values(read_images(pictures[start:stop], size)))
                if batch.ndim not in (2, 4) or len(batch) != stop - start:
                    raise InputError(
                        expected=f"values [image, unit, h, w] or [image, unit] for {stop - start} images",
                        got=f"shape {list(batch.shape)}",
                        fix="Return one map for each image and unit.",
                    )
            else:
                batch = values[start:stop]
            maps = batch[..., None, None] if batch.ndim == 2 else batch
            if not ends:
                shape = (int(maps.shape[2]), int(maps.shape[3]))
                ends = [Extremes(maps.shape[1], k, rank, smallest=small) for small in (False, True)[: 1 + weakest]]
            flat = maps.reshape(*maps.shape[:2], -1)
            places = np.where(np.isnan(flat), -np.inf, flat).argmax(2) if flat.dtype.kind == "f" else flat.argmax(2)
            peaks = np.take_along_axis(flat, places[..., None], 2)[..., 0].astype(np.float64)
            for end in ends:
                end.add(peaks, places, start)
            bar.update(stop - start)
    named = np.unique(np.concatenate([end.images.ravel() for end in ends]))
    named = named[named >= 0]
    packed, pixels_shape = thumbnails(pictures, named, size, thumbnail)
    units = len(ends[0].images)
    common: dict[str, Any] = {
        "images": packed,
        "indices": named,
        "names": _names(names, units, "names") if names is not None else tuple(str(u) for u in range(units)),
        "labels": _names(labels, units, "labels") if len(labels) else (),
        "image_labels": tuple(str(image_labels[i]) for i in named) if len(image_labels) else (),
        "unit_kind": unit_kind,
        "value_kind": value_kind,
        "n_images": len(pictures),
        "name": name,
    }
    records = []
    for end, word in zip(ends, ("strongest", "weakest"), strict=False):
        best, which, flat_places = end.result()
        rows = np.where(which >= 0, np.searchsorted(named, which), -1).astype(np.int32)
        places = np.stack(np.divmod(flat_places, shape[1]), axis=-1).astype(np.int32)
        records.append(
            {
                "rows": rows,
                "values": best,
                "places": places,
                "boxes": cell_boxes(places, shape, pixels_shape),
                "end": word,
            }
        )
    other = Exemplars(**common, **records[1]) if weakest else None
    return Exemplars(**common, **records[0], weakest=other)


def prototype_exemplars(net: PrototypeModel, images: Any, k: int = 9, **options: Any) -> Exemplars:
    """The patches of many images that are most similar to each prototype.

    Args:
        net: a `PrototypeNetwork`, or a network of your own behind `adapt`.
        images: many images, in any form the network takes.
        k: how many for each prototype.
        options: as for `exemplars`, e.g. ``image_labels``, ``weakest``, ``batch_size``.

    Returns:
        Their record; ``own_images`` and ``own_boxes`` are the training patches that the prototypes are.
    """
    check_network(net)
    size = getattr(net, "image_size", None)
    shape: list[int] = []

    def values(pixels: np.ndarray) -> np.ndarray:
        with quietly(net):
            maps = array(net.similarity_maps(net.prepare(pixels)))
        shape[:] = maps.shape[2:]
        return maps

    classes = tuple(str(name) for name in net.classes)
    owners = [int(c) for c in net.prototype_class]
    made = exemplars(
        values,
        images,
        k,
        **{
            "labels": [classes[c] if 0 <= c < len(classes) else "" for c in owners],
            "unit_kind": "prototype",
            "value_kind": "similarity",
            "name": name_of(net),
            "size": size,
            **options,
        },
    )
    if size is not None:
        # The network's own boxes: prototypes of a coarse map stand for larger patches.
        made = _with_boxes(made, net, tuple(shape), made.images.shape[1] / size[0])
    sources = net.sources
    if sources is None:
        return made
    return replace(made, own_images=sources.images, own_boxes=np.asarray(sources.box, np.int64))


def _with_boxes(made: Exemplars, net: Any, shape: tuple[int, ...], scale: float) -> Exemplars:
    boxes = np.stack([place_boxes(net, made.places[:, j], shape) for j in range(made.rows.shape[1])], axis=1) * scale
    whole = np.concatenate([np.floor(boxes[..., :2]), np.ceil(boxes[..., 2:])], axis=-1).astype(np.int32)
    weakest = None if made.weakest is None else _with_boxes(made.weakest, net, shape, scale)
    return replace(made, boxes=whole, weakest=weakest)


def feature_exemplars(
    dictionary: Dictionary, lm: Model, site: Site | str | None, images: Any, k: int = 9, **options: Any
) -> Exemplars:
    """The image patches on which each feature of a dictionary fires most, in a vision transformer.

    Args:
        dictionary: of the activations at `site`; ``iw.dictionaries.Identity`` shows neurons.
        lm: a vision transformer that ``iw.load`` returned.
        site: e.g. ``"resid_post.2"``; None for the dictionary's own ``site_in``.
        images: many images, see `exemplars`. They are resized to the model's and go through its processor, or, without
            one, through ``options["prepare"]``: uint8 ``[image, height, width, 3]`` to pixels of the model.
        k: how many for each feature.
        options: ``prepare``, and as for `exemplars`.

    Raises:
        InputError: a model without image patches, or a dictionary of another width.
    """
    check_model(lm)
    prepare = options.pop("prepare", None)
    place = site if site is not None else dictionary.site_in
    maps = patch_activations(lm, place, prepare=prepare)

    def values(pixels: np.ndarray) -> np.ndarray:
        activations = maps(pixels)  # [image, d, h, w]
        n, d, h, w = activations.shape
        with torch.no_grad():
            rows = torch.as_tensor(activations).permute(0, 2, 3, 1).reshape(-1, d)
            codes = dictionary.encode(rows)
        return array(codes).reshape(n, h, w, -1).transpose(0, 3, 1, 2)

    given = dictionary.labels
    return exemplars(
        values,
        images,
        k,
        **{
            "labels": given if any(given) else (),
            "unit_kind": "feature",
            "name": f"{dictionary.name} at {place}",
            "size": maps.size,
            # Dense codes of a batch: 64 MB, however many features there are.
            "batch_size": int(np.clip(CODES // (maps.grid[0] * maps.grid[1] * dictionary.n_features), 1, BATCH)),
            **options,
        },
    )


def cluster_exemplars(
    centres: np.ndarray, activations: np.ndarray | Values, images: Any, k: int = 9, **options: Any
) -> Exemplars:
    """The image patches nearest to each cluster centre.

    Args:
        centres: ``[cluster, d]``.
        activations: ``[image, d, h, w]``, or a function from uint8 images to it, e.g. ``patch_activations(lm, site)``.
        images: many images, see `exemplars`.
        k: how many for each cluster.
        options: as for `exemplars`.

    Returns:
        Their record; values are negative distances (Euclidean), 0 at the centre itself.
    """
    points = np.asarray(centres, np.float64)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise InputError(
            expected="finite centres [cluster, d]", got=f"shape {list(points.shape)}", fix="Pass one row per cluster."
        )
    given: Any = activations

    def values(pixels: np.ndarray) -> np.ndarray:
        return centre_values(points, np.asarray(given(pixels)))

    made: Any = values
    if not callable(activations):
        known = np.asarray(activations)
        made = np.concatenate(
            [centre_values(points, known[i : i + BATCH]) for i in range(0, max(1, len(known)), BATCH)]
        )
    size = getattr(activations, "size", None) if callable(activations) else None
    words = {"unit_kind": "cluster", "value_kind": "nearness", "name": "clusters", "size": size}
    return exemplars(made, images, k, **{**words, **options})


def _names(given: Sequence[str], count: int, what: str) -> tuple[str, ...]:
    if isinstance(given, str) or len(given) != count:
        raise InputError(expected=f"{count} {what}", got=f"{len(given)}", fix="Give one for each unit.")
    return tuple(str(name) for name in given)
