"""Which features of a dictionary fire on a text, and what they leave unsaid, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.feature_table import ORDERS, FeatureTable
from interpwidgets.records.sum_check import SumCheck
from interpwidgets.records.tokens import Tokens

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class FeatureValues:
    """A text taken apart by a dictionary: the features that fire on each token, and the error that is left.

    A dictionary writes an activation as ``y = b + Σ_j written_j + error``: ``b`` is what it writes when nothing fires
    (its bias; a skip connection too), ``written_j`` what feature j writes at its strength. Laid along ``y − b`` each
    part has a share of it, and the shares of the features and of the error sum to 1. They are signed: a feature that
    writes against the activation has a negative share. Within the reconstruction alone, ``written = Σ_j written_j``,
    the weights ``written_j · written / ‖written‖²`` sum to 1 too (Makelov et al. 2024, "Towards Principled Evaluations
    of Sparse Autoencoders").

    The codes lie in compressed sparse rows: those of token t are ``[offsets[t]:offsets[t + 1]]`` of the arrays of
    active codes. A token whose activation is not finite has none, and its norm is not finite either.

    Attributes:
        tokens: the positions.
        indices: ``[active]`` int32, the feature of each active code, ascending within a token.
        values: ``[active]`` how strongly it fires.
        offsets: ``[token + 1]`` int64.
        shares: ``[active]`` its share of the activation.
        weights: ``[active]`` its share of the reconstruction.
        norms: ``[token]`` length of the activation, ``‖y‖``.
        unexplained: ``[token]`` ``‖error‖² / ‖y − b‖²``: 0 for a perfect reconstruction, 1 for one that says no more
            than the bias, above 1 for a worse one.
        error_shares: ``[token]`` the error's share of the activation.
        unexplained_variance: of the whole text, ``Σ‖error‖² / Σ‖y − ȳ‖²`` with ȳ the mean over its tokens; NaN where
            all tokens are alike.
        n_features: how many features the dictionary has.
        labels: what is known of features, by number; those without a label are left out.
        name, kind: of the dictionary.
        site_in, site_out: the places it reads and writes.
        tolerance: the largest residual of a sum that the number format explains.
    """

    tokens: Tokens
    indices: np.ndarray
    values: np.ndarray
    offsets: np.ndarray
    shares: np.ndarray
    weights: np.ndarray
    norms: np.ndarray
    unexplained: np.ndarray
    error_shares: np.ndarray
    n_features: int
    unexplained_variance: float = float("nan")
    labels: Mapping[int, str] = field(default_factory=dict)
    name: str = "dictionary"
    kind: str = ""
    site_in: str = ""
    site_out: str = ""
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        count, active = len(self.tokens), len(self.indices)
        for what, length, entry in (
            ("values", active, "active code"),
            ("shares", active, "active code"),
            ("weights", active, "active code"),
            ("norms", count, "token"),
            ("unexplained", count, "token"),
            ("error_shares", count, "token"),
            ("offsets", count + 1, "token, and one for the end"),
        ):
            got = np.shape(getattr(self, what))
            if got != (length,):
                raise InputError(
                    expected=f"{what} of shape [{length}]", got=f"shape {list(got)}", fix=f"Give one for each {entry}."
                )
        ends = self.offsets
        if ends[0] != 0 or ends[-1] != active or bool((np.diff(ends) < 0).any()):
            raise InputError(
                expected=f"offsets that rise from 0 to {active}, the number of active codes",
                got=f"from {ends[0]} to {ends[-1]}",
                fix="Pass where each token's codes begin, and the end of the last.",
            )
        if active and not 0 <= int(self.indices.min()) <= int(self.indices.max()) < self.n_features:
            raise InputError(
                expected=f"features from 0 to {self.n_features - 1}",
                got=f"{self.indices.min()} to {self.indices.max()}",
                fix="Pass the dictionary's own n_features.",
            )

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        found = f"{len(self.table)} of {self.n_features} features fire, {self.counts.mean():.1f} on a token"
        return f"FeatureValues({self.name} at {self.site_in}: {len(self)} tokens, {found})"

    @property
    def counts(self) -> np.ndarray:
        """``[token]`` how many features fire there (its L0)."""
        return np.diff(self.offsets)

    @property
    def broken(self) -> np.ndarray:
        """``[token]`` True where the activation itself is not finite, so that nothing can be said."""
        return ~np.isfinite(self.norms)

    @property
    def signed(self) -> bool:
        """Whether any code is below 0, as those of neurons are."""
        return bool((self.values < 0).any())

    @cached_property
    def table(self) -> FeatureTable:
        """The features that fire anywhere on the text, with their summaries."""
        return FeatureTable.of(self.indices, self.values, self.offsets, self.shares)

    def check(self, feature: int) -> int:
        """The feature, if there is such a one."""
        if isinstance(feature, bool) or not isinstance(feature, int | np.integer) or not 0 <= feature < self.n_features:
            raise InputError(
                expected=f"a feature from 0 to {self.n_features - 1}", got=repr(feature), fix="Choose one of these."
            )
        return int(feature)

    def feature(self, feature: int) -> np.ndarray:
        """How strongly one feature fires along the text ``[token]``; NaN where the activation is not finite."""
        where, values = self.table.codes(self.check(feature))
        out = np.zeros(len(self), self.values.dtype)
        out[where] = values
        out[self.broken] = np.nan
        return out

    def explain(self, position: int) -> list[tuple[int, float, float, float]]:
        """The features that explain a position, the largest share (of either sign) first.

        Returns:
            ``(feature, value, share of the activation, weight in the reconstruction)`` of each that fires there.
        """
        if not -len(self) <= position < len(self):
            raise InputError(
                expected=f"a position from 0 to {len(self) - 1}", got=str(position), fix="Choose one of these tokens."
            )
        here = self.by_share(position % len(self))
        return [
            (int(self.indices[i]), float(self.values[i]), float(self.shares[i]), float(self.weights[i])) for i in here
        ]

    def by_share(self, position: int) -> np.ndarray:
        """Where a position's active codes lie in the arrays, the largest share first; not a number before any."""
        here = np.arange(self.offsets[position], self.offsets[position + 1])
        size = np.abs(self.shares[here].astype(np.float64))
        return here[np.argsort(-np.where(np.isnan(size), np.inf, size), kind="stable")]

    def ranked(self, order: str = "max", *, find: str = "") -> np.ndarray:
        """The features that fire on the text, first ones first.

        Args:
            order: ``"max"``, ``"mean"`` (both by size), ``"tokens"`` (on how many it fires) or ``"share"`` (of the
                activation, on average).
            find: only those whose label contains this text, or whose number begins with it.
        """
        found = self.table.ranked(order)
        text = find.strip().lower().removeprefix("#")
        if not text:
            return found
        labels = self.labels
        return np.array(
            [f for f in found if str(f).startswith(text) or text in labels.get(int(f), "").lower()], dtype=np.int32
        )

    def sums(self) -> np.ndarray:
        """``[token]`` the features' shares of the activation, summed."""
        return self._sums(self.shares)

    @property
    def sum_check(self) -> SumCheck:
        """Shares of features and error sum to 1 on every token; the value is the sum farthest from it."""
        # A token that is all bias, or not finite, has no shares to give out.
        said = np.isfinite(self.norms) & np.isfinite(self.error_shares)
        total = (self.sums() + self.error_shares)[said]
        law = "shares of features and error sum to 1"
        return SumCheck.farthest(law, total, target=1.0, tolerance=self.tolerance)

    @property
    def weight_check(self) -> SumCheck:
        """Feature weights sum to 1 on every token where something is written."""
        total = self._sums(self.weights)
        said = (self.counts > 0) & ~np.isnan(total)
        return SumCheck.farthest("feature weights sum to 1", total[said], target=1.0, tolerance=self.tolerance)

    def figure(self, *, top: int = 20, order: str = "max") -> go.Figure:
        """The top features along the text as a heat map, the error beneath them, as a ``plotly`` figure.

        Args:
            top: how many features.
            order: see `ranked`.
        """
        from interpwidgets.records.feature_figure import figure

        if isinstance(top, bool) or not isinstance(top, int) or top < 1:
            raise InputError(expected="top as a whole number from 1", got=repr(top), fix="Twenty is a good number.")
        return figure(self, [int(f) for f in self.ranked(order)[:top]])

    def _sums(self, parts: np.ndarray) -> np.ndarray:
        rows = np.repeat(np.arange(len(self)), self.counts)
        return np.bincount(rows, parts.astype(np.float64), minlength=len(self))


__all__ = ["ORDERS", "FeatureValues"]
