"""Small pictures for a page: images made smaller, and the part of an image around a box, packed as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

# The longest side of a whole image in a row, and of the part around a box, in pixels.
WHOLE, PART = 96, 64


def shrink(image: np.ndarray, most: int) -> np.ndarray:
    """An image ``[height, width, 3]`` uint8 whose longest side is at most ``most``; a small one stays as it is."""
    height, width = image.shape[:2]
    if max(height, width) <= most:
        return np.ascontiguousarray(image)
    scale = most / max(height, width)
    return _resized(image, max(1, round(height * scale)), max(1, round(width * scale)))


def pack_small(images: Iterable[np.ndarray], most: int) -> np.ndarray:
    """``[n, height, width, 3]`` uint8: several images of one size, made smaller."""
    return np.stack([shrink(np.asarray(image), most) for image in images])


def window_around(box: Sequence[float], height: int, width: int) -> tuple[int, int, int, int]:
    """A square around a box, twice its side and at least a quarter of the image, moved inside the image.

    It shows what a patch is part of, and is found again in the page by ``around`` of core/thumbnails.ts.
    """
    top, left, bottom, right = box
    least = min(height, width)
    side = max(1, round(min(least, max(2 * max(bottom - top, right - left), least / 4))))
    y = round(max(0, min(height - side, (top + bottom) / 2 - side / 2)))
    x = round(max(0, min(width - side, (left + right) / 2 - side / 2)))
    return y, x, y + side, x + side


def parts(images: Sequence[np.ndarray], boxes: np.ndarray, *, most: int = PART) -> tuple[np.ndarray, np.ndarray]:
    """The part of each image around its box, all of one size, and each box within its part.

    Args:
        images: ``[height, width, 3]`` uint8 each.
        boxes: ``[n, 4]`` top, left, bottom, right in pixels.
        most: the longest side of a part; a larger one is made smaller.

    Returns:
        ``[n, side, side, 3]`` uint8 and ``[n, 4]`` float32 in pixels of the parts.
    """
    windows = [window_around(box, *image.shape[:2]) for image, box in zip(images, boxes, strict=True)]
    side = max(1, min(most, max((w[2] - w[0] for w in windows), default=1)))
    out = np.zeros((len(windows), side, side, 3), np.uint8)
    placed = np.zeros((len(windows), 4), np.float32)
    for i, (image, box, (y0, x0, y1, x1)) in enumerate(zip(images, boxes, windows, strict=True)):
        part = image[y0:y1, x0:x1]
        out[i] = part if part.shape[:2] == (side, side) else _resized(part, side, side)
        placed[i] = (np.asarray(box, np.float64) - [y0, x0, y0, x0]) * side / (y1 - y0)
    return out, placed


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(
        picture.resize((width, height), Image.Resampling.BOX if width < image.shape[1] else Image.Resampling.BICUBIC)
    )
