"""How a training went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class FitHistory:
    """What was seen while a dictionary was learnt, every few steps.

    Attributes:
        step: ``[entry]`` steps taken.
        fvu: ``[entry]`` fraction of variance unexplained, of the batch at that step; 0 is perfect.
        l0: ``[entry]`` features that fired on a token, on average.
        dead: ``[entry]`` share of features that had not fired for long.
    """

    step: np.ndarray
    fvu: np.ndarray
    l0: np.ndarray
    dead: np.ndarray

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> FitHistory:
        """From one mapping for each entry."""
        rows = list(entries)
        columns = {name: [row.get(name, np.nan) for row in rows] for name in ("fvu", "l0", "dead")}
        return cls(
            np.array([int(row["step"]) for row in rows], np.int64),
            **{name: np.array(values, np.float64) for name, values in columns.items()},
        )

    def __len__(self) -> int:
        return len(self.step)

    def figure(self) -> Figure:
        """The three curves over the steps, one below the other, as a plotly figure."""
        from plotly.graph_objects import Scatter
        from plotly.subplots import make_subplots

        names = ("variance unexplained", "features per token (L0)", "dead features")
        figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.07, subplot_titles=names)
        for row, (name, values) in enumerate(zip(names, (self.fvu, self.l0, self.dead), strict=True), 1):
            line = {"color": "#0072B2", "width": 2}
            figure.add_trace(Scatter(x=self.step, y=values, name=name, mode="lines", line=line), row=row, col=1)
        figure.update_yaxes(type="log", row=1, col=1)
        figure.update_yaxes(rangemode="tozero", row=2, col=1)
        figure.update_yaxes(tickformat=".0%", rangemode="tozero", row=3, col=1)
        figure.update_xaxes(title="step", row=3, col=1)
        return figure.update_layout(showlegend=False, height=560, margin={"l": 60, "r": 20, "t": 40, "b": 50})
