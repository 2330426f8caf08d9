"""The files of an index while it is built, and the ones that are left when it is done."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file as save_numpy

from interpwidgets.analyses.corpus import Corpus, Window, special_ids
from interpwidgets.analyses.feature_directions import correlated, nearest, read_tokens, written_tokens
from interpwidgets.analyses.feature_state import UNIT, Size, State
from interpwidgets.dictionaries import Matryoshka
from interpwidgets.dictionaries.training import checkpoint
from interpwidgets.dictionaries.training.ranks import Ranks
from interpwidgets.errors import InputError
from interpwidgets.records.feature_index import CARD, CORPUS, FEATURES, SEARCH, VERSION, VOCABULARY
from interpwidgets.records.feature_search import FeatureSearch

if TYPE_CHECKING:
    from interpwidgets.dictionaries import Dictionary
    from interpwidgets.models import Model

LISTED = 10  # tokens and features named in each list
QUANTILES, PER_QUANTILE = 5, 4
WORDS = 8  # tokens of a feature that the search knows


class Place(NamedTuple):
    """Where the stream stands: the next block, window, document, and window of that document."""

    block: int = 0
    window: int = 0
    document: int = 0
    number: int = 0

    def after(self, block: Sequence[Window]) -> Place:
        """Behind a block."""
        last = block[-1]
        return Place(self.block + 1, self.window + len(block), last.document, last.number + 1)


class Partial:
    """What one process has seen so far, saved so that a kill at any moment loses little and breaks nothing.

    Args:
        folder: of the index.
        settings: what the build is of.
        together: which process this is.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], together: Ranks) -> None:
        self.folder, self.settings, self.together = folder, settings, together
        folder.mkdir(parents=True, exist_ok=True)
        self.tokens = self.windows = 0
        self._ids = folder / "ids.partial"
        self._rows = folder / "windows.partial"

    def state_file(self, rank: int) -> Path:
        """Where a process saves its state."""
        return self.folder / f"state-{rank}-of-{self.together.count}.partial"

    def resume(self, empty: State) -> tuple[State, Place]:
        """The state as last saved and the place to go on from, or the given one and the start."""
        path = self.state_file(self.together.rank)
        others = [p.name for p in self.folder.glob("state-*.partial") if f"-of-{self.together.count}." not in p.name]
        if others:
            raise InputError(
                expected=f"a build by {self.together.count} processes",
                got=f"{others[0]} in {self.folder}",
                fix="Use as many processes as before, or pass overwrite=True.",
            )
        found = checkpoint.read(path, self.settings, fix="Choose another folder, or pass overwrite=True.")
        if found is None:
            return empty, Place()
        tensors, progress = found
        self.tokens, self.windows = progress["tokens"], progress["windows"]
        if self.together.first:
            # What was written behind the last save is written again.
            os.truncate(self._ids, 4 * self.tokens)
            os.truncate(self._rows, 24 * self.windows)
        state = State(**{name: tensor.to(empty.count.device) for name, tensor in tensors.items()})
        return state, Place(*progress["place"])

    def keep(self, block: Sequence[Window]) -> None:
        """Write the tokens of a block behind those before."""
        self.tokens += sum(len(window.ids) for window in block)
        self.windows += len(block)
        if not self.together.first:
            return
        mode = "ab" if self.windows > len(block) else "wb"
        with self._ids.open(mode) as file:
            file.write(np.concatenate([np.asarray(window.ids, "<i4") for window in block]).tobytes())
        with self._rows.open(mode) as file:
            rows = [(len(window.ids), window.document, window.start) for window in block]
            file.write(np.asarray(rows, "<i8").tobytes())

    def save(self, state: State, place: Place) -> None:
        """Save the state, whole or not at all."""
        progress = {"settings": self.settings, "place": place, "tokens": self.tokens, "windows": self.windows}
        checkpoint.write(self.state_file(self.together.rank), state.tensors(), progress)

    def merged(self, size: Size) -> State:
        """What all processes have seen, together."""
        state = State.empty(size)
        for rank in range(self.together.count):
            with safe_open(self.state_file(rank), "pt") as file:
                part = State(**{name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            state.merge(part, size)
        return state

    def corpus(self) -> dict[str, np.ndarray]:
        """``ids [token]``, and of each window where its tokens begin, its document, and where in it."""
        rows = np.fromfile(self._rows, "<i8").reshape(-1, 3)
        return {
            "ids": np.fromfile(self._ids, "<i4"),
            "offset": np.concatenate([[0], rows[:, 0].cumsum()]).astype(np.int64),
            "document": rows[:, 1].copy(),
            "start": rows[:, 2].copy(),
        }

    def clear(self) -> None:
        """Delete what only a build needs."""
        for path in (*self.folder.glob("*.partial"), *self.folder.glob("*.new")):
            path.unlink()


def finish(
    lm: Model, dictionary: Dictionary, corpus: Corpus, size: Size, partial: Partial, settings: dict[str, Any]
) -> None:
    """Write the index from what was seen; its card comes last, so that a folder with a card is a whole index."""
    if partial.tokens == 0:
        partial.clear()
        raise InputError(expected="a corpus with some text", got="no tokens", fix="Pass texts that are not empty.")
    state, read = partial.merged(size), partial.corpus()
    left_out = special_ids(lm).numpy() if settings["skip_special"] else np.zeros(0, np.int64)
    counted = int((~np.isin(read["ids"], left_out)).sum())
    arrays = _arrays(lm, dictionary, state, size)
    texts = lm.vocabulary.texts
    folder = partial.folder
    save_numpy(arrays, folder / FEATURES)
    save_numpy(read, folder / CORPUS)
    (folder / VOCABULARY).write_text(json.dumps(texts, ensure_ascii=False), "utf8")
    FeatureSearch.create(
        folder / SEARCH,
        columns=_columns(dictionary, arrays, counted),
        labels=dictionary.labels,
        fires=_fires(arrays, read, texts),
        promotes=_promotes(arrays, texts),
    )
    card = {
        "format": "interpwidgets feature index",
        "version": VERSION,
        **settings,
        "n_documents": int(read["document"][-1]) + 1,
        "n_tokens": counted,
        "levels": list(dictionary.levels) if isinstance(dictionary, Matryoshka) else None,
        "special_ids": special_ids(lm).tolist(),
        "quantiles": QUANTILES,
        "examples_per_quantile": PER_QUANTILE,
        "correlation_tokens": len(state.pair_seen),
    }
    fresh = folder / (CARD + ".new")
    fresh.write_text(json.dumps(card, indent=1, ensure_ascii=False), "utf8")
    os.replace(fresh, folder / CARD)
    partial.clear()


def _arrays(lm: Model, dictionary: Dictionary, state: State, size: Size) -> dict[str, np.ndarray]:
    n = size.n_features
    mean = state.total.double() / UNIT / state.count.clamp_min(1)
    top, sample = (state.top_window, state.sample_window)
    arrays = {
        "count": state.count.numpy(),
        "max": state.max.numpy(),
        "mean": torch.where(state.count > 0, mean, torch.nan).float().numpy(),
        "histogram": state.histogram.numpy(),
        "histogram_exponent": state.exponent.numpy(),
        "top_value": state.top_value.numpy(),
        "top_window": torch.where(state.top_value > 0, top, 0).numpy(),
        "top_position": state.top_position.numpy(),
        "top_around": state.top_around.numpy(),
        "sample_value": state.sample_value.numpy(),
        "sample_window": sample.numpy(),
        "sample_position": state.sample_position.numpy(),
        "sample_around": state.sample_around.numpy(),
    }
    pairs = (state.pair_token.numpy(), state.pair_feature.numpy(), state.pair_value.numpy())
    return {
        **arrays,
        **written_tokens(lm, dictionary, LISTED),
        **read_tokens(lm, dictionary, LISTED),
        **nearest(dictionary, LISTED),
        **correlated(*pairs, len(state.pair_seen), n, LISTED),
    }


def _columns(dictionary: Dictionary, arrays: dict[str, np.ndarray], tokens: int) -> dict[str, np.ndarray]:
    count = arrays["count"]
    columns = {
        "density": count / max(1, tokens),
        "max": np.where(count > 0, arrays["max"], np.nan),
        "mean": arrays["mean"],
    }
    if isinstance(dictionary, Matryoshka):
        columns["level"] = np.array([dictionary.level_of(i) for i in range(dictionary.n_features)], np.float32)
    for name, values in (dictionary.source.get("columns") or {}).items():
        if len(values) == dictionary.n_features and name not in columns:
            columns[name] = np.array([np.nan if v is None else v for v in values], np.float32)
    return columns


def _fires(arrays: dict[str, np.ndarray], read: dict[str, np.ndarray], texts: tuple[str, ...]) -> list[list[str]]:
    """Of each feature the tokens at its strongest places, each once."""
    at = read["offset"][arrays["top_window"]] + arrays["top_position"]
    ids = read["ids"][np.minimum(at, len(read["ids"]) - 1)]
    known = arrays["top_value"] > 0
    return [[texts[i] for i in dict.fromkeys(row[kept].tolist())][:WORDS] for row, kept in zip(ids, known, strict=True)]


def _promotes(arrays: dict[str, np.ndarray], texts: tuple[str, ...]) -> list[list[str]]:
    ids = arrays.get("promoted_ids")
    if ids is None:
        return [[] for _ in arrays["count"]]
    return [[texts[i] for i in row[:WORDS]] for row in ids.tolist()]
