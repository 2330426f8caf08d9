"""What a model must offer so that the package can compare, explain and show its prototypes."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from interpwidgets.prototypes.sources import Sources


@runtime_checkable
class PrototypeModel(Protocol):
    """A classifier whose evidence is likeness to prototypes: ``logits = similarities @ weights.T``.

    `PrototypeNetwork` is one; `adapt` makes one of a model trained elsewhere.

    Attributes:
        classes: names of the classes.
        weights: ``[class, prototype]``, what a similarity of 1 adds to a class's logit.
        prototype_class: ``[prototype]`` index of the class each prototype belongs to.
        sources: the training patches the prototypes are, or None before push.
    """

    classes: tuple[str, ...]

    @property
    def n_prototypes(self) -> int:
        """How many prototypes there are."""
        ...

    @property
    def weights(self) -> torch.Tensor:
        """``[class, prototype]``."""
        ...

    @property
    def prototype_class(self) -> np.ndarray:
        """``[prototype]`` class indices."""
        ...

    @property
    def sources(self) -> Sources | None:
        """Training patches, or None."""
        ...

    def prepare(self, images: Any) -> torch.Tensor:
        """Images as a batch ``[image, 3, height, width]``."""
        ...

    def similarity_maps(self, x: torch.Tensor) -> torch.Tensor:
        """``[image, prototype, row, column]``."""
        ...

    def similarities(self, x: torch.Tensor) -> torch.Tensor:
        """``[image, prototype]``: the largest similarity over the places."""
        ...

    def place_box(self, place: tuple[int, int], map_shape: tuple[int, int]) -> tuple[int, int, int, int]:
        """Pixels ``(y0, x0, y1, x1)`` of the image that one place of a map stands for."""
        ...
