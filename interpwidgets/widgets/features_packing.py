"""How the numbers of features travel to FeatureBrowser's page: small, and exact where they are shown as digits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from interpwidgets._core.wire import pack, well_formed

if TYPE_CHECKING:
    from interpwidgets.records.feature import Example, Feature

# So many tokens of examples come with a feature (20 examples of 32); the others when they are asked for.
EXAMPLE_TOKENS = 640


def grouped(examples: Iterable[Example]) -> dict[str, list[Example]]:
    """Examples by the group they stand for, in the order of the index."""
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.group, []).append(example)
    return groups


def chosen_examples(examples: Sequence[Example]) -> list[Example]:
    """The examples that come with a feature: two of the first group for one of each other, while there is room."""
    groups = list(grouped(examples).values())
    taken = [0] * len(groups)
    room = EXAMPLE_TOKENS
    while True:
        before = sum(taken)
        for g in (0, *range(len(groups))) if groups else ():
            if taken[g] < len(groups[g]) and len(groups[g][taken[g]].tokens) <= room:
                room -= len(groups[g][taken[g]].tokens)
                taken[g] += 1
        if sum(taken) == before:
            break
    return [example for group, n in zip(groups, taken, strict=True) for example in group[:n]]


def pack_examples(examples: Sequence[Example]) -> dict[str, Any]:
    """Examples end to end: each distinct text travels once, values are exact float32."""
    groups = list(grouped(examples))
    texts: dict[str, int] = {}
    codes: list[int] = []
    special: list[list[int]] = []
    glyphs: list[list[Any]] = []
    for i, example in enumerate(examples):
        codes += [texts.setdefault(well_formed(text), len(texts)) for text in example.tokens.texts]
        special += [[i, int(at)] for at in np.flatnonzero(example.tokens.special)]
        glyphs += [[i, start, stop, well_formed(text)] for start, stop, text in example.tokens.glyphs]
    table = [[groups.index(e.group), e.document, e.position, e.start, e.peak, len(e.tokens)] for e in examples]
    values = [np.asarray(e.values, dtype=np.float32) for e in examples]
    return {
        "groups": groups,
        # As deflated bytes: as plain JSON the words would be half of the answer.
        "texts": pack(np.frombuffer(json.dumps(list(texts), ensure_ascii=False).encode(), dtype=np.uint8)),
        "table": pack(np.array(table, dtype=np.int32).reshape(-1, 6)),
        "tokens": pack(np.array(codes, dtype=np.uint8 if len(texts) <= 256 else np.uint16)),
        "values": pack(np.concatenate(values) if values else np.zeros(0, np.float32)),
        "value": pack(np.array([e.value for e in examples], dtype=np.float32)),
        "special": special,
        "glyphs": glyphs,
    }


def histogram_check(feature: Feature) -> dict[str, Any]:
    """Every token on which a feature fires stands in one bar of its histogram."""
    total = int(np.asarray(feature.counts).sum())
    return {"law": "bars hold every firing", "value": total - feature.count, "holds": total == feature.count}


def number(value: float) -> float | str:
    """A number as JSON holds it; what is none travels by its name."""
    return float(value) if np.isfinite(value) else str(float(value))


def clipped(text: str, most: int) -> str:
    """A text short enough for a row; the whole of it comes with the feature."""
    text = well_formed(text)
    return text if len(text) <= most else text[: most - 1] + "…"
