"""Which images, and where in them, a unit answers to most and least, as a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from interpwidgets.errors import InputError


@dataclass(frozen=True)
class Exemplars:
    """The extremes of units over a set of images: for each unit a few images, the place in them, and the value there.

    A unit is anything with a value at every place of an image: a prototype's similarity, a dictionary feature on a
    vision transformer's patches, a channel, nearness to a cluster centre. An image appears at most once for a unit, at
    its best place. Every image that is named is held once, so the record is small however many images were searched.

    Attributes:
        images: ``[packed, H, W, 3]`` uint8, the images that are named, as thumbnails.
        indices: ``[packed]`` the number of each of them in the data.
        rows: ``[unit, k]`` int32, rows of `images`, the most extreme first; -1 where fewer than k were seen.
        values: ``[unit, k]`` float32, the unit's value there; NaN where there is none.
        places: ``[unit, k, 2]`` int32, (row, column) of the unit's map.
        boxes: ``[unit, k, 4]`` int32, what the place stands for: (top, left, bottom, right) in pixels of `images`.
        names: one for each unit.
        end: ``"strongest"`` or ``"weakest"``: which extreme this is.
        labels: what is known of each unit, in words; empty, or one for each.
        image_labels: what each packed image shows; empty, or one for each.
        own_images: ``[unit, H, W, 3]`` uint8 a unit's own image, as a prototype has; None where units have none.
        own_boxes: ``[unit, 4]`` the patch of it that the unit stands for.
        weakest: the other extreme, with the same units and the same packed images; None where it was not kept.
        unit_kind: what a unit is, one word: ``"prototype"``, ``"feature"``, ``"cluster"``, ``"unit"``.
        value_kind: what a value is, e.g. ``"similarity"`` or ``"activation"``.
        n_images: how many images were searched.
        name: of what the units belong to.
    """

    images: np.ndarray
    indices: np.ndarray
    rows: np.ndarray
    values: np.ndarray
    places: np.ndarray
    boxes: np.ndarray
    names: tuple[str, ...]
    end: str = "strongest"
    labels: tuple[str, ...] = ()
    image_labels: tuple[str, ...] = ()
    own_images: np.ndarray | None = None
    own_boxes: np.ndarray | None = None
    weakest: Exemplars | None = None
    unit_kind: str = "unit"
    value_kind: str = "activation"
    n_images: int = 0
    name: str = "units"

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[-1] != 3 or self.images.dtype != np.uint8:
            raise InputError(
                expected="images [packed, height, width, 3] of uint8",
                got=f"{self.images.dtype} of shape {list(self.images.shape)}",
                fix="Pass RGB images of one size.",
            )
        if self.rows.ndim != 2:
            raise InputError(
                expected="rows [unit, k]", got=f"shape {list(self.rows.shape)}", fix="Give k entries for each unit."
            )
        shape = self.rows.shape
        for what, wanted in (
            ("indices", (len(self.images),)),
            ("values", shape),
            ("places", (*shape, 2)),
            ("boxes", (*shape, 4)),
            ("names", shape[:1]),
        ):
            value = getattr(self, what)
            got = (len(value),) if isinstance(value, tuple) else value.shape
            if got != wanted:
                raise InputError(
                    expected=f"{what} of shape {list(wanted)}",
                    got=f"shape {list(got)}",
                    fix="Give one entry for each place of rows [unit, k], and one index for each image.",
                )
        if self.rows.size and not -1 <= int(self.rows.min()) <= int(self.rows.max()) < len(self.images):
            raise InputError(
                expected=f"rows from 0 to {len(self.images) - 1}, or -1 for none",
                got=f"{self.rows.min()} to {self.rows.max()}",
                fix="Name only images that are packed.",
            )

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        kept = f"{self.rows.shape[1]} {self.end} of {self.n_images} images"
        return f"Exemplars({self.name}: {len(self)} {self.unit_kind}s, {kept})"

    def check(self, unit: int) -> int:
        """The unit, if there is such a one."""
        if isinstance(unit, bool) or not isinstance(unit, int | np.integer) or not 0 <= unit < len(self):
            raise InputError(
                expected=f"a {self.unit_kind} from 0 to {len(self) - 1}", got=repr(unit), fix="Choose one of these."
            )
        return int(unit)

    def count(self, unit: int) -> int:
        """How many exemplars this unit has; fewer than k where fewer images were searched."""
        return int((self.rows[self.check(unit)] >= 0).sum())

    def patches(self, unit: int) -> list[np.ndarray]:
        """The patches themselves, ``[h, w, 3]`` uint8, the most extreme first."""
        found = zip(self.rows[self.check(unit)], self.boxes[unit], strict=True)
        return [self.images[row][top:bottom, left:right] for row, (top, left, bottom, right) in found if row >= 0]

    def take(self, units: Sequence[int]) -> Exemplars:
        """Only these units, in this order; the packed images stay."""
        at = np.array([self.check(unit) for unit in units], np.int64)
        return replace(
            self,
            rows=self.rows[at],
            values=self.values[at],
            places=self.places[at],
            boxes=self.boxes[at],
            names=tuple(self.names[i] for i in at),
            labels=tuple(self.labels[i] for i in at) if self.labels else (),
            own_images=None if self.own_images is None else self.own_images[at],
            own_boxes=None if self.own_boxes is None else self.own_boxes[at],
            weakest=None if self.weakest is None else self.weakest.take(units),
        )
