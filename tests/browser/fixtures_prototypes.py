"""PrototypeView in every state that is hard to draw, from planted comparisons: no network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import interpwidgets as iw
from interpwidgets.records.prototypes import CHARACTERISTICS, PrototypeComparison, PrototypeReasons
from interpwidgets.records.text_prototypes import TextPrototypeComparison
from tests.browser.fixtures import HARD
from tests.browser.fixtures_exemplars import pictures
from tests.browser.fixtures_exemplars import planted as planted_exemplars

CLASSES = ("red finch", "blue tit", "marsh owl", "reed warbler")


def planted(
    image: int = 0,
    *,
    per_class: int = 3,
    classes: tuple[str, ...] = CLASSES,
    size: tuple[int, int] = (64, 64),
    side: int = 8,
    similarity: str = "distance",
    pushed: bool = True,
    seed: int = 0,
) -> PrototypeComparison:
    """A comparison whose numbers add up: the image looks most like the prototypes of class ``image % classes``."""
    random = np.random.default_rng(1000 * seed + image)
    net = np.random.default_rng(seed)
    count = per_class * len(classes)
    owner = np.repeat(np.arange(len(classes)), per_class)
    h, w = size[0] // side, size[1] // side
    if similarity == "cosine":
        maps = random.uniform(-0.6, 0.5, (count, h, w)).astype(np.float32)
        peak = np.where(
            owner == image % len(classes), random.uniform(0.7, 0.98, count), random.uniform(0.2, 0.6, count)
        )
    else:
        maps = random.gamma(1.5, 0.3, (count, h, w)).astype(np.float32)
        peak = np.where(owner == image % len(classes), random.uniform(4, 9.2, count), random.uniform(1, 4, count))
    places = np.stack([random.integers(0, h, count), random.integers(0, w, count)], axis=1)
    for p, (row, column) in enumerate(places):
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                y, x = row + dy, column + dx
                if 0 <= y < h and 0 <= x < w:
                    maps[p, y, x] = peak[p] * (1 if dy == dx == 0 else 0.6)
    flat = maps.reshape(count, -1)
    best = flat.argmax(axis=1)
    places = np.stack([best // w, best % w], axis=1).astype(np.int32)
    similarities = flat.max(axis=1)
    own = owner == np.arange(len(classes))[:, None]
    weights = np.where(own, net.uniform(0.6, 1.4, own.shape), net.uniform(-0.3, 0.05, own.shape)).astype(np.float32)
    contributions = weights.astype(np.float64) * similarities.astype(np.float64)
    return PrototypeComparison(
        image=pictures(image + 1, height=size[0], width=size[1], seed=5)[image],
        similarity_maps=maps,
        similarities=similarities,
        places=places,
        boxes=np.concatenate([places * side, (places + 1) * side], axis=1).astype(np.int32),
        weights=weights,
        contributions=contributions,
        logits=contributions.sum(axis=1),
        classes=classes,
        prototype_class=owner,
        similarity=similarity,
        source_images=pictures(count, height=size[0], width=size[1], seed=seed + 50) if pushed else None,
        source_boxes=_boxes(net, count, h, w, side) if pushed else None,
        source_indices=net.integers(0, 900, count) if pushed else None,
        source_labels=tuple(classes[c] for c in owner) if pushed else (),
        label=image % len(classes),
        name="planted",
    )


def _boxes(random: np.random.Generator, count: int, h: int, w: int, side: int) -> np.ndarray:
    places = np.stack([random.integers(0, h, count), random.integers(0, w, count)], axis=1)
    return np.concatenate([places * side, (places + 1) * side], axis=1).astype(np.int32)


def why(record: PrototypeComparison, *, everywhere: bool = False, seed: int = 0) -> PrototypeReasons:
    """Reasons with both signs; over the data or of one image."""
    random = np.random.default_rng(seed)
    importance = random.normal(0.8, 1.0, (len(record), len(CHARACTERISTICS)))
    flagged = {
        1: "the patches look alike (structural similarity 0.91, ΔE 3.1), but similarity rests on texture: 4.2 of 5.8 "
        "is lost when only texture is changed"
    }
    return PrototypeReasons(
        importance=importance,
        similarities=record.similarities,
        everywhere=everywhere,
        n_images=200 if everywhere else 1,
        misleading={} if everywhere else flagged,
    )


def broken() -> PrototypeComparison:
    """Not a number and infinite among the similarities, and a sum that does not hold."""
    record = planted(1)
    maps, similarities = record.similarity_maps.copy(), record.similarities.copy()
    maps[3, 2, 2:5], maps[4, 1, 1] = np.nan, np.inf
    similarities[3], similarities[4] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        contributions = record.weights * similarities
    return replace(record, similarity_maps=maps, similarities=similarities, contributions=contributions)


def views() -> dict[str, tuple[str, Any]]:
    """Name -> what to look for, and the view."""
    records = [planted(i) for i in range(6)]
    first = records[0]
    reasons = [why(first, everywhere=True), why(first, seed=1)]
    other = [replace(planted(i, seed=7), name="planted again") for i in range(6)]
    gallery = replace(
        planted_exemplars(12, 10, seed=4),
        names=tuple(f"prototype {p}" for p in range(12)),
        labels=first.source_labels,
        own_images=first.source_images,
        own_boxes=first.source_boxes,
        unit_kind="prototype",
        value_kind="similarity",
    )
    hard = replace(
        planted(2, per_class=1, classes=tuple(HARD.texts[i] for i in (0, 12, 14, 3, 19, 22))),
        source_labels=tuple(HARD.texts[:6]),
    )
    many = planted(5, per_class=10, classes=tuple(f"species {i}" for i in range(50)), side=16)
    groups = np.kron(np.eye(4), [0.62, 0.3, 0.08])  # each group shares itself among the prototypes of one class
    return {
        "plain": (
            "An image, its evidence, the reasons of one prototype, one that may mislead.",
            iw.PrototypeView(records, reasons=reasons, prototype=1, image_labels=[f"bird {i}" for i in range(6)]),
        ),
        "changed": (
            "A prototype off, a weight changed: the prediction follows.",
            iw.PrototypeView(first, weights={"0": 0, "2:0": -1.2, "4:1": 4.0}, prototype=2),
        ),
        "images": (
            "Two images beside each other.",
            iw.PrototypeView(records, show="images", image=0, other_image=4, class_=0, reasons=reasons),
        ),
        "classes": ("Two classes beside each other.", iw.PrototypeView(first, show="classes", prototype=0)),
        "models": ("Two models beside each other.", iw.PrototypeView(records, compare=other, show="models")),
        "gallery": (
            "All prototypes with their nearest patches.",
            iw.PrototypeView(records, exemplars=gallery, show="gallery", prototype=2),
        ),
        "not pushed": (
            "Prototypes that are no training patches yet; cosine similarity.",
            iw.PrototypeView(planted(0, pushed=False, similarity="cosine")),
        ),
        "broken": ("Not a number, infinite, a sum that does not hold.", iw.PrototypeView(broken(), prototype=3)),
        "hard": ("Hard names; six classes with one prototype each.", iw.PrototypeView(hard, prototype=0)),
        "many": (
            "500 prototypes of 50 classes: a menu of classes, rows made as they are seen.",
            iw.PrototypeView(many),
        ),
        "wide": (
            "An image twice as wide as high; coarse pixels.",
            iw.PrototypeView(planted(1, size=(16, 32), side=4, per_class=2), prototype=2),
        ),
        "groups": (
            "Prototypes that work in groups: no weight of one prototype to change.",
            iw.PrototypeView(
                replace(first, groups=groups, group_weights=np.eye(4), linear=False, scales=np.arange(12) % 2)
            ),
        ),
        "text": (
            "Prototypes over text: spans of tokens instead of patches.",
            iw.PrototypeView([planted_text(), planted_text(1)], prototype=2),
        ),
        "no image": ("Nothing to explain yet.", iw.PrototypeView(Waiting())),
    }


class Waiting:
    """A network that has not been given an image."""

    classes = CLASSES
    weights = np.zeros((4, 12))

    def prepare(self, images: Any) -> Any:
        """Never asked."""
        raise AssertionError

    def similarity_maps(self, x: Any) -> Any:
        """Never asked."""
        raise AssertionError


def planted_text(seed: int = 0) -> TextPrototypeComparison:
    """A text whose spans read like spans of training texts, with hard tokens among them."""
    random = np.random.default_rng(seed)
    count, classes = 6, ("sad", "happy")
    n = len(HARD)
    near = random.gamma(1.5, 0.5, (count, n)).astype(np.float32)
    near[:, 0] = np.nan
    spans = np.stack([[1 + 3 * p, 2 + 3 * p + p % 3] for p in range(count)])
    similarities = random.uniform(3, 9, count).astype(np.float32)
    for p, (start, stop) in enumerate(spans):
        near[p, start:stop] = similarities[p]
    weights = random.uniform(-0.6, 1.2, (2, count)).astype(np.float32)
    words = ("<bos>", "Tom", " felt", " very", " happy", ".", " <i>She</i>", " smiled", ".")
    return TextPrototypeComparison(
        tokens=HARD,
        token_similarities=near,
        similarities=similarities,
        spans=spans,
        weights=weights,
        logits=weights.astype(np.float64) @ similarities.astype(np.float64),
        classes=classes,
        prototype_class=np.arange(count) % 2,
        source_tokens=(words,) * count,
        source_spans=np.stack([[1 + p, 2 + p + p % 3] for p in range(count)]),
        source_indices=np.arange(count) + 40,
        source_labels=tuple(classes[p % 2] for p in range(count)),
        name="planted text",
    )
