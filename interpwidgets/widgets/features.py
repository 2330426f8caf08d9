"""FeatureBrowser: every feature of a dictionary, and the dashboard of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from interpwidgets._core.widget import Request, Widget, checks, module
from interpwidgets.analyses.features import feature_overview
from interpwidgets.errors import InputError
from interpwidgets.widgets.features_answers import (
    ROWS,
    FeatureAnswers,
    check_column,
    check_feature,
    check_sort,
    checked_filters,
    ranges_of,
)
from interpwidgets.widgets.features_rule import RuleAnswers

if TYPE_CHECKING:
    from interpwidgets.records.feature_index import FeatureIndex

# Features whose dashboards a saved page holds, unless told.
SAVED = 100
# What the page says of the index's card.
CARD = ("kind", "model", "site_in", "site_out", "n_documents", "context", "dictionary")


class FeatureBrowser(FeatureAnswers, RuleAnswers, Widget):
    """Every feature of a dictionary over a corpus: search, sort and filter them all, read the dashboard of one.

    Left, the list of all features and the picture of all of them; drag a box in the picture to filter by it. Right,
    one feature: where it fires (its strongest examples, and samples from each quantile of its activation), how
    strongly (histogram), what it makes the model say (logits per unit of the feature: decoder direction times
    unembedding), and its nearest relatives. Its label can be written in place and is saved in the index.

    Args:
        index: a `FeatureIndex` (``iw.build_index(lm, dictionary, documents)``), or the path of its folder.
        lm, dictionary, held_out: model, dictionary and text that the index was not built from, to test rules on: type
            tokens or a pattern under a feature, and see how well that says when it fires.

    Traits:
        feature: the open feature, or None; settable, and tied to other views by `interpwidgets.link`.
        search: words to search labels, tokens a feature fires on and tokens it promotes; ``"label:dog"``,
            ``"fires:dog"`` and ``"promotes:dog"`` search one of them, a number finds that feature.
        sort: a column of the index (``"density"``, ``"max"``, ``"mean"``, ...), or ``"feature"`` for their numbers.
        descending: largest first.
        filters: ``{column: [low, high]}``; an end may be None. A feature whose value is unknown is left out.
        x, y: the two columns that the picture of all features spans.
        title: the words at the top left.

    Raises:
        InputError: for an index, a feature, a column, a range or a keyword that does not fit.
    """

    _name: ClassVar[str] = "features"
    _esm = module("features")

    feature = traitlets.Int(None, allow_none=True).tag(sync=True)
    search = traitlets.Unicode("").tag(sync=True)
    sort = traitlets.Unicode("density").tag(sync=True)
    descending = traitlets.Bool(True).tag(sync=True)
    filters = traitlets.Dict().tag(sync=True)
    x = traitlets.Unicode("density").tag(sync=True)
    y = traitlets.Unicode("max").tag(sync=True)
    title = traitlets.Unicode("Features").tag(sync=True)

    def __init__(
        self,
        index: FeatureIndex | str | Path,
        *,
        lm: Any = None,
        dictionary: Any = None,
        held_out: Any = None,
        **traits: Any,
    ) -> None:
        self._index = _opened(index)
        self._test_on(lm, dictionary, held_out)
        self._orders = {}
        self._version = 0
        self._saved = SAVED
        super().__init__(**traits)
        if self.feature is None and "feature" not in traits and len(self.matches):
            self.feature = int(self.matches[0])
        self._describe()
        self._answers = self._recorded(self._first_paint())

    @property
    def index(self) -> FeatureIndex:
        """The index that is browsed. After changing it from Python, call `refresh`."""
        return self._index

    @property
    def matches(self) -> np.ndarray:
        """``[match]`` int64: every feature that the search and the filters let through, in the order of the list."""
        return self._search(self.search, self.sort, self.descending, self.filters).copy()

    def refresh(self) -> None:
        """Let the page read the index again, after labels or columns were changed from Python."""
        self._orders.clear()
        self._version += 1
        self._describe()

    def figure(self) -> Any:
        """The picture of all features as a ``plotly.graph_objects.Figure``; those in the list are coloured."""
        filters = ranges_of(self.filters)
        return feature_overview(self._index, x=self.x, y=self.y, query=self.search, filters=filters).figure()

    def to_html(self, path: str | Path | None = None, *, features: int = SAVED, max_bytes: int = 8_000_000) -> str:
        """One self-contained page: opens with no kernel and no network.

        It holds the picture of all features, and the list and dashboards of the first few in the current order.
        Searching, filtering and labels need Python, and the page says so.

        Args:
            path: where to write it; None only returns the text.
            features: how many dashboards to save, from the start of the list.
            max_bytes: stop recording beyond this many bytes; what is left out says so in the page.

        Returns:
            The HTML text.
        """
        if features < 1:
            raise InputError(expected="at least 1 feature to save", got=str(features), fix="100 is a good number.")
        self._saved = features
        try:
            return super().to_html(path, max_bytes=max_bytes)
        finally:
            self._saved = SAVED

    @checks("feature")
    def _check_feature(self, proposal: Any) -> int | None:
        return None if proposal.value is None else check_feature(proposal.value, self._index.n_features)

    @checks("sort")
    def _check_sort(self, proposal: Any) -> str:
        return check_sort(proposal.value, self._index.columns)

    @checks("x", "y")
    def _check_axis(self, proposal: Any) -> str:
        return check_column(proposal.value, self._index.columns)

    @checks("filters")
    def _check_filters(self, proposal: Any) -> dict[str, list[float | None]]:
        return checked_filters(proposal.value, self._index.columns)

    def _describe(self) -> None:
        card: Mapping[str, Any] = self._index.card
        density = np.asarray(self._index.column("density"), dtype=np.float64)
        firing = density[np.isfinite(density) & (density > 0)]
        self._view = {
            "version": self._version,
            "name": self._index.name,
            "n_features": self._index.n_features,
            "n_tokens": self._index.n_tokens,
            "columns": list(self._index.columns),
            "densities": [float(firing.min()), float(firing.max())] if len(firing) else [0.0, 1.0],
            "rows": ROWS,
            "rules": self._tests_rules,
            "card": {key: _short(card[key]) for key in CARD if card.get(key) is not None},
            "height": 860,
        }

    # What the page asks first, and what a saved page holds.

    @property
    def _listed(self) -> dict[str, Any]:
        return {
            "query": self.search,
            "sort": self.sort,
            "descending": self.descending,
            "filters": dict(self.filters),
            "version": self._version,
        }

    def _first_paint(self) -> list[Request]:
        row = None if self.feature is None else self._row_of(self.feature, self.matches)
        found: list[Request] = [("rows", {**self._listed, "start": 0})]
        if self.feature is not None:
            found.append(("feature", {"feature": self.feature, "version": self._version}))
            if row is None or row >= ROWS:
                found.append(("place", {**self._listed, "feature": self.feature}))
        return found

    def recordable(self) -> Iterable[Request]:
        """For a static page: what is seen, the picture of all, the first dashboards, the start of every order."""
        yield from self._first_paint()
        version = {"version": self._version}
        for name in (self.x, self.y):
            yield "column", {"name": name, **version}
        if self.search.strip() or self.filters:
            yield "matched", {"query": self.search, "filters": dict(self.filters), **version}
        first = self.matches[: self._saved]
        for start in range(ROWS, len(first), ROWS):
            yield "rows", {**self._listed, "start": start}
        for feature in first:
            yield "feature", {"feature": int(feature), **version}
        for sort in ("feature", *self._index.columns):
            for descending in (True, False):
                yield "rows", {**self._listed, "sort": sort, "descending": descending, "start": 0}
        for name in self._index.columns:
            yield "column", {"name": name, **version}


def _opened(index: Any) -> FeatureIndex:
    if isinstance(index, str | Path):
        from interpwidgets.records.feature_index import FeatureIndex

        return FeatureIndex(index)
    if not all(hasattr(index, name) for name in ("search", "feature", "column", "n_features", "set_label")):
        raise InputError(
            expected="a feature index or the path of its folder",
            got=type(index).__name__,
            fix="Build one with iw.build_index(lm, dictionary, documents).",
        )
    return index


def _short(value: Any) -> Any:
    """A fact of the card for one line; long ones and nested ones stay in ``index.card``."""
    return value if isinstance(value, int | float | bool) else str(value)[:120]
