"""What a gallery of units answers to its page: numbers to sort by, and the patches of one unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from interpwidgets._core.requests import answers
from interpwidgets._core.widget import Request
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.errors import InputError
from interpwidgets.records.exemplars import Exemplars
from interpwidgets.widgets.thumbnails import WHOLE, pack_small, parts

# Patches of a unit that stand in its row; the others come when the unit is opened.
ROW = 12
# The longest side of one exemplar shown large.
LARGE = 448
# Units whose whole images a saved page holds besides their patches.
SAVED = 60


class GalleryAnswers:
    """Mixed into a widget that sets ``_exemplars``; answers the page's gallery (core/gallery.ts)."""

    _exemplars: Exemplars | None

    @property
    def _gallery(self) -> Exemplars:
        if self._exemplars is None:
            raise InputError(
                expected="exemplars of each unit", got="none", fix="Give exemplars=iw.prototype_exemplars(net, images)."
            )
        return self._exemplars

    def _end(self, end: str) -> Exemplars:
        """The record of one extreme."""
        first = self._gallery
        for record in (first, first.weakest):
            if record is not None and record.end == end:
                return record
        raise InputError(expected=f"the end that was kept: {first.end!r}", got=repr(end), fix="Choose that one.")

    @answers("units")
    def _units(self) -> dict[str, Any]:
        """For every unit: its most extreme value, the mean over its exemplars, and how many there are."""
        values = np.asarray(self._gallery.values, np.float64)
        known = self._gallery.rows >= 0
        counts = known.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(known, values, 0).sum(axis=1) / counts
        first = values[:, 0] if values.shape[1] else np.full(len(values), np.nan)
        return {
            "first": pack(np.where(counts > 0, first, np.nan).astype(np.float32)),
            "mean": pack(mean.astype(np.float32)),
            "count": pack(counts.astype(np.int32)),
        }

    @answers("patches")
    def _patches(self, unit: int, whole: bool, every: bool, end: str) -> dict[str, Any]:
        """The patches of one unit: what is around each box, or the whole images; a row of them, or all."""
        record = self._end(end)
        unit = record.check(unit)
        known = np.flatnonzero(record.rows[unit] >= 0)[: None if every else ROW]
        rows = record.rows[unit, known]
        images = [record.images[row] for row in rows]
        boxes = record.boxes[unit, known]
        if not len(rows):
            pixels, placed = np.zeros((0, 1, 1, 3), np.uint8), np.zeros((0, 4), np.float32)
        elif whole:
            pixels = pack_small(images, WHOLE)
            placed = (boxes * (pixels.shape[1] / record.images.shape[1])).astype(np.float32)
        else:
            pixels, placed = parts(images, boxes)
        return {
            "pixels": pack(pixels),
            "boxes": pack(np.ascontiguousarray(placed)),
            "values": pack(record.values[unit, known].astype(np.float32)),
            "indices": pack(record.indices[rows].astype(np.int32)),
            "labels": [well_formed(record.image_labels[row]) for row in rows] if record.image_labels else [],
            "own": self._own(record, unit, whole),
        }

    @staticmethod
    def _own(record: Exemplars, unit: int, whole: bool) -> dict[str, Any] | None:
        """A unit's own patch, as a prototype has."""
        if record.own_images is None or record.own_boxes is None:
            return None
        image, box = record.own_images[unit], record.own_boxes[unit : unit + 1]
        if whole:
            pixels = pack_small([image], WHOLE)
            placed = (box * (pixels.shape[1] / image.shape[0])).astype(np.float32)
        else:
            pixels, placed = parts([image], box)
        return {"pixels": pack(pixels), "boxes": pack(np.ascontiguousarray(placed))}

    @answers("exemplar")
    def _exemplar(self, unit: int, at: int, end: str) -> dict[str, Any]:
        """One exemplar, large: the whole image and the box on it."""
        record = self._end(end)
        unit = record.check(unit)
        if not 0 <= at < record.rows.shape[1] or record.rows[unit, at] < 0:
            raise InputError(
                expected=f"an exemplar from 0 to {record.count(unit) - 1}", got=str(at), fix="Choose one of these."
            )
        image = record.images[record.rows[unit, at]]
        pixels = pack_small([image], LARGE)
        box = record.boxes[unit, at : at + 1] * (pixels.shape[1] / image.shape[0])
        return {"pixels": pack(pixels), "boxes": pack(box.astype(np.float32))}

    def _gallery_view(self) -> dict[str, Any] | None:
        """What the page has to know of the gallery before it asks for any picture."""
        record = self._exemplars
        if record is None:
            return None
        return {
            "names": [well_formed(name) for name in record.names],
            "labels": [well_formed(label) for label in record.labels],
            "kept": int(record.rows.shape[1]),
            "packed": len(record.images),
            "n_images": int(record.n_images),
            "ends": [r.end for r in (record, record.weakest) if r is not None],
            "unit_kind": well_formed(record.unit_kind),
            "value_kind": well_formed(record.value_kind),
            "row": ROW,
            "name": well_formed(record.name),
        }

    def _gallery_first(self, units: Iterable[int], *, whole: bool, end: str) -> Iterable[Request]:
        yield "units", {}
        for unit in units:
            yield "patches", {"unit": int(unit), "whole": whole, "every": False, "end": end}

    def _gallery_recordable(self, chosen: int | None, first: Sequence[int]) -> Iterable[Request]:
        """For a static page: every row, then all patches and large images of the first units, then their whole images.

        Args:
            chosen: the open unit, which comes before all.
            first: the units in the order of the list.
        """
        record = self._gallery
        yield "units", {}
        ends = [r.end for r in (record, record.weakest) if r is not None]
        order = [*([] if chosen is None else [chosen]), *(unit for unit in first if unit != chosen)]

        def patches(unit: int, end: str, *, every: bool = False, whole: bool = False) -> Request:
            return "patches", {"unit": unit, "whole": whole, "every": every, "end": end}

        for end in ends:
            for unit in order:
                yield patches(unit, end)
        for unit in order[:SAVED]:
            for end in ends:
                yield patches(unit, end, every=record.rows.shape[1] > ROW)
                for at in range(min(ROW, self._end(end).count(unit))):
                    yield "exemplar", {"unit": unit, "at": at, "end": end}
        for unit in order[:SAVED]:
            for end in ends:
                yield patches(unit, end, whole=True)
                yield patches(unit, end, whole=True, every=record.rows.shape[1] > ROW)
