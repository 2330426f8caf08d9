"""Words for many features, from anybody who can read a dashboard: a person, a script, a language model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from interpwidgets.analyses.replacement import check_features
from interpwidgets.errors import InputError
from interpwidgets.records.explained import Explained
from interpwidgets.records.feature import Feature
from interpwidgets.records.feature_index import FeatureIndex

# A label stands in a list; a text longer than this is an essay.
LONGEST = 400


def explain_features(
    index: FeatureIndex,
    explainer: Callable[[Feature], str],
    features: Sequence[int] | None = None,
    *,
    progress: bool = True,
) -> Explained:
    """Label features with the words of any function, saving each label at once.

    The function gets a `Feature` with examples, histogram and logits, and may call whatever it likes. Where it fails,
    that feature alone goes without; asking again goes on with those that have no label yet. Whether an explanation is
    any good is another question: see `interpwidgets.analyses.explanation.check_explanation`.

    Args:
        index: where the features are and the labels go.
        explainer: ``(feature: Feature) -> str``, a few words on one line.
        features: which; by default all that ever fire and have no label.
        progress: show a bar.

    Returns:
        The labels written, and for each feature that failed the reason; failures are also warned of at the end.

    Raises:
        InputError: no index, no function, or features that do not exist.
    """
    if not all(hasattr(index, name) for name in ("feature", "set_label", "labels", "n_features")):
        raise InputError(
            expected="a feature index",
            got=type(index).__name__,
            fix="Build one with iw.build_index(lm, dictionary, documents).",
        )
    if not callable(explainer):
        raise InputError(
            expected="a function from a feature to its words",
            got=type(explainer).__name__,
            fix='Write one: lambda feature: "fires on " + feature.examples[0].tokens.texts[feature.examples[0].peak].',
        )
    chosen = _unlabelled(index) if features is None else check_features(features, index.n_features)
    labels: dict[int, str] = {}
    failures: dict[int, str] = {}
    for feature in tqdm(chosen, desc=f"explaining {index.name}", disable=not progress, unit="feature"):
        try:
            labels[feature] = _line(explainer(index.feature(feature)))
        except Exception as error:
            failures[feature] = f"{type(error).__name__}: {str(error)[:200]}"
            continue
        index.set_label(feature, labels[feature])
    found = Explained(labels, failures)
    if failures:
        shown = "; ".join(f"{feature}: {why}" for feature, why in list(failures.items())[:3])
        more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
        warnings.warn(
            f"{len(failures)} of {len(chosen)} features were not explained ({shown}{more}). The other labels are "
            "saved; call again for those that have none.",
            stacklevel=2,
        )
    return found


def _unlabelled(index: Any) -> list[int]:
    fires = np.nan_to_num(np.asarray(index.column("density"), np.float64)) > 0
    return [feature for feature, label in enumerate(index.labels) if not label and fires[feature]]


def _line(said: Any) -> str:
    if not isinstance(said, str) or not said.strip() or len(said) > LONGEST:
        raise InputError(
            expected=f"a text of 1 to {LONGEST} characters",
            got=f"{len(said)} characters" if isinstance(said, str) else type(said).__name__,
            fix="Return a few words.",
        )
    return " ".join(said.split())
