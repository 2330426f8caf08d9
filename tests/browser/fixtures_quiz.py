"""The quiz in every state that is hard to draw, from planted images: no model is needed."""

from __future__ import annotations

import numpy as np

import interpwidgets as iw
from interpwidgets.records.quiz import Quiz


def drawn(count: int, height: int = 48, width: int = 48, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Discs, squares and triangles of a colour, a size and a tilt on soft grounds; and what made each of them.

    Returns:
        ``[count, height, width, 3]`` uint8, and ``[count, 4]``: redness, size, roundness, light of the ground.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(float)
    images = np.zeros((count, height, width, 3), np.uint8)
    factors = random.random((count, 4))
    for i, (red, size, _, light) in enumerate(factors):
        kind = int(random.integers(0, 3))
        factors[i, 2] = (kind == 0) + 0.1 * factors[i, 2]
        radius = (0.16 + 0.26 * size) * min(height, width)
        cy, cx = height / 2 + random.normal() * 3, width / 2 + random.normal() * 3
        angle = random.uniform(0, np.pi)
        u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        v = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        far = (np.hypot(u, v), np.maximum(abs(u), abs(v)) * 1.13, np.maximum(v, abs(u) * 0.87 - v / 2) * 1.5)[kind]
        cover = np.clip(radius - far + 0.5, 0, 1)[..., None]
        ground = np.array([150, 165, 150]) * (0.35 + 0.9 * light) + 12 * ((x + y) / (height + width))[..., None]
        figure = np.array([40 + 190 * red, 70 + 40 * random.random(), 230 - 190 * red])
        images[i] = (ground * (1 - cover) + figure * cover + random.normal(0, 2, (height, width, 1))).clip(0, 255)
    return images, factors


def quiz(trials: int = 4, *, count: int = 160, height: int = 48, width: int = 48, exemplars: int = 9) -> Quiz:
    """Three units of which two mean something, and one that answers to nothing that can be seen."""
    images, factors = drawn(count, height, width)
    values = np.column_stack([factors[:, 0], factors[:, 2], np.random.default_rng(9).normal(size=count)])
    names = ["red figures", "discs", "nothing in particular"]
    return iw.two_afc(values, images, trials=trials, exemplars=exemplars, names=names, name="planted units")


def started(record: Quiz, wrong: tuple[int, ...] = (), upto: int = 7) -> dict[str, list]:
    """Answers of a reader who is part of the way, with these trials wrong."""
    answers = [int(a) ^ (t in wrong) if t < upto else None for t, a in enumerate(record.answers)]
    seconds = [round(1.5 + 0.7 * t, 3) if t < upto else None for t in range(len(record))]
    return {"answers": answers, "seconds": seconds}


def views() -> dict[str, tuple[str, iw.QuizView]]:
    """Every quiz of the gallery by name: what to look at, and the view."""
    plain = quiz()
    images, factors = drawn(60)
    markup = iw.two_afc(
        factors[:, :2],
        images,
        trials=3,
        names=["<b>bold</b> & a name that goes on and on and on, far longer than any unit's name ought to be", "שלום"],
    )
    alone = iw.two_afc(factors[:6, :1], images[:6], exemplars=1, names=["one exemplar at each end"])
    tiny, tints = drawn(60, 8, 8, seed=3)
    many = iw.two_afc(np.random.default_rng(1).normal(size=(200, 120)), drawn(200, 16, 16)[0])
    return {
        "quiz": ("A trial not answered yet.", iw.QuizView(plain)),
        "quiz right": (
            "Answered, and right: the image is outlined in blue.",
            iw.QuizView(plain, trial=6, **started(plain, (2, 5))),
        ),
        "quiz wrong": (
            "Answered, and wrong: the chosen one in orange, the right one in blue.",
            iw.QuizView(plain, trial=5, **started(plain, (2, 5))),
        ),
        "quiz without feedback": (
            "No score before the end, and an answer may be changed.",
            iw.QuizView(plain, feedback=False, trial=3, **started(plain, (2,))),
        ),
        "quiz results": (
            "Every trial answered: a row for each unit.",
            iw.QuizView(plain, show="results", **started(plain, (2, 5, 8), 12)),
        ),
        "quiz with strange names": (
            "Markup is text, long names are cut, Hebrew reads from the right.",
            iw.QuizView(markup, show="trial", **started(markup, (1,), 4)),
        ),
        "quiz of wide images": (
            "Images wider than high keep their shape.",
            iw.QuizView(quiz(2, count=80, height=36, width=64)),
        ),
        "quiz of tiny images": (
            "Images of 8 x 8 pixels: the pixels stay sharp.",
            iw.QuizView(iw.two_afc(tints[:, :1], tiny, trials=2)),
        ),
        "quiz with one exemplar": ("One strong and one weak image, one trial.", iw.QuizView(alone)),
        "quiz of 120 trials": ("A long strip of trials, and no machine.", iw.QuizView(many, machine=False)),
    }
