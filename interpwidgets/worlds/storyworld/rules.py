"""What a slot is: a rule over what the story has said, giving the words that may stand here.

Words are drawn uniformly from the options. A slot with one option is a question with an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from . import words as w

Memory = dict[str, Any]


class Choice:
    """The words a slot may take, in order, with a set for look-ups."""

    __slots__ = ("found", "words")

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words
        self.found = frozenset(words)


@dataclass(frozen=True, slots=True)
class Slot:
    """One rule: `options` reads the memory; `bind` writes to a copy of it; `role` names what the word is, for labels.

    `others` gives the words that would be wrong here in an interesting way (the other person, the other number): the
    distractors of a task. It is None where no task asks.
    """

    role: str
    options: Callable[[Memory], Choice]
    bind: Callable[[Memory, str], None] | None = None
    others: Callable[[Memory], tuple[str, ...]] | None = None
    answers: Callable[[Memory], tuple[str, ...]] | None = None


NOTHING = Choice(())


@cache
def one(word: str) -> Choice:
    """The choice of a single word."""
    return Choice((word,))


@cache
def choice(words: tuple[str, ...]) -> Choice:
    """The choice among `words`, made once."""
    return Choice(words)


@cache
def partners(word: str, others: tuple[str, ...], split: str, never: str = "") -> Choice:
    """Those of `others` that this split lets `word` be combined with, without `never`."""
    return Choice(tuple(other for other in w.partners(word, others, split) if other != never))


@cache
def strangers(pool: tuple[str, ...], a: str | None, b: str | None, focus: str | None) -> Choice:
    """Names of people who are not in the scene."""
    return Choice(tuple(name for name in pool if name not in (a, b, focus)))


def keep(*keys: str) -> Callable[[Memory, str], None]:
    """A bind that stores the word under each key."""

    def bind(memory: Memory, word: str) -> None:
        for key in keys:
            memory[key] = word

    return bind
