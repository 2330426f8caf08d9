"""Where prototypes over text come from: spans of training texts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interpwidgets.errors import InputError


@dataclass(frozen=True)
class TextSources:
    """For each prototype the training text and the span of it that it is.

    Attributes:
        text: ``[prototype]`` index in the training set.
        place: ``[prototype, 2]`` first token, and tokens in the span less one: row and column in the similarity map.
        box: ``[prototype, 2]`` first token and the token after the last.
        labels: ``[prototype]`` class index of the source text.
        tokens: for each prototype all tokens of its text, as strings.
    """

    text: np.ndarray
    place: np.ndarray
    box: np.ndarray
    labels: np.ndarray
    tokens: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        count = len(self.tokens)
        lengths = {name: len(getattr(self, name)) for name in ("text", "place", "box", "labels")}
        if set(lengths.values()) != {count}:
            raise InputError(
                expected=f"rows for {count} prototypes", got=str(lengths), fix="Pass arrays over the same prototypes."
            )

    def __len__(self) -> int:
        return len(self.tokens)

    def span(self, prototype: int) -> tuple[str, ...]:
        """The tokens of a prototype."""
        start, stop = (int(v) for v in self.box[prototype])
        return self.tokens[prototype][start:stop]

    def take(self, keep: np.ndarray) -> TextSources:
        """Those of some prototypes."""
        rows = np.arange(len(self))[keep]
        arrays = {name: getattr(self, name)[rows] for name in ("text", "place", "box", "labels")}
        return replace(self, tokens=tuple(self.tokens[i] for i in rows), **arrays)
