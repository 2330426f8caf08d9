"""Images as analyses go through them, and what a vision transformer computes on their patches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.errors import InputError
from interpwidgets.prototypes import read_images

if TYPE_CHECKING:
    from interpwidgets.models import Model
    from interpwidgets.models.site import Site


def image_list(images: Any) -> Any:
    """Images as something with a length that can be cut, opened or not: an array, or a list of what was given."""
    if isinstance(images, np.ndarray):
        images = images[None] if images.ndim == 3 and images.shape[-1] == 3 else images
    elif isinstance(images, str | Path) or hasattr(images, "convert"):
        images = [images]
    elif isinstance(images, Iterable) and not (hasattr(images, "__len__") and isinstance(images, list | tuple)):
        images = list(images)
    if not hasattr(images, "__len__") or len(images) == 0:
        got = "none" if hasattr(images, "__len__") else type(images).__name__
        raise InputError(
            expected="at least one image", got=got, fix="Pass uint8 arrays, Pillow images or paths, in a list."
        )
    return images


class PatchActivations:
    """A vision transformer's activations on the patches of images, as maps ``[image, d, row, column]``.

    Args:
        lm: the model.
        site: where.
        size: ``(height, width)`` of the images it takes.
        grid: rows and columns of patches.
        prepare: uint8 ``[image, height, width, 3]`` to pixels ``[image, channel, height, width]``.
    """

    def __init__(
        self, lm: Model, site: Site, size: tuple[int, int], grid: tuple[int, int], prepare: Callable[[np.ndarray], Any]
    ) -> None:
        self._lm, self._site, self.size, self.grid, self._prepare = lm, site, size, grid, prepare

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """``[image, d, row, column]`` float32 of uint8 images; class and register tokens are left out."""
        pixels = torch.as_tensor(self._prepare(read_images(images, self.size)))
        _, kept = self._lm.run(pixels.to(self._lm.dtype), sites=[self._site], no_further=True)
        values = kept[self._site].flatten(2).float().cpu()  # heads side by side
        rows, columns = self.grid
        patches = values[:, -rows * columns :]
        return patches.transpose(1, 2).reshape(len(values), -1, rows, columns).numpy()


def patch_activations(
    lm: Model, site: Site | str | None, *, prepare: Callable[[np.ndarray], Any] | None = None
) -> PatchActivations:
    """A function from images to a vision transformer's activations on their patches.

    Args:
        lm: a vision transformer that ``iw.load`` returned.
        site: e.g. ``"resid_post.2"``.
        prepare: from uint8 images to the model's pixels; by default its image processor.

    Raises:
        InputError: a model without image patches, no site, or neither a processor nor ``prepare``.
    """
    config = lm.config
    if not lm.takes_images or not hasattr(config, "patch_size") or not hasattr(config, "image_size"):
        raise InputError(
            expected="a vision transformer with image patches",
            got=lm.name,
            fix='Load one, e.g. iw.load("birdworld/vit"); for other networks pass their maps to exemplars(...).',
        )
    if site is None:
        raise InputError(expected="a site", got="None, and the dictionary names none", fix='Write e.g. "resid_post.2".')
    size, patch = (_pair(getattr(config, name)) for name in ("image_size", "patch_size"))
    if prepare is None and lm.tokenizer is None:
        raise InputError(
            expected="a model with an image processor, or prepare=...",
            got=f"{lm.name} without one",
            fix="Pass prepare=, a function from uint8 images [image, height, width, 3] to pixels.",
        )
    made = prepare or _processed(lm.tokenizer)
    return PatchActivations(lm, lm.site(site), size, (size[0] // patch[0], size[1] // patch[1]), made)


def _processed(processor: Any) -> Callable[[np.ndarray], Any]:
    return lambda images: processor(images=list(images), return_tensors="pt")["pixel_values"]


def centre_values(centres: np.ndarray, activations: np.ndarray) -> np.ndarray:
    """Minus the Euclidean distance of every place to every centre, ``[image, cluster, h, w]``."""
    if activations.ndim != 4 or activations.shape[1] != centres.shape[1]:
        raise InputError(
            expected=f"activations [image, {centres.shape[1]}, h, w], as wide as the centres",
            got=f"shape {list(activations.shape)}",
            fix="Cluster and search the same activations.",
        )
    n, d, h, w = activations.shape
    rows = activations.transpose(0, 2, 3, 1).reshape(-1, d).astype(np.float64)
    from scipy.spatial.distance import cdist

    return -cdist(rows, centres).reshape(n, h, w, -1).transpose(0, 3, 1, 2)


def _pair(value: Any) -> tuple[int, int]:
    return (int(value[0]), int(value[1])) if isinstance(value, list | tuple) else (int(value), int(value))
