"""Probes: what is known of each token as named yes-or-no values, and pairs of prompts that differ in one of them.

`attributes` turns the labels of stories into what `interpwidgets.analyses.detections` reads; `pairs` makes prompts and
their counterfactuals for the question whether an edit moves the model's answer.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from interpwidgets.errors import InputError

from . import words as w
from .questions import Task, tasks
from .stories import AGREEMENT, KINDS, ROLES, YEAR_ROLES, Story, join

# factor -> label value -> name; what is absent here has nothing to say. `sentence` and `span` count, and name nothing.
_NAMES: dict[str, dict[int, str]] = {
    "kind": dict(enumerate(KINDS)),
    "role": dict(enumerate(ROLES[1:], 1)),
    "person": dict(enumerate(w.NAMES, 1)),
    "gender": {1: "feminine", -1: "masculine"},
    "agreement": dict(enumerate(AGREEMENT[1:], 1)),
    "number": {1: "singular", -1: "plural"},
    "sentiment": {1: "happy", -1: "sad"},
    "feeling": {1: "happy", -1: "sad"},
    "scene": dict(enumerate(w.PLACES, 1)),
    "place": dict(enumerate(w.PLACES, 1)),
    "colour": dict(enumerate(w.COLOURS, 1)),
    "repeat": {1: "first", 2: "second"},
    "truth": {1: "true", -1: "false"},
    "country": dict(enumerate(w.COUNTRIES, 1)),
    "year_role": dict(enumerate(YEAR_ROLES[1:], 1)),
}
# What a label is about, where its name alone would mislead.
_TITLES = {"sentiment": "story sentiment", "feeling": "token sentiment", "year_role": "year"}


def attributes(stories: Sequence[Story], *, words: int = 0) -> dict[str, np.ndarray]:
    """Named truths about every token, such as ``"gender=feminine"``, ``"place=park"``, ``"role=io"``, ``"truth=true"``.

    Each factor value (`storyworld.FACTORS`) that occurs is one name; a token has several. Years are named by decade.

    Args:
        stories: what `generate` gave.
        words: also name the most frequent so many words, ``"word=the"``, as a group of their own: many features of a
            dictionary are about one word, and should not be called something deeper.

    Returns:
        Name -> bool ``[token]`` over the model's tokens: for each story ``<s>`` (of which nothing is true but, where
        words are asked for, ``"word=<s>"``) and its words, one story after another.

    Raises:
        InputError: no stories.
    """
    if not stories:
        raise InputError(expected="at least one story", got="none", fix="Write some: storyworld.generate(100, seed=1).")
    starts = np.zeros(sum(len(story.words) + 1 for story in stories), bool)
    starts[np.cumsum([0, *(len(story.words) + 1 for story in stories[:-1])])] = True
    found: dict[str, np.ndarray] = {}

    def spread(values: np.ndarray) -> np.ndarray:
        out = np.zeros(len(starts), bool)
        out[~starts] = values
        return out

    for factor, names in _NAMES.items():
        label = np.concatenate([story.labels[factor] for story in stories])
        for value in np.unique(label):
            if int(value) in names:
                found[f"{_TITLES.get(factor, factor)}={names[int(value)]}"] = spread(label == value)
    year = np.concatenate([story.labels["year"] for story in stories])
    for decade in np.unique(year[year >= 0] // 10):
        found[f"year={decade}0 to {decade}9"] = spread((year >= 0) & (year // 10 == decade))
    if words:
        said = np.array([word for story in stories for word in story.words])
        for word, _ in Counter(said.tolist()).most_common(words):
            found[f"word={word}"] = spread(said == word)
        found["word=<s>"] = starts
    return found


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and its counterfactual: one attribute is another, and with it the right answer.

    Attributes:
        attribute: what differs, a name of `PAIRS`.
        clean, counterfactual: the two texts, of equally many tokens.
        changed: positions that differ, counted with ``<s>`` as 0.
        answers, counterfactual_answers: the words that are right after each.
        value, counterfactual_value: what the attribute is in each.
    """

    attribute: str
    clean: str
    counterfactual: str
    changed: tuple[int, ...]
    answers: tuple[str, ...]
    counterfactual_answers: tuple[str, ...]
    value: str
    counterfactual_value: str
    case: str = ""


def pairs(attribute: str, *, n: int, seed: int, split: str = "train") -> list[Pair]:
    """Make `n` pairs of prompts that differ in one attribute; the same `seed` gives the same pairs.

    Args:
        attribute: a name of `PAIRS`.
        n: how many.
        seed: any integer.
        split: see `tasks`.

    Raises:
        InputError: an unknown attribute or split.
    """
    if attribute not in PAIRS:
        raise InputError(expected=f"an attribute of {', '.join(PAIRS)}", got=repr(attribute), fix="Choose one of them.")
    name, change = PAIRS[attribute]
    rng = random.Random(f"storyworld pairs {attribute} {split} {seed}")
    made: list[Pair] = []
    batch = 0
    while len(made) < n:
        for task in tasks(name, n=n, seed=seed * 1000 + batch, split=split):
            found = change(task, rng)
            if found and len(made) < n:
                made.append(_pair(attribute, task, *found))
        batch += 1
    return made


