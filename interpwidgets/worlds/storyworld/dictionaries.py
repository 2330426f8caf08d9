"""The recipe of the shipped dictionaries: ``python -m interpwidgets.worlds.storyworld.dictionaries --seed 0``.

Run it after every training of the weights. It learns each dictionary of `RECIPES` on new stories, rounds it to float16,
reads it back as a user gets it, finds out on other stories which latent factor each feature detects, and writes the
labels, the measures and the card. Two idle CPU cores need about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from interpwidgets.analyses.evaluate_dictionary import evaluate_dictionary
from interpwidgets.analyses.fit_dictionary import fit_dictionary
from interpwidgets.dictionaries import Dictionary, Identity, load_dictionary, save_dictionary
from interpwidgets.models import Model, load
from interpwidgets.records.dictionary_report import DictionaryReport

from .dictionary_card import write_dictionary_card
from .probes import attributes, pairs
from .shipped import dictionary_folder, folder, write_card
from .stories import generate

LEARNT_ON, MEASURED_ON = 3000, 400  # stories
WORDS = 300  # most frequent words that a feature may turn out to detect
PAIRS = {"gender": 24, "number": 24, "receiver": 24}  # prompts with counterfactuals, by attribute


class Recipe(NamedTuple):
    """One dictionary: what it is called, and what `fit_dictionary` is told."""

    name: str
    kind: str
    sites: str | tuple[str, str]
    n_features: int
    k: int
    steps: int = 3000


RECIPES = (
    Recipe("resid_post.1", "batch_topk", "resid_post.1", 512, 12),
    Recipe("resid_post.1-matryoshka", "matryoshka", "resid_post.1", 512, 12),
    Recipe("resid_post.1-jumprelu", "jumprelu", "resid_post.1", 512, 12),
    Recipe("resid_post.2", "batch_topk", "resid_post.2", 1024, 16),
    Recipe("resid_post.2-matryoshka", "matryoshka", "resid_post.2", 512, 12),
    Recipe("resid_post.2-jumprelu", "jumprelu", "resid_post.2", 512, 12),
    Recipe("mlp.3-transcoder", "batch_topk", ("mlp_in.3", "mlp_out.3"), 512, 8),
)
NEURONS = ("resid_post.1", "resid_post.2", "mlp_act.3")  # where the basis itself is measured beside them


def make(seed: int, out: Path, *, only: str | None = None) -> None:
    """Learn, label, measure and describe."""
    lm = load(folder(), name="storyworld")
    texts = [story.text for story in generate(LEARNT_ON, seed=2_000_003 + seed)]
    for recipe in RECIPES:
        if only is None or only == recipe.name:
            learn(lm, recipe, texts, seed, out)
    measures = measure(lm, out, seed)
    (out / "measures.json").write_text(json.dumps(measures, indent=1) + "\n")
    write_dictionary_card(measures, out)
    record = json.loads((folder() / "measures.json").read_text())
    write_card(record, folder())


def learn(lm: Model, recipe: Recipe, texts: list[str], seed: int, out: Path) -> None:
    """Learn one dictionary and write it, rounded and without labels."""
    made = fit_dictionary(
        recipe.kind,
        (lm, recipe.sites, texts),
        n_features=recipe.n_features,
        k=recipe.k,
        steps=recipe.steps,
        seed=seed,
        name=recipe.name,
    )
    shutil.rmtree(out / recipe.name, ignore_errors=True)
    save_dictionary(made.to(torch.float16), out / recipe.name)


def measure(lm: Model, out: Path, seed: int) -> dict[str, Any]:
    """Label every dictionary with what it detects on stories it was not learnt on; give the numbers of all."""
    stories = generate(MEASURED_ON, seed=3_000_017 + seed)
    random.Random(seed).shuffle(stories)
    given: dict[str, Any] = {"probes": attributes(stories, words=WORDS), "progress": False}
    asked = [pair for name, n in PAIRS.items() for pair in pairs(name, n=n, seed=seed)]
    texts = [story.text for story in stories]
    rows = {}
    for recipe in RECIPES:
        dictionary = load_dictionary(out / recipe.name, dtype="float32")
        report = evaluate_dictionary(dictionary, lm, texts, pairs=asked, **given)
        rows[recipe.name] = {"kind": recipe.kind, "k": recipe.k, **_numbers(report)}
        _label(dictionary, report, out / recipe.name)
        print(report, flush=True)
    for site in NEURONS:
        neurons = Identity(lm.width(site) or 0, site_in=site, name=f"{site} itself")
        rows[f"neurons {site}"] = {
            "kind": "identity",
            "k": None,
            **_numbers(evaluate_dictionary(neurons, lm, texts, pairs=asked, **given)),
        }
    return {"seed": seed, "stories": LEARNT_ON, "measured_on": MEASURED_ON, "dictionaries": rows}


def _label(dictionary: Dictionary, report: DictionaryReport, target: Path) -> None:
    """Write the labels, and each feature's F1 as a column, beside the rounded weights."""
    found = report.detections
    assert found is not None
    dictionary.labels = found.labels()
    f1 = [None if np.isnan(value) else round(float(value), 3) for value in found.f1]
    dictionary.source = {**dictionary.source, "columns": {"f1": f1}}
    save_dictionary(dictionary.to(torch.float16), target)


def _numbers(report: DictionaryReport) -> dict[str, Any]:
    """What the card says of one dictionary."""
    found = report.detections
    assert found is not None
    words = [name.startswith("word=") for name in found.attributes]
    best, linear = defaultdict(list), defaultdict(list)
    for name, word, f1 in zip(found.attributes, words, found.best_f1, strict=True):
        if not word:
            factor = name.partition("=")[0]
            best[factor].append(np.nan_to_num(f1))
            linear[factor].append(report.supervised_f1.get(name, np.nan))
    missed = set(found.missed())
    labelled = [found.attributes[found.attribute[i]] for i in np.flatnonzero(found.detects())]
    return {
        "site_in": report.site_in,
        "site_out": report.site_out,
        **{name: round(float(value), 4) for name, value in report.numbers().items()},
        "labelled_factor": sum(not name.startswith("word=") for name in labelled),
        "labelled_word": sum(name.startswith("word=") for name in labelled),
        "factor_values": len(words) - sum(words),
        "factor_values_detected": sum(
            name not in missed for name, word in zip(found.attributes, words, strict=True) if not word
        ),
        "factor_values_occluded": sum(not name.startswith("word=") for name in report.occluded),
        "factors": {name: round(float(np.mean(values)), 3) for name, values in best.items()},
        "linear": {name: round(float(np.nanmean(values)), 3) for name, values in linear.items()},
    }


def main() -> None:
    """Read the command line and run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=[recipe.name for recipe in RECIPES], help="learn only this one anew")
    parser.add_argument("--out", type=Path, default=dictionary_folder())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    make(given.seed, given.out, only=given.only)


if __name__ == "__main__":
    main()
