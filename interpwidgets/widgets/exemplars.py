"""ExemplarView: every unit, by the image patches it answers to most."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import traitlets

from interpwidgets._core.widget import Request, Widget, checks, module
from interpwidgets._core.wire import unpack
from interpwidgets.errors import InputError
from interpwidgets.records.exemplars import Exemplars
from interpwidgets.widgets.exemplars_answers import ROW, GalleryAnswers

SORTS = ("number", "strongest", "mean", "label")
# Rows of the list that come with the widget; the others as they are scrolled into view.
FIRST = 8


class ExemplarView(GalleryAnswers, Widget):
    """Units of any kind, each a row of the image patches where its value is most extreme.

    Hover a patch to read its value, click it to see the whole image with the patch outlined. Units are prototypes,
    dictionary features on the patches of a vision transformer, clusters: whatever has a value at places of images.

    Args:
        exemplars: an `Exemplars` record (``iw.prototype_exemplars``, ``iw.feature_exemplars``, ``iw.exemplars``).

    Traits:
        unit: the number of the open unit, or None; settable.
        image: the number in the data of the image that is shown large, settable; None shows the most extreme one.
        search: words that a unit's name or label must hold; a number finds that unit.
        sort: ``"number"``, ``"strongest"`` (most extreme value first), ``"mean"`` (of its exemplars) or ``"label"``.
        context: show whole images instead of the part around each patch.
        end: ``"strongest"`` or ``"weakest"``, where the record kept both.
        title: the words at the top left.

    Raises:
        InputError: for a source, a unit, an image or a keyword that does not fit.
    """

    _name: ClassVar[str] = "exemplars"
    _esm = module("exemplars")

    unit = traitlets.Int(None, allow_none=True).tag(sync=True)
    image = traitlets.Int(None, allow_none=True).tag(sync=True)
    search = traitlets.Unicode("").tag(sync=True)
    sort = traitlets.Unicode("number").tag(sync=True)
    context = traitlets.Bool(False).tag(sync=True)
    end = traitlets.Unicode("strongest").tag(sync=True)
    title = traitlets.Unicode("Exemplars").tag(sync=True)

    def __init__(self, exemplars: Exemplars, **traits: Any) -> None:
        if not isinstance(exemplars, Exemplars):
            raise InputError(
                expected="an Exemplars record",
                got=type(exemplars).__name__,
                fix="Make one with iw.prototype_exemplars(net, images) or iw.exemplars(values, images).",
            )
        self._exemplars = exemplars
        if "unit" not in traits and len(exemplars):
            traits = {"unit": 0, **traits}
        # The unit is known before an image of it.
        super().__init__(**{"end": exemplars.end, **traits})
        self._view = {**(self._gallery_view() or {}), "height": 720}
        self._answers = self._recorded(self._first_paint())

    @property
    def exemplars(self) -> Exemplars:
        """The record that is shown."""
        return self._gallery

    @checks("unit")
    def _check_unit(self, proposal: Any) -> int | None:
        return None if proposal.value is None else self._gallery.check(proposal.value)

    @checks("end")
    def _check_end(self, proposal: Any) -> str:
        return self._end(proposal.value).end

    @checks("sort")
    def _check_sort(self, proposal: Any) -> str:
        if proposal.value not in SORTS:
            raise InputError(expected=f"sort to be one of {list(SORTS)}", got=repr(proposal.value), fix="Choose one.")
        return proposal.value

    @checks("image")
    def _check_image(self, proposal: Any) -> int | None:
        if proposal.value is None:
            return None
        known = {int(i) for i in self._gallery.indices}
        if proposal.value not in known:
            raise InputError(
                expected="the number of an image that is some unit's exemplar",
                got=str(proposal.value),
                fix="Choose one of view.exemplars.indices.",
            )
        return proposal.value

    def to_html(self, path: str | Path | None = None, *, max_bytes: int = 8_000_000) -> str:
        """One self-contained page: opens with no kernel and no network.

        It holds a row of patches for every unit while there is room, and all patches of the first 60 units with the
        first 12 images of each; what was left out says so. Raise ``max_bytes`` for more.

        Args:
            path: where to write it; None only returns the text.
            max_bytes: stop recording beyond this many bytes.

        Returns:
            The HTML text.
        """
        return super().to_html(path, max_bytes=max_bytes)

    def _first_paint(self) -> list[Request]:
        first = self._order()[:FIRST]
        found = list(self._gallery_first(first, whole=self.context, end=self.end))
        if self.unit is not None:
            many = self._gallery.rows.shape[1] > ROW
            found.append(("patches", {"unit": self.unit, "whole": self.context, "every": many, "end": self.end}))
            if self._gallery.count(self.unit):
                found.append(("exemplar", {"unit": self.unit, "at": 0, "end": self.end}))
        return found

    def _order(self) -> list[int]:
        """The units as the list begins with them; the page sorts by itself, so only their pictures are in question."""
        values = np.asarray(self._gallery.values, np.float64)
        if self.sort not in ("strongest", "mean") or not values.size:
            return list(range(len(self._gallery)))
        by = values[:, 0] if self.sort == "strongest" else unpack(self._units()["mean"])
        return np.argsort(-np.nan_to_num(by, nan=-np.inf), kind="stable").tolist()

    def recordable(self) -> Iterable[Request]:
        """For a static page: what is seen, then every row, then what is behind the first units."""
        yield from self._first_paint()
        yield from self._gallery_recordable(self.unit, self._order())
