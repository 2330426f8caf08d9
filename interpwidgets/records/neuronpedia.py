"""Dashboards in Neuronpedia's format, read: what sae-dashboard writes and what the site exports.

Three layouts are known: batches as SAEDashboard writes them (``{"model_id", "layer", "sae_set", "features": [...]}``),
single features as the site's API and bulk exports give them (``modelId``, ``layer``, ``index``), and feature details as
attribution graphs load them (``index``, ``examples_quantiles``). Files come from anywhere, so nothing in them is
believed before it was looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.byte_alphabet import spelled
from interpwidgets.records.feature import Example, Feature, FeatureScores, WordScores
from interpwidgets.records.json_files import Checked, read_rows
from interpwidgets.records.neuronpedia_index import NeuronpediaIndex
from interpwidgets.records.tokens import Tokens

# The site draws examples of one length, features of one dictionary; more than this is a damaged or hostile file.
MOST_FEATURES, MOST_EXAMPLES, MOST_TOKENS, MOST_ENTRIES = 2**20, 5_000, 2**16, 100_000
WIDTH = 24  # tokens shown around a peak; the whole text is one step away


def read_neuronpedia(path: str | Path) -> NeuronpediaIndex:
    """Read dashboards that others made, to look at them in a `FeatureBrowser`; needs no torch.

    The format holds rounded numbers and no strength for each firing: a feature's mean is that of its histogram's bars,
    its largest value that of its examples. Neighbours by decoder direction are not in it. A label that is set stays in
    this object: write it with `write_labels`.

    Args:
        path: a ``.json``, ``.jsonl`` file, also with ``.gz``, or a folder of them, such as SAEDashboard's
            ``batch-0.json, batch-1.json, ...``.

    Returns:
        What `open_index` returns, of these features. Numbers between them that no file names are not in its searches.

    Raises:
        InputError: no such files, no JSON, or entries of another kind than the format's: which file, which feature.
    """
    features: dict[int, Feature] = {}
    texts = _Texts()
    about: dict[str, Any] = {}
    for where, row in _rows(Path(path), about):
        found = _feature(Checked(row, where), texts, about)
        if found.feature in features:
            raise InputError(
                expected=f"each feature once in {path}",
                got=f"feature {found.feature} again in {where}",
                fix="Read the dashboards of one dictionary at a time.",
            )
        features[found.feature] = found
    if not features:
        raise InputError(expected=f"a feature in {path}", got="none", fix="Give a file with dashboards.")
    return NeuronpediaIndex(Path(path), features, texts.said, texts.values, about)


class _Texts:
    """The texts of all examples: each a document of its own, and the values of its feature on all of it."""

    def __init__(self) -> None:
        self.said: list[Tokens] = []
        self.values: dict[tuple[int, int], np.ndarray] = {}
        self._known: dict[tuple[str, ...], int] = {}

    def add(self, feature: int, tokens: list[str], values: np.ndarray) -> int:
        document = self._known.setdefault(tuple(tokens), len(self.said))
        if document == len(self.said):
            self.said.append(spelled(tokens))
        self.values[feature, document] = values
        return document


def _rows(path: Path, about: dict[str, Any]) -> Any:
    """Every feature of the files with its place in words; what is said of all of them goes into ``about``."""
    for where, row in read_rows(path):
        if not isinstance(row, Mapping):
            raise InputError(
                expected=f"dashboards as JSON objects in {where}", got=type(row).__name__, fix="Give Neuronpedia files."
            )
        if "features" not in row:
            yield where, row
            continue
        batch = Checked(row, where)
        about.setdefault("model", batch.word("model_id"))
        about.setdefault("dictionary", batch.word("sae_set"))
        about.setdefault("site_in", batch.word("layer"))
        for i, feature in enumerate(batch.items("features", most=MOST_FEATURES)):
            yield f"{where}, entry {i}", feature


def _feature(row: Checked, texts: _Texts, about: dict[str, Any]) -> Feature:
    key = "feature_index" if row.has("feature_index") else "index"
    number = row.whole(key, most=MOST_FEATURES - 1)
    row.where = f"feature {number} in {row.where}"
    about.setdefault("model", row.word("modelId"))
    about.setdefault("site_in", row.word("layer"))
    prompts = row.whole("n_prompts_total", default=0)
    length = row.whole("n_tokens_in_prompt", default=0)
    if prompts and length:
        about.setdefault("prompts", prompts)
        about.setdefault("context", length)
    heights = row.numbers("freq_hist_data_bar_heights", most=MOST_ENTRIES)
    centres = row.numbers("freq_hist_data_bar_values", most=MOST_ENTRIES, count=len(heights))
    counts = heights.round().astype(np.int64)
    if (heights < 0).any():
        raise row.wrong("freq_hist_data_bar_heights", "counts from 0 up", "a negative one")
    examples = _examples(row, number, texts)
    fires = int(counts.sum())
    values = [float(texts.values[number, e.document].max()) for e in examples]
    top = max([*values, row.number("maxActApprox", default=0.0)], default=0.0)
    return Feature(
        feature=number,
        label=_label(row),
        density=row.number("frac_nonzero", default=float("nan")),
        max=top if top > 0 else float("nan"),
        mean=float((centres * counts).sum() / fires) if fires else float("nan"),
        count=fires,
        edges=_edges(centres),
        counts=counts,
        examples=examples,
        promoted=_words(row, "pos_str", "pos_values", "top_logits"),
        suppressed=_words(row, "neg_str", "neg_values", "bottom_logits"),
        read=None,
        neighbours=FeatureScores(np.zeros(0, np.int64), np.zeros(0, np.float32), ()),
        correlated=_correlated(row, number),
    )


def _edges(centres: np.ndarray) -> np.ndarray:
    """Edges of evenly wide bars from their middles, which files round to three digits."""
    if not len(centres):
        return np.zeros(1)
    width = (centres[-1] - centres[0]) / (len(centres) - 1) if len(centres) > 1 else 2 * abs(centres[0]) or 1.0
    low = centres[0] - width / 2
    low = 0.0 if abs(low) < width / 10 else low
    return low + width * np.arange(len(centres) + 1)


def _label(row: Checked) -> str:
    """The first explanation that says something."""
    for given in row.items("explanations", most=MOST_ENTRIES):
        said = Checked(given, row.where).word("description") or ""
        if said.strip():
            return " ".join(said.split())
    return ""


def _words(row: Checked, texts: str, values: str, texts_alone: str) -> WordScores | None:
    name = texts if row.has(texts) or not row.has(texts_alone) else texts_alone
    if not row.has(name):
        return None
    said = row.words(name, most=MOST_ENTRIES)
    scores = row.numbers(values, most=MOST_ENTRIES, count=len(said)) if row.has(values) else np.full(len(said), np.nan)
    # The format names tokens by their text alone.
    return WordScores(tuple(spelled(said).texts), np.full(len(said), -1, np.int64), scores.astype(np.float32))


def _correlated(row: Checked, number: int) -> FeatureScores:
    others = row.numbers("correlated_features_indices", most=MOST_ENTRIES)
    scores = row.numbers("correlated_features_pearson", most=MOST_ENTRIES, count=len(others))
    if ((others < 0) | (others >= MOST_FEATURES) | (others != others.round())).any():
        raise row.wrong("correlated_features_indices", f"features from 0 to {MOST_FEATURES - 1}", "another number")
    kept = others != number
    return FeatureScores(others[kept].astype(np.int64), scores[kept].astype(np.float32), ("",) * int(kept.sum()))


def _examples(row: Checked, number: int, texts: _Texts) -> tuple[Example, ...]:
    found: list[Example] = []
    if row.has("examples_quantiles"):
        for group in row.items("examples_quantiles", most=MOST_EXAMPLES):
            parts = Checked(group, row.where)
            name = parts.word("quantile_name") or "top"
            for given in parts.items("examples", most=MOST_EXAMPLES):
                one = Checked(given, row.where)
                found += _example(one, number, texts, "tokens_acts_list", _group(name), None)
    for given in row.items("activations", most=MOST_EXAMPLES):
        one = Checked(given, row.where)
        low, high = one.number("bin_min", default=-1.0), one.number("bin_max", default=0.0)
        peak = one.whole("qualifying_token_index", default=-1, least=-1)
        if peak < 0:
            peak = one.whole("maxValueTokenIndex", default=-1, least=-1)
        name = "top" if low < 0 and one.number("bin_contains", default=-1.0) < 0 else f"{low:g} to {high:g}"
        found += _example(one, number, texts, "values", name, peak if peak >= 0 else None)
    return tuple(found)


def _group(name: str) -> str:
    """Attribution graphs call the strongest examples "Top Activations"."""
    return "top" if re.match(r"top\b", name, re.IGNORECASE) else name[:60]


def _example(row: Checked, number: int, texts: _Texts, values: str, group: str, peak: int | None) -> list[Example]:
    """One example, cut to what is near its peak; none where the feature does not fire."""
    said = row.words("tokens", most=MOST_TOKENS)
    strength = row.numbers(values, most=MOST_TOKENS, count=len(said)).astype(np.float32)
    if not len(said) or strength.max() <= 0:
        return []
    peak = int(strength.argmax()) if peak is None else peak
    if peak >= len(said):
        raise row.wrong("qualifying_token_index", f"a position from 0 to {len(said) - 1}", str(peak))
    document = texts.add(number, said, strength)
    low = max(0, min(peak - WIDTH // 2, len(said) - WIDTH))
    high = min(len(said), low + WIDTH)
    tokens = texts.said[document].part(low, high)
    return [Example(group, document, peak, low, peak - low, tokens, strength[low:high], float(strength[peak]))]
