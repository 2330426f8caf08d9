"""Feature maps out of whatever a vision model returns, and a wrapper that makes any of them a backbone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError


def read_maps(output: Any) -> list[torch.Tensor]:
    """The feature maps in a model's output, a list of ``[image, d, row, column]``, in the model's order.

    A tensor, a list or a mapping of tensors (torchvision's feature extractors), and objects with ``feature_maps`` or
    ``last_hidden_state`` (transformers) are understood. Tokens ``[image, token, d]`` of a vision transformer become a
    square map; what does not fit the square stands in front (class token, registers) and is left out.

    Raises:
        ModelError: nothing in the output is a map.
    """
    for name in ("feature_maps", "last_hidden_state"):
        found = getattr(output, name, None)
        if found is not None:
            return read_maps(found)
    if isinstance(output, torch.Tensor):
        return [_square(output)]
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, Sequence) and output and all(isinstance(o, torch.Tensor) for o in output):
        return [_square(o) for o in output]
    raise ModelError(
        expected="a backbone that returns feature maps [image, d, row, column]",
        got=type(output).__name__,
        fix="Wrap it in a module whose forward returns its last convolutional map.",
    )


def _square(x: torch.Tensor) -> torch.Tensor:
    if x.ndim == 4:
        return x
    if x.ndim == 3:
        side = math.isqrt(x.shape[1])
        if side:
            return x[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))
    raise ModelError(
        expected="feature maps [image, d, row, column] or tokens [image, token, d]",
        got=f"shape {list(x.shape)}",
        fix="Take the output before pooling and classification.",
    )


class Features(nn.Module):
    """Any vision model as a backbone: its maps, each brought to width d by two 1 x 1 convolutions.

    The add-on layers of ProtoPNet (Chen et al. 2019): 1 x 1 convolution, ReLU, 1 x 1 convolution, sigmoid. The sigmoid
    keeps features in 0 to 1, which keeps distances below d.

    Args:
        model: any module that `read_maps` understands, of torchvision, transformers or your own.
        channels: how many channels each of its maps has, a number for one map, a list for several scales.
        d: width of features and prototypes.
        keep: which of the maps to use, by index; all by default.
    """

    def __init__(self, model: nn.Module, channels: int | Sequence[int], d: int, *, keep: Sequence[int] | None = None):
        super().__init__()
        widths = [channels] if isinstance(channels, int) else list(channels)
        if not widths or min(widths) < 1 or d < 1 or (keep is not None and len(keep) != len(widths)):
            raise InputError(
                expected="a positive width for each map that is kept, and for the features",
                got=f"channels={channels!r}, d={d!r}, keep={keep!r}",
                fix="Name as many channels as maps.",
            )
        self.model, self.keep = model, None if keep is None else list(keep)
        self.widths = widths
        self.add_on = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, d, 1), nn.ReLU(), nn.Conv2d(d, d, 1), nn.Sigmoid()) for width in widths
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps ``[image, d, row, column]``, one for each scale."""
        maps = read_maps(self.model(x))
        maps = maps if self.keep is None else [maps[i] for i in self.keep]
        found, wanted = [m.shape[1] for m in maps], self.widths
        if found != wanted:
            raise ModelError(
                expected=f"maps of {wanted} channels", got=f"{found}", fix="Pass channels= as the model has them."
            )
        return [layer(m) for layer, m in zip(self.add_on, maps, strict=True)]
