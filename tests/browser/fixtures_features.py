"""FeatureBrowser in every state that is hard to draw, from a planted index: no model, no file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import interpwidgets as iw
from interpwidgets.errors import InputError
from interpwidgets.records.feature import Example, Feature, FeatureScores, WordScores
from tests.browser.fixtures import HARD

WORDS = tuple(
    f" {word}"
    for word in (
        "Mary Tom went to the park . gave ball cat dog red blue happy sad river forest house king queen bread "
        "milk old young ran slept sang wrote opened closed morning night winter summer"
    ).split()
)
DOCUMENTS, CONTEXT, BINS, LENGTH, PEAK = 60, 96, 40, 32, 20


@dataclass
class PlantedIndex:
    """Feature f fires on the word ``f % words``, the stronger the later in its document; all else is drawn."""

    n_features: int = 300
    kind: str = "batch_topk"
    seed: int = 0
    words: tuple[str, ...] = WORDS
    named: dict[int, str] = field(default_factory=dict)
    groups: tuple[tuple[str, int], ...] = (("top", 8), *((f"quantile {q} of 4", 3) for q in (4, 3, 2, 1)))
    scale: float = 8.0

    name = "planted"

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        n = self.n_features
        self.corpus = random.integers(0, len(self.words), size=(DOCUMENTS, CONTEXT))
        density = np.exp(random.normal(-5.5, 1.6, size=n)).clip(1e-6, 0.6).astype(np.float32)
        largest = (self.scale * np.exp(random.normal(0, 0.5, size=n)) * density**-0.08).astype(np.float32)
        dead = random.random(n) < 0.04
        density[dead], largest[dead] = 0, np.nan
        f1 = random.random(n).astype(np.float32)
        f1[random.random(n) < 0.3] = np.nan
        self._columns = {"density": density, "max": largest, "mean": largest * np.float32(0.4), "f1": f1}
        if self.kind == "matryoshka":
            self._columns["level"] = np.minimum(3, 4 * np.arange(n) // max(1, n)).astype(np.float32)
        self.card = {
            "dictionary": "planted",
            "kind": self.kind,
            "model": "storyworld",
            "site_in": "mlp_in.2" if self.kind == "transcoder" else "resid_post.2",
            "site_out": "mlp_out.2" if self.kind == "transcoder" else "resid_post.2",
            "n_features": n,
            "n_tokens": self.n_tokens,
            "n_documents": DOCUMENTS,
            "context": CONTEXT,
        }
        self.saved: list[tuple[int, str]] = []

    @property
    def n_tokens(self) -> int:
        return 1_000_000

    @property
    def columns(self) -> list[str]:
        return list(self._columns)

    def column(self, name: str) -> np.ndarray:
        return self._columns[name]

    def add_column(self, name: str, values: np.ndarray) -> None:
        self._columns[name] = np.asarray(values, np.float32)

    def label(self, feature: int) -> str:
        return self.named.get(feature, "")

    @property
    def labels(self) -> list[str]:
        return [self.label(i) for i in range(self.n_features)]

    def set_label(self, feature: int, text: str) -> None:
        if "!" in text:
            raise InputError(expected="a label without '!'", got=repr(text), fix="Say it calmly.")
        self.saved.append((feature, text))
        self.named[feature] = text

    def word(self, feature: int) -> str:
        """The word that a feature fires on."""
        return self.words[feature % len(self.words)]

    def fires_on(self, feature: int) -> list[str]:
        return [self.word(feature)] if self._columns["density"][feature] > 0 else []

    def promotes(self, feature: int) -> list[str]:
        return [self.words[(feature + 1 + i) % len(self.words)] for i in range(3)]

    def search(
        self, query: str = "", *, sort: str = "density", descending: bool = True, filters: Any = None, among: Any = None
    ) -> np.ndarray:
        ids = np.arange(self.n_features) if among is None else np.asarray(among)
        for name, (low, high) in (filters or {}).items():
            with np.errstate(invalid="ignore"):
                ids = ids[(self._columns[name][ids] >= low) & (self._columns[name][ids] <= high)]
        if query.strip():
            only, _, wanted = query.strip().lower().rpartition(":")
            by_word = [
                (wanted in " ".join([self.words[w]] * (only != "promotes")).lower())
                or (
                    only != "fires"
                    and any(wanted in self.words[(w + 1 + i) % len(self.words)].lower() for i in range(3))
                )
                for w in range(len(self.words))
            ]
            hits = np.array(by_word)[ids % len(self.words)]
            if not only:
                hits |= np.isin(ids, [i for i, text in self.named.items() if wanted in text.lower()])
            ids = ids[hits]
        keys = ids.astype(np.float64) if sort == "feature" else self._columns[sort][ids].astype(np.float64)
        unknown = np.isnan(keys)
        return ids[np.lexsort((ids, -keys if descending else keys, unknown))].astype(np.int64)

    def values(self, feature: int, document: int) -> np.ndarray:
        """The activation on every token of a document."""
        largest = float(self._columns["max"][feature])
        fires = self.corpus[document] == feature % len(self.words)
        strength = largest * (0.25 + 0.75 * (np.arange(CONTEXT) + 1) / CONTEXT) * (0.6 + 0.4 * document / DOCUMENTS)
        after = np.roll(fires, 1) & ~fires
        return np.where(fires, strength, np.where(after, 0.3 * strength, 0)).astype(np.float32)

    def piece(self, group: str, feature: int, document: int, position: int) -> Example:
        start = max(0, min(position - PEAK, CONTEXT - LENGTH))
        values = self.values(feature, document)
        tokens = iw.Tokens(tuple(self.words[w] for w in self.corpus[document][start : start + LENGTH]))
        shown = values[start : start + LENGTH]
        return Example(group, document, position, start, position - start, tokens, shown, float(values[position]))

    def examples(self, feature: int) -> tuple[Example, ...]:
        if self._columns["density"][feature] == 0:
            return ()
        places = np.argwhere(self.corpus == feature % len(self.words))
        strength = np.array([self.values(feature, int(d))[p] for d, p in places])
        order = places[np.argsort(-strength, kind="stable")]
        out: list[Example] = []
        for i, (group, count) in enumerate(self.groups):
            first = 0 if i == 0 else len(order) * (i - 1) // max(1, len(self.groups) - 1)
            out += [self.piece(group, feature, int(d), int(p)) for d, p in order[first : first + count]]
        return tuple(out)

    def scores(self, feature: int, sign: int, count: int = 10) -> WordScores:
        ids = [(feature + sign * (1 + i)) % len(self.words) for i in range(min(count, len(self.words)))]
        values = sign * np.exp(-0.3 * np.arange(len(ids), dtype=np.float32)) * 0.8
        return WordScores(tuple(self.words[i] for i in ids), np.array(ids), values)

    def others(self, feature: int, step: int) -> FeatureScores:
        ids = np.array([i for k in range(1, 9) if (i := (feature + k * step) % self.n_features) != feature], dtype=int)
        values = (0.95 * np.exp(-0.2 * np.arange(len(ids)))).astype(np.float32)
        return FeatureScores(ids, values, tuple(self.label(int(i)) for i in ids))

    def feature(self, feature: int) -> Feature:
        density, largest = (float(self._columns[name][feature]) for name in ("density", "max"))
        count = round(density * self.n_tokens)
        shape = np.exp(-((np.arange(BINS) - 3) ** 2) / 60) + 0.15 * np.exp(-((np.arange(BINS) - 30) ** 2) / 20)
        counts = np.floor(count * shape / shape.sum()).astype(np.int64)
        counts[0] += count - counts.sum()
        level = self._columns.get("level")
        return Feature(
            feature=feature,
            label=self.label(feature),
            density=density,
            max=largest,
            mean=0.4 * largest,
            count=count,
            edges=np.linspace(0, largest if np.isfinite(largest) else 1, BINS + 1),
            counts=counts,
            examples=self.examples(feature),
            promoted=self.scores(feature, 1),
            suppressed=self.scores(feature, -1),
            read=self.scores(feature, 2) if self.kind == "transcoder" else None,
            neighbours=self.others(feature, len(self.words)),
            correlated=self.others(feature, 7),
            level=None if level is None else int(level[feature]),
            columns={"f1": float(self._columns["f1"][feature])},
        )

    def context(self, document: int, start: int, stop: int, feature: int) -> Example:
        """As an index on disk: values are known around the examples only."""
        stop = min(stop, CONTEXT)
        tokens = iw.Tokens(tuple(self.words[w] for w in self.corpus[document][start:stop]))
        known = np.full(CONTEXT, np.nan, np.float32)
        for example in self.examples(feature):
            if example.document == document:
                known[example.start : example.start + len(example.values)] = example.values
        return Example("context", document, start, start, 0, tokens, known[start:stop], float(known[start]))


class HardIndex(PlantedIndex):
    """One example made of every text that is hard to draw; values that are no plain numbers; a signed feature."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._columns["density"][:4] = 0.3, 0.2, 0.1, 0.05
        self._columns["max"][1:3] = np.nan, np.inf

    def examples(self, feature: int) -> tuple[Example, ...]:
        n = len(HARD)
        values = np.zeros(n, np.float32)
        values[[2, 7, 11, 14, 20]] = 3, 6, 8, 2, 1
        if feature == 1:
            values[[2, 14]] = np.nan, np.inf
        if feature == 2:
            values = np.where(np.arange(n) % 3 == 0, -values - 2, values).astype(np.float32)
        return tuple(
            Example(group, 0, peak, 0, peak, HARD, values, float(values[peak]))
            for group, peak in (("top", 11), ("top", 7), ("quantile 1 of 2", 14), ("<b>third</b>", 22), ("top", 0))
        )


