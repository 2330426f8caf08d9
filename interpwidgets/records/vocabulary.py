"""Tokens by what they say: from a word to its id, and the search behind every token picker."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Mapping, Sequence

from interpwidgets.errors import InputError


class Vocabulary:
    """The tokens of a model, or the few that a record knows.

    Args:
        texts: what each token says, leading space included: ``[id]``, or ``{id: text}`` where only some are known.

    Attributes:
        texts: ``[id]``; "" for an id that is not known.
    """

    def __init__(self, texts: Sequence[str] | Mapping[int, str]) -> None:
        self._known = dict(texts) if isinstance(texts, Mapping) else dict(enumerate(texts))
        self.texts: tuple[str, ...] = tuple(self._known.get(i, "") for i in range(max(self._known, default=-1) + 1))
        self._first: dict[str, int] = {}
        for i in sorted(self._known):
            self._first.setdefault(self._known[i], i)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self._known)} tokens)"

    def id(self, token: int | str) -> int:
        """The id of a token given as id or as text.

        A text means the token that says exactly this, else the one that says it after a space: ``"Mary"`` finds
        ``" Mary"`` where no token says ``"Mary"``.

        Raises:
            InputError: an id that is not known; a text that is no token, or several.
        """
        if isinstance(token, str):
            for text in (token, f" {token}"):
                if text and text in self._first:
                    return self._first[text]
            raise InputError(
                expected="the text of one token of this model",
                got=repr(token) + self._pieces(token),
                fix=self._advice(token),
            )
        try:
            number = operator.index(token)
        except TypeError:
            raise InputError(
                expected="a token as id or text", got=type(token).__name__, fix='Pass for example " Mary" or 17.'
            ) from None
        if number not in self._known:
            whole = len(self._known) == len(self.texts)
            few = f"one of the tokens known here: {', '.join(map(str, sorted(self._known)[:8]))}"
            raise InputError(
                expected=f"a token id from 0 to {len(self) - 1}" if whole else few,
                got=str(number),
                fix="Use an id of this model's own tokenizer." if whole else "Choose one of them, or pass a trace.",
            )
        return number

    def find(self, text: str, *, most: int = 20) -> list[int]:
        """The ids of tokens that contain a text, whatever its case: those that say just this first, short ones before
        long ones. A number also finds that id.
        """
        wanted = text.strip().lower()
        if not wanted:
            return []
        scored = []
        for i, said in self._known.items():
            low = said.lower()
            if wanted in low:
                bare = low.strip()
                scored.append((said.strip() != text.strip(), bare != wanted, not bare.startswith(wanted), len(bare), i))
        found = [entry[-1] for entry in sorted(scored)[:most]]
        if wanted.isdecimal() and int(wanted) in self._known and int(wanted) not in found:
            found = [*found[: most - 1], int(wanted)]
        return found

    def _pieces(self, token: str) -> str:
        """Which tokens a text is made of, where that can be told."""
        return ""

    def _advice(self, token: str) -> str:
        near = difflib.get_close_matches(token, (text.strip() for text in self._known.values()), n=3, cutoff=0.7)
        found = [self._known[i] for i in self.find(token, most=3)] or near
        return (
            f"Did you mean {' or '.join(map(repr, found))}?"
            if found
            else "Search the vocabulary, e.g. lm.vocabulary.find('ing')."
        )
