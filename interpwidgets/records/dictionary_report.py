"""The truth about a dictionary, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interpwidgets.records.atom_report import AtomReport
from interpwidgets.records.control import Control
from interpwidgets.records.detections import Detections
from interpwidgets.records.plot_text import plain
from interpwidgets.records.sum_check import SumCheck


@dataclass(frozen=True)
class DictionaryReport:
    """How well a dictionary stands for the activations, and what that does not show.

    `interpwidgets.analyses.evaluate_dictionary.evaluate_dictionary` makes it. ``print(report)`` gives the numbers
    together with the published reasons to doubt them.

    Attributes:
        name, kind: which dictionary.
        site_in, site_out: what it reads and writes.
        n_features: how many features.
        tokens: how many tokens were measured.
        skipped: how many tokens stood for no text (``<s>``) or held NaN or infinities, and were left out.
        l0_counts: ``[active]`` how many tokens had so many active features.
        density: ``[feature]`` the share of tokens it fires on.
        fvu: fraction of variance unexplained, ``Σ‖x − x̂‖² / Σ‖x − mean x‖²``; 1 is no better than the mean.
        cosine: mean cosine between x and x̂.
        norm_ratio: mean of ``‖x̂‖ / ‖x‖``; below 1 the codes are shrunk.
        losses: mean next-token loss in nats: ``"plain"``, ``"spliced"``, ``"zero"`` and ``"mean"`` (the site set to 0,
            or to its mean); empty where no model was given.
        predictions: how many next tokens that is a mean of.
        detections: every feature as a detector of the probes, or None.
        supervised_f1: value -> F1 of a linear read-out (least squares) on the same held-out tokens.
        control: one `Control` for each attribute edited.
        atoms, identity: the geometry of this dictionary and of the basis itself beside it, or None.
        sum_check: with its error added a splice leaves the loss what it is.
        caveats: published reasons for care with these numbers, each with its source.
    """

    name: str
    kind: str
    site_in: str | None
    site_out: str | None
    n_features: int
    tokens: int
    skipped: int
    l0_counts: np.ndarray
    density: np.ndarray
    fvu: float
    cosine: float
    norm_ratio: float
    losses: Mapping[str, float] = field(default_factory=dict)
    predictions: int = 0
    detections: Detections | None = None
    supervised_f1: Mapping[str, float] = field(default_factory=dict)
    control: tuple[Control, ...] = ()
    atoms: AtomReport | None = None
    identity: AtomReport | None = None
    sum_check: SumCheck | None = None
    caveats: tuple[str, ...] = ()

    @property
    def l0(self) -> float:
        """Mean number of active features on a token."""
        return float((np.arange(len(self.l0_counts)) * self.l0_counts).sum() / max(1, self.l0_counts.sum()))

    def l0_quantile(self, share: float) -> int:
        """The smallest count of active features that this share of tokens does not exceed; 0.5 for the median."""
        below = np.cumsum(self.l0_counts) / max(1, self.l0_counts.sum())
        return int(np.searchsorted(below, share))

    @property
    def dead_share(self) -> float:
        """Share of features that fired on no token seen here."""
        return float((self.density == 0).mean())

    @property
    def loss_recovered(self) -> float:
        """Share of the loss that zero ablation costs and the reconstruction saves; NaN without a model."""
        return self._recovered("zero")

    @property
    def loss_recovered_from_mean(self) -> float:
        """The same beside mean ablation, which costs less and so flatters less."""
        return self._recovered("mean")

    @property
    def occluded(self) -> list[str]:
        """Values that no feature detects although a linear read-out does (see `Detections.occluded`)."""
        return [] if self.detections is None else self.detections.occluded(self.supervised_f1)

    def numbers(self) -> dict[str, float]:
        """The plain measures as a flat table, for comparing dictionaries."""
        found = {
            "tokens": self.tokens, "features": self.n_features, "l0": self.l0, "fvu": self.fvu, "cosine": self.cosine,
            "norm_ratio": self.norm_ratio, "dead_share": self.dead_share,
        }  # fmt: skip
        found |= {f"loss_{name}": value for name, value in self.losses.items()}
        if self.losses:
            found["loss_recovered"] = self.loss_recovered
            found["loss_recovered_from_mean"] = self.loss_recovered_from_mean
        if self.detections is not None:
            found["values_detected"] = len(self.detections.attributes) - len(self.detections.missed())
            found["values"] = len(self.detections.attributes)
            found["features_detecting"] = int(self.detections.detects().sum())
        if self.atoms is not None:
            found |= {"coherence": self.atoms.coherence, "unique_share": self.atoms.unique_share}
        return {name: float(value) for name, value in found.items()}

    def summary(self) -> str:
        """The whole report as plain text, caveats included."""
        from interpwidgets.records.dictionary_summary import summary

        return summary(self)

    def figure(self) -> Any:
        """How often features fire and how many fire at once, a ``plotly.graph_objects.Figure``."""
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots

        alive = self.density[self.density > 0]
        figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
        figure.add_trace(go.Histogram(x=np.log10(alive), nbinsx=50, marker_color="#2f5fcf"), row=1, col=1)
        counts = np.trim_zeros(self.l0_counts, "b")
        figure.add_trace(go.Bar(x=np.arange(len(counts)), y=counts, marker_color="#2f5fcf"), row=1, col=2)
        figure.update_xaxes(title="log10 share of tokens a feature fires on", row=1, col=1)
        figure.update_xaxes(title="active features on a token", row=1, col=2)
        figure.update_yaxes(title="features", row=1, col=1)
        figure.update_yaxes(title="tokens", row=1, col=2)
        dead = int((self.density == 0).sum())
        return figure.update_layout(
            title=f"{plain(self.name)}: {self.n_features} features, {dead} never fired on {self.tokens} tokens",
            showlegend=False,
        )

    def _recovered(self, baseline: str) -> float:
        if not self.losses:
            return float("nan")
        cost = self.losses[baseline] - self.losses["plain"]
        saved = self.losses[baseline] - self.losses["spliced"]
        # Where ablating the site costs nothing, there is nothing to recover.
        return saved / cost if abs(cost) > 1e-6 else float("nan")

    def __repr__(self) -> str:
        return self.summary()
