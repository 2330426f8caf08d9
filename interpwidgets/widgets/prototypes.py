"""PrototypeView: this looks like that, and here is why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import traitlets

from interpwidgets._core.widget import Request, Widget, checks, module
from interpwidgets._core.wire import well_formed
from interpwidgets.errors import InputError
from interpwidgets.records.exemplars import Exemplars
from interpwidgets.widgets.exemplars_answers import GalleryAnswers
from interpwidgets.widgets.prototypes_answers import BLOCK, PrototypeAnswers
from interpwidgets.widgets.prototypes_describing import describe_model, describe_shows
from interpwidgets.widgets.prototypes_sides import Comparison, Side
from interpwidgets.widgets.prototypes_weights import changed_weights, check_weights

# Images whose comparisons a saved page holds, from the one that is seen.
SAVED = 24


class PrototypeView(PrototypeAnswers, GalleryAnswers, Widget):
    """Why a network of prototypes says what it says: this part of the image looks like that training patch.

    Left, the image with the similarity map of one prototype, beside the training image that prototype is a patch of.
    In the middle, every prototype in the order of what it adds to a class's logit. Right, the score sheet of all
    classes: contributions, one after the other, up to the logit. Switch a prototype off or change its weight and the
    prediction follows at once; nothing is run for it, since a logit is the sum of similarity times weight (Chen et al.
    2019, "This Looks Like That"). The bars of the six reasons tell what makes the two patches similar to the network
    (Nauta et al. 2021, "This Looks Like That, Because ..."): how much similarity is lost when only the image's hue,
    saturation, contrast, brightness, shape or texture is changed.

    Args:
        source: a prototype network (``iw.load("birdworld")``), or a `PrototypeComparison`, or several of one network.
            Of prototypes over text, a network or a `TextPrototypeComparison`: spans of tokens stand for patches.
        images: for a network, one image or several: ``[height, width, 3]`` uint8, PIL images or paths; or texts.
        reasons: `PrototypeReasons` that are known already: one over the data, and one for each image in order. A
            network works out those of an image when they are looked at.
        compare: a second network (or its comparisons of the same images), to be shown beside the first.
        exemplars: ``iw.prototype_exemplars(net, images)``, for the gallery of all prototypes.
        image_labels: words for each image.

    Traits:
        image: the number of the image that is shown; settable.
        prototype: the number of the prototype that is looked at, or None; settable.
        class_: the class whose evidence is listed, by number or name; None follows the prediction.
        weights: what was changed in the last layer: ``{"3": 0.0}`` multiplies every weight of prototype 3 (0 switches
            it off), ``{"3:1": 2.5}`` sets its weight for class 1. The whole changed layer is `weight_matrix`.
        show: ``"image"``, ``"images"``, ``"classes"`` or ``"models"`` side by side, or ``"gallery"``.
        other_image, other_class, other_prototype: what is shown on the second side.
        heat, opacity: the similarity map over the image, and how much its largest value covers.
        title: the words at the top left.

    Raises:
        InputError: for a source, an image, a prototype, a class, weights or a keyword that does not fit.
    """

    _name: ClassVar[str] = "prototypes"
    _esm = module("prototypes")

    image = traitlets.Int(0).tag(sync=True)
    prototype = traitlets.Int(None, allow_none=True).tag(sync=True)
    class_ = traitlets.Union([traitlets.Int(), traitlets.Unicode()], allow_none=True, default_value=None).tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)
    show = traitlets.Unicode("image").tag(sync=True)
    other_image = traitlets.Int(0).tag(sync=True)
    other_class = traitlets.Union([traitlets.Int(), traitlets.Unicode()], allow_none=True, default_value=None).tag(
        sync=True
    )
    other_prototype = traitlets.Int(None, allow_none=True).tag(sync=True)
    heat = traitlets.Bool(True).tag(sync=True)
    opacity = traitlets.Float(0.6).tag(sync=True)
    title = traitlets.Unicode("Prototypes").tag(sync=True)

    def __init__(
        self,
        source: Any,
        images: Any = None,
        *,
        reasons: Any = None,
        compare: Any = None,
        exemplars: Exemplars | None = None,
        image_labels: Iterable[str] = (),
        **traits: Any,
    ) -> None:
        if images is None and "image" in traits and not isinstance(traits["image"], int | np.integer):
            images = traits.pop("image")
        self._sides = [Side(source, images, reasons)]
        if compare is not None:
            self._sides.append(Side(compare, None if _is_record(compare) else self._sides[0].images))
            if len(self._sides[1]) != len(self._sides[0]):
                raise InputError(
                    expected=f"comparisons of the same {len(self._sides[0])} images",
                    got=f"{len(self._sides[1])}",
                    fix="Compare both networks on the same images.",
                )
        if exemplars is not None and not isinstance(exemplars, Exemplars):
            raise InputError(
                expected="an Exemplars record", got=type(exemplars).__name__, fix="iw.prototype_exemplars makes it."
            )
        self._exemplars = exemplars
        self._labels = tuple(well_formed(str(label)) for label in image_labels)
        if self._labels and len(self._labels) != len(self._sides[0]):
            raise InputError(
                expected=f"{len(self._sides[0])} image labels",
                got=str(len(self._labels)),
                fix="Give one for each image.",
            )
        self._shows = describe_shows(self._sides, exemplars is not None)
        if not len(self._sides[0]) and exemplars is not None:
            traits = {"show": "gallery", **traits}
        super().__init__(**{"other_image": min(1, max(0, len(self._sides[0]) - 1)), **traits})
        self._describe()
        self._answers = self._recorded(self._first_paint())

    # What is shown, as records.

    @property
    def comparison(self) -> Any:
        """The `PrototypeComparison` of the image that is shown; of a text, the `TextPrototypeComparison`."""
        return self._sides[0].comparison(self.image)

    @property
    def weight_matrix(self) -> np.ndarray:
        """``[class, prototype]`` float64: the last layer with the changes of `weights`."""
        return changed_weights(self._sides[0].first.weights, self.weights)

    @property
    def logits(self) -> np.ndarray:
        """``[class]`` the logits of the image that is shown, with the changes of `weights`."""
        record = self.comparison
        return record.logits.copy() if not record.linear else record.logits_with(self.weight_matrix)

    @property
    def off(self) -> list[int]:
        """The prototypes that are switched off."""
        return sorted(int(key) for key, value in self.weights.items() if ":" not in key and value == 0)

    def figure(self, class_: int | str | None = None, n: int = 10) -> Any:
        """The score sheet of a class as a ``plotly.graph_objects.Figure``, as the network has it."""
        return self.comparison.figure(self.class_ if class_ is None else class_, n)

    # What a reader sets.

    @checks("image", "other_image")
    def _check_image(self, proposal: Any) -> int:
        count = len(self._sides[0])
        if count and not 0 <= proposal.value < count:
            raise InputError(
                expected=f"an image from 0 to {count - 1}", got=str(proposal.value), fix="Choose one of these."
            )
        return proposal.value

    @checks("prototype", "other_prototype")
    def _check_prototype(self, proposal: Any) -> int | None:
        second = proposal.trait.name == "other_prototype" and len(self._sides) > 1
        count = self._count(1 if second else 0)
        if proposal.value is not None and not 0 <= proposal.value < count:
            raise InputError(
                expected=f"a prototype from 0 to {count - 1}", got=str(proposal.value), fix="Or None for none."
            )
        return proposal.value

    @checks("class_", "other_class")
    def _check_class(self, proposal: Any) -> int | None:
        if proposal.value is None or not len(self._sides[0]):
            return None
        return self._sides[0].first.class_index(proposal.value)

    @checks("weights")
    def _check_weights(self, proposal: Any) -> dict[str, float]:
        if not proposal.value:
            return {}
        if not len(self._sides[0]):
            raise InputError(expected="an image, whose logits change", got="none", fix="Give the view an image.")
        first = self._sides[0].first
        if not first.linear:
            raise InputError(
                expected="logits that are linear in the similarities, to change weights",
                got="prototypes in groups that multiply",
                fix="Change the network's groups and compare again.",
            )
        return check_weights(proposal.value, len(first), first.classes)

    @checks("show")
    def _check_show(self, proposal: Any) -> str:
        reasons = {one["name"]: one["reason"] for one in self._shows}
        if proposal.value not in reasons:
            raise InputError(
                expected=f"show to be one of {list(reasons)}", got=repr(proposal.value), fix="Choose one of them."
            )
        if reasons[proposal.value]:
            raise InputError(
                expected="what this view can show", got=repr(proposal.value), fix=f"{reasons[proposal.value]}."
            )
        return str(proposal.value)

    @checks("opacity")
    def _check_opacity(self, proposal: Any) -> float:
        if not 0 <= proposal.value <= 1:
            raise InputError(expected="an opacity from 0 to 1", got=str(proposal.value), fix="0.6 is a good one.")
        return proposal.value

    # What the page has to know.

    def _count(self, model: int = 0) -> int:
        side = self._sides[model]
        if len(side):
            return len(side.first)
        return len(self._exemplars) if self._exemplars is not None else 0

    def _describe(self) -> None:
        self._view = {
            "models": [describe_model(side) for side in self._sides] if len(self._sides[0]) else [],
            "images": len(self._sides[0]),
            "labels": list(self._labels),
            "shows": self._shows,
            "block": BLOCK,
            "gallery": self._gallery_view(),
            "height": 860,
        }

    def _first_paint(self) -> list[Request]:
        if self.show == "gallery":
            return list(self._gallery_first(range(min(8, self._count())), whole=False, end=self._gallery.end))
        return list(self._of_image(self.image, whole=False)) if len(self._sides[0]) else []

    def _of_image(self, image: int, *, whole: bool = True) -> Iterable[Request]:
        """What one image needs; its maps too, and its reasons, where the whole of it is asked for."""
        yield "picture", {"image": image}
        for model, side in enumerate(self._sides):
            count = len(side.first)
            starts = range(0, count, BLOCK) if whole else (0,)
            yield "comparison", {"model": model, "image": image}
            yield "weights", {"model": model}
            for start in starts:
                yield "maps", {"model": model, "image": image, "start": start}
                if side.first.pushed:
                    yield "sources", {"model": model, "start": start}
            if whole and side.can_reason:
                yield "reasons", {"model": model, "image": image}

    def recordable(self) -> Iterable[Request]:
        """For a static page: the image that is seen, the gallery's rows, then other images up to a sensible number."""
        count = len(self._sides[0])
        if count:
            yield from self._of_image(self.image)
            if self.show == "images":
                yield from self._of_image(self.other_image)
            for start in () if self._sides[0].text else range(0, min(count, 4 * SAVED), BLOCK):
                yield "pictures", {"start": start}
        if self._exemplars is not None:
            yield from self._gallery_recordable(self.prototype, range(len(self._gallery)))
        for step in range(1, min(SAVED, count)):
            yield from self._of_image((self.image + step) % count)

    def to_html(self, path: str | Path | None = None, *, max_bytes: int = 8_000_000) -> str:
        """One self-contained page: opens with no kernel and no network; weights can be changed in it.

        It holds the image that is seen and the 23 after it, with every prototype, while there is room; an image that
        was left out says so. Raise ``max_bytes`` for more.

        Args:
            path: where to write it; None only returns the text.
            max_bytes: stop recording beyond this many bytes.

        Returns:
            The HTML text.
        """
        return super().to_html(path, max_bytes=max_bytes)


def _is_record(source: Any) -> bool:
    return isinstance(source, Comparison | list | tuple)
