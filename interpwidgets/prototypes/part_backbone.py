"""A small convolutional backbone that sees parts, not wholes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

REACH = 21  # pixels that one place sees: 3x3, 3x3 at stride 1, 2x2 at 2, 3x3 at 4, 2x2 at 4
STRIDE = 8


class PartBackbone(nn.Module):
    """Images to features at every eighth pixel, each of which sees 21 x 21 pixels: a part of a thing, never all of it.

    What a place cannot see, its similarity cannot depend on; so a box around a place is close to the truth, which it
    is not in deep backbones whose places see the whole image. Instance statistics are left out for the same reason:
    only batch normalisation, which in eval mode is one fixed scale.

    Args:
        width: channels of the first layers; twice as many later.
        d: width of the features, which a sigmoid keeps in 0 to 1.
    """

    stride, receptive_field = STRIDE, REACH

    def __init__(self, width: int = 24, d: int = 32) -> None:
        super().__init__()
        self.width, self.d = width, d
        self.layers = nn.Sequential(
            *_step(3, width, 3, stride=2, padding=1),
            *_step(width, width, 3, padding=1),
            *_step(width, 2 * width, 2, stride=2),
            *_step(2 * width, 2 * width, 3, padding=1),
            *_step(2 * width, 2 * width, 2, stride=2),
            nn.Conv2d(2 * width, 2 * width, 1),
            nn.ReLU(),
            nn.Conv2d(2 * width, d, 1),
            nn.Sigmoid(),
        )

    def config(self) -> dict[str, Any]:
        """What makes another of the same shape."""
        return {"width": self.width, "d": self.d}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``[image, d, row, column]``."""
        return self.layers(x)


def _step(width_in: int, width_out: int, kernel: int, **options: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    convolution = nn.Conv2d(width_in, width_out, kernel, bias=False, **options)  # pyright: ignore[reportArgumentType]
    return convolution, nn.BatchNorm2d(width_out), nn.ReLU()
