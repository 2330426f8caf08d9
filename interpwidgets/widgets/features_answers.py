"""What FeatureBrowser answers to its page: rows of the list, one feature, one column of all, a saved label."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from interpwidgets._core.requests import answers
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.errors import InputError
from interpwidgets.records.features import Places
from interpwidgets.widgets.features_packing import (
    chosen_examples,
    clipped,
    grouped,
    histogram_check,
    number,
    pack_examples,
)

if TYPE_CHECKING:
    from interpwidgets.records.feature import FeatureScores, WordScores
    from interpwidgets.records.feature_index import FeatureIndex

# Rows of the list travel in blocks of this many.
ROWS = 100
# Tokens at either end of the vocabulary; neighbours of a feature.
BARS, NEIGHBOURS = 10, 8
# Orders of the list that are kept.
KEPT = 8
LONGEST_LABEL = 400

Filters = Mapping[str, Sequence[float | None]]


class FeatureAnswers:
    """The answers, from the index; mixed into the widget, which keeps the traits.

    Every question carries the ``version`` of the index that the page knows: after a label was saved the same question
    is a new one, so the page never shows what it remembers from before.
    """

    _index: FeatureIndex
    _orders: dict[str, np.ndarray]

    def _search(self, query: str, sort: str, descending: bool, filters: Filters) -> np.ndarray:
        """Ids of all features that match, in order; the last few orders are remembered."""
        check_sort(sort, self._index.columns)
        filters = checked_filters(filters, self._index.columns)
        key = json.dumps([query, sort, descending, filters], sort_keys=True)
        if key not in self._orders:
            found = self._index.search(query, sort=sort, descending=descending, filters=ranges_of(filters))
            self._orders[key] = np.asarray(found, dtype=np.int64)
            if len(self._orders) > KEPT:
                del self._orders[next(iter(self._orders))]
        return self._orders[key]

    def _row_of(self, feature: int, order: np.ndarray) -> int | None:
        found = np.flatnonzero(order == feature)
        return int(found[0]) if len(found) else None

    @answers("rows")
    def _rows(
        self, query: str, sort: str, descending: bool, filters: Filters, start: int, version: int
    ) -> dict[str, Any]:
        """A block of the list: number, words, density, maximum and the sorting column of each feature."""
        order = self._search(query, sort, descending, filters)
        ids = order[max(0, start) : max(0, start) + ROWS]
        own = sort if sort not in ("feature", "density", "max") else None
        return {
            "total": len(order),
            "ids": pack(ids.astype(np.int32)),
            "labels": [clipped(self._index.label(int(i)), 80) for i in ids],
            "fires": [[clipped(t, 24) for t in self._index.fires_on(int(i))[:4]] for i in ids],
            "density": pack(self._column_of("density", ids)),
            "max": pack(self._column_of("max", ids)),
            "value": None if own is None else pack(self._column_of(own, ids)),
        }

    def _column_of(self, name: str, ids: np.ndarray) -> np.ndarray:
        return np.asarray(self._index.column(name), dtype=np.float32)[ids]

    @answers("place")
    def _place(
        self, query: str, sort: str, descending: bool, filters: Filters, feature: int, version: int
    ) -> dict[str, Any]:
        """The row in which a feature stands, or None where the list leaves it out."""
        return {"row": self._row_of(feature, self._search(query, sort, descending, filters))}

    @answers("matched")
    def _matched(self, query: str, filters: Filters, version: int) -> dict[str, Any]:
        """One bit for each feature: whether the list holds it."""
        mask = np.zeros(self._index.n_features, dtype=bool)
        mask[self._search(query, "density", True, filters)] = True
        return {"bits": pack(np.packbits(mask, bitorder="little")), "count": int(mask.sum())}

    @answers("column")
    def _column(self, name: str, version: int) -> dict[str, Any]:
        """A column of all features as places on an axis, 16 bits each: for the picture, never for digits."""
        check_column(name, self._index.columns)
        places = Places.of(self._index.column(name))
        ends = {"low": places.low, "high": places.high, "logarithmic": places.logarithmic}
        return {"codes": pack(places.codes), **ends}

    @answers("feature")
    def _feature(self, feature: int, version: int) -> dict[str, Any]:
        """The dashboard of one feature, in at most 10 kB."""
        found = self._index.feature(check_feature(feature, self._index.n_features))
        counts = np.asarray(found.counts)
        return {
            "label": well_formed(found.label),
            "fires": [clipped(t, 24) for t in self._index.fires_on(feature)[:4]],
            **{name: number(getattr(found, name)) for name in ("density", "max", "mean")},
            "count": int(found.count),
            "level": found.level,
            "edges": pack(np.asarray(found.edges, dtype=np.float64)),
            "counts": pack(counts.astype(np.float64)),
            "examples": pack_examples(chosen_examples(found.examples)),
            "totals": [[name, len(group)] for name, group in grouped(found.examples).items()],
            **{side: self._ends(getattr(found, side)) for side in ("promoted", "suppressed", "read")},
            "neighbours": self._others(found.neighbours),
            "correlated": self._others(found.correlated),
            "columns": [[name, number(value)] for name, value in found.columns.items()],
            "sum_check": histogram_check(found),
        }

    def _ends(self, scores: WordScores | None) -> dict[str, Any] | None:
        if scores is None:
            return None
        return {
            "texts": [clipped(text, 60) for text in scores.texts[:BARS]],
            "ids": [int(i) for i in scores.ids[:BARS]],
            "values": pack(np.asarray(scores.values[:BARS], dtype=np.float32)),
        }

    def _others(self, scores: FeatureScores) -> dict[str, Any]:
        ids = [int(i) for i in scores.features[:NEIGHBOURS]]
        labels = scores.labels[:NEIGHBOURS]
        return {
            "features": ids,
            "values": pack(np.asarray(scores.values[:NEIGHBOURS], dtype=np.float32)),
            "labels": [clipped(label, 60) for label in labels],
            "fires": [[clipped(t, 16) for t in self._index.fires_on(i)[:3]] for i in ids],
        }

    @answers("examples")
    def _examples(self, feature: int, group: str, version: int) -> dict[str, Any]:
        """Every example of one group."""
        groups = grouped(self._index.feature(check_feature(feature, self._index.n_features)).examples)
        if group not in groups:
            raise InputError(expected=f"one of the groups {list(groups)}", got=repr(group), fix="Choose one.")
        return pack_examples(groups[group])

    @answers("context")
    def _context(self, feature: int, document: int, start: int, stop: int) -> dict[str, Any]:
        """A longer piece of a document; a value that was not kept is NaN."""
        check_feature(feature, self._index.n_features)
        if stop <= start:
            raise InputError(expected="a stop after the start", got=f"{start} to {stop}", fix="Ask for a longer piece.")
        found = self._index.context(document, max(0, start), stop, feature)
        return {
            "start": found.start,
            "texts": [well_formed(text) for text in found.tokens.texts],
            "special": np.flatnonzero(found.tokens.special).tolist(),
            "glyphs": [[a, b, well_formed(text)] for a, b, text in found.tokens.glyphs],
            "values": pack(np.asarray(found.values, dtype=np.float32)),
        }

    @answers("set_label")
    def _set_label(self, feature: int, label: str, turn: str) -> dict[str, Any]:
        """Save a label that was typed in the page; ``turn`` makes each act a question of its own."""
        check_feature(feature, self._index.n_features)
        if not isinstance(label, str) or len(label) > LONGEST_LABEL or "\n" in label:
            raise InputError(
                expected=f"a label on one line with at most {LONGEST_LABEL} characters",
                got=f"{len(label)} characters" if isinstance(label, str) else type(label).__name__,
                fix="Say it more shortly.",
            )
        self._index.set_label(feature, label.strip())
        self.refresh()
        return {"label": well_formed(self._index.label(feature))}

    def refresh(self) -> None:
        """Overridden by the widget."""


def ranges_of(filters: Filters) -> dict[str, tuple[float, float]]:
    """Ranges as the index takes them: an open end is infinite."""
    return {
        name: (-np.inf if low is None else low, np.inf if high is None else high)
        for name, (low, high) in filters.items()
    }


def check_feature(feature: int, count: int) -> int:
    """A feature that exists."""
    if isinstance(feature, bool) or not isinstance(feature, int) or not 0 <= feature < count:
        raise InputError(expected=f"a feature from 0 to {count - 1}", got=repr(feature), fix="Choose one of them.")
    return feature


def check_column(name: str, columns: Iterable[str]) -> str:
    """A column of the index."""
    if name not in columns:
        raise InputError(
            expected=f"one of the columns {', '.join(columns)}",
            got=repr(name),
            fix="Add it with index.add_column(name, values), then browser.refresh().",
        )
    return name


def check_sort(name: str, columns: Iterable[str]) -> str:
    """A column, or ``"feature"`` for the features' own numbers."""
    return name if name == "feature" else check_column(name, columns)


def checked_filters(filters: Filters, columns: Iterable[str]) -> dict[str, list[float | None]]:
    """Ranges of columns as JSON: both ends count as inside, None leaves an end open."""
    if not isinstance(filters, Mapping):
        raise InputError(
            expected="filters as a dict of ranges",
            got=type(filters).__name__,
            fix='Write filters={"density": [0.001, 0.1]}.',
        )
    out: dict[str, list[float | None]] = {}
    for name, ends in filters.items():
        check_column(name, columns)
        good = isinstance(ends, Sequence) and not isinstance(ends, str) and len(ends) == 2
        if not good or not all(end is None or (isinstance(end, int | float) and end == end) for end in ends):
            raise InputError(
                expected=f"a range [low, high] of {name!r}", got=repr(ends), fix="Leave an end open with None."
            )
        low, high = (None if end is None or not np.isfinite(end) else float(end) for end in ends)
        if low is not None and high is not None and low > high:
            raise InputError(
                expected=f"a range of {name!r} whose low end comes first", got=repr(ends), fix="Exchange the two."
            )
        out[name] = [low, high]
    return out
