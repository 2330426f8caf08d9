"""Many steering targets at one prompt: what each does, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.records.plot_text import plain


@dataclass(frozen=True, eq=False)
class SteeringSweep:
    """Each target steered alone, at several strengths.

    `interpwidgets.steering_sweep` makes it.

    Attributes:
        prompt: the text.
        words: the watched tokens whose probability is the effect.
        names, labels: of each target.
        strengths: ``[target, point]`` tried, from low to high.
        curve: ``[target, point]`` probability of the watched words together.
        divergence: ``[target, point]`` KL(steered || unsteered) of the next token, nats.
        unsteered: probability of the watched words with no edit.
    """

    prompt: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...]
    strengths: np.ndarray
    curve: np.ndarray
    divergence: np.ndarray
    unsteered: float

    @property
    def strongest(self) -> np.ndarray:
        """``[target]`` the point with the largest effect."""
        return np.abs(self.curve - self.unsteered).argmax(1)

    @property
    def effect(self) -> np.ndarray:
        """``[target]`` largest change of the watched words' probability, with its sign."""
        return np.take_along_axis(self.curve, self.strongest[:, None], 1)[:, 0] - self.unsteered

    @property
    def kl(self) -> np.ndarray:
        """``[target]`` KL(steered || unsteered) where the effect is largest, nats."""
        return np.take_along_axis(self.divergence, self.strongest[:, None], 1)[:, 0]

    def order(self, by: str = "effect") -> np.ndarray:
        """Targets sorted: by ``"effect"`` (its size) or ``"kl"``, largest first, or by ``"name"``."""
        if by == "name":
            return np.argsort(np.array(self.names, dtype=object), kind="stable")
        return np.argsort(-np.abs(self.effect if by == "effect" else self.kl), kind="stable")

    def figure(self, top: int = 8) -> Any:
        """The dose-response curves of the strongest targets, a ``plotly.graph_objects.Figure``."""
        import plotly.graph_objects as go

        traces = [
            go.Scatter(
                x=self.strengths[i], y=self.curve[i], mode="lines+markers",
                name=plain(f"{self.names[i]} {self.labels[i]}".strip()),
            )
            for i in self.order()[:top]
        ]  # fmt: skip
        words = ", ".join(repr(word) for word in self.words)
        figure = go.Figure(traces)
        figure.add_hline(y=self.unsteered, line_dash="dot", annotation_text="no edit")
        return figure.update_layout(
            title=plain(f"Steering one at a time after {self.prompt[-40:]!r}"),
            xaxis_title="strength, in each target's own unit",
            yaxis_title=plain(f"probability of {words}"),
        )

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        words = ", ".join(repr(word) for word in self.words)
        lines = [f"SteeringSweep({len(self)} targets, effect on {words}: {self.unsteered:.3f} with no edit)"]
        effect, kl = self.effect, self.kl
        lines += [f"  {effect[i]:+.3f}  KL {kl[i]:6.3f}  {self.names[i]}  {self.labels[i]}" for i in self.order()[:10]]
        return "\n".join(lines)
