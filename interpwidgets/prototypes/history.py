"""What happened during training, and the three accuracies that teach the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOMENTS = ("before push", "after push", "after refit")


@dataclass
class PrototypeHistory:
    """Losses of each epoch, and the accuracy at each stage.

    Attributes:
        epochs: one mapping for each epoch: ``stage`` ("warm" or "joint"), ``epoch``, ``loss`` and ``entropy`` (nats),
            ``cluster`` and ``separation`` (squared distances), ``accuracy`` on the batches seen.
        accuracy: share of right answers ``before push``, ``after push`` and ``after refit``.
        measured_on: ``"test"`` where a test set was given, else ``"training"``.
        pruned: how many prototypes were duplicates.
        seconds: the whole training took.
    """

    epochs: list[dict[str, float | str]] = field(default_factory=list)
    accuracy: dict[str, float] = field(default_factory=dict)
    measured_on: str = "training"
    pruned: int = 0
    seconds: float = 0.0

    def summary(self) -> str:
        """The three accuracies in a sentence."""
        said = ", ".join(f"{self.accuracy[moment]:.3f} {moment}" for moment in MOMENTS if moment in self.accuracy)
        return f"{self.measured_on} accuracy: {said}"

    def figure(self) -> Figure:
        """Loss and distances over the epochs, and the three accuracies, as a plotly figure."""
        from plotly.graph_objects import Bar, Scatter
        from plotly.subplots import make_subplots

        titles = ("loss (nats) and squared distances", f"{self.measured_on} accuracy")
        figure = make_subplots(rows=1, cols=2, column_widths=[0.62, 0.38], subplot_titles=titles)
        steps = list(range(1, len(self.epochs) + 1))
        colours = {"entropy": "#0072B2", "cluster": "#009E73", "separation": "#D55E00"}
        labels: Mapping[str, str] = {
            "entropy": "cross-entropy",
            "cluster": "to nearest own prototype",
            "separation": "to nearest other",
        }
        for name, colour in colours.items():
            line = {"color": colour, "width": 2}
            y = [epoch[name] for epoch in self.epochs]
            figure.add_trace(Scatter(x=steps, y=y, name=labels[name], mode="lines", line=line), row=1, col=1)
        known = [moment for moment in MOMENTS if moment in self.accuracy]
        values = [self.accuracy[moment] for moment in known]
        bars = Bar(x=known, y=values, text=[f"{v:.3f}" for v in values], marker_color="#0072B2", showlegend=False)
        figure.add_trace(bars, row=1, col=2)
        figure.update_xaxes(title="epoch", row=1, col=1)
        figure.update_yaxes(rangemode="tozero", row=1, col=1)
        figure.update_yaxes(range=[0, 1.08], row=1, col=2)
        legend = {"orientation": "h", "y": -0.25}
        return figure.update_layout(height=340, margin={"l": 50, "r": 20, "t": 40, "b": 60}, legend=legend)
