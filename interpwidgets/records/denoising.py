"""A text as a masked-diffusion model uncovered it, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.alternatives import Alternatives
from interpwidgets.records.plot_text import plain
from interpwidgets.records.sum_check import SumCheck
from interpwidgets.records.tokens import Tokens


@dataclass(frozen=True)
class Denoising:
    """A denoising run: steps by positions, what was open when, and what the model thought of each open position.

    State 0 is what the run began with, state s what stood there after s steps. A position that was masked at first is
    open until the step that fills it, and never changes again. `interpwidgets.denoising` makes it.

    Attributes:
        tokens: ``[state]`` the positions in each state; one state more than there were steps.
        filled: ``[position]`` the step, from 1, that filled each position; 0 where it was given.
        chance: ``[position]`` the probability that the model gave to the token it wrote, when it wrote it; NaN where
            the position was given.
        entropy: ``[step, position]`` nats: how undecided each open position was when the step began; NaN where it
            was not open.
        choices: ``[step]`` the likeliest tokens of each open position when the step began.
        order: how positions were chosen: ``"confidence"``, ``"random"`` or ``"left_to_right"``.
        temperature: 0 for the likeliest token each time.
        seed: of the sampling, or None.
        features: ``[kept]`` numbers of the features whose values were kept, the strongest first.
        values: ``[state, position, kept]`` how strongly they fire; None without a dictionary.
        labels: what is known of features, by number.
        dictionary, site: which dictionary, and where it reads.
    """

    tokens: tuple[Tokens, ...]
    filled: np.ndarray
    chance: np.ndarray
    entropy: np.ndarray
    choices: tuple[Alternatives, ...]
    order: str = "confidence"
    temperature: float = 0.0
    seed: int | None = None
    features: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    values: np.ndarray | None = None
    labels: Mapping[int, str] = field(default_factory=dict)
    dictionary: str = ""
    site: str = ""

    def __post_init__(self) -> None:
        steps, n = len(self.tokens) - 1, len(self.tokens[0]) if self.tokens else 0
        if steps < 1 or any(len(tokens) != n or tokens.ids is None for tokens in self.tokens):
            raise InputError(
                expected="two states or more, all of one length and with ids",
                got=f"{len(self.tokens)} states of lengths {sorted({len(t) for t in self.tokens})[:4]}",
                fix="Make it with denoising(lm, text).",
            )
        shapes: dict[str, tuple[Any, tuple[int, ...]]] = {
            "filled": (self.filled, (n,)),
            "chance": (self.chance, (n,)),
            "entropy": (self.entropy, (steps, n)),
        }
        if self.values is not None:
            shapes["values"] = (self.values, (steps + 1, n, len(self.features)))
        for name, (array, shape) in shapes.items():
            if np.shape(array) != shape:
                raise InputError(
                    expected=f"{name} of shape {list(shape)}",
                    got=f"shape {list(np.shape(array))}",
                    fix="Give one for each state or step and position.",
                )
        if len(self.choices) != steps or any(len(found) != n for found in self.choices):
            raise InputError(
                expected=f"choices at {n} positions for each of {steps} steps",
                got=f"{[len(found) for found in self.choices][:6]}",
                fix="Give one Alternatives for each step.",
            )
        if n and not 0 <= int(self.filled.min()) <= int(self.filled.max()) <= steps:
            raise InputError(
                expected=f"steps from 0 to {steps} in filled",
                got=f"{self.filled.min()} to {self.filled.max()}",
                fix="0 stands for a position that was given.",
            )

    def __len__(self) -> int:
        """How many steps."""
        return len(self.tokens) - 1

    def __repr__(self) -> str:
        kept = f", {len(self.features)} features of {self.dictionary}" if self.values is not None else ""
        masked = int((self.filled > 0).sum())
        return f"Denoising({len(self)} steps fill {masked} of {len(self.filled)} positions{kept})"

    @property
    def text(self) -> str:
        """What stood there in the end, token texts joined."""
        return "".join(self.tokens[-1].texts)

    @property
    def ids(self) -> np.ndarray:
        """``[state, position]`` vocabulary ids; the mask's where a position is open."""
        return np.stack([np.asarray(tokens.ids) for tokens in self.tokens])

    @property
    def open(self) -> np.ndarray:
        """``[state, position]`` where a mask stood."""
        return self.filled[None, :] > np.arange(len(self) + 1)[:, None]

    @property
    def probability(self) -> np.ndarray:
        """``[state, position]`` where it is open, the model's probability of its likeliest token; where it was filled,
        that of the token written, when it was written; NaN where it was given.
        """
        out = np.repeat(self.chance[None].astype(np.float64), len(self) + 1, axis=0)
        for state, found in enumerate(self.choices):
            here = self.open[state]
            out[state, here] = found.probabilities[here, 0] if found.probabilities.shape[1] else np.nan
        return out

    @property
    def log_likelihood(self) -> float:
        """Sum of the log-probabilities of what was written, in nats; it depends on the order."""
        return float(np.log(self.chance[self.filled > 0]).sum())

    @property
    def sum_check(self) -> SumCheck:
        """Every position is given or changes exactly once; the value is the count farthest from 1."""
        changes = (np.diff(self.ids, axis=0) != 0).sum(0)
        return SumCheck.farthest(
            "each position is given or filled once", (changes + (self.filled == 0)).astype(float), target=1.0
        )

    def feature(self, feature: int) -> np.ndarray:
        """How strongly one feature fires ``[state, position]``.

        Raises:
            InputError: a feature whose values were not kept.
        """
        return self.kept(feature)[1]

    def kept(self, feature: int) -> tuple[int, np.ndarray]:
        """Where a feature stands among those kept, and its values ``[state, position]``."""
        at = np.flatnonzero(self.features == feature)
        if self.values is None or len(at) == 0 or isinstance(feature, bool):
            known = ", ".join(map(str, self.features[:12].tolist())) or "none: pass dictionary=... to denoising"
            raise InputError(
                expected=f"a feature whose values were kept ({known})",
                got=repr(feature),
                fix="Choose one of them, or name it in denoising(..., features=[...]).",
            )
        return int(at[0]), self.values[:, :, at[0]]

    def figure(self, *, feature: int | None = None) -> Any:
        """Steps by positions as a ``plotly`` heat map: probability, or how strongly a feature fires.

        Args:
            feature: one whose values were kept; None for the probabilities.
        """
        import plotly.graph_objects as go

        shown = self.probability if feature is None else self.feature(feature)
        signed = feature is not None and bool((shown < 0).any())
        far = float(np.nanmax(np.abs(shown))) if np.isfinite(shown).any() else 1.0
        name = "probability" if feature is None else f"feature {feature}"
        n = len(self.filled)
        # Tokens may say the same at two positions, so positions are the axis and texts its labels.
        words = [[plain(tokens.texts[i]) for i in range(n)] for tokens in self.tokens]
        figure = go.Figure(
            go.Heatmap(
                z=shown,
                customdata=words,
                zmin=-far if signed else 0,
                zmax=1 if feature is None else far,
                colorscale="RdBu_r" if signed else "Blues",
                colorbar={"title": name},
                hovertemplate="state %{y}, position %{x}: %{customdata}<br>" + name + " %{z}<extra></extra>",
            )
        )
        return figure.update_layout(
            xaxis={"tickvals": list(range(n)), "ticktext": [plain(t.strip()) for t in self.tokens[-1].texts]},
            yaxis={"title": "steps taken", "autorange": "reversed"},
            height=max(280, 120 + 22 * (len(self) + 1)),
            margin={"t": 24, "r": 16},
        )
