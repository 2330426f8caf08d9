"""How well directions that were found match directions that were planted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.dictionaries import Dictionary
from interpwidgets.errors import InputError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class Recovery:
    """For every planted direction, the found one that is most like it.

    Attributes:
        cosines: the largest cosine with any found direction [planted], from -1 to 1.
        matches: which found direction that is [planted].
    """

    cosines: np.ndarray
    matches: np.ndarray

    @property
    def mean(self) -> float:
        """Mean over planted directions: the mean max cosine."""
        return float(self.cosines.mean())

    @property
    def min(self) -> float:
        """The planted direction that was found worst."""
        return float(self.cosines.min())

    def found(self, *, above: float = 0.9) -> float:
        """Share of the planted directions with a match of at least this cosine."""
        return float((self.cosines >= above).mean())

    def figure(self) -> Figure:
        """The cosines, worst first, as a plotly figure."""
        import plotly.graph_objects as go

        order = np.argsort(self.cosines, kind="stable")
        text = [f"planted {i}, found {self.matches[i]}" for i in order]
        bars = go.Bar(y=self.cosines[order], customdata=text, hovertemplate="%{customdata}<br>cosine %{y:.4f}")
        figure = go.Figure(bars)
        figure.update_traces(name="", showlegend=False)
        figure.update_layout(
            title=f"How well each planted direction was found: mean {self.mean:.3f}, worst {self.min:.3f}",
            xaxis_title="planted direction, worst first",
            yaxis_title="largest cosine",
            yaxis_range=[min(0.0, self.min), 1.0],
        )
        return figure

    def __float__(self) -> float:
        return self.mean

    def __repr__(self) -> str:
        return f"Recovery({len(self.cosines)} planted: mean max cosine {self.mean:.3f}, worst {self.min:.3f})"


def match(found: Dictionary | torch.Tensor, planted: torch.Tensor) -> Recovery:
    """For every planted direction, the largest cosine with any direction found.

    The sign counts: a code that cannot be negative cannot use the opposite direction. One found direction may match
    several planted ones, and found directions that match nothing cost nothing, so read it beside the number of them.

    Args:
        found: a dictionary, or its directions [feature, d]; a direction of length 0 is like none.
        planted: the true directions [planted, d].

    Raises:
        InputError: other widths, or values that are not finite.
    """
    known = _directions(planted, "planted directions")
    tried = _directions(found, "found directions")
    if tried.shape[1] != known.shape[1]:
        raise InputError(
            expected=f"found directions of width {known.shape[1]}",
            got=f"shape {list(tried.shape)}",
            fix="Compare directions of the space that was planted, one in each row.",
        )
    best = (known @ tried.T).max(dim=1)
    return Recovery(best.values.clamp(-1, 1).numpy(), best.indices.numpy())


def mean_max_cosine(found: Dictionary | torch.Tensor, planted: torch.Tensor) -> float:
    """How well a planted dictionary was found: the mean over its atoms of the largest cosine with a found direction.

    1 says that every atom is among the directions. Known as MMCS (Sharkey, Braun and Millidge 2022, "Taking features
    out of superposition with sparse autoencoders"). Random directions do not score 0 but what chance gives in so few
    dimensions, so keep a random control beside it.

    Args:
        found: a dictionary, or its directions [feature, d].
        planted: the true directions [planted, d].

    Raises:
        InputError: other widths, or values that are not finite.
    """
    return match(found, planted).mean


def _directions(given: Any, what: str) -> torch.Tensor:
    rows = given.directions if isinstance(given, Dictionary) else given
    try:
        rows = torch.as_tensor(rows).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            expected=f"{what} as a dictionary or an array [n, d]", got=type(given).__name__, fix="Pass its directions."
        ) from None
    if rows.ndim != 2 or 0 in rows.shape or not bool(torch.isfinite(rows).all()):
        raise InputError(
            expected=f"{what} as finite numbers [n, d]",
            got=f"shape {list(rows.shape)}" if rows.ndim != 2 or 0 in rows.shape else "NaN or infinite values",
            fix="Pass one direction in each row.",
        )
    return torch.nn.functional.normalize(rows, dim=1)
