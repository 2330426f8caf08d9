"""What kind of head each head is, in a few numbers, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from interpwidgets.errors import InputError

# Those that measure attention mass on marked keys, from 0 to 1: only they can name a head.
MASSES = ("previous_token", "first_token", "current_token", "duplicate_token", "induction")
NAMES = (*MASSES, "entropy", "normalised_entropy", "mean_distance")
UNITS = {"entropy": "nats", "mean_distance": "tokens"}


@dataclass(frozen=True)
class HeadSummaries:
    """A few numbers for every head, and beside each what chance would give on the same text.

    `interpwidgets.analyses.head_summaries.head_summaries` makes it and defines each number.

    Attributes:
        names: the summaries, among `NAMES`.
        values: ``[summary, layer, head]`` float32; NaN where a summary is undefined, and where a layer has no such
            head.
        chance: ``[summary, layer]`` float32: what a head would score on this very text that looks at every key it can
            see alike. It depends on the layer only through its sliding window.
        counts: ``[summary, layer]`` how many queries the number is a mean over.
        layers: the model's number of each layer.
        heads: how many heads each layer has.
        notes: why a summary is undefined, by its name; under ``"pattern"`` what is wrong with the patterns.
    """

    names: tuple[str, ...]
    values: np.ndarray
    chance: np.ndarray
    counts: np.ndarray
    layers: tuple[int, ...]
    heads: tuple[int, ...]
    notes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = (len(self.names), len(self.layers), max(self.heads, default=0))
        for name, array, shape in (
            ("values [summary, layer, head]", self.values, wanted),
            ("chance [summary, layer]", self.chance, wanted[:2]),
            ("counts [summary, layer]", self.counts, wanted[:2]),
            ("heads [layer]", np.asarray(self.heads), wanted[1:2]),
        ):
            if array.shape != shape:
                raise InputError(
                    expected=f"{name} of shape {list(shape)}",
                    got=f"shape {list(array.shape)}",
                    fix="Give one number for every summary, layer and head.",
                )

    def get(self, name: str) -> np.ndarray:
        """One summary, ``[layer, head]``."""
        return self.values[self._index(name)]

    def top(self, name: str, n: int = 5) -> list[tuple[int, int, float]]:
        """The ``n`` heads that score highest: ``(layer, head, score)``, the model's layer numbers, best first."""
        scores = self.get(name)
        order = np.argsort(-scores, axis=None, kind="stable")  # NaN last
        best = [np.unravel_index(i, scores.shape) for i in order[: max(0, n)]]
        return [(self.layers[i], int(h), float(scores[i, h])) for i, h in best if not np.isnan(scores[i, h])]

    def labels(self, threshold: float = 0.4, *, min_queries: int = 4) -> dict[tuple[int, int], tuple[str, ...]]:
        """The heads that clearly are of a named kind: ``(layer, head) -> names``, the clearest first.

        A head gets a name when its score lies at least this share of the way from chance to 1,
        ``(score - chance) / (1 - chance) >= threshold``, as a mean over at least ``min_queries`` queries. So a score
        that the text alone explains names no head: on a short text uniform attention puts much on everything.

        Args:
            threshold: above 0 and at most 1.
            min_queries: with fewer, a score is an anecdote.
        """
        if not 0 < threshold <= 1:
            raise InputError(
                expected="a threshold above 0 and at most 1",
                got=repr(threshold),
                fix="0.4 is the share used by default.",
            )
        found: dict[tuple[int, int], list[tuple[float, str]]] = {}
        for name in (n for n in self.names if n in MASSES):
            i = self._index(name)
            chance = self.chance[i][:, None]
            with np.errstate(invalid="ignore", divide="ignore"):
                lift = (self.values[i] - chance) / (1 - chance)
                chosen = (lift >= threshold) & np.isfinite(lift) & (self.counts[i][:, None] >= min_queries)
            for at, head in zip(*np.nonzero(chosen), strict=True):
                found.setdefault((self.layers[at], int(head)), []).append((float(lift[at, head]), name))
        return {place: tuple(name for _, name in sorted(names, reverse=True)) for place, names in sorted(found.items())}

    def table(self, threshold: float = 0.4) -> list[dict[str, object]]:
        """One row for every head: its layer, its number, every summary, and its names; ready for a data frame."""
        named = self.labels(threshold)
        return [
            {
                "layer": layer,
                "head": head,
                **{name: float(self.values[k, i, head]) for k, name in enumerate(self.names)},
                "labels": named.get((layer, head), ()),
            }
            for i, layer in enumerate(self.layers)
            for head in range(self.heads[i])
        ]

    def __repr__(self) -> str:
        lines = [f"HeadSummaries({len(self.layers)} layers, {sum(self.heads)} heads)"]
        for name in self.names:
            best = self.top(name, 1)
            if not best:
                lines.append(f"  {name:18} undefined: {self.notes.get(name) or self.notes.get('pattern', 'no heads')}")
                continue
            layer, head, score = best[0]
            at = self.layers.index(layer)
            unit = f" {UNITS[name]}" if name in UNITS else ""
            chance, count = self.chance[self._index(name), at], self.counts[self._index(name), at]
            lines.append(
                f"  {name:18} largest {score:.3g}{unit} in layer {layer} head {head}; "
                f"uniform {chance:.3g}; {count} {'query' if count == 1 else 'queries'}"
            )
        return "\n".join(lines)

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise InputError(expected=f"a summary among {list(self.names)}", got=repr(name), fix="Choose one of them.")
        return self.names.index(name)
