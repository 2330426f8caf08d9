"""Whether editing features moves a model's answer, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.records.plot_text import plain


@dataclass(frozen=True)
class Control:
    """Edits of one attribute, from a prompt towards its counterfactual, and what the model answers then.

    Success is the share of pairs where the most likely next token becomes a right answer of the counterfactual.
    `interpwidgets.analyses.control.control` makes it.

    Attributes:
        attribute: what differs between the prompts.
        site: where was edited.
        at: which positions: ``"all"`` from the first that differs, ``"changed"`` or ``"last"``.
        asked: how many pairs were given.
        known: how many the model answers right, the prompt and its counterfactual both; the rest is of these alone.
        budgets: ``[budget]`` how many features may be edited at a position.
        success: ``[budget]`` of this dictionary.
        random: ``[budget]`` of random directions, as many, with codes as sparse.
        floor: with no edit.
        ceiling: with the counterfactual's whole activations put there.
        supervised: with one code exchanged for another, fitted by least squares on the other half of the pairs; NaN
            where the pairs name no values.
        supervised_pairs: how many pairs that is a share of: those whose values the other half shows.
        weight: ``[budget]`` mean feature weight of what was edited, half of it before and half after (1 is all that
            fires): a small number moved much with little.
        distance: ``[budget]`` how far the edited activations still are from the counterfactual's, 1 before the edit.
        logit_difference: mean of right against counterfactual answers (log of summed odds, nats) ``"plain"``, with the
            positions ``"spliced"`` and with them set to their mean, ``"ablated"``.
    """

    attribute: str
    site: str
    at: str
    asked: int
    known: int
    budgets: tuple[int, ...]
    success: np.ndarray
    random: np.ndarray
    floor: float
    ceiling: float
    supervised: float
    supervised_pairs: int
    weight: np.ndarray
    distance: np.ndarray
    logit_difference: dict[str, float]

    @property
    def approximation(self) -> float:
        """Share of the logit difference that the reconstruction keeps: 0 is mean ablation, 1 the model itself."""
        lost = self.logit_difference["plain"] - self.logit_difference["ablated"]
        kept = self.logit_difference["spliced"] - self.logit_difference["ablated"]
        # Where ablation there costs nothing, there is nothing to keep.
        return kept / lost if abs(lost) > 1e-3 else float("nan")

    def figure(self) -> Any:
        """Success over the number of edited features, a ``plotly.graph_objects.Figure``."""
        import plotly.graph_objects as go

        x = list(self.budgets)
        lines = [("this dictionary", self.success, "#2f5fcf"), ("random directions", self.random, "#8a8a8a")]
        figure = go.Figure(
            [go.Scatter(x=x, y=y, name=name, mode="lines+markers", line_color=c) for name, y, c in lines]
        )
        lines = (("whole activation", self.ceiling, "right"), ("supervised", self.supervised, "left"))
        for name, value, side in (*lines, ("no edit", self.floor, "right")):
            if np.isfinite(value):
                figure.add_hline(y=value, line_dash="dot", annotation_text=name, annotation_position=f"top {side}")
        return figure.update_layout(
            title=plain(f"Editing {self.attribute!r} at {self.site}, {self.at} positions ({self.known} pairs)"),
            xaxis={"title": "features edited at a position", "type": "log", "tickvals": x},
            yaxis={"title": "answers that follow", "range": [-0.03, 1.08]},
        )

    def __repr__(self) -> str:
        steps = "  ".join(f"{k}: {s:.2f}" for k, s in zip(self.budgets, self.success, strict=True))
        chance = max(self.random, default=np.nan)
        return (
            f"Control({self.attribute!r} at {self.site}, {self.at} positions, {self.known}/{self.asked} pairs known)\n"
            f"  success by features edited   {steps}\n"
            f"  beside: no edit {self.floor:.2f}, random directions {chance:.2f} at best, "
            f"supervised {self.supervised:.2f} ({self.supervised_pairs} pairs), whole activation {self.ceiling:.2f}"
        )
