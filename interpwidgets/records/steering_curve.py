"""Dose and response: what one strength does to the next token, as a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain
from interpwidgets.records.steering_target import SteeringTarget

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class SteeringCurve:
    """The probabilities of some next tokens over the strengths of one target, the others held.

    Attributes:
        target: whose strength varies.
        strengths: ``[point]`` float64, rising; the neutral strength is among them where the mode has one.
        ids: ``[word]`` the tokens that are followed: those asked for, and the likeliest of the points.
        texts: ``[word]`` what they say.
        log_probability: ``[point, word]`` float32, natural logarithms.
        kl: ``[point]`` float32, KL(steered || unsteered) of the next token in nats.
        unsteered: ``[word]`` float32, their log-probabilities without any edit.
    """

    target: SteeringTarget
    strengths: np.ndarray
    ids: np.ndarray
    texts: tuple[str, ...]
    log_probability: np.ndarray = field(repr=False)
    kl: np.ndarray = field(repr=False)
    unsteered: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        points, words = len(self.strengths), len(self.ids)
        shapes = {"log_probability": (points, words), "kl": (points,), "unsteered": (words,)}
        for name, shape in shapes.items():
            got = getattr(self, name).shape
            if got != shape:
                raise InputError(
                    expected=f"{name} of shape {list(shape)}",
                    got=f"shape {list(got)}",
                    fix="Give one entry for each point and token.",
                )

    def __repr__(self) -> str:
        return f"SteeringCurve({self.target.name}, {len(self.strengths)} strengths, {len(self.ids)} tokens)"

    def figure(self, words: int = 6) -> go.Figure:
        """Probabilities (left axis) and divergence (right axis) over the strength, as a plotly figure.

        Args:
            words: how many tokens at most are drawn, in the order of `ids`.
        """
        import plotly.graph_objects as go

        figure = go.Figure()
        for i in range(min(words, len(self.ids))):
            y = np.exp(self.log_probability[:, i].astype(np.float64))
            name = plain(repr(self.texts[i]))
            figure.add_trace(go.Scatter(x=self.strengths, y=y, name=name, mode="lines+markers"))
        figure.add_trace(
            go.Scatter(
                x=self.strengths, y=self.kl, name="KL from unsteered", yaxis="y2", mode="lines", line={"dash": "dot"}
            )
        )
        figure.update_layout(
            title=plain(f"{self.target.name}, {self.target.mode}"),
            xaxis_title=f"strength ({self.target.unit})",
            yaxis={"title": "probability of the next token", "range": [0, 1.05]},
            yaxis2={"title": "KL, nats", "overlaying": "y", "side": "right", "rangemode": "tozero", "showgrid": False},
            legend={"orientation": "h", "y": -0.25},
        )
        if self.target.neutral is not None:
            figure.add_vline(x=self.target.neutral, line_dash="dash", line_width=1)
        return figure
