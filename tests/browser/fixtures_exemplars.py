"""ExemplarView in every state that is hard to draw, from planted pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import interpwidgets as iw
from interpwidgets.records.exemplars import Exemplars
from tests.browser.fixtures import HARD


def pictures(n: int, *, height: int = 64, width: int = 64, seed: int = 0) -> np.ndarray:
    """``[n, height, width, 3]`` uint8: a coloured disc on a shaded ground, so that each can be told from the others."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    out = np.empty((n, height, width, 3), np.uint8)
    for i in range(n):
        ground, disc = random.uniform(90, 230, 3), random.uniform(0, 255, 3)
        cy, cx = random.uniform(0.25, 0.75) * height, random.uniform(0.25, 0.75) * width
        radius = random.uniform(0.15, 0.3) * min(height, width)
        inside = ((y - cy) ** 2 + (x - cx) ** 2 < radius**2)[..., None]
        shade = (0.75 + 0.25 * y / height)[..., None]
        wave = 0.7 + 0.3 * (np.sin(x * (0.3 + i % 5 / 5)) > 0)
        stripes = np.where(i % 3 == 0, wave, 1.0)[..., None]
        out[i] = np.clip(np.where(inside, disc * stripes, ground * shade), 0, 255)
    return out


def planted(
    units: int = 24,
    kept: int = 12,
    images: int = 60,
    *,
    height: int = 64,
    width: int = 64,
    side: int = 16,
    seed: int = 0,
) -> Exemplars:
    """Exemplars at random places of planted pictures, strongest first."""
    random = np.random.default_rng(seed)
    rows = np.stack([random.permutation(images)[:kept] for _ in range(units)]).astype(np.int32)
    values = -np.sort(-random.gamma(2.0, 1.5, (units, kept)).astype(np.float32), axis=1)
    places = np.stack(
        [random.integers(0, height // side, (units, kept)), random.integers(0, width // side, (units, kept))], axis=-1
    ).astype(np.int32)
    boxes = np.concatenate([places * side, (places + 1) * side], axis=-1).astype(np.int32)
    return Exemplars(
        images=pictures(images, height=height, width=width, seed=seed),
        indices=(np.arange(images) * 7 + 3).astype(np.int64),
        rows=rows,
        values=values,
        places=places,
        boxes=boxes,
        names=tuple(f"feature {i}" for i in range(units)),
        labels=tuple(("round and red", "striped ground", "upper edge", "", "pale disc")[i % 5] for i in range(units)),
        image_labels=tuple(f"disc {i}" for i in range(images)),
        unit_kind="feature",
        value_kind="activation",
        n_images=images * 7,
        name="planted",
    )


def views() -> dict[str, tuple[str, Any]]:
    """Name -> what to look for, and the view."""
    plain = planted()
    broken = planted(units=4, kept=5)
    values, rows = broken.values.copy(), broken.rows.copy()
    rows[1], values[1] = -1, np.nan
    rows[2, 2:], values[2, 2:] = -1, np.nan
    values[3, 1] = np.inf
    hard = replace(broken, rows=rows, values=values, names=(*HARD.texts[:3], "x" * 80), labels=tuple(HARD.texts[1:5]))
    weakest = replace(plain, end="weakest", values=-plain.values, rows=plain.rows[:, ::-1].copy())
    own = replace(
        plain,
        weakest=weakest,
        own_images=pictures(24, seed=9),
        own_boxes=np.tile(np.array([16, 24, 32, 40], np.int32), (24, 1)),
        unit_kind="prototype",
        value_kind="similarity",
        names=tuple(f"prototype {i}" for i in range(24)),
    )
    return {
        "plain": ("Every unit a row.", iw.ExemplarView(plain, unit=3, image=int(plain.indices[plain.rows[3, 1]]))),
        "own": ("A unit's own patch first; two ends.", iw.ExemplarView(own, unit=1, context=True)),
        "hard": ("Nothing seen, fewer than kept, infinite, hard names.", iw.ExemplarView(hard)),
        "wide": (
            "Images that are not square, pixels that can be seen.",
            iw.ExemplarView(planted(3, 6, 12, height=12, width=24, side=6), unit=0),
        ),
        "none": ("No unit at all.", iw.ExemplarView(plain.take([]))),
    }
