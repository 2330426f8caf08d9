"""All features of a dictionary at once: two numbers of each, and which of them are meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain

# A column whose largest value is so many times its median is drawn on a logarithmic axis.
SKEWED = 20
# Codes of a column: what has no place on its axis, and the span of what has.
UNKNOWN, NOT_POSITIVE, FIRST, LAST, MINUS_INFINITE, INFINITE = 0, 1, 2, 65533, 65534, 65535


@dataclass(frozen=True, eq=False)
class Places:
    """A column as places on an axis, 16 bits for each feature: for a picture, never for digits.

    Attributes:
        codes: ``[feature]`` uint16. From 2 at ``low`` to 65,533 at ``high``; 0 where the value is unknown, 1 for zero
            on a logarithmic axis, 65,534 and 65,535 for minus and plus infinity.
        low, high: the values at the two ends.
        logarithmic: even in the logarithm, where few values are many times larger than most.
    """

    codes: np.ndarray
    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, values: np.ndarray) -> Places:
        """The places of ``[feature]`` values."""
        values = np.asarray(values, dtype=np.float64)
        finite = values[np.isfinite(values)]
        positive = finite[finite > 0]
        logarithmic = len(positive) > 0 and finite.min() >= 0 and positive.max() >= SKEWED * np.median(positive)
        used = positive if logarithmic else finite
        low, high = (float(used.min()), float(used.max())) if len(used) else (0.0, 1.0)
        codes = np.full(len(values), UNKNOWN, dtype=np.uint16)
        placed = np.isfinite(values) & ((values > 0) | (not logarithmic))
        if logarithmic:
            share = np.log(values[placed] / low) / np.log(high / low)
            codes[values == 0] = NOT_POSITIVE
        else:
            share = (values[placed] - low) / (high - low) if high > low else np.full(int(placed.sum()), 0.5)
        codes[placed] = FIRST + np.round(share * (LAST - FIRST)).astype(np.uint16)
        codes[np.isposinf(values)] = INFINITE
        codes[np.isneginf(values)] = MINUS_INFINITE
        return cls(codes, low, high, bool(logarithmic))


@dataclass(frozen=True, eq=False)
class FeatureOverview:
    """Two columns of a feature index, as a scatter of every feature.

    Attributes:
        names: of the two columns, the one that runs across first.
        x, y: ``[feature]`` their values; NaN where unknown.
        listed: ``[feature]`` True for the features that are meant, such as those that a search found.
        labels: ``[feature]`` what each is called; "" where nothing is known.
    """

    names: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    listed: np.ndarray
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.x), len(self.y), len(self.listed), len(self.labels)}
        if len(lengths) > 1:
            raise InputError(
                expected="x, y, listed and labels with one entry for each feature",
                got=f"{len(self.x)}, {len(self.y)}, {len(self.listed)} and {len(self.labels)}",
                fix="Give all four the same length.",
            )

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return (
            f"FeatureOverview({self.names[1]} over {self.names[0]}, {int(self.listed.sum())} of {len(self)} features)"
        )

    def figure(self) -> Any:
        """The scatter as a ``plotly.graph_objects.Figure``; the features that are meant are coloured."""
        import plotly.graph_objects as go

        traces = []
        for name, some, colour in (("others", ~self.listed, "#b8c0cc"), ("listed", self.listed, "#2f5fcf")):
            ids = np.flatnonzero(some)
            if len(ids):
                hover = [plain(f"{i} {self.labels[i]}") for i in ids]
                marker = {"size": 4, "color": colour, "opacity": 0.6}
                x, y = self.x[ids], self.y[ids]
                traces.append(go.Scattergl(x=x, y=y, mode="markers", name=name, hovertext=hover, marker=marker))
        across, up = (
            {"title": plain(name), "type": "log" if Places.of(values).logarithmic else "linear"}
            for name, values in zip(self.names, (self.x, self.y), strict=True)
        )
        title = f"{int(self.listed.sum()):,} of {len(self):,} features"
        return go.Figure(traces).update_layout(title=title, showlegend=len(traces) > 1, xaxis=across, yaxis=up)
