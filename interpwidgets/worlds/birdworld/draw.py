"""Many birds at once, with everything that is true of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from interpwidgets.errors import InputError

from .bird import COATS, Look, light, paint
from .scenery import backdrop
from .shapes import Pose
from .species import BACKGROUNDS, CLASSES, CONCEPTS, HOMES, PARTS, SPECIES

SIZE, FINE = 64, 4  # pixels of an image, and how many times finer it is drawn
FIXED = ("label", *CONCEPTS, "background", "size", "contrast", "angle", "flip", "x", "y")


@dataclass(frozen=True)
class Birds:
    """Images of birds, and what is true of each.

    Attributes:
        images: ``uint8 [bird, 64, 64, 3]``.
        labels: ``[bird]`` index of the species in `classes`.
        classes: names of the species.
        concepts: name -> ``[bird]`` values: ``head``, ``wing``, ``belly``, ``beak``, ``background`` as words, ``size``
            and ``contrast`` as numbers.
        masks: part -> ``bool [bird, 64, 64]``, the pixels that show the part.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    concepts: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Any) -> Birds:
        """Some of the birds, by indices, a slice or a mask."""
        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            concepts={name: values[rows] for name, values in self.concepts.items()},
            masks={part: values[rows] for part, values in self.masks.items()},
        )


def draw(n: int | Sequence[int], *, seed: int, confounded: float = 0.0, **fixed: Any) -> Birds:
    """Draw birds: all species alike often, with pose, size, coat, contrast and background left to chance.

    Bird i of a seed is the same whatever n is, so single birds can be drawn again.

    Args:
        n: how many, or the numbers of those wanted.
        seed: of everything left to chance.
        confounded: the share of birds that sit in front of their species' own background (twins have different ones):
            at 1 the background tells the species apart as well as the bird does.
        fixed: what to hold for all birds: ``label`` (one, or several to choose from), ``head``, ``wing``, ``belly``,
            ``beak``, ``background``, ``size`` (about 0.85 to 1.15), ``contrast`` (0 to 1), ``angle`` (degrees),
            ``flip``, ``x``, ``y`` (pixels from where it would be in the middle). A concept that is held overrides the
            species, whose label stays.

    Raises:
        InputError: a value that does not exist.
    """
    rows = list(range(n)) if isinstance(n, int) else [int(i) for i in n]
    _check(rows, seed, confounded, fixed)
    drawn = [_bird(i, seed, confounded, fixed) for i in rows]
    parts = np.stack([d[1] for d in drawn])
    about = [d[2] for d in drawn]
    return Birds(
        np.stack([d[0] for d in drawn]),
        np.array([a["label"] for a in about], np.int64),
        CLASSES,
        {name: np.array([a[name] for a in about]) for name in (*CONCEPTS, "background", "size", "contrast")},
        {part: parts == 1 + i for i, part in enumerate(PARTS)},
    )


def _bird(i: int, seed: int, confounded: float, fixed: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    rng = np.random.default_rng([seed, i])
    # Every choice is drawn, also those that are then overruled: holding one thing leaves the others as they were.
    about: dict[str, Any] = {"label": int(rng.integers(len(SPECIES)))}
    about |= {"background": str(rng.choice(BACKGROUNDS)), "size": rng.uniform(0.85, 1.15)}
    about |= {"contrast": rng.uniform(0.65, 1.0), "angle": rng.uniform(-12, 12), "flip": bool(rng.random() < 0.5)}
    about |= {"x": rng.uniform(-5, 5), "y": rng.uniform(-4, 4)}
    at_home, shift, coat = rng.random() < confounded, rng.normal(0, 0.012), COATS[rng.integers(len(COATS))]
    jitter = rng.normal(0, (0.01, 0.03, 0.04))
    among = _labels(fixed)
    about["label"] = among[about["label"] % len(among)]
    if at_home:
        about["background"] = HOMES[about["label"]]
    about |= {name: getattr(SPECIES[about["label"]], name) for name in CONCEPTS}
    about |= {name: value for name, value in fixed.items() if name != "label"}
    side = SIZE * FINE
    unit = side * 0.272 * about["size"]
    facing = -1 if about["flip"] else 1
    # A long beak or tail would leave the canvas: the middle of what is drawn goes to the middle.
    x = side / 2 + FINE * about["x"] * 0.6 - facing * 0.02 * unit
    y = side / 2 + FINE * about["y"] + 0.06 * unit
    pose = Pose(x, y, unit, float(np.radians(about["angle"])), bool(about["flip"]))
    canvas = backdrop(str(about["background"]), side, y + 0.80 * unit, rng)
    h, s, v = (float(c + j) for c, j in zip(coat, jitter, strict=True))
    look = Look(
        head=str(about["head"]), wing=str(about["wing"]), belly=str(about["belly"]), beak=str(about["beak"]),
        contrast=float(about["contrast"]), hue_shift=float(shift), coat=(h, max(0.05, s), v),
    )  # fmt: skip
    parts = paint(canvas, look, pose, rng)
    shares = _shares(np.asarray(parts))
    image = light(np.asarray(canvas.reduce(FINE), np.uint8), shares.sum(-1))
    # Thin parts count where two fifths of a pixel are bird.
    return image, np.where(shares.sum(-1) >= 0.4, 1 + shares.argmax(-1), 0), about


def _shares(parts: np.ndarray) -> np.ndarray:
    """``[row, column, part]``: how much of each pixel each part covers."""
    blocks = parts.reshape(SIZE, FINE, SIZE, FINE)
    return np.stack([(blocks == 1 + i).mean((1, 3), dtype=np.float32) for i in range(len(PARTS))], -1)


def _labels(fixed: dict[str, Any]) -> list[int]:
    given = fixed.get("label", range(len(SPECIES)))
    return [int(given)] if isinstance(given, (int, np.integer)) else [int(label) for label in given]


def _check(rows: list[int], seed: int, confounded: float, fixed: dict[str, Any]) -> None:
    if not rows or min(rows) < 0 or not isinstance(seed, int) or seed < 0:
        raise InputError(
            expected="one bird or more, numbered from 0, and a seed of 0 or more",
            got=f"{len(rows)} birds, seed {seed!r}",
            fix="Call draw(16, seed=0).",
        )
    if not 0 <= confounded <= 1:
        raise InputError(expected="confounded from 0 to 1", got=repr(confounded), fix="Pass the share of birds.")
    labels = _labels(fixed)
    if not labels or any(label not in range(len(SPECIES)) for label in labels):
        raise InputError(
            expected=f"label as one of 0 to {len(SPECIES) - 1}, or several", got=repr(fixed["label"]), fix="Name some."
        )
    words = {**CONCEPTS, "background": BACKGROUNDS}
    for name, value in fixed.items():
        if name not in FIXED:
            raise InputError(expected=f"one of {', '.join(FIXED)}", got=name, fix="Hold one of these.")
        if name in words and value not in words[name]:
            raise InputError(
                expected=f"{name} as one of {', '.join(map(str, words[name]))}", got=repr(value), fix="Name one."
            )
        if name in ("size", "contrast", "angle", "x", "y") and not np.isfinite(value):
            raise InputError(expected=f"{name} as a finite number", got=repr(value), fix="Pass a number.")
    if not 0.3 <= fixed.get("size", 1) <= 1.6 or not 0 <= fixed.get("contrast", 1) <= 1:
        raise InputError(
            expected="size from 0.3 to 1.6 and contrast from 0 to 1", got=str(fixed)[:80], fix="Change them."
        )
