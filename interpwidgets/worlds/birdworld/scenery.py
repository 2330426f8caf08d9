"""Backgrounds: sky, forest, sea and sand, each with something to perch on."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]


def backdrop(kind: str, size: int, ground: float, rng: np.random.Generator) -> Image.Image:
    """A canvas ``size x size`` with scenery that stays pale, so that the bird stands out.

    Args:
        kind: one of `species.BACKGROUNDS`.
        size: in pixels.
        ground: the height at which feet stand, in pixels from above.
        rng: where clouds, trunks, waves and dunes come from.
    """
    painted = {"sky": _sky, "forest": _forest, "sea": _sea, "sand": _sand}[kind](size // 2, rng)
    # Drawn at half the size and enlarged: what is far away has soft edges.
    painted = painted.filter(ImageFilter.GaussianBlur(1)).resize((size, size), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(painted)
    if kind in ("sky", "forest"):
        _branch(pen, size, ground, rng)
    elif kind == "sea":
        _rock(pen, size, ground, rng)
    else:
        _stones(pen, size, ground, rng)
    return painted


def _gradient(size: int, top: Colour, bottom: Colour, rng: np.random.Generator) -> Image.Image:
    t = np.linspace(0, 1, size)[:, None]
    jitter = rng.normal(0, 6, 3)
    column = (1 - t) * np.array(top) + t * np.array(bottom) + jitter
    return Image.fromarray(np.repeat(column.clip(0, 255).astype(np.uint8)[:, None], size, 1))


def _sky(size: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient(size, (150, 194, 232), (222, 236, 246), rng)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(2, 4)):
        x, y = rng.uniform(0, size), rng.uniform(0.05, 0.7) * size
        for step in range(-2, 3):
            r = size * rng.uniform(0.05, 0.09) * (1 - abs(step) / 4)
            pen.ellipse(
                [x + step * size * 0.07 - r * 1.3, y - r, x + step * size * 0.07 + r * 1.3, y + r], (248, 250, 252)
            )
    return image


def _forest(size: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient(size, (176, 204, 168), (122, 162, 122), rng)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 6)):
        x, w = rng.uniform(0, size), size * rng.uniform(0.02, 0.05)
        pen.polygon([(x - w, size), (x - w / 2, 0), (x + w / 2, 0), (x + w, size)], (128, 134, 104))
    for _ in range(26):
        x, y, r = rng.uniform(0, size), rng.uniform(-0.05, 0.42) * size, size * rng.uniform(0.03, 0.08)
        shade = rng.integers(-14, 15)
        pen.ellipse([x - r, y - r * 0.8, x + r, y + r * 0.8], (142 + shade, 182 + shade, 134 + shade))
    return image


def _sea(size: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient(size, (218, 232, 238), (238, 240, 234), rng)
    horizon = int(size * rng.uniform(0.3, 0.45))
    water = _gradient(size, (112, 176, 190), (64, 138, 158), rng)
    image.paste(water.crop((0, 0, size, size - horizon)), (0, horizon))
    pen = ImageDraw.Draw(image)
    for _ in range(22):
        y = rng.uniform(horizon + 4, size)
        w = size * rng.uniform(0.04, 0.12) * (0.5 + (y - horizon) / size)
        x = rng.uniform(0, size)
        pen.arc([x - w, y - w * 0.3, x + w, y + w * 0.3], 200, 340, (200, 226, 230), max(2, size // 90))
    return image


def _sand(size: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient(size, (244, 228, 196), (240, 216, 176), rng)
    pen = ImageDraw.Draw(image)
    x = np.linspace(0, size, 33)
    for level, colour in zip((0.42, 0.6, 0.78), ((232, 206, 160), (224, 194, 144), (214, 182, 132)), strict=True):
        y = size * (level + 0.05 * np.sin(x / size * rng.uniform(4, 8) + rng.uniform(0, 6)))
        pen.polygon([*zip(x.tolist(), y.tolist(), strict=True), (size, size), (0, size)], colour)
    return image


def _branch(pen: ImageDraw.ImageDraw, size: int, ground: float, rng: np.random.Generator) -> None:
    slope, bark = rng.uniform(-0.03, 0.03) * size, (112, 88, 70)
    pen.line([(0, ground + 4 - slope), (size, ground + 4 + slope)], bark, size // 28)
    pen.line([(0, ground - slope), (size, ground + slope)], (138, 110, 88), size // 90)
    for _ in range(rng.integers(2, 5)):
        x, up, r = rng.uniform(0, size), rng.choice([-1, 1]), size * 0.035
        y = ground + 4 + slope * (2 * x / size - 1) + up * r
        pen.ellipse([x - r * 1.2, y - r * 0.7, x + r * 1.2, y + r * 0.7], (104, 146, 92))


def _rock(pen: ImageDraw.ImageDraw, size: int, ground: float, rng: np.random.Generator) -> None:
    middle, half = size / 2 + rng.normal(0, size * 0.03), size * rng.uniform(0.32, 0.42)
    x = np.linspace(-1, 1, 15)
    y = ground + (1 - np.sqrt(np.clip(1 - x**4, 0, 1))) * size * 0.25 + rng.normal(0, 1.5, 15)
    top = list(zip((middle + x * half).tolist(), y.tolist(), strict=True))
    pen.polygon([*top, (middle + half * 1.1, size), (middle - half * 1.1, size)], (124, 126, 128))
    pen.line(top[2:-2], (160, 162, 162), size // 64)


def _stones(pen: ImageDraw.ImageDraw, size: int, ground: float, rng: np.random.Generator) -> None:
    pen.ellipse([size * 0.16, ground - size * 0.012, size * 0.84, ground + size * 0.05], (196, 164, 118))
    for _ in range(rng.integers(4, 8)):
        x, y, r = rng.uniform(0, size), rng.uniform(ground, size), size * rng.uniform(0.01, 0.025)
        shade = int(rng.integers(130, 170))
        pen.ellipse([x - r * 1.4, y - r, x + r * 1.4, y + r], (shade, shade - 12, shade - 30))
