"""Inputs and labels, checked once and handed out in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from interpwidgets.errors import InputError
from interpwidgets.prototypes.network import PrototypeNetwork


class TrainingSet:
    """What `fit_prototypes` learns from.

    Args:
        net: whose size, classes and device hold.
        images: whatever ``net.read`` takes: uint8 ``[image, height, width, 3]``, Pillow images or paths; or texts.
        labels: ``[image]`` class indices, or ``[image, height, width]`` for every pixel (-1: not labelled).
        batch: images at a time.

    Raises:
        InputError: labels of another length, or outside the classes.
    """

    def __init__(self, net: PrototypeNetwork, images: Any, labels: Any, *, batch: int) -> None:
        self.net, self.batch = net, batch
        self.items = net.read(images)
        array = np.asarray(labels)
        count, low = len(self.items), 0 if array.ndim == 1 else -1
        fits = array.ndim in (1, 3) and len(array) == count and array.dtype.kind in "iu"
        if not fits or array.min() < low or array.max() >= len(net.classes):
            raise InputError(
                expected=f"{count} labels from 0 to {len(net.classes) - 1}, one for each image or pixel",
                got=f"{array.dtype} of shape {list(array.shape)}",
                fix="Pass class indices in the order of net.classes.",
            )
        if not isinstance(batch, int) or batch < 1:
            raise InputError(expected="a batch of 1 or more", got=repr(batch), fix="Pass e.g. 64.")
        self.labels = torch.from_numpy(array.astype(np.int64))

    def __len__(self) -> int:
        return len(self.items)

    def require_classes(self, owner: np.ndarray) -> None:
        """Raise unless every class with prototypes has an image."""
        missing = sorted(set(owner.tolist()) - set(self.labels.unique().tolist()))
        if missing:
            raise InputError(
                expected="images of every class that has prototypes",
                got=f"none of {self.net.classes[missing[0]]!r}",
                fix="Add images of it, or leave the class out.",
            )

    def batch_of(self, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Some inputs, prepared."""
        return self.net.prepare(self.items[np.asarray(rows)])

    def batches(self, order: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor]]:
        """Row numbers, prepared inputs and labels of a batch after the other."""
        order = np.arange(len(self)) if order is None else order
        for start in range(0, len(order), self.batch):
            rows = order[start : start + self.batch]
            yield rows, self.batch_of(rows), self.labels[rows].to(self.net.prototypes.device)
