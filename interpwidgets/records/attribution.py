"""A logit, split over the parts of the model that wrote it, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain
from interpwidgets.records.sum_check import SumCheck
from interpwidgets.records.tokens import Tokens

# Kind -> the name a reader sees; {} stands for the layer, and for a head for "layer.head".
KINDS = {
    "embedding": "embedding",
    "position": "position embedding",
    "head": "head {}",
    "attention": "attention {}",
    "attention_bias": "attention bias {}",
    "mlp": "MLP {}",
    "cross": "cross-attention {}",
    "norm_bias": "norm bias {}",
    "rest": "rest of layer {}",
    "final_norm_bias": "final norm bias",
    "unembedding_bias": "unembedding bias",
}
CONSTANTS = ("final_norm_bias", "unembedding_bias", "norm_bias")


@dataclass(frozen=True)
class LogitAttribution:
    """The logit of a token at a position, or the difference of two, as a sum over the parts of the model.

    `interpwidgets.analyses.attribution.logit_attribution` makes it and defines each number. Numbers are in logits.

    Attributes:
        kinds: ``[part]`` what each part is, among `KINDS`; in the order of the forward pass, constants last.
        layers: ``[part]`` its layer, or None.
        heads: ``[part]`` its head, or None.
        values: ``[part]`` float64, what it adds to the logit.
        tokens: the positions of the text.
        position: where the logit stands (the token *after* it is predicted there).
        token, token_text: the token whose logit this is.
        contrast, contrast_text: the token whose logit is taken off, or None.
        logit: the model's own number, which the parts should sum to.
        tolerance: the largest residual that floating point explains in the model's type.
        softcap: the bound of a soft-cap that acts after the sum (Gemma 2), or None.
    """

    kinds: tuple[str, ...]
    layers: tuple[int | None, ...]
    heads: tuple[int | None, ...]
    values: np.ndarray
    tokens: Tokens
    position: int
    token: int
    token_text: str
    logit: float
    contrast: int | None = None
    contrast_text: str | None = None
    tolerance: float = 1e-4
    softcap: float | None = None

    def __post_init__(self) -> None:
        n = len(self.kinds)
        if not len(self.layers) == len(self.heads) == n or self.values.shape != (n,):
            raise InputError(
                expected=f"a layer, a head and a value for each of the {n} parts",
                got=f"{len(self.layers)}, {len(self.heads)} and shape {list(self.values.shape)}",
                fix="Give one entry for every part; None where there is no layer or head.",
            )
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise InputError(expected=f"kinds among {list(KINDS)}", got=repr(unknown[0]), fix="Name it as one of them.")
        if not 0 <= self.position < len(self.tokens):
            raise InputError(
                expected=f"a position from 0 to {len(self.tokens) - 1}", got=str(self.position), fix="Choose one."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """``[part]`` what to call each: ``"head 2.3"``, ``"MLP 1"``, ``"embedding"``."""
        places = zip(self.kinds, self.layers, self.heads, strict=True)
        return tuple(KINDS[k].format(at if head is None else f"{at}.{head}") for k, at, head in places)

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return float(self.values.sum())

    @property
    def what(self) -> str:
        """What is split, in words: ``logit of "Mary" minus "Tom"``."""
        minus = "" if self.contrast is None else f" minus {self.contrast_text!r}"
        return f"logit of {self.token_text!r}{minus}"

    @property
    def sum_check(self) -> SumCheck:
        """The parts sum to the model's own logit."""
        which = "logit difference" if self.contrast is not None else "logit"
        law = f"parts sum to the {which}{' before the soft-cap' if self.softcap else ''}"
        return SumCheck(law, self.total, self.logit, self.tolerance)

    def get(self, kind: str, layer: int | None = None, head: int | None = None) -> float:
        """What one part adds: ``get("head", 2, 3)``, ``get("mlp", 1)``, ``get("embedding")``."""
        places = list(zip(self.kinds, self.layers, self.heads, strict=True))
        if (kind, layer, head) not in places:
            raise InputError(
                expected=f"a part of this model, such as {', '.join(self.names[:3])}",
                got=f"kind {kind!r}, layer {layer}, head {head}",
                fix="See record.names.",
            )
        return float(self.values[places.index((kind, layer, head))])

    def grid(self) -> np.ndarray:
        """The heads as ``[layer, head]`` float64; NaN where there is no such head."""
        layers = [at for at in self.layers if at is not None]
        heads = [head for head in self.heads if head is not None]
        grid = np.full((max(layers, default=-1) + 1, max(heads, default=-1) + 1), np.nan)
        for kind, at, head, value in zip(self.kinds, self.layers, self.heads, self.values, strict=True):
            if kind == "head":
                grid[at, head] = value  # type: ignore[index]
        return grid

    def top(self, n: int = 10) -> list[tuple[str, float]]:
        """The ``n`` parts that matter most, of either sign: ``(name, value)``, largest magnitude first."""
        weight = np.where(np.isnan(self.values), np.inf, np.abs(self.values))
        order = np.argsort(-weight, kind="stable")[: max(0, n)]
        names = self.names
        return [(names[i], float(self.values[i])) for i in order]

    def build_up(self) -> tuple[list[str], np.ndarray]:
        """How the logit builds up: constants and embedding first, then the sum after each attention and each MLP.

        Returns:
            Names of the steps, and the sum after each, ``[step]`` float64; the last is the logit.
        """
        attends = ("head", "attention", "attention_bias")
        start = sum(v for k, at, v in self._places() if at is None or k in CONSTANTS)
        names, sums = ["embedding and constants"], [float(start)]
        for layer in sorted({at for at in self.layers if at is not None}):
            here = [(k in attends, v) for k, at, v in self._places() if at == layer and k not in CONSTANTS]
            for name, inside in (("attention", True), ("MLP", False)):
                step = [v for within, v in here if within == inside]
                if step:
                    names.append(f"{name} {layer}")
                    sums.append(sums[-1] + sum(step))
        return names, np.array(sums)

    def figure(self, most: int = 20) -> Any:
        """The largest parts as bars, a ``plotly.graph_objects.Figure``."""
        import plotly.graph_objects as go

        top = self.top(most)[::-1]
        colours = ["#c2660a" if value > 0 else "#2f5fcf" for _, value in top]
        bars = go.Bar(x=[v for _, v in top], y=[plain(n) for n, _ in top], orientation="h", marker_color=colours)
        figure = go.Figure(bars)
        where = self.tokens.texts[self.position].strip()
        title = plain(f"{self.what} after {where!r}: {self.logit:.3f}")
        figure.update_layout(title=title, xaxis_title="logits", height=120 + 22 * len(top), margin_l=140)
        return figure

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} {value:+.3g}" for name, value in self.top(4))
        return f"LogitAttribution({self.what} at {self.position}: {self.logit:.4g} = {shown}, ...)"

    def _places(self) -> list[tuple[str, int | None, float]]:
        return list(zip(self.kinds, self.layers, self.values.tolist(), strict=True))
