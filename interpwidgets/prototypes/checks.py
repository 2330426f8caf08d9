"""What a prototype network's arrays are checked for when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from interpwidgets.errors import InputError


def check_matrix(what: str, value: Any, shape: tuple[int | None, ...]) -> torch.Tensor:
    """An array of finite floating-point numbers of a shape (None: any size), as a tensor of its own."""
    try:
        tensor = torch.as_tensor(value).detach().float().clone()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            expected=f"{what} as an array of numbers", got=type(value).__name__, fix="Pass a tensor or a numpy array."
        ) from None
    fits = tensor.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, tensor.shape, strict=True))
    if not fits or 0 in tensor.shape:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise InputError(
            expected=f"{what} of shape [{wanted}]",
            got=f"shape {list(tensor.shape)}",
            fix="Check that the arrays belong to one network and are not transposed.",
        )
    if not bool(torch.isfinite(tensor).all()):
        raise InputError(
            expected=f"finite numbers in {what}", got="NaN or infinity", fix="Its training diverged; take another."
        )
    return tensor


def check_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """At least two different names."""
    names = tuple(str(name) for name in classes)
    if isinstance(classes, str) or len(names) < 2 or len(set(names)) < len(names):
        raise InputError(
            expected="two or more different class names", got=repr(classes)[:80], fix='Pass e.g. ["owl", "wren"].'
        )
    return names


def check_indices(what: str, value: Any, count: int, below: int) -> torch.Tensor:
    """``[count]`` whole numbers from 0 to `below` - 1."""
    array = np.asarray(value)
    whole = array.ndim == 1 and array.dtype.kind in "iuf" and bool(np.all(array == np.floor(array)))
    if not whole or len(array) != count or (count and (array.min() < 0 or array.max() >= below)):
        raise InputError(
            expected=f"{what} as {count} whole numbers from 0 to {below - 1}",
            got=f"shape {list(array.shape)}: {str(array)[:60]}",
            fix="Give one for each prototype.",
        )
    return torch.from_numpy(array.astype(np.int64))


def check_size(size: Any) -> tuple[int, int]:
    """Height and width in pixels."""
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or any(not isinstance(n, int) or n < 1 for n in pair):
        raise InputError(
            expected="image_size as pixels, a number or (height, width)", got=repr(size), fix="Pass e.g. 64."
        )
    return pair
