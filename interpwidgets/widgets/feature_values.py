"""FeatureView: which features fire on a text, and what they leave unsaid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from interpwidgets._core.requests import answers
from interpwidgets._core.widget import Request, Widget, checks, module
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.analyses.feature_values import again, feature_values, why_not_again
from interpwidgets.errors import InputError
from interpwidgets.records.feature_values import ORDERS, FeatureValues
from interpwidgets.widgets.describing import check_position, describe_tokens

if TYPE_CHECKING:
    from interpwidgets.analyses.feature_values import Dictionary, Trace

# Rows of the list and positions of the text travel in blocks of so many.
ROWS = 32
SPAN = 64
# So many features are listed for a position; the others are summed.
LISTED = 12
STALE = {"stale": True}  # an answer about a text that another one has replaced; nobody looks at it


class FeatureView(Widget):
    """Features on this text, live: which fire on which token, what explains a position, and what is missed.

    Every row of the matrix is a feature along the text; the row beneath them is the error, the share of each
    activation that the dictionary leaves unexplained. Hover a row to colour the text by that feature, click to pin it;
    hover a token to see which features explain it, click to lock it. Type another text and it is run again.

    Args:
        source: a trace (``lm.trace(text)``), or a `FeatureValues` record, which needs no dictionary.
        dictionary: any `Dictionary` made for a site of the trace's model.

    Traits:
        position: the locked position, or None; negative numbers count from the end.
        feature: the selected feature, or None; settable.
        pinned: the features that stay on top, a list of numbers.
        order: what comes first: ``"max"`` or ``"mean"`` activation, ``"tokens"`` (on how many a feature fires), or
            ``"share"`` of the activations it explains.
        text: the text shown; set another and it is run through the same model, under the same edits.
        title: the words at the top left.

    Raises:
        InputError: for a trace, dictionary, position, feature or keyword that does not fit.
        ModelError: a text set where there is no model to run it.
    """

    _name: ClassVar[str] = "feature_values"
    _esm = module("feature_values")

    position = traitlets.Int(None, allow_none=True).tag(sync=True)
    feature = traitlets.Int(None, allow_none=True).tag(sync=True)
    pinned = traitlets.List(traitlets.Int()).tag(sync=True)
    order = traitlets.Enum(list(ORDERS), "max").tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    title = traitlets.Unicode("Features").tag(sync=True)

    def __init__(self, source: Trace | FeatureValues, dictionary: Dictionary | None = None, **traits: Any) -> None:
        self._record = _record(source, dictionary)
        self._trace = None if isinstance(source, FeatureValues) else source
        self._dictionary = dictionary
        self._fresh: tuple[str, Any, FeatureValues] | None = None
        self._runs = 0
        self._lists: dict[tuple[str, str], np.ndarray] = {}
        self._shown = well_formed("".join(self._record.tokens.texts) if self._trace is None else self._trace.text)
        super().__init__(**{"text": self._shown, **traits})
        self._show()

    @property
    def values(self) -> FeatureValues:
        """The numbers shown, as a record."""
        return self._record

    @checks("position")
    def _check_position(self, proposal: Any) -> int | None:
        return check_position(proposal.value, len(self._record))

    @checks("feature")
    def _check_feature(self, proposal: Any) -> int | None:
        return None if proposal.value is None else self._record.check(proposal.value)

    @checks("pinned")
    def _check_pinned(self, proposal: Any) -> list[int]:
        return [self._record.check(feature) for feature in dict.fromkeys(proposal.value)]

    @checks("text")
    def _check_text(self, proposal: Any) -> str:
        """Run it before it is accepted: a text that cannot be run changes nothing."""
        self._prepare(proposal.value)
        return proposal.value

    def _prepare(self, text: str) -> None:
        """Run a text that is not shown yet, and keep what it gave until the trait has changed."""
        if text == self._shown or (self._fresh is not None and self._fresh[0] == text):
            return
        run = again(self._trace, text)
        assert self._dictionary is not None
        self._fresh = text, run, feature_values(run, self._dictionary)

    @traitlets.observe("text")
    def _take(self, _change: Any) -> None:
        if self._fresh is None or self.text == self._shown:
            return
        (self._shown, self._trace, self._record), self._fresh = self._fresh, None
        self._runs += 1
        self._lists.clear()
        with self.hold_sync():
            if self.position is not None and self.position >= len(self._record):
                self.position = None
            self._show()

    def _show(self) -> None:
        """Tell the page what there is to draw."""
        record = self._record
        finite = record.values[np.isfinite(record.values)].astype(np.float64)
        if len(record.values) < len(record) * record.n_features:
            finite = np.append(finite, 0.0)  # somewhere a feature does not fire
        check = record.sum_check
        variance = record.unexplained_variance
        self._answers = self._recorded(self._first_paint())
        self._view = {
            "run": self._runs,
            "tokens": describe_tokens(record.tokens),
            "name": well_formed(record.name),
            "kind": record.kind,
            "site_in": record.site_in,
            "site_out": record.site_out,
            "n_features": record.n_features,
            "firing": len(record.table),
            "top": float(np.abs(finite).max()) if finite.size else 0.0,
            "range": [float(finite.min()), float(finite.max())] if finite.size else None,
            "signed": record.signed,
            "broken": np.flatnonzero(record.broken).tolist(),
            "variance": variance if np.isfinite(variance) else None,
            "check": {
                "law": check.law,
                "value": check.value if np.isfinite(check.value) else None,
                "holds": check.holds,
            },
            "fixed": why_not_again(self._trace),
            "rows": ROWS,
            "span": SPAN,
        }

    # Answers to the page. Each names the run it is about, so that none is taken for another text's.

    @answers("tokens")
    def _tokens(self, run: int) -> dict[str, Any]:
        """What holds for each token, whatever the feature: the error, the length, how many features fire."""
        if run != self._runs:
            return STALE
        record = self._record
        return {
            "unexplained": pack(record.unexplained),
            "error_shares": pack(record.error_shares),
            "norms": pack(record.norms),
            "counts": pack(record.counts.astype(np.uint32)),
        }

    @answers("rows")
    def _rows(self, run: int, order: str, find: str, start: int) -> dict[str, Any]:
        """A block of the list: features with their summaries, and their codes along the text."""
        if run != self._runs:
            return STALE
        key = (order, find)
        if key not in self._lists:
            self._lists[key] = self._record.ranked(order, find=find)
            if len(self._lists) > 16:
                del self._lists[next(iter(self._lists))]
        found = self._lists[key]
        return {"total": len(found), **self._describe(found[max(0, start) : max(0, start) + ROWS])}

    @answers("feature")
    def _feature(self, run: int, feature: int) -> dict[str, Any]:
        """One feature, whether it fires on this text or not."""
        return STALE if run != self._runs else self._describe(np.array([self._record.check(feature)]))

    @answers("explain")
    def _explain(self, run: int, start: int) -> dict[str, Any]:
        """The features that explain each of a block of positions, the largest shares first."""
        if run != self._runs:
            return STALE
        record = self._record
        if not 0 <= start < max(1, len(record)):
            raise InputError(
                expected=f"a start from 0 to {len(record) - 1}", got=str(start), fix="Ask for a block in the text."
            )
        positions = range(start, min(start + SPAN, len(record)))
        ranked = [record.by_share(position) for position in positions]
        listed = np.concatenate([np.zeros(0, int), *(here[:LISTED] for here in ranked)])
        sums = [record.shares[here].astype(np.float64).sum() for here in ranked]
        rests = [record.shares[here[LISTED:]].astype(np.float64).sum() for here in ranked]
        features = record.indices[listed]
        return {
            "starts": pack(np.cumsum([0, *(min(LISTED, len(here)) for here in ranked)]).astype(np.uint32)),
            "features": pack(features.astype(np.int32)),
            "values": pack(record.values[listed]),
            "shares": pack(record.shares[listed]),
            "weights": pack(record.weights[listed]),
            "sums": pack(np.array(sums, dtype=np.float64)),
            "rests": pack(np.array(rests, dtype=np.float64)),
            "labels": self._labels(np.unique(features)),
        }

    @answers("run")
    def _run(self, text: str, turn: int) -> dict[str, Any]:
        """Run another text. ``turn`` only tells two requests for one text apart."""
        del turn
        self._prepare(text)
        self.text = text
        return {"run": self._runs}

    def _describe(self, features: np.ndarray) -> dict[str, Any]:
        """Rows of the matrix."""
        table = self._record.table
        rows = [table.row(int(f)) for f in features]
        codes = [table.codes(int(f)) for f in features]
        none = (np.zeros(0, np.int32), self._record.values[:0])
        codes = [*codes, none]

        def column(values: np.ndarray) -> dict[str, Any]:
            return pack(np.array([0.0 if at is None else values[at] for at in rows], dtype=np.float64))

        return {
            "features": pack(features.astype(np.int32)),
            "labels": self._labels(features),
            "max": column(table.max),
            "mean": column(table.mean),
            "tokens": column(table.tokens),
            "share": column(table.share),
            "starts": pack(np.cumsum([0, *(len(where) for where, _ in codes[:-1])]).astype(np.uint32)),
            "positions": pack(np.concatenate([where for where, _ in codes]).astype(np.uint32)),
            "values": pack(np.concatenate([values for _, values in codes])),
        }

    def _labels(self, features: np.ndarray) -> list[list[Any]]:
        known = self._record.labels
        return [[int(f), well_formed(known[int(f)])] for f in features if int(f) in known]

    def _listed(self, order: str, start: int = 0) -> Request:
        return "rows", {"run": self._runs, "order": order, "find": "", "start": start}

    def _first_paint(self) -> list[Request]:
        at = len(self._record) - 1 if self.position is None else self.position
        own = [] if self.feature is None else [self.feature]
        return [
            ("tokens", {"run": self._runs}),
            self._listed(self.order),
            *([("explain", {"run": self._runs, "start": at - at % SPAN})] if len(self._record) else []),
            *(("feature", {"run": self._runs, "feature": f}) for f in dict.fromkeys([*own, *self.pinned])),
        ]

    def recordable(self) -> Iterable[Request]:
        """For a static page: what is seen, all of this order, every position, then the other orders."""
        yield from self._first_paint()
        count = len(self._record.table)
        yield from (self._listed(self.order, start) for start in range(0, count, ROWS))
        yield from (("explain", {"run": self._runs, "start": at}) for at in range(0, len(self._record), SPAN))
        for start in range(0, count, ROWS):
            yield from (self._listed(order, start) for order in ORDERS)


def _record(source: Any, dictionary: Any) -> FeatureValues:
    if isinstance(source, FeatureValues):
        if dictionary is not None:
            raise InputError(
                expected="a FeatureValues alone", got="a dictionary beside it", fix="Leave one of them out."
            )
        return source
    if dictionary is None:
        raise InputError(
            expected="a trace and a dictionary, or a FeatureValues",
            got=f"{type(source).__name__} alone",
            fix="Pass the dictionary too: FeatureView(lm.trace(text), iw.load_dictionary(...)).",
        )
    return feature_values(source, dictionary)
