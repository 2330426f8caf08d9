"""The positions of a sequence, and what each of them says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from interpwidgets.errors import InputError


@dataclass(frozen=True)
class Tokens:
    r"""One label per position: a token's text, an image patch's name, an item's title.

    A token's text is kept exactly as the tokenizer means it, leading space and newline included; making whitespace
    visible is the page's work. A byte-level tokenizer may cut one character into several tokens: each such piece
    shows its bytes (``"\xf0"``) and ``glyphs`` says which run of pieces spells what.

    Attributes:
        texts: ``[token]`` the text of each position.
        ids: ``[token]`` vocabulary ids, or None where there is no vocabulary (image patches, items).
        special: ``[token]`` True for control tokens (``<s>``, ``[CLS]``, padding) and for other non-text positions.
        glyphs: ``(start, stop, text)`` runs of byte pieces ``start..stop-1`` that together spell ``text``.
        grid: ``(rows, columns)`` when the positions after ``grid_start`` are image patches in reading order.
        grid_start: the first position that is an image patch (1 when a ``[CLS]`` comes first).
    """

    texts: tuple[str, ...]
    ids: np.ndarray | None = None
    special: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    glyphs: tuple[tuple[int, int, str], ...] = ()
    grid: tuple[int, int] | None = None
    grid_start: int = 0

    def __post_init__(self) -> None:
        n = len(self.texts)
        if len(self.special) == 0 and n > 0:
            object.__setattr__(self, "special", np.zeros(n, dtype=bool))
        for name, array in (("ids", self.ids), ("special", self.special)):
            if array is not None and array.shape != (n,):
                raise InputError(
                    expected=f"{name} with one entry for each of the {n} tokens",
                    got=f"shape {list(array.shape)}",
                    fix=f"Pass {name} of shape [{n}].",
                )
        if self.grid is not None and self.grid_start + self.grid[0] * self.grid[1] > n:
            raise InputError(
                expected=f"at least {self.grid_start + self.grid[0] * self.grid[1]} tokens for a grid of "
                f"{self.grid[0]} x {self.grid[1]} patches from position {self.grid_start}",
                got=f"{n} tokens",
                fix="Pass the grid as (rows, columns) of patches, without the special positions.",
            )

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, tokens: Tokens | Iterable[str]) -> Tokens:
        """A ``Tokens`` from itself or from plain strings; anything that is not a string is refused."""
        if isinstance(tokens, Tokens):
            return tokens
        if isinstance(tokens, str):
            raise InputError(
                expected="a list of token strings",
                got=f"the one string {tokens[:40]!r}",
                fix="Pass a list with one string for each position, e.g. tokens.split().",
            )
        texts = tuple(tokens)
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(
                    expected="a list of token strings",
                    got=f"{type(text).__name__} at position {i}",
                    fix="Decode the ids first, e.g. [tokenizer.decode([i]) for i in ids].",
                )
        return cls(texts=texts)

    def part(self, start: int, stop: int) -> Tokens:
        """Positions ``start`` to ``stop - 1``; a character that an end cuts keeps its bytes and loses its glyph."""
        glyphs = tuple((a - start, b - start, said) for a, b, said in self.glyphs if start <= a and b <= stop)
        ids = None if self.ids is None else self.ids[start:stop]
        return Tokens(self.texts[start:stop], ids, self.special[start:stop], glyphs)

    def indices(self, text: str) -> Sequence[int]:
        """Every position whose text equals ``text``, with and without surrounding whitespace."""
        return [i for i, t in enumerate(self.texts) if t == text or t.strip() == text]
