"""A vector of the residual stream read over the vocabulary, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain
from interpwidgets.records.sum_check import SumCheck

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class TokenScore:
    """What one token got.

    Attributes:
        id: the token.
        text: what it says.
        score: its score.
        rank: 1 for the largest; tokens with equal scores share the better rank; None for a score that is no number.
        z: how many standard deviations its score lies above the mean of the vocabulary.
    """

    id: int
    text: str
    score: float
    rank: int | None
    z: float


@dataclass(frozen=True)
class VectorScores:
    """The score of every token for one vector.

    Attributes:
        values: ``[id]`` float32.
        vocabulary: ``[id]`` the text of every token.
        side: ``"output"``, what the vector writes (unembedding), or ``"input"``, which tokens write it (embedding).
        scores: ``"raw"`` (logits, or dot products on the input side), ``"softmax"`` or ``"cosine"``.
        norm: whether the vector went through the final norm; False on the input side.
        name: of the vector.
        sum_check: probabilities sum to 1; None where nothing sums.
    """

    values: np.ndarray
    vocabulary: tuple[str, ...]
    side: str = "output"
    scores: str = "raw"
    norm: bool = False
    name: str = "vector"
    sum_check: SumCheck | None = None

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.vocabulary),):
            raise InputError(
                expected=f"one score for each of {len(self.vocabulary)} tokens",
                got=f"shape {list(self.values.shape)}",
                fix="Give values of shape [vocabulary].",
            )

    def __repr__(self) -> str:
        best = ", ".join(f"{t.text.strip()} {t.score:.3g}" for t in self.top(3))
        return f"VectorScores({self.name}, {self.side}, {self.scores}: {best}, ...)"

    @property
    def unit(self) -> str:
        """What the numbers are."""
        raw = "logit" if self.side == "output" else "dot product"
        return {"raw": raw, "softmax": "probability", "cosine": "cosine"}[self.scores]

    def top(self, n: int = 10) -> list[TokenScore]:
        """The tokens with the largest scores, largest first; what is not a number is left out."""
        return [self.of(int(i)) for i in self._order()[::-1][:n]]

    def bottom(self, n: int = 10) -> list[TokenScore]:
        """The tokens with the smallest scores, smallest first."""
        return [self.of(int(i)) for i in self._order()[:n]]

    def of(self, token: int) -> TokenScore:
        """The score, rank and z-score of a token given by its id."""
        if not 0 <= token < len(self.values):
            raise InputError(
                expected=f"a token id from 0 to {len(self.values) - 1}", got=str(token), fix="Use lm.vocabulary.id."
            )
        value = self.values[token]
        mean, deviation = self.moments
        z = float((float(value) - mean) / deviation) if deviation > 0 else 0.0
        rank = None if np.isnan(value) else int((self.values > value).sum()) + 1
        return TokenScore(int(token), self.vocabulary[token], float(value), rank, z)

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the finite scores over the vocabulary."""
        finite = self.values[np.isfinite(self.values)].astype(np.float64)
        return (float(finite.mean()), float(finite.std())) if finite.size else (float("nan"), float("nan"))

    def histogram(self, bins: int = 60) -> tuple[np.ndarray, np.ndarray]:
        """How many tokens fall into each of equal bins: counts ``[bin]`` and edges ``[bin + 1]``.

        Probabilities span many powers of ten, so with ``scores="softmax"`` the edges are their decimal logarithms.
        """
        with np.errstate(divide="ignore"):
            values = np.log10(self.values.astype(np.float64)) if self.scores == "softmax" else self.values
        finite = values[np.isfinite(values)].astype(np.float64)
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        if not high > low:
            low, high = low - 0.5, high + 0.5
        return np.histogram(finite, bins=bins, range=(low, high))

    def figure(self, bins: int = 60) -> go.Figure:
        """The histogram of all scores as a plotly figure; counts are on a logarithmic axis."""
        import plotly.graph_objects as go

        counts, edges = self.histogram(bins)
        figure = go.Figure(go.Bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, width=np.diff(edges)))
        axis = "log10 of the probability" if self.scores == "softmax" else self.unit
        figure.update_layout(
            title=plain(f"{self.name}: {self.unit} of {len(self.values)} tokens"),
            xaxis_title=axis,
            yaxis={"title": "tokens", "type": "log"},
            bargap=0,
        )
        return figure

    def _order(self) -> np.ndarray:
        """Ids by rising score, without those that are not a number; equal scores by falling id."""
        ids = np.flatnonzero(~np.isnan(self.values))[::-1]
        return ids[np.argsort(self.values[ids], kind="stable")]
