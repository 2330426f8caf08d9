"""Outlines of a bird's parts, in units of its own length, and the way onto a canvas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Points = np.ndarray  # [point, 2]: x to the front, y down


@dataclass(frozen=True)
class Pose:
    """Where a bird is on the canvas: centre in pixels, pixels for a unit, angle in radians, facing left or not."""

    x: float
    y: float
    unit: float
    angle: float
    flip: bool

    def place(self, points: Points) -> Points:
        """Points of the bird as pixels of the canvas."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = np.asarray(points, float) @ np.array([[cos, sin], [-sin, cos]])
        if self.flip:
            turned = turned * [-1, 1]
        return turned * self.unit + [self.x, self.y]


def smooth(points: list[tuple[float, float]], steps: int = 8) -> Points:
    """A closed curve through points (Catmull and Rom 1974)."""
    p = np.asarray(points, float)
    before, after, beyond = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (x[:, None] for x in (before, p, after, beyond))
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    return (curve / 2).reshape(-1, 2)


def oval(x: float, y: float, rx: float, ry: float, angle: float = 0.0, n: int = 40) -> Points:
    """An ellipse turned by an angle in degrees."""
    t, a = np.linspace(0, 2 * np.pi, n, endpoint=False), np.radians(angle)
    u, v = rx * np.cos(t), ry * np.sin(t)
    return np.stack([x + u * np.cos(a) - v * np.sin(a), y + u * np.sin(a) + v * np.cos(a)], 1)


BODY = smooth([(0.60, -0.10), (0.52, 0.26), (0.16, 0.47), (-0.30, 0.36), (-0.66, 0.10), (-0.62, -0.08), (-0.25, -0.34),
               (0.20, -0.52), (0.50, -0.42)])  # fmt: skip
BELLY = smooth([(0.56, -0.12), (0.54, 0.24), (0.18, 0.46), (-0.28, 0.37), (-0.34, 0.26), (0.02, 0.16), (0.26, -0.06),
                (0.40, -0.28)])  # fmt: skip
WING = smooth([(0.22, -0.20), (0.16, 0.06), (-0.16, 0.22), (-0.60, 0.22), (-1.00, 0.12), (-0.66, -0.08),
               (-0.26, -0.30), (0.06, -0.34)])  # fmt: skip
TAIL = np.array([(-0.50, -0.12), (-1.08, -0.14), (-1.36, 0.02), (-1.30, 0.16), (-1.12, 0.22), (-0.50, 0.14)])
HEAD = oval(0.44, -0.56, 0.35, 0.33)
EYE = (0.545, -0.615)
BEAKS = {
    "short": np.array([(0.66, -0.70), (0.84, -0.62), (1.04, -0.49), (0.84, -0.43), (0.66, -0.40)]),
    "long": np.array([(0.66, -0.66), (0.95, -0.59), (1.46, -0.47), (0.95, -0.46), (0.66, -0.42)]),
    "hooked": smooth([(0.66, -0.72), (0.92, -0.72), (1.12, -0.58), (1.13, -0.26), (0.98, -0.42), (0.68, -0.38)]),
}
LEGS = ((-0.02, 0.40, -0.06, 0.76), (0.20, 0.40, 0.20, 0.76))
# Bars cross the wing from its upper to its lower edge; spots sit between them.
BARS = (((0.02, -0.36), (0.00, 0.22)), ((-0.26, -0.34), (-0.28, 0.28)), ((-0.54, -0.26), (-0.58, 0.28)))
SPOTS = ((0.07, -0.18), (0.00, 0.04), (-0.18, -0.16), (-0.24, 0.08), (-0.45, -0.05), (-0.50, 0.13), (-0.73, 0.08))
