"""Where prototypes come from: after push, each one is a patch of a training image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interpwidgets.errors import InputError


@dataclass(frozen=True)
class Sources:
    """For each prototype the training image and the patch of it that it is.

    Attributes:
        image: ``[prototype]`` index in the training set; -1 where a prototype is no patch.
        place: ``[prototype, 2]`` row and column in the feature map of the prototype's scale.
        box: ``[prototype, 4]`` y0, x0, y1, x1 in pixels of the image, ends excluded.
        labels: ``[prototype]`` class index of the source image.
        images: ``uint8 [prototype, height, width, 3]``, the training images themselves.
    """

    image: np.ndarray
    place: np.ndarray
    box: np.ndarray
    labels: np.ndarray
    images: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.image)
        shapes = {"place": (count, 2), "box": (count, 4), "labels": (count,)}
        for name, shape in shapes.items():
            if np.shape(getattr(self, name)) != shape:
                raise InputError(
                    expected=f"{name} of shape {list(shape)}, a row for each prototype",
                    got=f"shape {list(np.shape(getattr(self, name)))}",
                    fix="Pass arrays over the same prototypes.",
                )
        if self.images.ndim != 4 or len(self.images) != count or self.images.dtype != np.uint8:
            raise InputError(
                expected=f"images as uint8 [{count}, height, width, 3]",
                got=f"{self.images.dtype} {list(self.images.shape)}",
                fix="Pass the training image of each prototype.",
            )

    def __len__(self) -> int:
        return len(self.image)

    def patch(self, prototype: int) -> np.ndarray:
        """The pixels inside the box, ``uint8 [height, width, 3]``."""
        y0, x0, y1, x1 = (int(v) for v in self.box[prototype])
        return self.images[prototype, y0:y1, x0:x1]

    def take(self, keep: np.ndarray) -> Sources:
        """Those of some prototypes, by indices or a mask."""
        fields = ("image", "place", "box", "labels", "images")
        return replace(self, **{name: getattr(self, name)[keep] for name in fields})
