"""Where PrototypeView's numbers come from: a network with images, or comparisons that were made before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.prototype_reasons import PrototypeReasons
from interpwidgets.records.prototypes import PrototypeComparison
from interpwidgets.records.text_prototypes import TextPrototypeComparison

Comparison = PrototypeComparison | TextPrototypeComparison


class Side:
    """One model over the images of the view; each image is compared when it is first looked at.

    Args:
        source: a prototype network, or a comparison, or several of one network.
        images: what the network is shown; None for comparisons, which hold theirs.
        reasons: what is known of why prototypes are similar: over the data (``everywhere``), and of images in order.
    """

    # So many comparisons are kept; each holds every prototype's map of one image.
    KEPT = 64

    def __init__(self, source: Any, images: Any, reasons: Any = None) -> None:
        self._net: Any = None
        self._found: dict[int, Any] = {}
        self._why: dict[int, PrototypeReasons] = {}
        self.everywhere: PrototypeReasons | None = None
        if isinstance(source, Comparison):
            source = [source]
        if isinstance(source, Sequence) and source and all(isinstance(one, Comparison) for one in source):
            self._from_records(list(source), images)
        elif hasattr(source, "lm") and hasattr(source, "spans"):
            self._net = source
            self._images = _texts(images)
        elif all(hasattr(source, name) for name in ("prepare", "similarity_maps", "classes", "weights")):
            self._net = source
            self._images = _images(images)
        else:
            raise InputError(
                expected="a prototype network, or a PrototypeComparison",
                got=type(source).__name__,
                fix="Use iw.load('birdworld'), or make the record with iw.compare_prototypes(net, image).",
            )
        self._take_reasons(reasons)

    def _from_records(self, records: list[Any], images: Any) -> None:
        if images is not None:
            raise InputError(
                expected="no images beside comparisons, which hold their own",
                got="both",
                fix="Use PrototypeView(comparison), or PrototypeView(net, images).",
            )
        first = records[0]
        for record in records:
            if type(record) is not type(first) or record.classes != first.classes or len(record) != len(first):
                raise InputError(
                    expected="comparisons of one network",
                    got=f"{len(first)} and {len(record)} prototypes of {len(first.classes)} and "
                    f"{len(record.classes)} classes",
                    fix="Show the other network with compare=.",
                )
        self._images = [
            record.tokens if isinstance(record, TextPrototypeComparison) else record.image for record in records
        ]
        self._found = dict(enumerate(records))

    def _take_reasons(self, reasons: Any) -> None:
        given = [reasons] if isinstance(reasons, PrototypeReasons) else list(reasons or ())
        local = 0
        for record in given:
            if not isinstance(record, PrototypeReasons):
                raise InputError(
                    expected="a PrototypeReasons record, or several",
                    got=type(record).__name__,
                    fix="Make them with iw.prototype_reasons(net, image).",
                )
            if len(self._images) and len(record) != len(self.first):
                raise InputError(
                    expected=f"reasons for {len(self.first)} prototypes",
                    got=f"{len(record)}",
                    fix="Make them with the same network.",
                )
            if record.everywhere:
                self.everywhere = record
            else:
                self._why[local] = record
                local += 1
        if local > max(1, len(self._images)):
            raise InputError(
                expected=f"reasons for at most {len(self._images)} images",
                got=str(local),
                fix="Give one record for each image, in order.",
            )

    def __len__(self) -> int:
        return len(self._images)

    @property
    def images(self) -> Sequence[Any]:
        """The images, each ``[height, width, 3]`` uint8, or the texts."""
        return self._images

    @property
    def text(self) -> bool:
        """Whether prototypes are spans of texts."""
        return bool(len(self)) and isinstance(self.first, TextPrototypeComparison)

    @property
    def first(self) -> Any:
        """A comparison, for what is the same in all."""
        return self.comparison(next(iter(self._found), 0))

    def comparison(self, image: int) -> Any:
        """The comparison of one image, or of one text."""
        if not 0 <= image < len(self._images):
            raise InputError(
                expected=f"an image from 0 to {len(self._images) - 1}", got=str(image), fix="Choose one of these."
            )
        if image not in self._found:
            if len(self._found) >= self.KEPT:
                del self._found[next(iter(self._found))]
            self._found[image] = self._compare(self._images[image])
        return self._found[image]

    def _compare(self, one: Any) -> Any:
        if isinstance(one, str):
            from interpwidgets.analyses.text_prototypes import compare_text_prototypes

            return compare_text_prototypes(self._net, one)
        from interpwidgets.analyses.prototypes import compare_prototypes

        return compare_prototypes(self._net, one)

    @property
    def can_reason(self) -> bool:
        """Whether reasons can be worked out, or some are known."""
        if self.text:
            return False
        return self._net is not None or bool(self._why) or self.everywhere is not None

    def reasons(self, image: int) -> PrototypeReasons | None:
        """Why each prototype finds this image similar; None where only a network could tell and there is none."""
        self.comparison(image)
        if image not in self._why and self._net is not None:
            from interpwidgets.analyses.prototype_reasons import prototype_reasons

            self._why[image] = prototype_reasons(self._net, self._images[image])
        return self._why.get(image)


def _texts(texts: Any) -> list[str]:
    """One text or several."""
    given: list[Any] = [texts] if isinstance(texts, str) else list(texts or ())
    for one in given:
        if not isinstance(one, str):
            raise InputError(
                expected="a text or several, for prototypes over text", got=type(one).__name__, fix="Pass strings."
            )
    return given


def _images(images: Any) -> Any:
    """What may be given as one image or several, as arrays ``[height, width, 3]`` uint8."""
    if images is None:
        return []
    if isinstance(images, np.ndarray):
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[-1] != 3 or 0 in images.shape[1:]:
            raise InputError(
                expected="an image [height, width, 3] or images [n, height, width, 3], of dtype uint8",
                got=f"shape {list(images.shape)}, dtype {images.dtype}",
                fix="Undo the normalisation and convert, e.g. (255 * pixels).astype('uint8').",
            )
        return images[None] if images.ndim == 3 else images
    if isinstance(images, list | tuple):
        return [one for image in images for one in _images(image)]
    return [_opened(images)]


def _opened(image: Any) -> np.ndarray:
    """A PIL image, or the path of one."""
    from pathlib import Path

    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(image) if isinstance(image, str | Path) else image
        if isinstance(picture, Image.Image):
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(expected="an image that can be read", got=str(error), fix="Check the path.") from None
    raise InputError(
        expected="an image: an array [height, width, 3] of uint8, a PIL image or a path",
        got=type(image).__name__,
        fix="Convert it first, e.g. (255 * pixels).astype('uint8').",
    )
