"""Dashboards that were read from files, with the manners of a feature index."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.feature import Example, Feature, FeatureScores
from interpwidgets.records.feature_index import SEARCH, FeatureIndex
from interpwidgets.records.feature_search import FeatureSearch
from interpwidgets.records.tokens import Tokens


class NeuronpediaIndex(FeatureIndex):
    """Features that somebody else looked at; `read_neuronpedia` makes it.

    Everything a `FeatureIndex` does works here too. It is held in memory, with its search in a temporary file: labels
    and columns that are added last as long as this object, and `write_labels` or `write_neuronpedia` keep them. Every
    example's text is a document of its own.

    Args:
        path: where they were read.
        features: number -> feature.
        texts: ``[document]`` the texts of examples.
        values: (feature, document) -> its values on that text.
        about: what the files say of all: ``model, dictionary, site_in, prompts, context``.
    """

    def __init__(
        self,
        path: Path,
        features: Mapping[int, Feature],
        texts: Sequence[Tokens],
        values: Mapping[tuple[int, int], np.ndarray],
        about: Mapping[str, Any],
    ) -> None:
        self.folder = path
        self._read, self._texts, self._values = dict(features), list(texts), dict(values)
        mentioned = [int(n) for feature in features.values() for n in feature.correlated.features]
        count = max([*features, *mentioned]) + 1
        self.name = str(about.get("dictionary") or path.stem)
        context = int(about.get("context") or max((len(text) for text in texts), default=0))
        prompts = int(about.get("prompts") or 0)
        self.card: dict[str, Any] = {
            "version": 1, "dictionary": self.name, "kind": "neuronpedia", "model": about.get("model") or "unknown",
            "site_in": about.get("site_in"), "site_out": about.get("site_in"), "n_features": count,
            "n_read": len(features), "n_tokens": prompts * context, "n_documents": prompts or len(texts),
            "context": context, "levels": None,
        }  # fmt: skip
        self.temporary = Path(tempfile.mkdtemp(prefix="interpwidgets-neuronpedia-"))
        self._forget = weakref.finalize(self, shutil.rmtree, self.temporary, True)
        file = self.temporary / SEARCH
        columns = {
            name: np.array([getattr(features[n], name) if n in features else np.nan for n in range(count)], np.float32)
            for name in ("density", "max", "mean")
        }
        FeatureSearch.create(
            file,
            columns=columns,
            labels=[features[n].label if n in features else "" for n in range(count)],
            fires=[_fires(features.get(n)) for n in range(count)],
            promotes=[_promotes(features.get(n)) for n in range(count)],
        )
        self._table = FeatureSearch(file)

    def __repr__(self) -> str:
        return (
            f"NeuronpediaIndex({self.name!r} of {self.card['model']}, {len(self._read)} of {self.n_features} features "
            f"read from {self.folder})"
        )

    @property
    def features(self) -> np.ndarray:
        """Numbers of the features that were read, ascending."""
        return np.array(sorted(self._read), np.int64)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Empty: the format names tokens by their text alone."""
        return ()

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        self._forget()

    def search(
        self,
        query: str = "",
        *,
        sort: str = "density",
        descending: bool = True,
        filters: Mapping[str, Sequence[float]] | None = None,
        among: Sequence[int] | None = None,
    ) -> np.ndarray:
        """As `FeatureIndex.search`, among the features that were read."""
        known = self.features if among is None else np.intersect1d(self.features, np.asarray(among, np.int64))
        return super().search(query, sort=sort, descending=descending, filters=filters, among=known.tolist())

    def feature(self, feature: int) -> Feature:
        """Everything that the files say of one feature; a number between them has nothing said of it."""
        at = self._number(feature)
        nothing = FeatureScores(np.zeros(0, np.int64), np.zeros(0, np.float32), ())
        unknown = float("nan")
        read = self._read.get(at) or Feature(
            at, "", unknown, unknown, unknown, 0, np.zeros(1), np.zeros(0, np.int64), (), None, None, None,
            nothing, nothing,
        )  # fmt: skip
        others = read.correlated
        labels = tuple(self._table.label(int(i)) for i in others.features)
        own = ("density", "max", "mean")
        return Feature(
            **{name: getattr(read, name) for name in read.__dataclass_fields__ if name not in _NEWER},
            label=self.label(at),
            correlated=FeatureScores(others.features, others.values, labels),
            columns={name: value for name, value in self._table.row(at).items() if name not in own},
        )

    def context(self, document: int, start: int, stop: int, feature: int | None = None) -> Example:
        """A piece of an example's text; values are NaN where another feature's example it is.

        Raises:
            InputError: a document that does not exist.
        """
        if not 0 <= document < len(self._texts):
            raise InputError(
                expected=f"a document from 0 to {len(self._texts) - 1}",
                got=str(document),
                fix="Take the document of one of the feature's examples.",
            )
        tokens = self._texts[document]
        low = max(0, min(start, len(tokens) - 1))
        high = min(len(tokens), max(stop, low + 1))
        at = -1 if feature is None else self._number(feature)
        values = self._values.get((at, document), np.full(len(tokens), np.nan, np.float32))[low:high]
        peak = int(np.nanargmax(values)) if np.isfinite(values).any() else 0
        return Example("context", document, low + peak, low, peak, tokens.part(low, high), values, float(values[peak]))


_NEWER = ("label", "correlated", "columns")


def _fires(feature: Feature | None) -> list[str]:
    """Tokens of the strongest places, each once."""
    if feature is None:
        return []
    strongest = sorted(feature.examples, key=lambda example: -example.value)
    return list(dict.fromkeys(example.tokens.texts[example.peak] for example in strongest))[:8]


def _promotes(feature: Feature | None) -> list[str]:
    return [] if feature is None or feature.promoted is None else list(feature.promoted.texts[:10])
