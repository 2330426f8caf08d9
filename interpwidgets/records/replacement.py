"""What a model loses when features become what somebody says they are, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain
from interpwidgets.records.sum_check import SumCheck

# The ways to run the model, in the order in which they are shown, and what each means.
WAYS = {
    "plain": "features as they are",
    "simulated": "simulated, with the features' own values",
    "as given": "simulated, as given",
    "shuffled": "the same values on tokens drawn at random",
    "mean": "features at their means",
    "zero": "features switched off",
}
COLOURS = {"plain": "#8a94a3", "simulated": "#2f5fcf"}


@dataclass(frozen=True, eq=False)
class ReplacementLosses:
    """The loss of a model in which some features of a dictionary take simulated values.

    A simulation that knows when features fire costs less than switching them off: below the zero line it explains
    something, above it the features were better left out (Bills et al. 2023, "Language models can explain neurons in
    language models", asked this of one neuron; Paulo and Belrose 2025, "Partially Rewriting a Transformer in Natural
    Language", of a whole layer).

    `interpwidgets.analyses.replacement.replacement_losses` makes it.

    Attributes:
        name: of the dictionary.
        features: ``[feature]`` which were replaced.
        losses: mean next-token loss in nats for each way: ``"plain"``, ``"simulated"`` (quantile-normalised: each
            feature keeps exactly the values it has on this text, in the order the simulator says), ``"as given"``
            (the simulator's own numbers, where they are values), ``"shuffled"`` (the normalised values on tokens drawn
            at random), ``"mean"`` and ``"zero"``. Empty for a model that does not predict the next token.
        predictions: how many next tokens that is a mean of.
        tokens: how many tokens could be changed; those that stand for no text (``<s>``) never are.
        fires: on how many of them one of the features fires.
        correlation: ``[feature]`` Pearson correlation of simulated with true values over tokens; NaN where one of them
            is constant.
        error: whether what the dictionary leaves unsaid was added again.
        sum_check: with the true values the same replacement leaves the loss what it is.
    """

    name: str
    features: np.ndarray
    losses: Mapping[str, float]
    predictions: int
    tokens: int
    fires: int
    correlation: np.ndarray
    error: bool = True
    sum_check: SumCheck | None = None

    def added(self, way: str) -> float:
        """What a way to run costs beside the plain one, in nats for each next token."""
        if way not in self.losses:
            raise InputError(
                expected=f"one of {', '.join(self.losses) or 'no losses: this model predicts no next token'}",
                got=repr(way),
                fix="Choose one of record.losses.",
            )
        return self.losses[way] - self.losses["plain"]

    @property
    def recovered(self) -> float:
        """Share of the cost of switching the features off that the simulation saves.

        1 is as good as the features themselves, 0 no better than switching them off, below 0 worse. NaN where switching
        them off costs nothing.
        """
        if not self.losses:
            return float("nan")
        cost = self.added("zero")
        return 1 - self.added("simulated") / cost if cost > 1e-9 else float("nan")

    def summary(self) -> str:
        """The losses as plain text."""
        count = len(self.features)
        which = f"feature {self.features[0]}" if count == 1 else f"{count} features"
        head = f"{which} of {self.name}, {self.fires} of {self.tokens} tokens with one that fires"
        return "\n".join([head, *loss_lines(self)])

    def figure(self) -> Any:
        """What each way costs, as bars beside the line of switching off; a ``plotly.graph_objects.Figure``."""
        return loss_figure(self, plain(self.name))

    def __repr__(self) -> str:
        return self.summary()


def loss_lines(record: ReplacementLosses) -> list[str]:
    """A line for each way to run, and the check."""
    if not record.losses:
        return ["no losses: this model does not predict the next token, or the texts are one token long"]
    lines = [f"loss in nats over {record.predictions} next tokens"]
    for way, loss in record.losses.items():
        more = "" if way == "plain" else f"  {record.added(way):+.6f}"
        lines.append(f"  {WAYS[way]:<42} {loss:.6f}{more}")
    if np.isfinite(record.recovered):
        lines.append(f"the simulation saves {record.recovered:.1%} of what switching off costs")
    if record.sum_check is not None:
        word = "holds" if record.sum_check.holds else "FAILS"
        lines.append(f"check {word}: {record.sum_check.law} (off by {record.sum_check.residual:.1e} nats)")
    return lines


def loss_figure(record: ReplacementLosses, title: str) -> Any:
    """Bars of the added loss; the dashed line is where the features are switched off."""
    import plotly.graph_objects as go

    if not record.losses:
        raise InputError(
            expected="losses to draw",
            got="none: this model does not predict the next token",
            fix="Use a causal language model and texts of two tokens or more.",
        )
    ways = [way for way in WAYS if way in record.losses and way not in ("plain", "zero")]
    zero = record.added("zero")
    notes = [f"{WAYS[way]}<br>loss {record.losses[way]:.6f} nats" for way in ways]
    bars = go.Bar(
        x=[record.added(way) for way in ways],
        y=ways,
        orientation="h",
        hovertext=notes,
        hovertemplate="%{hovertext}<br>%{x:+.6f} nats<extra></extra>",
        marker_color=[COLOURS.get(way, "#b8c0cc") for way in ways],
    )
    figure = go.Figure(bars)
    # Two lines far apart keep clear of each other's words; 0 is where the features are as they are.
    figure.add_vline(x=0, line_color="#8a94a3")
    figure.add_vline(
        x=zero, line_dash="dash", line_color="#b85c00", annotation_text="switched off", annotation_position="top"
    )
    # A line belongs to no bar, so the axis would not make room for it.
    ends = [0.0, zero, *(record.added(way) for way in ways)]
    room = 0.08 * (max(ends) - min(ends)) or 1e-6
    figure.update_xaxes(title="added loss, nats for each next token", range=[min(ends) - room, max(ends) + room])
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(title=title, showlegend=False, height=140 + 44 * len(ways), margin={"t": 72})
