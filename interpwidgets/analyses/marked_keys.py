"""Which keys count for which query when a head is asked what kind it is: worked out from the tokens alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interpwidgets.records.head_summaries import NAMES


@dataclass(frozen=True)
class MarkedBlock:
    """The marks of some queries: for each mass, pairs (row of the block, key), and what the queries can see.

    Attributes:
        pairs: for each mass, rows of the block and the keys that count for them.
        visible: ``[query]`` how many keys it sees.
        nearness: ``[query]`` the mean distance of those.
        distance: ``[query, key]`` float32, up to the last key that any of the queries sees.
    """

    pairs: dict[str, tuple[np.ndarray, np.ndarray]]
    visible: np.ndarray
    nearness: np.ndarray
    distance: np.ndarray

    @property
    def free(self) -> np.ndarray:
        """The queries that have a choice."""
        return self.visible > 1


class MarkedKeys:
    """Which keys count for which query, worked out from the tokens alone, block by block."""

    def __init__(self, token: np.ndarray, *, causal: bool) -> None:
        self.n, self.causal = len(token), causal
        self.token = token
        self._blocks: dict[tuple[int, int | None], MarkedBlock] = {}
        self._row = -1
        position = np.arange(1, self.n)
        changes = token[1:] != token[:-1]
        here = position[changes]
        # Keys of each token, sorted by token then position: where a run of it begins, and what stands right after one.
        self._keys = {
            "duplicate_token": self._sorted(token[here], here),
            "induction": self._sorted(token[here - 1], here),
        }

    def _sorted(self, token: np.ndarray, key: np.ndarray) -> np.ndarray:
        return np.sort(token * (self.n + 1) + key)

    def block(self, q: slice, window: int | None) -> MarkedBlock:
        """The marks of the queries ``q``; kept until another block of queries is asked for."""
        if self._row != q.start:
            self._blocks.clear()
            self._row = q.start
        if (q.start, window) not in self._blocks:
            self._blocks[q.start, window] = self._make(q, window)
        return self._blocks[q.start, window]

    def _make(self, q: slice, window: int | None) -> MarkedBlock:
        query = np.arange(q.start, q.stop)
        first = np.zeros_like(query) if window is None or not self.causal else np.maximum(0, query - window + 1)
        visible = query + 1 - first if self.causal else np.full(len(query), self.n)
        single = {"previous_token": query - 1, "first_token": np.zeros_like(query), "current_token": query}
        pairs = {}
        for name, key in single.items():
            there = (key >= first) & (visible > 1) & ((key < query) | (name == "current_token"))
            pairs[name] = (np.nonzero(there)[0], key[there])
        for name, keys in self._keys.items():
            pairs[name] = self._repeats(keys, query, first)
        after = self.n - 1 - query
        both = (query * (query + 1) + after * (after + 1)) / (2 * self.n)
        nearness = (visible - 1) / 2 if self.causal else both
        seen = np.arange(q.stop if self.causal else self.n)
        distance = np.abs(query[:, None] - seen).astype(np.float32)
        return MarkedBlock(pairs, visible, nearness, distance)

    def _repeats(self, keys: np.ndarray, query: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each query the keys of its token from ``first`` to two positions back."""
        base = self.token[query] * (self.n + 1)
        low = np.searchsorted(keys, base + first)
        counts = np.maximum(0, np.searchsorted(keys, base + np.maximum(0, query - 1)) - low)
        rows = np.repeat(np.arange(len(query)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, keys[np.repeat(low, counts) + within] % (self.n + 1)

    def why_undefined(self) -> dict[str, str]:
        """For each mass, the reason to give should no query have such a key."""
        if self.n < 2:
            return dict.fromkeys(NAMES, "the text has one token" if self.n else "the text has no token")
        repeated = len(np.unique(self.token)) < self.n
        said = "no query sees a repeat that counts (side by side, at position 0 or two apart, other heads score too)"
        return dict.fromkeys(("duplicate_token", "induction"), said if repeated else "no token occurs twice")
