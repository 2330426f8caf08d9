"""DenoisingView in every state that is hard to draw, from planted arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

import interpwidgets as iw
from interpwidgets.records.alternatives import Alternatives

WORDS = ("wave", " gull", " tide", " salt", " reef", " shore", " wave", " sail", " anchor", " gull", " tide", " salt")
FILLED = (0, 0, 3, 1, 4, 6, 2, 5, 8, 7, 10, 9)
OTHERS = (" oven", " rose", " seed")


def planted(
    words: tuple[str, ...] = WORDS, filled: tuple[int, ...] = FILLED, *, features: int = 0, seed: int = 0, **rest: Any
) -> iw.Denoising:
    """A run that fills these words at these steps, growing surer as it goes."""
    random = np.random.default_rng(seed)
    n, steps, step = len(words), max(filled), np.array(filled)
    ids = np.arange(10, 10 + n)
    open_ = step[None] > np.arange(steps + 1)[:, None]
    tokens = tuple(
        iw.Tokens(
            tuple((" [MASK]" if i else "[MASK]") if open_[s, i] else words[i] for i in range(n)),
            ids=np.where(open_[s], 2, ids),
        )
        for s in range(steps + 1)
    )
    chance, entropy, choices = np.full(n, np.nan), np.full((steps, n), np.nan), []
    for s in range(steps):
        top = 0.25 + 0.7 * (s + random.random(n)) / (steps + 1)
        probabilities = np.stack([top, 0.5 * (1 - top), 0.3 * (1 - top)], axis=1)
        probabilities[~open_[s]] = np.nan
        rows = [(words[i], OTHERS[i % 3], " <b>fog</b>") if open_[s, i] else ("", "", "") for i in range(n)]
        numbers = np.where(open_[s][:, None], np.stack([ids, ids * 0 + 3, ids * 0 + 4], axis=1), -1)
        choices.append(Alternatives(numbers, probabilities, tuple(rows)))
        entropy[s] = -(probabilities * np.log(probabilities)).sum(1)
        now = step == s + 1
        chance[now] = top[now]
    kept: dict[str, Any] = {}
    if features:
        grow = np.linspace(0.2, 1, steps + 1)[:, None, None]
        values = np.maximum(0, random.normal(0.4, 1, (steps + 1, n, features)) * grow).astype(np.float32)
        values[..., 0] = 2 * grow[..., 0] + random.random((steps + 1, n)) * 0.3
        kept = {
            "features": np.array([7, *range(20, 20 + features - 1)]),
            "values": values,
            "labels": {7: "sea"},
            "dictionary": "topics",
            "site": "resid_post.0",
        }
    return iw.Denoising(tokens, step, chance, entropy, tuple(choices), **{**kept, **rest})


def views() -> dict[str, tuple[str, iw.DenoisingView]]:
    """Name -> what to look for, and the view."""
    signed = planted(features=3)
    assert signed.values is not None
    broken = signed.values - 1
    broken[4, 5, 0], broken[2, 3, 0] = np.nan, np.inf
    hard = ("<s>", " <b>bold</b>", " שלום", "\n", " naïve", " averyveryverylongtokenthatgoeson", " 日本", "")
    long = tuple(WORDS[i % 12] if i % 12 else " wave" for i in range(160))
    order = tuple(int(i) for i in 1 + np.random.default_rng(3).permutation(160) // 5)
    return {
        "denoising": ("Half way, a masked token pinned.", iw.DenoisingView(planted(features=6), step=5, position=8)),
        "denoising-feature": (
            "Coloured by a feature, in every state.",
            iw.DenoisingView(planted(features=12), step=3, show="feature"),
        ),
        "denoising-probability": (
            "The end, by probability; no features.",
            iw.DenoisingView(planted(), show="probability"),
        ),
        "denoising-start": ("Nothing but masks.", iw.DenoisingView(planted(filled=tuple(range(1, 13))), step=0)),
        "denoising-broken": (
            "A signed feature with not a number and an infinity: hatched and barred.",
            iw.DenoisingView(planted(features=3, values=broken), step=4, show="feature", position=5),
        ),
        "denoising-hard": (
            "Markup, right-to-left, a newline, nothing: text is text.",
            iw.DenoisingView(planted(hard, (0, 1, 2, 3, 4, 5, 6, 7)), step=3),
        ),
        "denoising-one": ("One position, one step.", iw.DenoisingView(planted((" wave",), (1,)), step=0)),
        "denoising-long": (
            "160 positions in 32 steps.",
            iw.DenoisingView(planted(long, order, order="random", seed=1), show="entropy", step=9, position=40),
        ),
    }
