"""A guess at when a feature fires, written as something a computer can check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.tokens import Tokens

Predict = Callable[[Tokens], Any]


@dataclass(frozen=True)
class Rule:
    """What somebody thinks a feature fires on: some tokens, a pattern, or a function.

    A rule says a number for each token of a text. It predicts "fires" where the number is above 0, and the larger the
    number, the more strongly. Special tokens (``<s>``) are never predicted.

    Attributes:
        text: the rule in words, for pictures.
        predict: ``predict(tokens) -> [token] float64``.
        words: the tokens named, where the rule is a list of tokens.
    """

    text: str
    predict: Predict
    words: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, given: Rule | Iterable[str] | re.Pattern[str] | Callable[[Tokens], Any], *, text: str | None = None
    ) -> Rule:
        """A rule out of what a reader may write.

        Args:
            given: a list of tokens: fires on each of them, written with or without the space before it; a compiled
                regular expression: fires on each token that a match in the text touches; a function
                ``(tokens: Tokens) -> [token]`` of numbers or truth values; or a rule.
            text: the rule in words; by default as it was written, or the function's name.

        Raises:
            InputError: something else, an empty list, or a pattern of bytes.
        """
        if isinstance(given, Rule):
            return given
        if isinstance(given, re.Pattern):
            if not isinstance(given.pattern, str):
                raise InputError(
                    expected="a regular expression for text",
                    got="one for bytes",
                    fix='Leave out the b of re.compile(b"").',
                )
            return cls(text or f"/{given.pattern}/", _Pattern(given))
        if callable(given):
            return cls(text or getattr(given, "__name__", type(given).__name__), given)
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise InputError(
                expected="a rule as a list of tokens, a compiled regular expression, or a function of tokens",
                got=repr(given)[:60],
                fix='Write ["dog", "cat"], or re.compile("dogs?").',
            )
        words = tuple(given)
        wrong = next((word for word in words if not isinstance(word, str) or not word), None)
        if not words or wrong is not None:
            raise InputError(
                expected="one or more tokens as text",
                got="an empty list" if not words else repr(wrong),
                fix='Write ["dog", "cat"].',
            )
        return cls(text or ", ".join(words), _Words(words), words)

    def __call__(self, tokens: Tokens) -> np.ndarray:
        """The rule's number for each token ``[token]`` float64.

        Raises:
            InputError: a function that fails, or that gives something else than one finite number for each token.
        """
        try:
            said = np.asarray(self.predict(tokens))
            values = said.astype(np.float64)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                expected=f"the rule {self.text} to give a number for each token",
                got=f"{type(error).__name__}: {str(error)[:120]}",
                fix='Try it alone: rule(lm.tokens("some text")).',
            ) from error
        if values.shape != (len(tokens),) or not np.isfinite(values).all():
            raise InputError(
                expected=f"{len(tokens)} finite numbers from the rule {self.text}, one for each token",
                got="NaN or infinities" if values.shape == (len(tokens),) else f"shape {list(values.shape)}",
                fix="Return a list as long as the tokens: 0 or False where the feature does not fire.",
            )
        return np.where(tokens.special, 0.0, values)


@dataclass(frozen=True)
class _Words:
    words: tuple[str, ...]

    def __call__(self, tokens: Tokens) -> np.ndarray:
        return np.array([text in self.words or text.strip() in self.words for text in tokens.texts], bool)


@dataclass(frozen=True)
class _Pattern:
    pattern: re.Pattern[str]

    def __call__(self, tokens: Tokens) -> np.ndarray:
        text, starts, ends = spans(tokens)
        touched = np.zeros(len(tokens), bool)
        for match in self.pattern.finditer(text):
            if match.end() > match.start():
                touched |= (starts < match.end()) & (ends > match.start())
        return touched


def spans(tokens: Tokens) -> tuple[str, np.ndarray, np.ndarray]:
    """The text that tokens spell, and where in it each begins and ends ``[token]``.

    Special tokens spell nothing; the pieces of one character all stand where it stands.
    """
    spelled = {start: (stop, text) for start, stop, text in tokens.glyphs}
    parts: list[str] = []
    starts, ends = np.zeros(len(tokens), np.int64), np.zeros(len(tokens), np.int64)
    at = i = 0
    while i < len(tokens):
        stop, text = spelled.get(i, (i + 1, tokens.texts[i]))
        if tokens.special[i]:
            text = ""
        starts[i:stop], ends[i:stop] = at, at + len(text)
        parts.append(text)
        at += len(text)
        i = max(stop, i + 1)
    return "".join(parts), starts, ends
