"""Every neuron of a model against its vocabulary, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.token_scores import TokenScores

SORTS = ("z", "layer", "name")
# So many outliers name a neuron at most.
NAMES = 3


@dataclass(frozen=True)
class Neurons:
    """What each MLP neuron writes to the vocabulary, and what it reads from it.

    `interpwidgets.analyses.neurons.neurons` makes it and defines the scores.

    Attributes:
        layers: the layers, by the model's number.
        counts: how many neurons each has.
        texts: ``[id]`` what each token says.
        sides: ``"writes"`` and ``"reads"``, or ``"writes"``, ``"gate"`` and ``"up"`` for a gated MLP, each as
            `TokenScores`.
        threshold: the z-score from which on a token is an outlier and names a neuron.
        notes: what was folded into the weights, in words.
    """

    layers: tuple[int, ...]
    counts: tuple[int, ...]
    texts: tuple[str, ...]
    sides: Mapping[str, TokenScores]
    threshold: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.layers) != len(self.counts) or not self.sides:
            raise InputError(
                expected="one count for every layer, and at least one side",
                got=f"{len(self.layers)} layers, {len(self.counts)} counts, {len(self.sides)} sides",
                fix="Give counts [layer].",
            )
        for name, scores in self.sides.items():
            if len(scores) != sum(self.counts):
                raise InputError(
                    expected=f"scores of {sum(self.counts)} neurons",
                    got=f"{len(scores)} in {name!r}",
                    fix="Number the neurons through all layers.",
                )

    def __len__(self) -> int:
        return sum(self.counts)

    @property
    def starts(self) -> np.ndarray:
        """``[layer]`` the number of each layer's first neuron."""
        return np.concatenate([[0], np.cumsum(self.counts)[:-1]]).astype(int)

    def number(self, layer: int, neuron: int) -> int:
        """A neuron's number through all layers."""
        if layer not in self.layers:
            raise InputError(expected=f"a layer of {list(self.layers)}", got=f"layer {layer!r}", fix="Choose one.")
        at = self.layers.index(layer)
        if not hasattr(neuron, "__index__") or not 0 <= int(neuron) < self.counts[at]:
            raise InputError(
                expected=f"a neuron from 0 to {self.counts[at] - 1} in layer {layer}",
                got=f"neuron {neuron!r}",
                fix="Choose one of them.",
            )
        return int(self.starts[at]) + int(neuron)

    def place(self, number: int) -> tuple[int, int]:
        """The layer and the neuron in it, of a number through all layers.

        Raises:
            InputError: a number that no neuron has.
        """
        if not 0 <= number < len(self):
            raise InputError(
                expected=f"a neuron from 0 to {len(self) - 1}", got=str(number), fix="Numbers run through all layers."
            )
        at = int(np.searchsorted(self.starts, number, side="right")) - 1
        return self.layers[at], int(number - self.starts[at])

    def side(self, name: str) -> TokenScores:
        """One side's scores."""
        if name not in self.sides:
            raise InputError(expected=f"a side among {list(self.sides)}", got=repr(name), fix="Choose one of them.")
        return self.sides[name]

    def name(self, layer: int, neuron: int, side: str = "writes") -> tuple[str, ...]:
        """The outlier tokens that name a neuron, the clearest first; none for most neurons."""
        return self.name_of(self.number(layer, neuron), side)

    def name_of(self, number: int, side: str = "writes") -> tuple[str, ...]:
        """The same for a number through all layers."""
        scores = self.side(side)
        row = slice(number, number + 1)
        z = scores.z_of(scores.top_values[row], row)[0]
        return tuple(self.texts[i] for i, far in zip(scores.top_ids[number], z, strict=True) if far >= self.threshold)[
            :NAMES
        ]

    def about(self, token: int | str, side: str = "writes", n: int = 10) -> list[tuple[int, int, float]]:
        """Which neurons write (or read) a token most: ``(layer, neuron, z)``, largest z-score first.

        A z-score compares the token with all others *for that neuron*, so a large neuron does not win by its size.

        Args:
            token: its id or its text.
            side: ``"writes"``, ``"reads"``, ``"gate"`` or ``"up"``.
            n: how many, at most as many as the record holds for each token.
        """
        scores = self.side(side)
        row = self._token(token)
        pairs = zip(scores.about_neurons[row][: max(0, n)], scores.about_z[row], strict=False)
        return [(*self.place(int(number)), float(z)) for number, z in pairs if number >= 0]

    def top(self, n: int = 10, side: str = "writes") -> list[tuple[int, int, tuple[str, ...], float]]:
        """The neurons with the clearest outliers: ``(layer, neuron, names, z)``."""
        z = self.side(side).z
        return [
            (*self.place(int(i)), self.name_of(int(i), side), float(z[i])) for i in self.order("z", side)[: max(0, n)]
        ]

    def order(self, sort: str = "z", side: str = "writes") -> np.ndarray:
        """Every neuron's number: by z-score, by layer, or by the token that comes first."""
        if sort not in SORTS:
            raise InputError(expected=f"a sort among {list(SORTS)}", got=repr(sort), fix="Choose one of them.")
        scores = self.side(side)
        if sort == "layer":
            return np.arange(len(self))
        with np.errstate(invalid="ignore"):
            by_z = np.argsort(-np.nan_to_num(scores.z, nan=-np.inf), kind="stable")
        if sort == "z":
            return by_z
        words = sorted({int(i) for i in scores.top_ids[:, 0]}, key=lambda i: self.texts[i].strip().lower())
        rank = np.zeros(len(self.texts), dtype=int)
        rank[words] = np.arange(len(words))
        # Neurons that have a name come first, then those that only have a top token.
        unnamed = ~(scores.z >= self.threshold)
        return by_z[np.lexsort((rank[scores.top_ids[by_z, 0]], unnamed[by_z]))]

    def _token(self, token: int | str) -> int:
        if isinstance(token, str):
            found = [i for i, text in enumerate(self.texts) if text in (token, f" {token}")]
            if not found:
                raise InputError(
                    expected="the text of one token", got=repr(token), fix="See lm.vocabulary.find(...), or pass an id."
                )
            return found[0]
        if not hasattr(token, "__index__") or not 0 <= int(token) < len(self.texts):
            raise InputError(
                expected=f"a token id from 0 to {len(self.texts) - 1}", got=repr(token), fix="Pass an id or a text."
            )
        return int(token)

    def __repr__(self) -> str:
        lines = [f"Neurons({len(self)} in {len(self.layers)} layers, {len(self.texts)} tokens)"]
        for side, scores in self.sides.items():
            named = int((scores.z >= self.threshold).sum())
            best = ", ".join(f"{at}.{i} {names[0]!r} z {z:.1f}" for at, i, names, z in self.top(3, side) if names)
            lines.append(
                f"  {side:6} {named} named by a token with z >= {self.threshold:.2f}{': ' + best if best else ''}"
            )
        return "\n".join(lines)
