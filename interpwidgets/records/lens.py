"""What each layer of a model would say next, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain
from interpwidgets.records.sum_check import SumCheck
from interpwidgets.records.tokens import Tokens

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Lens:
    """The next-token distribution that each row of the residual stream would give, at each position.

    Rows are in the order of the forward pass. Every quantity is of the distribution over the whole vocabulary.

    Attributes:
        tokens: the positions.
        rows: ``[row]`` the site of each row; ``"resid_pre.0"`` is the embedding as it enters the first block.
        top_ids: ``[row, position, k]`` int32, the likeliest tokens, best first.
        top_probabilities: ``[row, position, k]`` float32.
        entropy: ``[row, position]`` float32, nats.
        kl: ``[row, position]`` float32, nats: KL(final || row), what is lost by reading the row instead of the output.
        targets: ``[position]`` int32, the token whose rise is followed at each position.
        target_probability: ``[row, position]`` float32.
        target_rank: ``[row, position]`` float32, 1 for the likeliest; not a number where its logit is none.
        vocabulary: ``[id]`` the text of every token.
        sum_check: the last row against the model's own logits: the value is the largest absolute difference.
        kind: ``"logit"`` for the plain logit lens, ``"tuned"`` when translators were applied.
    """

    tokens: Tokens
    rows: tuple[str, ...]
    top_ids: np.ndarray
    top_probabilities: np.ndarray
    entropy: np.ndarray
    kl: np.ndarray
    targets: np.ndarray
    target_probability: np.ndarray
    target_rank: np.ndarray
    vocabulary: tuple[str, ...]
    sum_check: SumCheck
    kind: str = "logit"

    def __post_init__(self) -> None:
        cells = (len(self.rows), len(self.tokens))
        wanted = {"targets": cells[1:], "top_ids": (*cells, self.top_ids.shape[-1])}
        wanted["top_probabilities"] = wanted["top_ids"]
        for name in ("entropy", "kl", "target_probability", "target_rank"):
            wanted[name] = cells
        for name, shape in wanted.items():
            got = getattr(self, name).shape
            if got != shape:
                raise InputError(
                    expected=f"{name} of shape {list(shape)} for {cells[0]} rows and {cells[1]} tokens",
                    got=f"shape {list(got)}",
                    fix="Give one entry for every row and position.",
                )

    def __repr__(self) -> str:
        return f"Lens({self.kind}, {len(self.rows)} rows x {len(self.tokens)} tokens)"

    def top(self, row: int | str, position: int) -> list[tuple[str, float]]:
        """The likeliest tokens of a cell with their probabilities, best first.

        Args:
            row: the row's number or its site, e.g. ``"resid_post.2"``.
            position: the token's; negative numbers count from the end.
        """
        r, p = self._row(row), self._position(position)
        ids, values = self.top_ids[r, p], self.top_probabilities[r, p]
        return [(self.vocabulary[i], float(v)) for i, v in zip(ids, values, strict=True)]

    def figure(self, position: int = -1) -> go.Figure:
        """The target's probability (left axis) and rank (right axis, logarithmic) through the rows, at one position."""
        import plotly.graph_objects as go

        p = self._position(position)
        word = self.vocabulary[int(self.targets[p])]
        x = list(self.rows)
        figure = go.Figure(
            [
                go.Scatter(x=x, y=self.target_probability[:, p], name="probability", mode="lines+markers"),
                go.Scatter(x=x, y=self.target_rank[:, p], name="rank", mode="lines+markers", yaxis="y2"),
            ]
        )
        figure.update_layout(
            title=plain(f"{word.strip()!r} after {self.tokens.texts[p].strip()!r} (position {p})"),
            xaxis_title="residual stream",
            yaxis={"title": "probability", "range": [0, 1.05]},
            yaxis2={
                "title": "rank",
                "type": "log",
                "overlaying": "y",
                "side": "right",
                "range": [float(np.log10(len(self.vocabulary))), -0.1],
                "showgrid": False,
            },
            legend={"orientation": "h", "y": 1.12, "x": 1, "xanchor": "right"},
        )
        return figure

    def _row(self, row: int | str) -> int:
        names = list(self.rows)
        if isinstance(row, str) and row in names:
            return names.index(row)
        if isinstance(row, int) and -len(names) <= row < len(names):
            return row % len(names)
        raise InputError(
            expected=f"a row out of {', '.join(names)}, or its number",
            got=repr(row),
            fix="Choose one of lens.rows.",
        )

    def _position(self, position: int) -> int:
        n = len(self.tokens)
        if not -n <= position < n:
            raise InputError(
                expected=f"a position from 0 to {n - 1}",
                got=str(position),
                fix="Choose a position inside the text; negative ones count from the end.",
            )
        return position % n
