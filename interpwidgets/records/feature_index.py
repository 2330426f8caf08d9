"""Every feature of a dictionary over a corpus, on disk; read without torch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from interpwidgets.errors import InputError
from interpwidgets.records.feature import Example, Feature, FeatureScores, WordScores
from interpwidgets.records.feature_search import FeatureSearch
from interpwidgets.records.tokens import Tokens

CARD, VOCABULARY, SEARCH = "index.json", "vocabulary.json", "features.sqlite"
FEATURES, CORPUS = "features.safetensors", "corpus.safetensors"
VERSION = 1


class FeatureIndex:
    """A folder that `build_index` wrote.

    Only what is asked for is read: arrays are mapped into memory, the table and its search are an SQLite file.

    Args:
        folder: where it is.

    Attributes:
        folder: where it is.
        name: of the dictionary.
        card: how it was made, plain JSON: ``dictionary, kind, model, site_in, site_out, n_features, n_tokens,
            n_documents, context, levels`` and more.

    Raises:
        InputError: no index there, one that was not finished, or damaged files.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.card: dict[str, Any] = _card(self.folder)
        self.name = str(self.card["dictionary"])
        try:
            self._features = safe_open(self.folder / FEATURES, "numpy")
            self._corpus = safe_open(self.folder / CORPUS, "numpy")
            self._table = FeatureSearch(self.folder / SEARCH)
        except (SafetensorError, OSError, sqlite3.DatabaseError) as error:
            raise InputError(
                expected=f"a feature index in {self.folder}",
                got=f"{type(error).__name__}: {str(error)[:120]}",
                fix="Build it again with iw.build_index.",
            ) from None

    @property
    def n_features(self) -> int:
        """How many features."""
        return int(self.card["n_features"])

    @property
    def n_tokens(self) -> int:
        """How many tokens were looked at."""
        return int(self.card["n_tokens"])

    def __len__(self) -> int:
        return self.n_features

    def __repr__(self) -> str:
        return (
            f"FeatureIndex({self.name!r} of {self.card['model']}, {self.n_features} features over {self.n_tokens} "
            f"tokens of {self.card['n_documents']} documents)"
        )

    def __enter__(self) -> FeatureIndex:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._table.close()

    @property
    def columns(self) -> list[str]:
        """Names of what is known of every feature as a number."""
        return self._table.columns

    def column(self, name: str) -> np.ndarray:
        """One number for each feature ``[feature]``; NaN where it is not known."""
        return self._table.column(name)

    def add_column(self, name: str, values: Sequence[float] | np.ndarray) -> None:
        """Add a number for each feature, to sort and filter by; saved, and replaced where the name is taken.

        Raises:
            InputError: another number of values, or a name that is taken by the index itself.
        """
        self._table.add_column(name, values)

    @property
    def labels(self) -> list[str]:
        """What each feature is called; "" where nothing is known."""
        return self._table.labels()

    def label(self, feature: int) -> str:
        """What one feature is called."""
        return self._table.label(self._number(feature))

    def set_label(self, feature: int, text: str) -> None:
        """Call a feature something; saved at once, and found by `search`."""
        self._table.set_label(self._number(feature), text)

    def search(
        self,
        query: str = "",
        *,
        sort: str = "density",
        descending: bool = True,
        filters: Mapping[str, Sequence[float]] | None = None,
        among: Sequence[int] | None = None,
    ) -> np.ndarray:
        """Numbers of all features that match, in order ``[match]``.

        Args:
            query: words of labels, of tokens they fire on and of tokens they promote; each must be found somewhere.
                ``label:dog``, ``fires:dog`` and ``promotes:dog`` look in one place; a number finds that feature.
            sort: a column, or ``"feature"`` for the number. Features where it is not known come last.
            descending: the largest first.
            filters: column -> (low, high), both included.
            among: only these features.

        Raises:
            InputError: a column that does not exist, or a range that is none.
        """
        return self._table.search(query, sort=sort, descending=descending, filters=filters or {}, among=among)

    def fires_on(self, feature: int) -> list[str]:
        """A few tokens that a feature fires on most."""
        return self._table.words(self._number(feature), "fires")

    def promotes(self, feature: int) -> list[str]:
        """A few tokens that a feature makes likelier."""
        return self._table.words(self._number(feature), "promotes")

    def feature(self, feature: int) -> Feature:
        """Everything that is known of one feature.

        Raises:
            InputError: a number that no feature has.
        """
        at = self._number(feature)
        count, top = int(self._of("count", at)), float(self._of("max", at))
        numbers = {name: float(value) for name, value in self._table.row(at).items()}
        known = {name: numbers.pop(name) for name in ("density", "max", "mean")}
        level = numbers.pop("level", None)
        edges = np.linspace(0, 2.0 ** float(self._of("histogram_exponent", at)), len(self._of("histogram", at)) + 1)
        return Feature(
            feature=at,
            label=self.label(at),
            density=known["density"],
            max=top if count else float("nan"),
            mean=known["mean"],
            count=count,
            edges=edges,
            counts=np.asarray(self._of("histogram", at), np.int64),
            examples=self._examples(at),
            promoted=self._words("promoted", at),
            suppressed=self._words("suppressed", at),
            read=self._words("read", at),
            neighbours=self._others("neighbours", at),
            correlated=self._others("correlated", at),
            level=None if level is None else int(level),
            columns=numbers,
        )

    def context(self, document: int, start: int, stop: int, feature: int | None = None) -> Example:
        """A piece of a document; where ``feature`` is given, with its values as far as they were kept.

        Args:
            document: which.
            start, stop: positions in it; cut to its ends.
            feature: whose values; they are known around its examples only, and NaN elsewhere.

        Raises:
            InputError: a document that the index does not have.
        """
        windows = np.flatnonzero(self._windows["document"] == document)
        if not len(windows):
            raise InputError(
                expected=f"a document from 0 to {self.card['n_documents'] - 1}",
                got=str(document),
                fix="Take the document of one of the feature's examples.",
            )
        window = windows[np.searchsorted(self._windows["start"][windows], max(0, start), side="right") - 1]
        ids, first = self._window(int(window)), int(self._windows["start"][window])
        low, high = max(0, start - first), min(len(ids), max(stop - first, start - first + 1))
        values = np.full(high - low, np.nan, np.float32)
        if feature is not None:
            for example in self._examples(self._number(feature)):
                if example.document == document:
                    shift = example.start - (first + low)
                    here = np.arange(len(example.values)) + shift
                    inside = (here >= 0) & (here < len(values))
                    values[here[inside]] = example.values[inside]
        peak = int(np.nanargmax(values)) if np.isfinite(values).any() else 0
        value = float(values[peak]) if len(values) else float("nan")
        at = first + low
        return Example("context", document, at + peak, at, peak, self._tokens(ids[low:high]), values, value)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """``[id]`` what each token says."""
        return tuple(json.loads((self.folder / VOCABULARY).read_text("utf8")))

    def _number(self, feature: int) -> int:
        if not hasattr(feature, "__index__") or not 0 <= int(feature) < self.n_features:
            raise InputError(
                expected=f"a feature from 0 to {self.n_features - 1}", got=repr(feature), fix="Choose one of these."
            )
        return int(feature)

    def _of(self, name: str, feature: int) -> np.ndarray:
        return self._features.get_slice(name)[feature]

    def _has(self, name: str) -> bool:
        return name in self._features.keys()  # noqa: SIM118 - not a dict

    @cached_property
    def _windows(self) -> dict[str, np.ndarray]:
        """Where each window's tokens begin, which document it is of, and where in it."""
        return {name: self._corpus.get_tensor(name) for name in ("offset", "document", "start")}

    @cached_property
    def _specials(self) -> np.ndarray:
        return np.asarray(self.card.get("special_ids", ()), np.int64)

    def _window(self, window: int) -> np.ndarray:
        first, last = self._windows["offset"][window : window + 2]
        return self._corpus.get_slice("ids")[int(first) : int(last)]

    def _tokens(self, ids: np.ndarray) -> Tokens:
        texts = tuple(self.vocabulary[i] if i < len(self.vocabulary) else str(i) for i in ids.tolist())
        return Tokens(texts, ids.astype(np.int64), np.isin(ids, self._specials))

    def _examples(self, feature: int) -> tuple[Example, ...]:
        found = [self._example("top", feature, i, "top") for i in range(len(self._of("top_value", feature)))]
        values = self._of("sample_value", feature)
        parts = int(self.card["quantiles"])
        known = np.flatnonzero(values > 0)
        order = known[np.argsort(-values[known], kind="stable")]
        shown = int(self.card["examples_per_quantile"])
        for number, part in enumerate(np.array_split(order, parts)):
            chosen = part[np.linspace(0, len(part) - 1, min(shown, len(part))).round().astype(int)] if len(part) else []
            name = f"quantile {parts - number} of {parts}"
            found += [self._example("sample", feature, int(i), name) for i in chosen]
        return tuple(example for example in found if example is not None)

    def _example(self, kind: str, feature: int, number: int, group: str) -> Example | None:
        value = float(self._of(f"{kind}_value", feature)[number])
        if value <= 0:
            return None
        window, position = (int(self._of(f"{kind}_{name}", feature)[number]) for name in ("window", "position"))
        ids, first = self._window(window), int(self._windows["start"][window])
        width = int(self.card["width"])
        low = max(0, min(position - width // 2, len(ids) - width))
        high = min(len(ids), low + width)
        values = np.asarray(self._of(f"{kind}_around", feature)[number], np.float32)[: high - low]
        return Example(
            group, int(self._windows["document"][window]), first + position, first + low, position - low,
            self._tokens(ids[low:high]), values, value,
        )  # fmt: skip

    def _words(self, name: str, feature: int) -> WordScores | None:
        if not self._has(f"{name}_ids"):
            return None
        ids = np.asarray(self._of(f"{name}_ids", feature), np.int64)
        values = np.asarray(self._of(f"{name}_values", feature), np.float32)
        return WordScores(tuple(self.vocabulary[i] for i in ids.tolist()), ids, values)

    def _others(self, name: str, feature: int) -> FeatureScores:
        others = np.asarray(self._of(f"{name}_features", feature), np.int64)
        values = np.asarray(self._of(f"{name}_values", feature), np.float32)
        kept = others >= 0
        return FeatureScores(others[kept], values[kept], tuple(self._table.label(int(i)) for i in others[kept]))


def open_index(folder: str | Path) -> FeatureIndex:
    """Open what `build_index` wrote; needs no torch. See `FeatureIndex`."""
    return FeatureIndex(folder)


def _card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not path.is_file():
        unfinished = folder.is_dir() and any(folder.glob("*.partial"))
        raise InputError(
            expected=f"a feature index with {CARD}",
            got=f"a build that is not finished in {folder}" if unfinished else f"nothing of the kind in {folder}",
            fix="Call iw.build_index again: it goes on where it stopped."
            if unfinished
            else "Make one: iw.build_index.",
        )
    try:
        card = json.loads(path.read_text("utf8"))
    except ValueError as error:
        raise InputError(expected=f"JSON in {path}", got=str(error)[:80], fix="Build the index again.") from None
    if not isinstance(card, dict) or card.get("version") != VERSION:
        got = card.get("version") if isinstance(card, dict) else type(card).__name__
        raise InputError(
            expected=f"an index of version {VERSION}", got=repr(got), fix="Update interpwidgets, or build it again."
        )
    return card
