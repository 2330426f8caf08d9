"""Features as detectors of what is known about each token: the interpretability axis of an evaluation.

Makelov et al. 2024 ("Towards Principled Evaluations of Sparse Autoencoders for Interpretability and Control") call a
feature interpretable where it detects the value of a known attribute, measured by F1. Here that is done for every
feature and every value at once, at the best threshold each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.detections import Detections

if TYPE_CHECKING:
    from interpwidgets.dictionaries import SparseCodes

# Active codes sorted at a time: some 300 MB of work space.
BLOCK = 2**23


def detections(codes: SparseCodes, labels: Mapping[str, Any], *, held_out: Any = None, least: int = 1) -> Detections:
    """Find for every feature the attribute value that it detects best, and for every value its best feature.

    Every threshold between two codes is tried, exactly: a feature's codes are sorted, and F1 can only peak right after
    a token that has the value. Features with negative codes (neurons, differences) are tried in both directions. Work
    grows with the active codes times the values a token has, never with features times tokens.

    Args:
        codes: what `Dictionary.encode_sparse` gives, tokens on its first axis. A NaN never says yes.
        labels: value name -> truth for every token ``[token]``; e.g. ``storyworld.attributes(stories)``.
        held_out: ``[token]`` truth: tokens to score on, while sign, threshold and pairing are chosen on the others. By
            default the same tokens do both, which flatters rare values.
        least: leave out values with fewer tokens than this among those chosen on (or scored on).

    Raises:
        InputError: labels or held-out marks of another length, or no labels that are left.
    """
    n = len(codes)
    if not labels:
        raise InputError(expected="labels", got="none", fix='Pass {"place=park": [token] truth, ...}.')
    truth = {str(name): _marks(f"labels[{name!r}]", given, n) for name, given in labels.items()}
    test = np.ones(n, bool) if held_out is None else _marks("held_out", held_out, n)
    train = test if held_out is None else ~test
    kept = {k: v for k, v in truth.items() if min((v & train).sum(), (v & test).sum()) >= max(1, least)}
    if not kept:
        raise InputError(
            expected=f"at least one label with {max(1, least)} tokens or more",
            got=f"{len(labels)} labels, all of them rarer"
            + (" in one of the two parts" if held_out is not None else ""),
            fix="Give more tokens, or lower least.",
        )
    names = tuple(kept)
    best = _Best.empty(codes.n_features, len(names))
    active = _Active.of(codes)
    for part in active.where(train[active.token]).blocks():
        _search(part, [kept[name] & train for name in names], best)
    return _scored(names, kept, best, active.where(test[active.token]), test, held_out is not None)


class _Active(NamedTuple):
    """Active codes as three columns; `column` is twice the feature, plus one where the code is negative."""

    token: np.ndarray
    column: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, codes: SparseCodes) -> _Active:
        value = codes.values.detach().float().cpu().numpy()
        column = codes.indices.cpu().numpy().astype(np.int64) * 2 + (value < 0)
        found = cls(codes.rows.cpu().numpy().astype(np.int32), column, np.abs(value))
        return found.where(np.isfinite(value) & (value != 0))

    def where(self, mask: np.ndarray) -> _Active:
        return self if mask.all() else _Active(self.token[mask], self.column[mask], self.value[mask])

    def blocks(self) -> Iterator[_Active]:
        """Whole columns, sorted by column and then from the largest value down."""
        if not len(self.column):
            return
        counts = np.bincount(self.column)
        block = np.cumsum(counts) // BLOCK
        for number in np.unique(block[self.column]) if block[-1] else [None]:
            part = self if number is None else self.where(block[self.column] == number)
            order = np.lexsort((-part.value, part.column))
            yield _Active(part.token[order], part.column[order], part.value[order])


class _Best(NamedTuple):
    """Best pair so far: for each feature [feature] and for each attribute [attribute]."""

    f1: np.ndarray
    attribute: np.ndarray
    threshold: np.ndarray
    sign: np.ndarray
    value_f1: np.ndarray
    feature: np.ndarray
    value_threshold: np.ndarray
    value_sign: np.ndarray

    @classmethod
    def empty(cls, features: int, attributes: int) -> _Best:
        def four(n: int) -> list[np.ndarray]:
            return [np.zeros(n), np.full(n, -1, np.int32), np.full(n, np.nan, np.float32), np.ones(n, np.int8)]

        return cls(*four(features), *four(attributes))


def _search(part: _Active, truths: list[np.ndarray], best: _Best) -> None:
    """Try every threshold of every column in a block, for every attribute."""
    new = np.ones(len(part.column), bool)
    new[1:] = part.column[1:] != part.column[:-1]
    start = np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))
    # A threshold takes all of its equals: yeses up to the end of the run of equal values.
    edge = np.append(np.flatnonzero(new | (np.diff(part.value, prepend=np.nan) != 0)), len(new))
    yeses = np.repeat(edge[1:], np.diff(edge)) - start
    # Where a token's codes lie in the sorted order, so that a rare attribute looks at its own tokens only.
    by_token = np.argsort(part.token, kind="stable")
    offsets = np.searchsorted(part.token[by_token], np.arange(len(truths[0]) + 1))
    for number, truth in enumerate(truths):
        at = _entries(np.flatnonzero(truth), by_token, offsets, truth, part.token)
        if not len(at):
            continue
        column = part.column[at]
        first = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
        hits = np.arange(1, len(at) + 1) - np.repeat(first, np.diff(np.append(first, len(at))))
        f1 = 2.0 * hits / (yeses[at] + int(truth.sum()))
        peak = np.maximum.reduceat(f1, first)
        where = np.flatnonzero(f1 == np.repeat(peak, np.diff(np.append(first, len(at)))))
        # The first of equals: the highest threshold that is as good.
        _, once = np.unique(column[where], return_index=True)
        _keep(best, number, column[first], peak, part.value[at[where[once]]])


def _entries(
    tokens: np.ndarray, by_token: np.ndarray, offsets: np.ndarray, truth: np.ndarray, token: np.ndarray
) -> np.ndarray:
    """Places in the sorted order of the codes of some tokens, ascending."""
    counts = offsets[tokens + 1] - offsets[tokens]
    total = int(counts.sum())
    if total * 8 > len(token):
        return np.flatnonzero(truth[token])
    ends = np.cumsum(counts)
    return np.sort(by_token[np.arange(total) + np.repeat(offsets[tokens] - ends + counts, counts)])


def _keep(best: _Best, attribute: int, column: np.ndarray, f1: np.ndarray, threshold: np.ndarray) -> None:
    feature, sign = column // 2, np.where(column % 2, -1, 1)
    top = int(f1.argmax())
    if f1[top] > best.value_f1[attribute]:
        best.value_f1[attribute], best.feature[attribute] = f1[top], feature[top]
        best.value_threshold[attribute], best.value_sign[attribute] = threshold[top], sign[top]
    # One direction at a time, as a feature may stand here with both.
    for side in (1, -1):
        better = (sign == side) & (f1 > best.f1[feature])
        here = feature[better]
        best.f1[here], best.attribute[here] = f1[better], attribute
        best.threshold[here], best.sign[here] = threshold[better], side


def _scored(
    names: tuple[str, ...], truth: Mapping[str, np.ndarray], best: _Best, test: _Active, mask: np.ndarray, held: bool
) -> Detections:
    """Scores of the chosen pairs on the tokens to score on."""
    table = np.stack([truth[name] & mask for name in names])
    positives = table.sum(1)
    feature, sign = test.column // 2, np.where(test.column % 2, -1, 1)
    n = len(best.f1)

    yes = (test.value >= best.threshold[feature]) & (sign == best.sign[feature])
    said = np.bincount(feature[yes], minlength=n)
    right = table[best.attribute[feature[yes]], test.token[yes]]
    hits = np.bincount(feature[yes][right], minlength=n)
    none = best.attribute < 0

    # A feature may be the best of several values with a threshold for each.
    order = np.argsort(feature, kind="stable")
    bounds = np.searchsorted(feature[order], np.arange(n + 1))
    said_v, hits_v = np.zeros((2, len(names)), np.int64)
    for a, f in enumerate(best.feature):
        if f >= 0:
            own = order[bounds[f] : bounds[f + 1]]
            own = own[(test.value[own] >= best.value_threshold[a]) & (sign[own] == best.value_sign[a])]
            said_v[a], hits_v[a] = len(own), table[a, test.token[own]].sum()
    f1, precision, recall = _f1(hits, said, np.where(none, 0, positives[best.attribute]), none)
    best_f1, best_precision, best_recall = _f1(hits_v, said_v, positives, best.feature < 0)
    return Detections(
        names, positives, int(mask.sum()), held,
        best.attribute, f1, precision, recall, best.threshold, best.sign,
        best.feature, best_f1, best_precision, best_recall, best.value_threshold, best.value_sign,
    )  # fmt: skip


def _f1(hits: np.ndarray, said: np.ndarray, positives: np.ndarray, none: np.ndarray) -> list[np.ndarray]:
    """F1, precision and recall; a detector that said yes to nothing found nothing."""
    f1 = 2 * hits / np.maximum(1, said + positives)
    parts = (f1, hits / np.maximum(1, said), hits / np.maximum(1, positives))
    return [np.where(none, np.nan, part) for part in parts]


def _marks(what: str, given: Any, n: int) -> np.ndarray:
    marks = np.asarray(given)
    if marks.shape != (n,) or marks.dtype.kind not in "bui":
        raise InputError(
            expected=f"{what} as {n} truth values, one for each token of the codes",
            got=f"{marks.dtype} of shape {list(marks.shape)}",
            fix="Give the labels of the very tokens that were encoded, the leading special ones included.",
        )
    return marks.astype(bool)
