"""What kind of head is it: a few numbers for every head.

Five of the numbers are attention mass on marked keys. Which keys are marked depends on the tokens alone, so the same
marks tell what uniform attention would score on this very text. The patterns are read in blocks of queries: nothing of
size T x T exists, and a long text costs time but no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.analyses import pictures
from interpwidgets.analyses.attention import patterns_of
from interpwidgets.analyses.marked_keys import MarkedBlock, MarkedKeys
from interpwidgets.analyses.patterns import Patterns, TracePatterns
from interpwidgets.errors import InputError
from interpwidgets.records import HeadSummaries, Tokens
from interpwidgets.records.head_summaries import MASSES, NAMES

if TYPE_CHECKING:
    from interpwidgets.models import Trace


def head_summaries(
    source: Trace | Patterns,
    *,
    tokens: Tokens | Iterable[str] | np.ndarray | None = None,
    layers: Sequence[int] | None = None,
) -> HeadSummaries:
    """Previous-token, first-token, current-token, duplicate-token and induction scores, entropy and mean distance.

    With ``A[q, k]`` the attention of query q to key k, all positions counted from 0:

    ``previous_token``
        mean of ``A[q, q-1]`` (Voita et al. 2019, "Analyzing Multi-Head Self-Attention", positional heads; the first
        half of an induction circuit in Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits").
    ``first_token``
        mean of ``A[q, 0]``, q >= 1: where heads rest that have nothing to do (Vig & Belinkov 2019, "Analyzing the
        Structure of Attention in a Transformer Language Model"; attention sinks, Xiao et al. 2023).
    ``current_token``
        mean of ``A[q, q]``.
    ``duplicate_token``
        mass on earlier positions that hold the same token (Wang et al. 2022, "Interpretability in the Wild").
    ``induction``
        mass on positions right after an earlier occurrence of the current token (Olsson et al. 2022, "In-context
        Learning and Induction Heads": the prefix-matching score, here on your text).
    ``entropy``, ``normalised_entropy``
        of the distribution over keys, in nats, and divided by the logarithm of the number of keys the query can see:
        1 is uniform (Vig & Belinkov 2019).
    ``mean_distance``
        mean of ``|q - k|`` weighted by attention, in tokens (Vig & Belinkov 2019).

    Each is a mean over the queries that have such a key and see at least two. Duplicate and induction keys at which
    another kind of head would score are left out: position 0, the query's own and the previous position, and positions
    that are both (inside a run of one token). So a previous-token head on "a b a b" is no induction head. Special
    tokens repeat nothing. Where no key is left the score is NaN, and ``notes`` says why. A head that always looks a
    fixed distance back still looks like induction on text with that period: use a text of random tokens, repeated once.

    Entropy and distance are of what goes to keys where a learned sink takes a share; masses are not rescaled.

    Args:
        source: a trace, or patterns of self-attention. Of an encoder-decoder's trace the decoder's self-attention is
            meant; for the encoder's pass ``patterns_of(trace)["encoder"]``.
        tokens: what stands at each position, where the source's own tokens are not what should be compared: texts or
            ids, one for each position.
        layers: the layers wanted, by number; all when None.

    Raises:
        InputError: cross-attention, values that are not probabilities, tokens or layers that do not fit.
    """
    patterns = _self_attention(source)
    n = len(patterns.queries)
    chosen = patterns.layers if layers is None else tuple(patterns.check_layer(layer) for layer in layers)
    heads = tuple(patterns.n_heads(layer) for layer in chosen)
    windows = [_window(patterns, layer) for layer in chosen]
    marks = MarkedKeys(_identities(patterns.queries if tokens is None else tokens, n), causal=patterns.causal)
    totals = _Totals(len(chosen), max(heads, default=0))

    for q, i, head in _steps(n, heads):
        block = marks.block(q, windows[i])
        if head == 0:
            totals.count(i, block)
        totals.add(i, head, block, patterns.block(chosen[i], head, q)[:, : block.distance.shape[1]])
    return totals.record(chosen, heads, marks.why_undefined(), patterns)


class _Totals:
    """Sums over the queries seen so far."""

    def __init__(self, layers: int, heads: int) -> None:
        shape = (len(NAMES), layers, heads)
        self.sums = np.zeros(shape)
        self.weights = np.zeros(shape)
        self.chance = np.zeros(shape[:2])
        self.counts = np.zeros(shape[:2], dtype=np.int64)
        self.broken = np.zeros(shape[1:], dtype=bool)

    def count(self, i: int, block: MarkedBlock) -> None:
        """What uniform attention scores on these queries, and how many they are."""
        for k, name in enumerate(MASSES):
            rows, _ = block.pairs[name]
            self.chance[k, i] += (1 / block.visible[rows]).sum()
            self.counts[k, i] += len(np.unique(rows))
        free = block.free
        for name, values in (
            ("entropy", np.log(block.visible[free])),
            ("normalised_entropy", np.ones(free.sum())),
            ("mean_distance", block.nearness[free]),
        ):
            k = NAMES.index(name)
            self.chance[k, i] += values.sum()
            self.counts[k, i] += len(values)

    def add(self, i: int, head: int, block: MarkedBlock, pattern: np.ndarray) -> None:
        """One head's attention of these queries, ``[query, key]``."""
        with np.errstate(all="ignore"):
            mass = pattern.sum(axis=1, dtype=np.float64)
            self.broken[i, head] |= not np.isfinite(mass).all()
            for k, name in enumerate(MASSES):
                self.sums[k, i, head] += pattern[block.pairs[name]].sum(dtype=np.float64)
            looks = block.free & (mass > 0)
            surprise = np.log(np.maximum(pattern, np.float32(1e-38)))
            surprise *= pattern
            # H(p / m) = -sum(p log p) / m + log m, so a row that gives a share to a sink needs no copy.
            entropy = -surprise.sum(axis=1, dtype=np.float64)[looks] / mass[looks] + np.log(mass[looks])
            distance = (pattern * block.distance).sum(axis=1, dtype=np.float64)[looks] / mass[looks]
        for name, values in (
            ("entropy", entropy),
            ("normalised_entropy", entropy / np.log(block.visible[looks])),
            ("mean_distance", distance),
        ):
            k = NAMES.index(name)
            self.sums[k, i, head] += values.sum()
            self.weights[k, i, head] += len(values)

    def record(
        self, layers: tuple[int, ...], heads: tuple[int, ...], why: dict[str, str], patterns: Patterns
    ) -> HeadSummaries:
        """The means, with a reason wherever there is none."""
        self.weights[: len(MASSES)] = self.counts[: len(MASSES), :, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            values = self.sums / self.weights
            chance = self.chance / self.counts
        values[:, self.broken] = np.nan
        for i, count in enumerate(heads):
            values[:, i, count:] = np.nan
        notes = {}
        for k, name in enumerate(NAMES):
            empty = [layer for layer, count in zip(layers, self.counts[k], strict=True) if count == 0]
            if empty:
                where = "" if len(empty) == len(layers) else f" in layers {', '.join(map(str, empty))}"
                notes[name] = why.get(name, "no query sees such a key") + where
        if self.broken.any():
            some = [f"{layers[i]}.{h}" for i, h in np.argwhere(self.broken)]
            more = f" and {len(some) - 8} more" if len(some) > 8 else ""
            notes["pattern"] = f"not finite in layer.head {', '.join(some[:8])}{more}"
        return HeadSummaries(
            names=NAMES,
            values=values.astype(np.float32),
            chance=chance.astype(np.float32),
            counts=self.counts,
            layers=layers,
            heads=heads,
            notes=notes,
        )


def _steps(n: int, heads: tuple[int, ...]) -> Iterator[tuple[slice, int, int]]:
    """Blocks of queries, and within each every (index of the layer, head); a bar appears after two seconds."""
    from tqdm.auto import tqdm

    rows = max(1, pictures.BLOCK_CELLS // max(1, n))
    blocks = [slice(start, min(n, start + rows)) for start in range(0, n, rows)]
    with tqdm(total=len(blocks) * sum(heads), desc="heads", unit="block", leave=False, delay=2) as bar:
        for block in blocks:
            for i, count in enumerate(heads):
                for head in range(count):
                    yield block, i, head
                    bar.update()


def _self_attention(source: Trace | Patterns) -> Patterns:
    if isinstance(source, Patterns):
        patterns = source
    elif hasattr(source, "attention") and hasattr(source, "tokens"):
        kinds = patterns_of(source)
        patterns = kinds.get("self") or kinds.get("decoder") or next(iter(kinds.values()))
    else:
        fix = "Make a trace with lm.trace(text), or ArrayPatterns(pattern, tokens)."
        raise InputError(expected="a trace or patterns", got=type(source).__name__, fix=fix)
    if patterns.queries.texts != patterns.keys.texts:
        raise InputError(
            expected="self-attention, where queries and keys are the same positions",
            got=f"{len(patterns.queries)} queries that look at {len(patterns.keys)} other positions",
            fix="Pass the self-attention of the encoder or the decoder.",
        )
    if patterns.bound("pattern") is None:
        raise InputError(
            expected="attention probabilities, from 0 to 1",
            got="values below 0 or above 1",
            fix="Take the softmax of scores first; for a difference of two runs summarise each run.",
        )
    return patterns


def _window(patterns: Patterns, layer: int) -> int | None:
    """How many keys back a query of this layer sees, itself included; None for all."""
    return patterns._layers[layer].window if isinstance(patterns, TracePatterns) else None


def _identities(tokens: Tokens | Iterable[str] | np.ndarray, n: int) -> np.ndarray:
    """``[position]`` a number from 0 for what stands there: the same for the same token, its own for a special one."""
    special = np.zeros(n, dtype=bool)
    if isinstance(tokens, np.ndarray) or hasattr(tokens, "detach"):
        names = np.asarray(tokens.detach().cpu() if hasattr(tokens, "detach") else tokens)  # type: ignore[union-attr]
    else:
        given = Tokens.of(tokens)
        names = np.asarray(given.texts if given.ids is None else given.ids)
        special = given.special
    if names.shape != (n,):
        raise InputError(
            expected=f"one token for each of the {n} positions",
            got=f"shape {list(names.shape)}",
            fix="Pass texts or ids in the order of the positions.",
        )
    _, number = np.unique(names, return_inverse=True)
    number[special] = n + np.arange(special.sum())
    return np.unique(number, return_inverse=True)[1] if n else number