def views() -> dict[str, tuple[str, Any]]:
    """Name -> what to look for, and the view."""
    labels = {i: f"{word.strip()}, and what follows" for i, word in enumerate(WORDS) if i % 3 == 0}
    hard = HardIndex(
        n_features=40,
        words=HARD.texts,
        named={0: "<b>bold</b> & </script>", 1: "not a number " * 12, 2: "signed", 3: "עברית"},
    )
    found = {
        "plain": (
            "Labels, a column with unknown values, dead features on the edge.",
            iw.FeatureBrowser(PlantedIndex(named=dict(labels))),
        ),
        "filtered": (
            "A query and a range: the others are grey.",
            iw.FeatureBrowser(PlantedIndex(2000), search="dog", filters={"density": [0.001, None]}),
        ),
        "transcoder": ("What it reads and what it writes.", iw.FeatureBrowser(PlantedIndex(kind="transcoder"))),
        "matryoshka": (
            "Its prefix level, sorted by a column.",
            iw.FeatureBrowser(PlantedIndex(kind="matryoshka"), sort="f1", x="level", y="f1"),
        ),
        "hard": ("Every hard text; not a number, infinite and negative values.", iw.FeatureBrowser(hard)),
        "broken": ("Not a number and infinite.", iw.FeatureBrowser(hard, feature=1)),
        "signed": ("Both signs on one scale.", iw.FeatureBrowser(hard, feature=2)),
        "dead": (
            "A feature that never fires.",
            iw.FeatureBrowser(PlantedIndex(), sort="density", descending=False),
        ),
        "nothing": ("No feature matches.", iw.FeatureBrowser(PlantedIndex(), search="zebra")),
        "one": ("A dictionary of one feature.", iw.FeatureBrowser(PlantedIndex(1, seed=3))),
    }
    for _, view in found.values():
        view._saved = 24  # dashboards in a gallery that holds many views
    return found
