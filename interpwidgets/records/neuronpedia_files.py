"""Features and labels, written in Neuronpedia's formats, and labels read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.byte_alphabet import written
from interpwidgets.records.feature import Example, Feature, WordScores
from interpwidgets.records.feature_index import FeatureIndex
from interpwidgets.records.json_files import Checked, read_rows

# Keys under which labels of features are known to be written: the site's, and those of annotation tables.
NUMBERS, WORDS = ("index", "feature_index", "Feature", "feature"), ("description", "label", "Annotation", "explanation")
LONGEST = 10_000


def write_neuronpedia(
    index: FeatureIndex,
    folder: str | Path,
    *,
    features: Sequence[int] | None = None,
    batch: int = 128,
    model: str | None = None,
    source: str | None = None,
    layer: int | str | None = None,
    dataset: str = "",
) -> list[Path]:
    """Write features as Neuronpedia takes them in: ``batch-0.json, batch-1.json, ...`` in the layout of SAEDashboard.

    All digits are written. What an index does not hold stays empty: neuron alignment, the histogram of all logits. What
    the format does not hold is left out: labels (see `write_labels`) and nearest decoder directions.

    Args:
        index: of `build_index`.
        folder: where the files go; made where it is not there.
        features: which; by default all.
        batch: features in a file.
        model: the site's name of the model; by default that of the index.
        source: the site's name of the dictionaries; by default the dictionary's.
        layer: by default that of the site the dictionary reads.
        dataset: what the text was.

    Returns:
        The files.

    Raises:
        InputError: no index, features that do not exist, or files of that name that are there already.
    """
    home, chosen = Path(folder), _chosen(index, features)
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InputError(expected="one feature or more in a file", got=repr(batch), fix="128 is what the site uses.")
    parts = [chosen[i : i + batch] for i in range(0, len(chosen), batch)]
    files = [home / f"batch-{i}.json" for i in range(len(parts))]
    _free(files)
    home.mkdir(parents=True, exist_ok=True)
    about = {"model_id": model or index.card["model"], "layer": _layer(index) if layer is None else layer}
    for file, part in zip(files, parts, strict=True):
        rows = [_row(index, index.feature(feature), dataset) for feature in part]
        _write(file, _json({**about, "sae_set": source or index.name, "features": rows}))
    return files


def feature_details(feature: Feature, index: FeatureIndex | None = None) -> dict[str, Any]:
    """A feature as attribution graphs show it: ``{"index", "examples_quantiles", "top_logits", "bottom_logits"}``.

    Args:
        feature: of an index.
        index: where given, examples of imported dashboards come with all of their text.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for example in feature.examples:
        tokens, values, _ = _whole(index, feature.feature, example)
        groups.setdefault(example.group, []).append({"tokens_acts_list": values, "tokens": tokens})
    return {
        "index": feature.feature,
        "examples_quantiles": [{"quantile_name": name, "examples": found} for name, found in groups.items()],
        "top_logits": list(feature.promoted.texts) if feature.promoted else [],
        "bottom_logits": list(feature.suppressed.texts) if feature.suppressed else [],
    }


def write_labels(
    index: FeatureIndex,
    path: str | Path,
    *,
    model: str | None = None,
    source: str | None = None,
    author: str = "",
) -> int:
    """Write every label as a line of JSON, in the layout of Neuronpedia's exports of explanations.

    ``{"modelId": ..., "layer": ..., "index": "7", "description": ..., "explanationModelName": ...}``

    Args:
        index: whose labels.
        path: a ``.jsonl`` file, replaced where it is there.
        model: the site's name of the model; by default that of the index.
        source: the site's name of the dictionary, such as ``"6-res-jb"``; by default layer and dictionary.
        author: who explained, such as the name of a language model.

    Returns:
        How many labels were written.
    """
    _chosen(index, None)
    place = source or f"{_layer(index)}-{index.name}"
    lines = [
        _json(
            {
                "modelId": model or index.card["model"],
                "layer": place,
                "index": str(feature),
                "description": label,
                "explanationModelName": author,
                "typeName": "",
            }
        )
        for feature, label in enumerate(index.labels)
        if label
    ]
    _write(Path(path), "".join(f"{line}\n" for line in lines))
    return len(lines)


def read_labels(index: FeatureIndex, path: str | Path, *, overwrite: bool = False) -> int:
    """Take labels from a file of explanations: Neuronpedia's exports (JSON lines or a list), or `write_labels`.

    Nothing is written before the whole file was read. Of several explanations of a feature the first counts.

    Args:
        index: what is labelled.
        path: a ``.json``, ``.jsonl`` file, also with ``.gz``, or a folder of them.
        overwrite: also replace labels that are there.

    Returns:
        How many labels were set.

    Raises:
        InputError: no such file, lines of another kind, or features that the index does not have.
    """
    _chosen(index, None)
    found: dict[int, str] = {}
    for where, given in read_rows(Path(path)):
        row = Checked(given, where)
        number = next((name for name in NUMBERS if row.has(name)), None)
        if number is None:
            raise row.wrong("index", "the number of a feature", "nothing of the kind")
        feature = row.whole(number, most=index.n_features - 1)
        said = next((row.word(name) for name in WORDS if row.has(name)), None) or ""
        if len(said) > LONGEST:
            raise row.wrong("description", f"at most {LONGEST:,} characters", f"{len(said):,}")
        if said.strip():
            found.setdefault(feature, " ".join(said.split()))
    known = index.labels
    new = {feature: text for feature, text in found.items() if overwrite or not known[feature]}
    for feature, text in new.items():
        index.set_label(feature, text)
    return len(new)


