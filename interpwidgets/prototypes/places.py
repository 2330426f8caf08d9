"""From places of a feature map to pixels of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError
from interpwidgets.prototypes.maps import read_maps


class Places:
    """The part of a prototype network that knows which pixels a place of its map stands for and can see."""

    backbone: nn.Module
    prototypes: nn.Parameter
    image_size: tuple[int, int]
    receptive_field: int | None
    _shapes: list[tuple[int, int]] | None

    @torch.no_grad()
    def map_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of each scale's map."""
        if self._shapes is None:
            read = read_maps(
                run_once(self.backbone, torch.zeros(1, 3, *self.image_size, device=self.prototypes.device))
            )
            self._shapes = [(int(m.shape[2]), int(m.shape[3])) for m in read]
        return self._shapes

    def place_box(self, place: tuple[int, int], map_shape: tuple[int, int] | None = None) -> tuple[int, int, int, int]:
        """The pixels ``(y0, x0, y1, x1)``, ends excluded, that one place of the map stands for: its stride cell.

        Args:
            place: row and column.
            map_shape: rows and columns of the map; by default the finest, on which `similarity_maps` are.
        """
        return cell(place, map_shape or max(self.map_shapes()), self.image_size)

    def receptive_box(self, place: tuple[int, int]) -> tuple[int, int, int, int]:
        """All pixels that one place can see, cut at the image's edges.

        Raises:
            ModelError: the receptive field was never stated.
        """
        if self.receptive_field is None:
            raise ModelError(
                expected="a network with a known receptive field",
                got="none stated",
                fix="Pass receptive_field= when making it, or use place_box.",
            )
        y0, x0, y1, x1 = self.place_box(place)
        reach = self.receptive_field / 2
        y, x = (y0 + y1) / 2, (x0 + x1) / 2
        height, width = self.image_size
        return (
            max(0, math.floor(y - reach)), max(0, math.floor(x - reach)),
            min(height, math.ceil(y + reach)), min(width, math.ceil(x + reach)),
        )  # fmt: skip


def cell(place: Sequence[int], shape: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Pixels ``(y0, x0, y1, x1)`` of one place of a map over an image of some size."""
    (row, column), (rows, columns), (height, width) = place, shape, size
    if not (0 <= row < rows and 0 <= column < columns):
        raise InputError(
            expected=f"a place in a map of {rows} x {columns}", got=f"({row}, {column})", fix="Count from 0."
        )
    row, column = int(row), int(column)
    return (
        row * height // rows, column * width // columns,
        (row + 1) * height // rows, (column + 1) * width // columns,
    )  # fmt: skip


def run_once(module: nn.Module, x: torch.Tensor) -> Any:
    """One run in eval mode, with every part's mode given back."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        return module(x)
    finally:
        for part in training:
            part.training = True
