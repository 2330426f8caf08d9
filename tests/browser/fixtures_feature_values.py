"""FeatureView in every state that is hard to draw, from planted arrays: no model is needed."""

from __future__ import annotations

import numpy as np

import interpwidgets as iw
from tests.browser.fixtures import HARD, MARY, tokens

LABELS = {
    2: "names",
    5: "<b>not markup</b> & a label that is far too long for its column",
    9: "שלום",
    11: "end of a sentence",
}


def planted(
    text: iw.Tokens,
    *,
    n_features: int = 40,
    width: int = 24,
    seed: int = 0,
    active: int = 6,
    signed: bool = False,
    noise: float = 0.25,
    labels: dict[int, str] | None = None,
    broken: tuple[int, ...] = (),
) -> iw.FeatureValues:
    """A dictionary of random unit directions, codes drawn at random, and an error of known size."""
    random = np.random.default_rng(seed)
    count = len(text)
    directions = random.normal(size=(n_features, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    codes = random.gamma(2, 2, size=(count, n_features))
    kept = np.argsort(random.random((count, n_features)) / (1 + np.arange(n_features)), axis=1)[
        :, : min(active, n_features)
    ]
    mask = np.zeros((count, n_features), bool)
    np.put_along_axis(mask, kept, True, axis=1)
    codes = np.where(mask, codes, 0.0)
    if signed:
        codes *= random.choice([-1, 1], size=codes.shape)
    error = noise * random.normal(size=(count, width)) * random.random((count, 1)) * 4
    bias = random.normal(size=width)
    codes[list(broken)] = 0
    written = codes @ directions
    whole = written + error
    length = (whole**2).sum(1)
    wrote = (written**2).sum(1)
    rows, columns = codes.nonzero()
    values = codes[rows, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = values * (directions @ whole.T)[columns, rows] / length[rows]
        weights = values * (directions @ written.T)[columns, rows] / wrote[rows]
        told = {
            "norms": np.linalg.norm(bias + whole, axis=1),
            "unexplained": (error**2).sum(1) / length,
            "error_shares": (error * whole).sum(1) / length,
        }
        variance = (error**2).sum() / ((whole - whole.mean(0)) ** 2).sum()
    for array in told.values():
        array[list(broken)] = np.nan
    return iw.FeatureValues(
        tokens=text,
        indices=columns.astype(np.int32),
        values=values.astype(np.float32),
        offsets=np.append(0, np.cumsum(np.bincount(rows, minlength=count))).astype(np.int64),
        shares=shares.astype(np.float32),
        weights=weights.astype(np.float32),
        **{name: array.astype(np.float32) for name, array in told.items()},
        n_features=n_features,
        unexplained_variance=float(variance),
        labels=LABELS if labels is None else labels,
        name="planted",
        kind="autoencoder",
        site_in="resid_post.2",
        site_out="resid_post.2",
    )


def long_text(count: int) -> iw.Tokens:
    """A text of many short words."""
    words = ("the", " cat", " saw", " a", " dog", " and", " ran", " home", ".", "\n")
    return tokens(*(words[i % len(words)] for i in range(count)))


def views() -> dict[str, tuple[str, iw.FeatureView]]:
    """Name -> what to look for, and the view."""
    missed = planted(MARY, noise=3.0, seed=3)
    return {
        "feature_values": (
            "Two features pinned, one selected, a token locked.",
            iw.FeatureView(planted(MARY), pinned=[5, 11], feature=11, position=9),
        ),
        "feature_values-share": ("By share, nothing chosen.", iw.FeatureView(planted(MARY), order="share")),
        "feature_values-signed": (
            "Codes of both signs, as of neurons: two colours, negative shares.",
            iw.FeatureView(planted(MARY, signed=True, active=30), position=4),
        ),
        "feature_values-missed": (
            "A poor dictionary: errors above the end of their scale carry a corner.",
            iw.FeatureView(missed, position=7),
        ),
        "feature_values-broken": (
            "Two activations that are not finite: hatched through every row.",
            iw.FeatureView(planted(MARY, broken=(3, 8)), position=8),
        ),
        "feature_values-long": (
            "2,000 tokens: the columns scroll and zoom.",
            iw.FeatureView(planted(long_text(2000), n_features=300), position=1234),
        ),
        "feature_values-hard": (
            "Whitespace, byte pieces, right-to-left, markup; a feature pinned that does not fire.",
            iw.FeatureView(planted(HARD, n_features=12, active=3), pinned=[0], position=15),
        ),
        "feature_values-none": (
            "A dictionary of which nothing fires: all of it is error.",
            iw.FeatureView(planted(MARY, active=0)),
        ),
        "feature_values-one": ("One token.", iw.FeatureView(planted(tokens("hello"), active=2))),
    }
