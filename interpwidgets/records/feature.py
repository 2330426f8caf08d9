"""One feature of a dictionary, with everything its dashboard shows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from interpwidgets.records.tokens import Tokens


@dataclass(frozen=True, eq=False)
class Example:
    """A place where a feature fires, with the text around it.

    Attributes:
        group: ``"top"``, or which part of the feature's values it was drawn from, as ``"quantile 2 of 5"``.
        document: which document, from 0.
        position: of the peak in its document, special tokens included.
        start: of the shown piece in its document.
        peak: of the peak in the shown piece.
        tokens: the shown piece.
        values: ``[token]`` how strongly the feature fires on each; 0 where it does not.
        value: at the peak.
    """

    group: str
    document: int
    position: int
    start: int
    peak: int
    tokens: Tokens
    values: np.ndarray
    value: float

    def __repr__(self) -> str:
        said = "".join(self.tokens.texts)
        return f"Example({self.group}, {self.value:.3g} on {self.tokens.texts[self.peak]!r} in {said!r})"


@dataclass(frozen=True, eq=False)
class WordScores:
    """Some tokens of the vocabulary with a score each, the most extreme first.

    Attributes:
        texts: ``[word]`` what each says.
        ids: ``[word]`` its id.
        values: ``[word]`` its score.
    """

    texts: tuple[str, ...]
    ids: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class FeatureScores:
    """Some other features with a score each, the largest first.

    Attributes:
        features: ``[entry]`` their numbers.
        values: ``[entry]`` their scores.
        labels: ``[entry]`` what they are called; "" where nothing is known.
    """

    features: np.ndarray
    values: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Feature:
    """What an index knows of one feature.

    Attributes:
        feature: its number.
        label: what it is called, or "".
        density: the share of tokens on which it fires.
        max, mean: of its values where it fires; NaN for one that never does.
        count: tokens on which it fires.
        edges, counts: histogram of its values where it fires, ``[bin + 1]`` and ``[bin]``.
        examples: the strongest places first, then some from each part of its values.
        promoted, suppressed: tokens whose logits its direction raises and lowers most, per unit of the feature; None
            where the direction does not lie in the residual stream.
        read: tokens whose embeddings its detector matches best; None likewise.
        neighbours: features with the most similar directions, by cosine.
        correlated: features that fire together with it, by Pearson correlation over a sample of tokens.
        level: the first prefix of a Matryoshka dictionary that holds it, from 0; None for other kinds.
        columns: further numbers, such as an F1, by name.
    """

    feature: int
    label: str
    density: float
    max: float
    mean: float
    count: int
    edges: np.ndarray
    counts: np.ndarray
    examples: tuple[Example, ...]
    promoted: WordScores | None
    suppressed: WordScores | None
    read: WordScores | None
    neighbours: FeatureScores
    correlated: FeatureScores
    level: int | None = None
    columns: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        label = f" {self.label!r}" if self.label else ""
        return f"Feature({self.feature}{label}, fires on {self.density:.3%} of tokens, at most {self.max:.3g})"
