"""The few images that a record names, made small, and where in them a place of a map lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.prototypes import read_images


def thumbnails(
    pictures: Any, named: np.ndarray, size: tuple[int, int] | None, longest: int
) -> tuple[np.ndarray, tuple[int, int]]:
    """The named images, opened one by one and made small; and their height and width."""
    small: list[np.ndarray] = []
    for i in named.tolist():
        (image,) = read_images(pictures[i : i + 1], size)
        height, width = image.shape[:2]
        if max(height, width) > longest:
            shrink = longest / max(height, width)
            (image,) = read_images(image, (max(1, round(height * shrink)), max(1, round(width * shrink))))
        small.append(image)
    if len({image.shape for image in small}) > 1:
        raise InputError(
            expected="images of one size",
            got=f"{len({image.shape for image in small})} different sizes",
            fix="Pass size=(height, width), which all are brought to.",
        )
    if not small:
        return np.zeros((0, 1, 1, 3), np.uint8), (1, 1)
    return np.stack(small), (small[0].shape[0], small[0].shape[1])


def cell_boxes(places: np.ndarray, shape: tuple[int, int], pixels: tuple[int, int]) -> np.ndarray:
    """What each place of a map stands for, rounded outwards to whole pixels: (top, left, bottom, right)."""
    out = np.zeros((*places.shape[:-1], 4), np.int32)
    for axis in (0, 1):
        step = pixels[axis] / shape[axis]
        out[..., axis] = np.floor(places[..., axis] * step)
        out[..., axis + 2] = np.ceil((places[..., axis] + 1) * step)
    return out
