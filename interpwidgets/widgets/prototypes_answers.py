"""What PrototypeView answers to its page: pictures, similarities, training patches, reasons."""

from __future__ import annotations

from typing import Any

import numpy as np

from interpwidgets._core.requests import answers
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.errors import InputError
from interpwidgets.records.text_prototypes import TextPrototypeComparison
from interpwidgets.widgets.describing import describe_tokens
from interpwidgets.widgets.prototypes_sides import Side
from interpwidgets.widgets.thumbnails import pack_small

# Prototypes whose maps or training patches travel together, and images whose thumbnails do.
BLOCK = 32
# The longest side of a picture: the image, a training image, a thumbnail to choose by.
PICTURE, SOURCE, SMALL = 512, 160, 40


class PrototypeAnswers:
    """Mixed into the widget, which sets ``_sides``."""

    _sides: list[Side]

    def _side(self, model: int) -> Side:
        if not 0 <= model < len(self._sides):
            raise InputError(
                expected=f"a model from 0 to {len(self._sides) - 1}", got=str(model), fix="Give the other as compare=."
            )
        return self._sides[model]

    @answers("picture")
    def _picture(self, image: int) -> dict[str, Any]:
        """One image, large, as one of a stack; or the tokens of a text."""
        images = self._sides[0].images
        if not 0 <= image < len(images):
            raise InputError(expected=f"an image from 0 to {len(images) - 1}", got=str(image), fix="Choose one.")
        if self._sides[0].text:
            return {"tokens": describe_tokens(self._sides[0].comparison(image).tokens)}
        return {"pixels": pack(pack_small([images[image]], PICTURE))}

    @answers("pictures")
    def _pictures(self, start: int) -> dict[str, Any]:
        """Small squares of some images, to choose by."""
        images = self._sides[0].images[max(0, start) : max(0, start) + BLOCK]
        squares = [_square(image) for image in images]
        side = min([SMALL, *map(len, squares)])
        return {"pixels": pack(pack_small(squares, side))}

    @answers("weights")
    def _weights(self, model: int) -> dict[str, Any]:
        """The network's own last layer, ``[class, prototype]``, and shares of groups, ``[group, prototype]``."""
        first = self._side(model).first
        groups = getattr(first, "groups", None)
        single = first.weights.dtype.itemsize <= 4
        return {
            "weights": pack(first.weights.astype(np.float32 if single else np.float64)),
            "groups": None if groups is None else pack(groups.astype(np.float32)),
        }

    @answers("comparison")
    def _comparison(self, model: int, image: int) -> dict[str, Any]:
        """Similarities, where they are, and the network's own logits for one image."""
        found = self._side(model).comparison(image)
        check = found.sum_check
        text = isinstance(found, TextPrototypeComparison)
        height, width = (1, len(found.tokens)) if text else found.image.shape[:2]
        return {
            "similarities": pack(found.similarities.astype(np.float64)),
            "logits": pack(found.logits.astype(np.float64)),
            "contributions": None if found.linear else pack(found.contributions.astype(np.float64)),
            "boxes": pack((found.spans if text else found.boxes).astype(np.float32)),
            "size": [height, width],
            "label": None if found.label is None else int(found.label),
            "sum_check": {
                "law": check.law,
                "value": check.value if np.isfinite(check.value) else None,
                "holds": check.holds,
            },
        }

    @answers("maps")
    def _maps(self, model: int, image: int, start: int) -> dict[str, Any]:
        """The similarity maps of a block of prototypes, exact."""
        found = self._side(model).comparison(image)
        text = isinstance(found, TextPrototypeComparison)
        maps = found.token_similarities[:, None] if text else found.similarity_maps
        return {"maps": pack(np.ascontiguousarray(maps[max(0, start) : max(0, start) + BLOCK], dtype=np.float32))}

    @answers("sources")
    def _sources(self, model: int, start: int) -> dict[str, Any]:
        """The training images that a block of prototypes are patches of, and the patches."""
        record = self._side(model).first
        if not record.pushed:
            raise InputError(
                expected="prototypes that are patches of training images",
                got="prototypes that were never pushed",
                fix="Push them first: iw.fit_prototypes does.",
            )
        block = slice(max(0, start), max(0, start) + BLOCK)
        indices = np.full(len(record), -1) if record.source_indices is None else record.source_indices
        told = {
            "indices": pack(np.asarray(indices[block], np.int32)),
            "labels": [well_formed(str(label)) for label in record.source_labels[block]],
        }
        if isinstance(record, TextPrototypeComparison):
            texts = [[well_formed(token) for token in tokens] for tokens in record.source_tokens[block]]
            return {**told, "texts": texts, "boxes": pack(np.asarray(record.source_spans)[block].astype(np.float32))}
        pixels = pack_small(record.source_images[block], SOURCE)
        boxes = record.source_boxes[block] * (pixels.shape[1] / record.source_images.shape[1])
        return {**told, "pixels": pack(pixels), "boxes": pack(boxes.astype(np.float32))}

    @answers("reasons")
    def _reasons(self, model: int, image: int) -> dict[str, Any]:
        """Similarity lost by each change: for this image, and over the data where that is known."""
        side = self._side(model)
        local = side.reasons(image)
        flagged = dict(side.everywhere.misleading) if side.everywhere else {}
        flagged.update(local.misleading if local else {})
        known = local or side.everywhere
        return {
            "local": None if local is None else pack(local.importance.astype(np.float64)),
            "everywhere": None if side.everywhere is None else pack(side.everywhere.importance.astype(np.float64)),
            "n_images": side.everywhere.n_images if side.everywhere else 0,
            "names": list(known.characteristics) if known else [],
            "misleading": [[int(p), well_formed(why)] for p, why in sorted(flagged.items())],
        }


def _square(image: np.ndarray) -> np.ndarray:
    """The middle of an image, as high as wide."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]
