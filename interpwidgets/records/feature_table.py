"""The features that fire on a text: a row for each, with its summaries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interpwidgets.errors import InputError

ORDERS = ("max", "mean", "tokens", "share")


@dataclass(frozen=True)
class FeatureTable:
    """Sparse codes turned around: feature by feature instead of token by token (compressed sparse columns).

    Only features that fire have a row, so nothing here grows with the size of the dictionary.

    Attributes:
        features: ``[row]`` int32, ascending.
        starts: ``[row + 1]`` where each feature's codes begin in the two arrays below.
        positions: ``[active]`` int32, the token of each code, ascending within a feature.
        values: ``[active]`` the codes.
        max: ``[row]`` the code farthest from 0, with its sign.
        mean: ``[row]`` mean size of the code over all tokens of the text.
        tokens: ``[row]`` int32, on how many tokens it fires.
        share: ``[row]`` its share of the activation, averaged over all tokens.
    """

    features: np.ndarray
    starts: np.ndarray
    positions: np.ndarray
    values: np.ndarray
    max: np.ndarray
    mean: np.ndarray
    tokens: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, indices: np.ndarray, values: np.ndarray, offsets: np.ndarray, shares: np.ndarray) -> FeatureTable:
        """From codes in compressed sparse rows, and each code's share."""
        count = max(1, len(offsets) - 1)
        rows = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
        order = np.argsort(indices, kind="stable")
        sorted_indices, sorted_values = indices[order], values[order]
        features, starts = np.unique(sorted_indices, return_index=True)
        ends = np.append(starts, len(order))
        if len(features) == 0:
            none = np.zeros(0)
            return cls(features.astype(np.int32), ends, rows, values, none, none, np.zeros(0, np.int32), none)
        size = np.abs(sorted_values.astype(np.float64))
        peak = np.maximum.reduceat(size, starts)  # a NaN stays one
        low = np.minimum.reduceat(sorted_values, starts)
        with np.errstate(invalid="ignore"):
            peak = np.where(low == -peak, low, peak)
        told = np.nan_to_num(shares[order].astype(np.float64), posinf=0.0, neginf=0.0)
        return cls(
            features=features.astype(np.int32),
            starts=ends,
            positions=rows[order],
            values=sorted_values,
            max=peak,
            mean=np.add.reduceat(size, starts) / count,
            tokens=np.diff(ends).astype(np.int32),
            share=np.add.reduceat(told, starts) / count,
        )

    def __len__(self) -> int:
        return len(self.features)

    def row(self, feature: int) -> int | None:
        """The row of a feature, or None where it never fires."""
        at = int(np.searchsorted(self.features, feature))
        return at if at < len(self) and self.features[at] == feature else None

    def codes(self, feature: int) -> tuple[np.ndarray, np.ndarray]:
        """The positions where a feature fires, and how strongly."""
        at = self.row(feature)
        part = slice(0, 0) if at is None else slice(int(self.starts[at]), int(self.starts[at + 1]))
        return self.positions[part], self.values[part]

    def ranked(self, order: str) -> np.ndarray:
        """The features by one of their summaries, the largest first; not a number comes before all."""
        if order not in ORDERS:
            raise InputError(expected=f"order to be one of {list(ORDERS)}", got=repr(order), fix="Choose one of them.")
        size = np.abs(self.max) if order == "max" else getattr(self, order).astype(np.float64)
        size = np.where(np.isnan(size), np.inf, size)
        return self.features[np.argsort(-size, kind="stable")]
