"""Prompts and their counterfactuals, as ids, with the positions that an edit may touch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from interpwidgets.errors import InputError

if TYPE_CHECKING:
    from interpwidgets.models import Model

PLACES = ("all", "changed", "last")


class PromptPair(Protocol):
    """Two prompts of equally many tokens that differ in one attribute; ``storyworld.pairs`` makes them.

    `value` and `counterfactual_value`, and `attribute`, may be there as well: they name what differs.
    """

    clean: Any
    counterfactual: Any
    answers: Sequence[Any]
    counterfactual_answers: Sequence[Any]


class KnownPair(NamedTuple):
    """A pair as ids, with the positions to edit."""

    clean: list[int]
    other: list[int]
    answers: list[int]
    other_answers: list[int]
    positions: list[int]
    values: tuple[str, str] | None


def read_pair(lm: Model, pair: Any, at: str) -> KnownPair:
    """A pair in ids, checked; its positions are those that `at` names."""
    clean, other = (_ids(lm, prompt) for prompt in (pair.clean, pair.counterfactual))
    if len(clean) != len(other):
        raise InputError(
            expected="a prompt and a counterfactual of equally many tokens",
            got=f"{len(clean)} and {len(other)}",
            fix="Change words for words that are as many tokens.",
        )
    differ = [i for i, (a, b) in enumerate(zip(clean, other, strict=True)) if a != b]
    if not differ:
        raise InputError(expected="a counterfactual that differs", got="the same prompt", fix="Change a word.")
    last = len(clean) - 1
    positions = {"last": [last], "changed": differ, "all": list(range(differ[0], last + 1))}[at]
    sides = [[lm.vocabulary.id(word) for word in words] for words in (pair.answers, pair.counterfactual_answers)]
    if not sides[0] or not sides[1]:
        raise InputError(expected="an answer for each prompt", got="none", fix="Give the words that are right.")
    values = getattr(pair, "value", None), getattr(pair, "counterfactual_value", None)
    named = None if None in values else (str(values[0]), str(values[1]))
    return KnownPair(clean, other, sides[0], sides[1], positions, named)


def _ids(lm: Model, prompt: Any) -> list[int]:
    ids = lm.tokens(prompt).ids
    assert ids is not None
    return ids.tolist()
