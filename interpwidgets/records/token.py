"""Numbers for each token, as a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.alternatives import Alternatives
from interpwidgets.records.plot_text import plain
from interpwidgets.records.tokens import Tokens


@dataclass(frozen=True)
class TokenValues:
    """One or several numbers for every position of a sequence.

    Attributes:
        tokens: the positions: words, image patches, items of any kind.
        names: the name of each series.
        values: ``[series, token]`` float64; NaN and infinities are kept, and every view shows them as what they are.
        units: the unit of each series, "" where it has none.
        mask: ``[token]`` True where a position has no value (the first token of a text is predicted by nothing).
        alternatives: what the model expected at each position, or None.
    """

    tokens: Tokens
    names: tuple[str, ...]
    values: np.ndarray
    units: tuple[str, ...]
    mask: np.ndarray
    alternatives: Alternatives | None = None

    def __post_init__(self) -> None:
        n, count = len(self.names), len(self.tokens)
        if n == 0 or len(set(self.names)) != n or "" in self.names:
            raise InputError(
                expected="one or more series, each with a name of its own",
                got=f"the names {list(self.names)}",
                fix="Pass a dict of name -> array.",
            )
        for what, got, wanted in (
            ("values [series, token]", np.shape(self.values), (n, count)),
            ("units [series]", (len(self.units),), (n,)),
            ("mask [token]", np.shape(self.mask), (count,)),
            ("alternatives [token]", (count if self.alternatives is None else len(self.alternatives),), (count,)),
        ):
            if got != wanted:
                raise InputError(
                    expected=f"{what} of shape {list(wanted)}",
                    got=f"shape {list(got)}",
                    fix=f"Give one entry for each of the {count} tokens, series by series.",
                )

    @classmethod
    def of(
        cls,
        tokens: Tokens | Iterable[str],
        values: Any,
        *,
        units: str | Mapping[str, str] = "",
        mask: Any = None,
    ) -> TokenValues:
        """From plain arrays.

        Args:
            tokens: one string for each position, or a `Tokens`.
            values: ``[token]``, ``[series, token]``, or a dict ``name -> [token]``; numpy, torch or lists.
            units: the unit of all series, or a dict ``name -> unit``.
            mask: ``[token]`` True where a position has no value.

        Raises:
            InputError: an array that is not of real numbers, or of another length than the tokens.
        """
        where = Tokens.of(tokens)
        series = _named(values)
        for name, array in series.items():
            if array.shape != (len(where),):
                raise InputError(
                    expected=f"one number for each of the {len(where)} tokens in {name!r}",
                    got=f"shape {list(array.shape)}",
                    fix="Pass arrays of shape [token] or [series, token]; take one sequence of a batch.",
                )
        if isinstance(units, Mapping) and not set(units) <= set(series):
            raise InputError(
                expected=f"units for the series {list(series)}",
                got=f"units for {sorted(set(units) - set(series))}",
                fix="Name the series as in the values.",
            )
        per_series = [units.get(name, "") if isinstance(units, Mapping) else units for name in series]
        hidden = np.zeros(len(where), bool) if mask is None else numbers(mask).astype(bool)
        stacked = np.stack(list(series.values())) if series else np.zeros((0, len(where)))
        return cls(where, tuple(series), stacked, tuple(per_series), hidden)

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"TokenValues({len(self.tokens)} tokens, {', '.join(self.names)})"

    def get(self, name: str) -> np.ndarray:
        """One series, ``[token]``."""
        return self.values[self.index(name)]

    def index(self, name: str) -> int:
        """The place of a series among `names`."""
        if name not in self.names:
            raise InputError(expected=f"a series among {list(self.names)}", got=repr(name), fix="Choose one of them.")
        return self.names.index(name)

    def shown(self, name: str) -> np.ndarray:
        """The finite values of a series where the mask lets them be seen."""
        values = self.get(name)[~self.mask]
        return values[np.isfinite(values)]

    def figure(self, *names: str) -> Any:
        """Lines over positions as a ``plotly.graph_objects.Figure``, one panel for each series.

        Args:
            names: the series wanted; all when none is named.
        """
        from plotly.subplots import make_subplots

        wanted = names or self.names
        rows = [self.index(name) for name in wanted]
        figure = make_subplots(rows=len(rows), shared_xaxes=True, vertical_spacing=min(0.08, 0.3 / len(rows)))
        texts = [f"{i} {text!r}" for i, text in enumerate(self.tokens.texts)]
        for row, k in enumerate(rows, start=1):
            unit = f" ({self.units[k]})" if self.units[k] else ""
            y = np.where(self.mask, np.nan, self.values[k])
            figure.add_scatter(
                x=list(range(len(self))),
                y=y,
                text=[plain(t) for t in texts],
                mode="lines+markers",
                name=self.names[k],
                hovertemplate="%{text}<br>%{y}<extra></extra>",
                row=row,
                col=1,
            )
            figure.update_yaxes(title_text=plain(self.names[k] + unit), row=row, col=1)
        figure.update_xaxes(title_text="position", row=len(rows), col=1)
        return figure.update_layout(showlegend=False, height=120 + 160 * len(rows), margin={"t": 24, "r": 16})


def numbers(values: Any) -> np.ndarray:
    """A float64 numpy array of a torch tensor on any device, a numpy array or nested lists."""
    try:
        # By way of float32: bfloat16 has no numpy type; float64 keeps its digits.
        if hasattr(values, "detach"):
            kept = values.detach().cpu()
            values = (kept.float() if str(kept.dtype) in ("torch.bfloat16", "torch.float16") else kept).numpy()
        result = np.asarray(values)
        if result.dtype.kind not in "fiub":
            raise TypeError(f"an array of {result.dtype}")
        return result.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            expected="a numpy array, torch tensor or list of real numbers",
            got=f"{type(values).__name__} ({error})",
            fix="Pass numbers of shape [token] or [series, token].",
        ) from error


def _named(values: Any) -> dict[str, np.ndarray]:
    if isinstance(values, Mapping):
        wrong = [name for name in values if not isinstance(name, str)]
        if wrong:
            raise InputError(expected="names of series as strings", got=repr(wrong[0]), fix="Use str(name).")
        return {name: numbers(array) for name, array in values.items()}
    array = numbers(values)
    if array.ndim == 1:
        return {"value": array}
    if array.ndim == 2:
        return {f"series {k}": row for k, row in enumerate(array)}
    raise InputError(
        expected="values of shape [token] or [series, token], or a dict of name -> [token]",
        got=f"shape {list(array.shape)}",
        fix="Take one sequence of a batch, e.g. values[0].",
    )
