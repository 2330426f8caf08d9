"""Steering with the truth known: prompts that differ in one factor, and the words that say which value it has.

A direction learnt from some prompts is added in others, and the words of the world's own grammar tell whether the model
now goes on as if the factor had the other value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interpwidgets.errors import InputError

from . import words as w
from .questions import Task, tasks

_YEARS = tuple(f"{year:02d}" for year in range(100))
_FEMININE, _MASCULINE = ("she", "She", "her", "Her"), ("he", "He", "his", "His", "him")
Value = Callable[[Task], str]


@dataclass(frozen=True, slots=True)
class SteeringQuestion:
    """One factor, to be steered from one value to another.

    Attributes:
        factor: a name of `STEERABLE`.
        toward, away: the value steered to, and the one the prompts have.
        positive, negative: prompts whose factor has the value `toward`, and `away`: a direction is learnt from these.
        prompts: other prompts with the value `away`: the effect is measured on these.
        toward_words, away_words: next tokens that go with either value.
        at: where the difference of means is to be read: ``"last"`` where the prompt's last token knows the factor
            already, ``"mean"`` where only an earlier token does (gender: the person's name).
    """

    factor: str
    toward: str
    away: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    prompts: tuple[str, ...]
    toward_words: tuple[str, ...]
    away_words: tuple[str, ...]
    at: str


@dataclass(frozen=True, slots=True)
class _Form:
    task: str
    value: Value
    toward: str
    away: str
    words: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    at: str = "last"


def _case(task: Task) -> str:
    return task.case


def _answer(task: Task) -> str:
    return task.answers[0]


def _number(task: Task) -> str:
    # Of a verb's two forms the plural is the shorter one; "is" and "was" end in s, as every singular form does.
    return "singular" if task.answers[0].endswith("s") else "plural"


def _start(task: Task) -> str:
    year = int(task.distractors[-1])
    return "late" if year >= 60 else "early" if year < 30 else "between"


#: factor -> how it is asked, and the two values it is steered between.
_FORMS: dict[str, _Form] = {
    "gender": _Form("gender", _case, "feminine", "masculine", (_FEMININE, _MASCULINE), at="mean"),
    "sentiment": _Form("sentiment", _case, "good mood", "bad mood"),
    "truth": _Form("truth", _case, "true statement", "false statement"),
    "number": _Form("agreement", _number, "plural", "singular"),
    "place": _Form("place", _answer, "village", "castle"),
    "colour": _Form("colour", _answer, "green", "white"),
    "favourite": _Form("favourite", _answer, "purple", "blue"),
    "country": _Form("capital", _answer, "Lima", "Dublin"),
    "receiver": _Form("indirect_object", _answer, "John", "Lily"),
    "year": _Form("greater_than", _start, "late", "early", (_YEARS[65:], _YEARS[:35])),
}
#: The factors that can be asked for.
STEERABLE = tuple(_FORMS)
# Of prompts asked so often one has a certain name, place, colour or country.
_BATCH, _MOST = 400, 40


def steering_question(
    factor: str, *, n: int = 60, prompts: int = 40, seed: int = 0, split: str = "train"
) -> SteeringQuestion:
    """Prompts to steer a factor with: `n` of either value to learn from, and others to measure on.

    Args:
        factor: a name of `STEERABLE`.
        n: how many prompts of either value.
        prompts: how many to measure on.
        seed: any integer; the same seed gives the same prompts. None to measure on is one to learn from.
        split: see `tasks`.

    Raises:
        InputError: an unknown factor or split, or numbers below 1.
    """
    if factor not in _FORMS:
        raise InputError(expected=f"a factor of {', '.join(STEERABLE)}", got=repr(factor), fix="Choose one of them.")
    if min(n, prompts) < 1:
        raise InputError(
            expected="n and prompts from 1", got=f"n={n}, prompts={prompts}", fix="Leave them out, or ask for 40."
        )
    form = _FORMS[factor]
    positive = _of(form, form.toward, n, seed, split, set())
    negative = _of(form, form.away, n + prompts, seed, split, {task.prompt for task in positive})
    said = tuple(tuple(dict.fromkeys(word for task in some for word in task.answers)) for some in (positive, negative))
    toward_words, away_words = form.words or said
    return SteeringQuestion(
        factor, form.toward, form.away,
        tuple(task.prompt for task in positive),
        tuple(task.prompt for task in negative[:n]),
        tuple(task.prompt for task in negative[n:]),
        toward_words, away_words, form.at,
    )  # fmt: skip


def _of(form: _Form, value: str, count: int, seed: int, split: str, known: set[str]) -> list[Task]:
    """So many different prompts of one value."""
    found: dict[str, Task] = {}
    for batch in range(_MOST):
        for task in tasks(form.task, n=_BATCH, seed=seed * 1000 + batch, split=split):
            if form.value(task) == value and task.prompt not in known and len(found) < count:
                found.setdefault(task.prompt, task)
        if len(found) == count:
            return list(found.values())
    raise InputError(
        expected=f"at most {len(found)} prompts with the value {value!r}",
        got=f"{count}",
        fix="Ask for fewer: some values are rare.",
    )


def mood(text_words: tuple[str, ...] | list[str]) -> int:
    """How many more words of good than of bad feeling a text has: the truth that a steered story is judged by."""
    good, bad = {*w.GOOD_FEELINGS, *w.GOOD_ACTS, *w.GOOD_DAYS}, {*w.BAD_FEELINGS, *w.BAD_ACTS, *w.BAD_DAYS}
    return sum((word in good) - (word in bad) for word in text_words)