# What a change gives: the other prompt's words, the answers right there, and the value in either prompt.
Change = tuple[tuple[str, ...], tuple[str, ...], str, str]
_GENDERED = {"she", "She", "he", "He", "her", "Her", "his", "His", "him", *w.GIRL_KINDS, *w.BOY_KINDS}


def _pair(attribute: str, task: Task, words: tuple[str, ...], answers: tuple[str, ...], old: str, new: str) -> Pair:
    changed = tuple(i for i, (a, b) in enumerate(zip(task.words, words, strict=True), 1) if a != b)
    return Pair(attribute, task.prompt, join(words), changed, task.answers, answers, old, new, task.case)


def _everywhere(task: Task, old: str, new: str) -> tuple[str, ...]:
    return tuple(new if word == old else word for word in task.words)


def _receiver(task: Task, rng: random.Random) -> Change | None:
    """The receiver bears another name of the same gender, wherever it is said."""
    (old,) = task.answers
    pool = [name for name in (w.GIRLS if old in w.GIRLS else w.BOYS) if name not in task.words]
    new = rng.choice(pool)
    return _everywhere(task, old, new), (new,), old, new


def _giver(task: Task, rng: random.Random) -> Change | None:
    """The other of the pair gives: one word, the last mention of the giver."""
    (receiver,), (giver,) = task.answers, task.distractors
    at = max(i for i, word in enumerate(task.words) if word == giver)
    if max(i for i, word in enumerate(task.words) if word == receiver) > at:
        return None
    return (*task.words[:at], receiver, *task.words[at + 1 :]), (giver,), giver, receiver


def _gender(task: Task, rng: random.Random) -> Change | None:
    """The person named last bears a name of the other gender; only where no other word says the gender."""
    if _GENDERED & set(task.words):
        return None
    old = next(word for word in reversed(task.words) if word in w.NAMES)
    girl = old in w.GIRLS
    new = rng.choice([name for name in (w.BOYS if girl else w.GIRLS) if name not in task.words])
    value, other = ("feminine", "masculine") if girl else ("masculine", "feminine")
    return _everywhere(task, old, new), task.distractors, value, other


def _number(task: Task, rng: random.Random) -> Change | None:
    """The subject is in the other number."""
    items = task.template.removeprefix("*").split()
    cut = next(i for i, item in enumerate(items) if "!" in item)
    subject = next((i for i, item in enumerate(items) if item in ("{N1}", "{N2}")), None)
    if subject is None:
        return None
    at = len(task.words) - cut + subject
    plurals = w.ANIMALS | w.LANDMARKS
    singulars = {plural: noun for noun, plural in plurals.items()}
    word = task.words[at]
    value, other = ("singular", "plural") if word in plurals else ("plural", "singular")
    words = (*task.words[:at], (plurals | singulars)[word], *task.words[at + 1 :])
    return words, task.distractors, value, other


def _swap(task: Task, rng: random.Random) -> Change | None:
    """The word that the answer repeats is another of its kind, wherever it is said."""
    (old,) = task.answers
    pool = [word for word in task.distractors if word not in task.words and word in (*w.PLACES, *w.COLOURS)]
    if old in w.PLACES:
        pool = [word for word in pool if w.inside(word) == w.inside(old)]
    if not pool or old not in task.words:
        return None
    new = rng.choice(pool)
    return _everywhere(task, old, new), (new,), old, new


def _country(task: Task, rng: random.Random) -> Change | None:
    """Another country (and so another capital is asked for), or another capital."""
    (answer,) = task.answers
    capitals = dict(w.CAPITALS)
    of = {city: land for land, city in capitals.items()}
    asked, known = (of, capitals) if answer in of else (capitals, of)
    old = asked[answer]
    pool = [word for word in known if word not in task.words and known[word] not in task.words]
    if answer in task.words or task.words.count(old) != 1 or not pool:
        return None
    new = rng.choice(pool)
    return _everywhere(task, old, new), (known[new],), old, new


#: attribute -> (the task it is asked by, how a prompt is changed)
PAIRS: dict[str, tuple[str, Callable[[Task, random.Random], Change | None]]] = {
    "receiver": ("indirect_object", _receiver),
    "giver": ("indirect_object", _giver),
    "gender": ("gender", _gender),
    "number": ("agreement", _number),
    "place": ("place", _swap),
    "colour": ("colour", _swap),
    "country": ("capital", _country),
}