def _chosen(index: Any, features: Sequence[int] | None) -> list[int]:
    if not all(hasattr(index, name) for name in ("feature", "labels", "n_features", "card")):
        raise InputError(
            expected="a feature index",
            got=type(index).__name__,
            fix="Build one with iw.build_index(lm, dictionary, documents).",
        )
    known = getattr(index, "features", range(index.n_features))
    chosen = [int(feature) for feature in known] if features is None else list(features)
    wrong = next((f for f in chosen if not hasattr(f, "__index__") or not 0 <= int(f) < index.n_features), None)
    if wrong is not None or not chosen:
        raise InputError(
            expected=f"features from 0 to {index.n_features - 1}",
            got="none" if wrong is None else repr(wrong),
            fix="Leave features out for all.",
        )
    return [int(feature) for feature in chosen]


def _layer(index: FeatureIndex) -> int | str:
    """The number at the end of a site's name, or what was given instead of a site."""
    said = str(index.card.get("site_in") or "0")
    last = said.rsplit(".", 1)[-1]
    return int(last) if last.isdecimal() else said


def _row(index: FeatureIndex, feature: Feature, dataset: str) -> dict[str, Any]:
    edges = np.asarray(feature.edges, np.float64)
    fires = feature.count > 0
    prompts, context = int(index.card.get("n_documents") or 0), int(index.card.get("context") or 0)
    return {
        "feature_index": feature.feature,
        "neuron_alignment_indices": [],
        "neuron_alignment_values": [],
        "neuron_alignment_l1": [],
        "correlated_neurons_indices": [],
        "correlated_neurons_l1": [],
        "correlated_neurons_pearson": [],
        "correlated_features_indices": [int(i) for i in feature.correlated.features],
        "correlated_features_l1": [],
        "correlated_features_pearson": _floats(feature.correlated.values),
        **_ends("neg", feature.suppressed),
        **_ends("pos", feature.promoted),
        "frac_nonzero": float(feature.density) if np.isfinite(feature.density) else 0.0,
        "freq_hist_data_bar_values": _floats((edges[:-1] + edges[1:]) / 2) if fires else [],
        "freq_hist_data_bar_heights": [int(n) for n in feature.counts] if fires else [],
        "logits_hist_data_bar_heights": [],
        "logits_hist_data_bar_values": [],
        "n_prompts_total": prompts,
        "n_tokens_in_prompt": context,
        "dataset": dataset,
        "decoder_weights_dist": [],
        "activations": [_activation(index, feature, example) for example in feature.examples],
    }


def _ends(name: str, scores: WordScores | None) -> dict[str, Any]:
    known = scores is not None and bool(np.isfinite(scores.values).all())
    return {
        f"{name}_str": list(scores.texts) if scores is not None and known else [],
        f"{name}_values": _floats(scores.values) if scores is not None and known else [],
    }


def _activation(index: FeatureIndex, feature: Feature, example: Example) -> dict[str, Any]:
    tokens, values, peak = _whole(index, feature.feature, example)
    low = high = share = -1.0
    if example.group == "top":
        high = float(feature.max)
    else:
        alike = [float(other.value) for other in feature.examples if other.group == example.group]
        low, high = min(alike), max(alike)
        groups = {other.group for other in feature.examples if other.group != "top"}
        # Groups by quantile hold equal shares of the firings.
        share = float(feature.density) / len(groups) if np.isfinite(feature.density) else 0.0
    return {
        "bin_min": low,
        "bin_max": high,
        "bin_contains": share,
        "tokens": tokens,
        "values": values,
        "qualifying_token_index": peak,
        "dfa_values": [],
        "dfa_maxValue": 0,
        "dfa_targetIndex": -1,
    }


def _whole(index: FeatureIndex | None, feature: int, example: Example) -> tuple[list[str], list[float], int]:
    """An example with all of its text where its values are known on all of it."""
    if index is not None and hasattr(index, "features"):  # imported: each text is a document
        whole = index.context(example.document, 0, 2**53, feature)
        return written(whole.tokens), _floats(whole.values), example.position
    return written(example.tokens), _floats(example.values), example.peak


def _floats(values: Any) -> list[float]:
    """The shortest digits that read back as the same single-precision number."""
    array = np.asarray(values)
    if array.dtype == np.float32:
        return [float(np.format_float_positional(value, unique=True, trim="0")) for value in array]
    return [float(value) for value in array]


def _free(files: list[Path]) -> None:
    there = next((file for file in files if file.exists()), None)
    if there is not None:
        raise InputError(
            expected="a folder without such files", got=f"{there.name} in {there.parent}", fix="Take a new folder."
        )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _write(file: Path, text: str) -> None:
    if not file.parent.is_dir():
        raise InputError(expected="a folder that exists", got=str(file.parent), fix="Make it first.")
    # A write that was stopped leaves what was there before.
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(text, encoding="utf8", errors="replace")
    partial.replace(file)
