"""What steering does to the answers of many prompts, beside random directions of the same size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.records.plot_text import plain


@dataclass(frozen=True, eq=False)
class SteeringEffect:
    """The share of prompts whose next token follows the steering, over its strength.

    `interpwidgets.steering_effect` makes it.

    Attributes:
        name: what was steered.
        prompts: how many prompts were asked.
        strengths: ``[strength]`` tried, the one that changes nothing among them.
        toward, away: ``[strength]`` mean probability of the words that steering should bring, and of those it should
            drive out.
        share: ``[strength]`` share of prompts whose most likely next token is one of the former.
        kl: ``[strength]`` mean KL(steered || unsteered) of the next token, nats: what it costs.
        control_toward, control_share, control_kl: ``[random direction, strength]`` the same for random directions of
            equal norm; no rows where none were tried.
    """

    name: str
    prompts: int
    strengths: np.ndarray
    toward: np.ndarray
    away: np.ndarray
    share: np.ndarray
    kl: np.ndarray
    control_toward: np.ndarray
    control_share: np.ndarray
    control_kl: np.ndarray

    def figure(self) -> Any:
        """Both probabilities and the control over strength, a ``plotly.graph_objects.Figure``."""
        import plotly.graph_objects as go

        x = self.strengths.tolist()
        figure = go.Figure(
            [
                go.Scatter(x=x, y=self.toward, name="words steered to", mode="lines+markers", line_color="#2f5fcf"),
                go.Scatter(x=x, y=self.away, name="words steered from", mode="lines+markers", line_color="#d9822b"),
            ]
        )
        for seed, row in enumerate(self.control_toward):
            figure.add_scatter(
                x=x, y=row, name="random, equal norm", legendgroup="random", showlegend=seed == 0,
                mode="lines", line={"color": "#8a8a8a", "dash": "dot"},
            )  # fmt: skip
        return figure.update_layout(
            title=plain(f"Steering {self.name}, {self.prompts} prompts"),
            xaxis_title="strength",
            yaxis={"title": "mean probability of the next token", "range": [-0.03, 1.03]},
        )

    def __repr__(self) -> str:
        lines = [
            f"SteeringEffect({self.name}, {self.prompts} prompts)",
            "  strength   toward   away   share   KL (nats)",
        ]
        rows = zip(self.strengths, self.toward, self.away, self.share, self.kl, strict=True)
        lines += [f"  {s:8.3g}   {t:6.3f}   {a:4.2f}   {h:5.2f}   {kl:9.3f}" for s, t, a, h, kl in rows]
        if len(self.control_share):
            lines.append(
                f"  random directions of equal norm: share at most {self.control_share.max():.2f}, "
                f"KL up to {self.control_kl.max():.3f}"
            )
        return "\n".join(lines)
