"""Features along a text as a plotly heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.records.plot_text import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from interpwidgets.records.feature_values import FeatureValues


def figure(record: FeatureValues, features: list[int]) -> go.Figure:
    """A row for each feature, the strongest on top, and below them the error in a colour of its own."""
    from plotly.subplots import make_subplots

    rows = max(1, len(features))
    z = np.stack([record.feature(f) for f in features]) if features else np.zeros((1, len(record)))
    names = [_name(record, f) for f in features] or ["no feature fires"]
    texts = [f"{i} {plain(text.strip() or repr(text))}" for i, text in enumerate(record.tokens.texts)]
    height = 22 * rows
    drawn = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=12 / (height + 60), row_heights=[height, 24])
    colours = {"colorscale": "RdBu_r", "zmid": 0.0} if record.signed else {"colorscale": "Purples", "zmin": 0.0}
    drawn.add_heatmap(
        **{"z": z, "x": texts, "y": names, "colorbar": {"title": "value", "len": 0.75, "y": 0.62}, **colours},
        hovertemplate="%{y}<br>%{x}<br>%{z}<extra></extra>",
        row=1,
        col=1,
    )
    drawn.add_heatmap(
        z=record.unexplained[None],
        x=texts,
        y=["error"],
        colorscale="Reds",
        zmin=0.0,
        zmax=1.0,
        hovertemplate="unexplained<br>%{x}<br>%{z}<extra></extra>",
        showscale=False,
        row=2,
        col=1,
    )
    drawn.update_yaxes(autorange="reversed")
    where = f"{plain(record.name)} at {plain(str(record.site_in))}"
    title = f"{where}: the {len(features)} first of {len(record.table)}"
    return drawn.update_layout(title=title, height=height + 190, margin={"t": 48, "r": 16})


def _name(record: FeatureValues, feature: int) -> str:
    label = record.labels.get(feature, "")
    return f"{feature} {plain(label[:40])}" if label else str(feature)
