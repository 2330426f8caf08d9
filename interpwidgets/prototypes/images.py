"""Images at the surface are 8-bit arrays, Pillow images or files; inside they are tensors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interpwidgets.errors import InputError

FIX = "Pass uint8 arrays [image, height, width, 3], Pillow images or paths."


def read_images(images: Any, size: tuple[int, int] | None = None) -> np.ndarray:
    """One image or many as ``uint8 [image, height, width, 3]``.

    Args:
        images: an array ``[height, width, 3]`` or ``[image, height, width, 3]`` of uint8, a Pillow image, a path, or a
            sequence of these.
        size: ``(height, width)`` that all are brought to (bilinear, by Pillow); None leaves them, and then all must be
            of one size.

    Raises:
        InputError: no image, another number format, a file that is no image.
    """
    if isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.ndim == 4:
        rows: list[np.ndarray] = list(images)
    elif _single(images):
        rows = [_one(images)]
    elif isinstance(images, Iterable):
        rows = [_one(image) for image in images]
    else:
        raise InputError(expected="images", got=type(images).__name__, fix=FIX)
    if not rows:
        raise InputError(expected="at least one image", got="none", fix=FIX)
    rows = [_resized(_checked(row), size) for row in rows]
    if len({row.shape for row in rows}) > 1:
        raise InputError(
            expected="images of one size",
            got=", ".join(sorted({f"{row.shape[0]} x {row.shape[1]}" for row in rows})[:4]),
            fix="Resize them first.",
        )
    return np.stack(rows)


def _single(image: Any) -> bool:
    return (
        isinstance(image, (str, Path))
        or hasattr(image, "convert")
        or (isinstance(image, np.ndarray) and image.ndim < 4)
    )


def _one(image: Any) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    if isinstance(image, (str, Path)):
        try:
            with Image.open(image) as opened:
                return np.asarray(opened.convert("RGB"))
        except (OSError, UnidentifiedImageError, ValueError) as error:
            raise InputError(
                expected="an image file", got=f"{Path(image).name}: {type(error).__name__}", fix="Check the path."
            ) from None
    if hasattr(image, "convert"):
        return np.asarray(image.convert("RGB"))
    if isinstance(image, np.ndarray):
        return image
    raise InputError(expected="images", got=type(image).__name__, fix=FIX)


def _checked(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8:
        raise InputError(
            expected="8-bit images (uint8, 0 to 255)",
            got=str(image.dtype),
            fix="Convert them: (255 * image).round().astype('uint8') for values in 0 to 1.",
        )
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InputError(expected="images of shape [height, width, 3]", got=f"shape {list(image.shape)}", fix=FIX)
    return image


def _resized(image: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    if size is None or image.shape[:2] == size:
        return image
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def to_tensor(images: np.ndarray, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """``uint8 [image, height, width, 3]`` as normalised floats ``[image, 3, height, width]``."""
    x = torch.from_numpy(np.ascontiguousarray(images).transpose(0, 3, 1, 2).copy()).to(mean.device).to(mean.dtype) / 255
    return (x - mean[:, None, None]) / std[:, None, None]
