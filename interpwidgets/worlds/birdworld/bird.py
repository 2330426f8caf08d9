"""One bird on a canvas, part by part, with a map of which pixel belongs to which part."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from . import shapes
from .shapes import Points, Pose
from .species import PARTS

HUES = {"red": 0.0, "orange": 0.075, "yellow": 0.14, "green": 0.34, "blue": 0.585, "violet": 0.77}
COATS = ((0.07, 0.32, 0.62), (0.09, 0.22, 0.72), (0.58, 0.10, 0.60), (0.20, 0.16, 0.58), (0.04, 0.26, 0.50))
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Look:
    """What one bird looks like.

    Attributes:
        head, wing, belly, beak: values of the four concepts.
        contrast: of the markings on wing and belly, 0 (invisible) to 1.
        hue_shift: added to the head's hue, in turns of the colour circle.
        coat: hue, saturation and value of the body.
    """

    head: str
    wing: str
    belly: str
    beak: str
    contrast: float
    hue_shift: float
    coat: tuple[float, float, float]


def paint(canvas: Image.Image, look: Look, pose: Pose, rng: np.random.Generator) -> Image.Image:
    """Draw a bird; returns the map of parts, 0 for background and 1 + index in `species.PARTS`."""
    parts = Image.new("L", canvas.size, 0)
    brush = _Brush(canvas, parts, pose)
    h, s, v = look.coat
    coat, dark = _rgb(h, s, v), _rgb(h, min(1, s + 0.08), v * 0.66)
    cream, pale = _rgb(0.11, 0.12, 0.97), _rgb(0.11, 0.10, 0.98)
    ink = _rgb(0.06, 0.55, 0.26)
    for x0, y0, x1, y1 in shapes.LEGS:
        brush.leg((x0, y0), (x1, y1), (196, 128, 62))
    brush.fill("tail", shapes.TAIL, dark)
    brush.fill("body", shapes.BODY, coat)
    belly = brush.fill("belly", shapes.BELLY, cream, edge=False)
    brush.marks(belly, _belly_marks(look.belly, pose, rng), _between(cream, ink, look.contrast))
    brush.outline(shapes.BODY, _shade(coat))
    wing = brush.fill("wing", shapes.WING, dark)
    brush.marks(wing, _wing_marks(look.wing, pose), _between(dark, pale, look.contrast))
    brush.outline(shapes.WING, _shade(dark))
    brush.fill("beak", shapes.BEAKS[look.beak], (92, 84, 84) if look.beak == "hooked" else (226, 150, 58))
    hue = (HUES[look.head] + look.hue_shift) % 1
    brush.fill("head", shapes.HEAD, _rgb(hue, 0.80, 0.86 if look.head in ("yellow", "orange") else 0.78))
    x, y = shapes.EYE
    brush.fill("eye", shapes.oval(x, y, 0.125, 0.125), (250, 250, 246))
    brush.fill("eye", shapes.oval(x + 0.015, y, 0.082, 0.082), (26, 24, 28), edge=False)
    brush.fill("eye", shapes.oval(x + 0.045, y - 0.035, 0.028, 0.028), (255, 255, 255), edge=False)
    return parts


class _Brush:
    def __init__(self, canvas: Image.Image, parts: Image.Image, pose: Pose) -> None:
        self.canvas, self.parts, self.pose = canvas, parts, pose
        self.pen, self.map = ImageDraw.Draw(canvas), ImageDraw.Draw(parts)
        self.edge = max(2, round(pose.unit * 0.035))

    def fill(self, part: str, points: Points, colour: Colour, *, edge: bool = True) -> Image.Image:
        """Fill an outline; returns it as a mask to draw marks through."""
        placed = _flat(self.pose.place(points))
        self.pen.polygon(placed, colour)
        self.map.polygon(placed, 1 + PARTS.index(part))
        if edge:
            self.outline(points, _shade(colour))
        mask = Image.new("L", self.canvas.size, 0)
        ImageDraw.Draw(mask).polygon(placed, 255)
        return mask

    def outline(self, points: Points, colour: Colour) -> None:
        placed = _flat(self.pose.place(points))
        self.pen.line([*placed, *placed[:2]], colour, self.edge, joint="curve")

    def leg(self, top: tuple[float, float], foot: tuple[float, float], colour: Colour) -> None:
        width = max(2, round(self.pose.unit * 0.07))
        a, b = self.pose.place(np.array([top, foot])).tolist()
        toes = self.pose.place(np.array([(foot[0] - 0.08, foot[1] + 0.03), (foot[0] + 0.14, foot[1] + 0.03)])).tolist()
        for pen, ink in ((self.pen, colour), (self.map, 1 + PARTS.index("leg"))):
            pen.line([*a, *b], ink, width)
            pen.line([*toes[0], *toes[1]], ink, width)

    def marks(self, mask: Image.Image, drawn: list[tuple[Points, float]], colour: Colour) -> None:
        """Lines (two or more points with a width) and dots (one point with a radius), kept inside a mask."""
        layer = Image.new("L", self.canvas.size, 0)
        pen = ImageDraw.Draw(layer)
        for points, size in drawn:
            if len(points) == 1:
                (x, y), r = points[0], size
                pen.ellipse([x - r, y - r, x + r, y + r], 255)
            else:
                pen.line(_flat(points), 255, max(1, round(size)), joint="curve")
        inside = Image.fromarray(np.minimum(np.asarray(layer), np.asarray(mask)))
        self.canvas.paste(colour, (0, 0), inside)


def _wing_marks(kind: str, pose: Pose) -> list[tuple[Points, float]]:
    if kind == "bars":
        return [(pose.place(np.array(bar)), pose.unit * 0.105) for bar in shapes.BARS]
    if kind == "spots":
        return [(pose.place(np.array([spot])), pose.unit * 0.075) for spot in shapes.SPOTS]
    return []


def _belly_marks(kind: str, pose: Pose, rng: np.random.Generator) -> list[tuple[Points, float]]:
    if kind == "striped":
        rows = np.arange(-0.20, 0.5, 0.145) + rng.uniform(-0.02, 0.02)
        x = np.linspace(-0.6, 0.7, 9)
        return [(pose.place(np.stack([x, y + 0.06 * np.cos(3 * x)], 1)), pose.unit * 0.055) for y in rows]
    if kind == "speckled":
        grid = [
            (x + 0.07 * (i % 2), y)
            for i, y in enumerate(np.arange(-0.2, 0.5, 0.12))
            for x in np.arange(-0.3, 0.7, 0.14)
        ]
        jitter = rng.uniform(-0.022, 0.022, (len(grid), 2))
        return [
            (pose.place(np.array([spot]) + move), pose.unit * 0.036) for spot, move in zip(grid, jitter, strict=True)
        ]
    return []


def light(image: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Light from above on the bird alone.

    Args:
        image: ``uint8 [row, column, 3]``.
        cover: ``[row, column]`` share of each pixel that is bird.
    """
    rows = np.flatnonzero(cover.any(1))
    if not len(rows):
        return image
    t = np.clip((np.arange(len(image)) - rows[0]) / max(1, rows[-1] - rows[0]), 0, 1)
    gain = 1 + cover * (0.08 - 0.2 * t)[:, None]
    return (image * gain[..., None]).clip(0, 255).astype(np.uint8)


def _flat(points: Points) -> list[float]:
    return np.asarray(points, float).reshape(-1).tolist()


def _rgb(h: float, s: float, v: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(h % 1, min(1.0, s), min(1.0, v))
    return (round(255 * r), round(255 * g), round(255 * b))


def _shade(colour: Colour, by: float = 0.62) -> Colour:
    return (round(colour[0] * by), round(colour[1] * by), round(colour[2] * by))


def _between(a: Colour, b: Colour, t: float) -> Colour:
    return (round(a[0] + (b[0] - a[0]) * t), round(a[1] + (b[1] - a[1]) * t), round(a[2] + (b[2] - a[2]) * t))
