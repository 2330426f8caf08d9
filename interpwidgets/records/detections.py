"""Which feature detects which known attribute, and how well, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain

FEATURES = ("attribute", "f1", "precision", "recall", "threshold", "sign")
# How far a detector must be above one that says yes to every token: a common value gives that one a good F1 too.
ABOVE = 0.1
ATTRIBUTES = ("positives", "best_feature", "best_f1", "best_precision", "best_recall", "best_threshold", "best_sign")


@dataclass(frozen=True)
class Detections:
    """Every feature as a detector of one attribute value, and every attribute value with its best detector.

    A feature says "yes" to a token where ``sign * code >= threshold``. Precision is the share of its yeses that are
    right, recall the share of the tokens with that value that it finds, F1 their harmonic mean. Sign and threshold
    are the best there are; where some tokens were held out, they were chosen on the others and the scores are of the
    held-out ones, so that the best of thousands of features does not win by luck.

    `interpwidgets.analyses.detections.detections` makes it.

    Attributes:
        attributes: ``[attribute]`` names, such as ``"place=park"``.
        positives: ``[attribute]`` how many of the scored tokens have it.
        tokens: how many tokens were scored.
        held_out: whether those are other tokens than the thresholds were chosen on.
        attribute: ``[feature]`` index of the value it detects best; -1 where it never fires on any.
        f1, precision, recall: ``[feature]`` for that value; NaN where there is none.
        threshold, sign: ``[feature]`` from which code on it says yes; sign -1 where low codes mean yes.
        best_feature: ``[attribute]`` the feature that detects it best; -1 where none fires on it.
        best_f1, best_precision, best_recall, best_threshold, best_sign: ``[attribute]`` the same for that pair.
    """

    attributes: tuple[str, ...]
    positives: np.ndarray
    tokens: int
    held_out: bool
    attribute: np.ndarray
    f1: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    threshold: np.ndarray
    sign: np.ndarray
    best_feature: np.ndarray
    best_f1: np.ndarray
    best_precision: np.ndarray
    best_recall: np.ndarray
    best_threshold: np.ndarray
    best_sign: np.ndarray

    def __post_init__(self) -> None:
        for names, length in ((FEATURES, len(self.attribute)), (ATTRIBUTES, len(self.attributes))):
            wrong = [name for name in names if np.shape(getattr(self, name)) != (length,)]
            if wrong:
                raise InputError(
                    expected=f"{wrong[0]} as {length} numbers",
                    got=f"shape {list(np.shape(getattr(self, wrong[0])))}",
                    fix="Give one number for each feature, and one for each attribute value.",
                )

    def __len__(self) -> int:
        return len(self.attribute)

    @property
    def always_yes(self) -> np.ndarray:
        """``[attribute]`` the F1 of saying yes to every token: ``2p / (1 + p)`` where a share p has the value."""
        return 2 * self.positives / (self.tokens + self.positives)

    def detects(self, *, at_least: float = 0.5) -> np.ndarray:
        """``[feature]`` whether it detects its value: F1 of ``at_least``, and 0.1 above always saying yes."""
        always = np.where(self.attribute < 0, 1.0, self.always_yes[self.attribute])
        return (self.f1 >= at_least) & (self.f1 >= always + ABOVE)

    def label(self, feature: int, *, at_least: float = 0.5) -> str:
        """What a feature detects, such as ``"place=park (F1 0.93)"``; "" where it `detects` none."""
        if not hasattr(feature, "__index__") or not 0 <= int(feature) < len(self):
            raise InputError(
                expected=f"a feature from 0 to {len(self) - 1}", got=repr(feature), fix="Choose one of these."
            )
        if not self.detects(at_least=at_least)[feature]:
            return ""
        return self._name(int(feature))

    def labels(self, *, at_least: float = 0.5) -> dict[int, str]:
        """Labels of the features that detect something: ``dictionary.labels = found.labels()``."""
        return {int(i): self._name(int(i)) for i in np.flatnonzero(self.detects(at_least=at_least))}

    def detectors(self, attribute: str, *, at_least: float = 0.5) -> list[tuple[int, float]]:
        """Features whose best value is this one: ``(feature, F1)``, the best first."""
        found = np.flatnonzero((self.attribute == self._index(attribute)) & self.detects(at_least=at_least))
        return [(int(i), float(self.f1[i])) for i in found[np.argsort(-self.f1[found], kind="stable")]]

    def split(self, *, at_least: float = 0.5) -> dict[str, int]:
        """Over-splitting: values that several features share as what they detect best, and how many, most first.

        Some sharing is right (a name may be giver or receiver); much of it says that one attribute was cut to pieces.
        """
        counts = np.bincount(self.attribute[self.detects(at_least=at_least)], minlength=len(self.attributes))
        order = np.argsort(-counts, kind="stable")
        return {self.attributes[i]: int(counts[i]) for i in order if counts[i] > 1}

    def missed(self, *, at_least: float = 0.5) -> list[str]:
        """Values that no feature detects."""
        found = (self.best_f1 >= at_least) & (self.best_f1 >= self.always_yes + ABOVE)
        return [name for name, yes in zip(self.attributes, found, strict=True) if not yes]

    def occluded(self, supervised: Mapping[str, float], *, at_least: float = 0.5) -> list[str]:
        """Feature occlusion: values that no feature detects although a supervised detector can.

        The information is in the activations, and the dictionary hides it behind what is larger (Makelov et al. 2024,
        "Towards Principled Evaluations of Sparse Autoencoders for Interpretability and Control").

        Args:
            supervised: value -> F1 of the supervised detector on the same tokens.
            at_least: the F1 from which on a value counts as detected.
        """
        return [name for name in self.missed(at_least=at_least) if supervised.get(name, 0.0) >= at_least]

    def top(self, n: int = 10) -> list[tuple[int, str, float]]:
        """The clearest detectors: ``(feature, value, F1)``."""
        order = np.argsort(-np.nan_to_num(self.f1, nan=-1.0), kind="stable")[: max(0, n)]
        return [
            (int(i), self.attributes[self.attribute[i]], float(self.f1[i])) for i in order if self.attribute[i] >= 0
        ]

    def figure(self, most: int = 40) -> Any:
        """The best F1 of every value as bars, a ``plotly.graph_objects.Figure``; words are left to `top`."""
        import plotly.graph_objects as go

        rows = [i for i, name in enumerate(self.attributes) if not name.startswith("word=")]
        rows = sorted(rows, key=lambda i: -np.nan_to_num(self.best_f1[i]))[:most][::-1]
        notes = [
            f"feature {self.best_feature[i]}: precision {self.best_precision[i]:.3f}, "
            f"recall {self.best_recall[i]:.3f}, {self.positives[i]} tokens"
            for i in rows
        ]
        bars = go.Bar(
            x=[self.best_f1[i] for i in rows],
            y=[plain(self.attributes[i]) for i in rows],
            hovertext=notes,
            orientation="h",
            marker_color="#2f5fcf",
        )
        return go.Figure(bars).update_layout(
            title="How well the best feature detects each attribute value",
            xaxis={"title": "F1", "range": [0, 1]},
            height=140 + 18 * len(rows),
            margin_l=160,
        )

    def _name(self, feature: int) -> str:
        low = "low codes: " if self.sign[feature] < 0 else ""
        return f"{low}{self.attributes[self.attribute[feature]]} (F1 {self.f1[feature]:.2f})"

    def _index(self, attribute: str) -> int:
        if attribute not in self.attributes:
            raise InputError(
                expected=f"an attribute value such as {', '.join(self.attributes[:4])}",
                got=repr(attribute),
                fix="Choose one of .attributes.",
            )
        return self.attributes.index(attribute)

    def __repr__(self) -> str:
        sure = int(self.detects().sum())
        where = "held-out tokens" if self.held_out else "the tokens the thresholds were chosen on"
        best = "; ".join(f"{i} {name} {f1:.2f}" for i, name, f1 in self.top(3))
        return (
            f"Detections({len(self)} features, {len(self.attributes)} attribute values, {self.tokens} tokens)\n"
            f"  {sure} features detect a value with F1 >= 0.5 on {where}\n"
            f"  {len(self.attributes) - len(self.missed())} values have such a feature; best: {best}"
        )
