"""Tasks: prompts that stop where the next word is determined, with the right words and the tempting wrong ones.

A prompt is the beginning of a story (none to nine sentences), then one more sentence cut before its ``{slot!}``. The
generator knows the exact probability of the right words there; a prompt is used only if that is at least 0.99, so
whatever a model gets wrong is the model's fault and not the world's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from interpwidgets.errors import InputError

from . import words as w
from .grammar import Choices, Template, Token, fitting, prune, templates, write
from .rules import Memory, Slot
from .stories import check_split, join

#: What each task asks, and where it comes from.
TASKS = {
    "indirect_object": "who receives: the one of the pair who does not give (Wang et al. 2022)",
    "gender": "he or she, his or her, for a person named before",
    "agreement": "the verb's number follows the subject, not the nearer noun (Linzen et al. 2016)",
    "sentiment": "a word of feeling that fits the mood of the story",
    "greater_than": "an end year after the start year (Hanna et al. 2023)",
    "capital": "the capital of a country, or the country of a capital",
    "truth": "whether a statement about a capital was true (Marks & Tegmark 2023)",
    "place": "where the story is",
    "colour": "the colour that a thing was said to have",
    "favourite": "the favourite colour of a person",
}
CERTAIN = 0.99


@dataclass(frozen=True, slots=True)
class Task:
    """One question.

    Attributes:
        name: a key of `TASKS`.
        prompt: text to continue; the tokenizer puts ``<s>`` in front.
        words: the prompt's tokens, without ``<s>``.
        answers: the words that are right as the next token (one, or all that are).
        distractors: the words that are wrong in the way the task is about.
        certainty: probability of `answers` under the generator itself, at least 0.99.
        case: the sort of question within its task, such as "ABBA" or "false statement".
        template: the sentence form asked, as written in `templates`.
        split: "train", or "heldout": a form and combinations that training never saw.
    """

    name: str
    prompt: str
    words: tuple[str, ...]
    answers: tuple[str, ...]
    distractors: tuple[str, ...]
    certainty: float
    case: str
    template: str
    split: str


def tasks(name: str | None = None, *, n: int, seed: int, split: str = "heldout") -> list[Task]:
    """Make `n` prompts of one task, or of each task in turn; the same `seed` gives the same prompts.

    In the "heldout" split the sentence asked is of a form that training never saw *and* every combination in the story
    (see `generate`) is one that it never saw. In the "train" split both are as in training, in new stories.
    """
    check_split(split)
    if name is None:
        return [task for each in TASKS for task in tasks(each, n=n, seed=seed, split=split)]
    if name not in TASKS:
        raise InputError(expected=f"a task of {', '.join(TASKS)}", got=repr(name), fix="Choose one of these names.")
    rng = random.Random(f"storyworld tasks {name} {split} {seed}")
    made: list[Task] = []
    while len(made) < n:
        group = rng.choice(_forms(name, split == "heldout"))
        task = _ask(rng.choice(group), rng, split)
        if task:
            made.append(task)
    return made


@cache
def _forms(name: str, new: bool) -> list[list[Template]]:
    """The templates a task may ask, grouped so that each line written in `templates` gets the same share."""
    groups: dict[str, list[Template]] = {}
    for item in templates():
        if item.task == name and item.cuts and item.heldout == new:
            groups.setdefault(item.base, []).append(item)
    return list(groups.values())


def _ask(form: Template, rng: random.Random, split: str) -> Task | None:
    """Write a beginning, then `form` up to a cut; None if the form does not fit there or the answer is not certain."""
    new = split == "heldout"
    out: list[Token] = []
    memory: Memory = {"split": split}
    before = ""
    least = rng.choice((0, 0, 1, 3, 6))
    for count in range(least + 4):
        choices = fitting(memory, count, len(out), before, new=new)
        if count >= least and form in choices.templates:
            break
        before = write(choices, memory, rng, out, score=False).kind
        memory = out[-1].memory
        if before in ("chant", "stop", "end"):
            return None
    else:
        return None
    start = memory
    cut = rng.choice(form.cuts)
    said: list[str] = []
    for item in form.items[:cut]:
        if isinstance(item, str):
            said.append(item)
            continue
        said.append(rng.choice(item.options(memory).words))
        if item.bind:
            memory = dict(memory)
            item.bind(memory, said[-1])
    slot = form.items[cut]
    assert isinstance(slot, Slot)
    assert slot.others
    answers = slot.answers(memory) if slot.answers else slot.options(memory).words
    certainty = _probability(answers, said, choices, start)
    if certainty < CERTAIN:
        return None
    words = (*(token.word for token in out), *said)
    case = _case(form, memory)
    return Task(
        form.task, join(words), words, answers, slot.others(memory), certainty, case, form.line, split
    )  # fmt: skip


def _probability(answers: tuple[str, ...], said: list[str], choices: Choices, memory: Memory) -> float:
    """The generator's probability that one of `answers` comes after `said`, templates summed out."""
    alive = [(item, weight, memory) for item, weight in zip(choices.templates, choices.weights, strict=True)]
    for position, word in enumerate(said):
        alive = prune(alive, position, word)
    total = right = 0.0
    for item, weight, known in alive:
        rule = item.items[len(said)] if len(said) < len(item.items) else ""
        options = rule.options(known).words if isinstance(rule, Slot) else (rule,)
        total += weight
        right += weight * sum(word in answers for word in options) / len(options)
    return right / total


def _case(form: Template, memory: Memory) -> str:
    if form.task == "indirect_object":
        return "ABBA" if memory["focus"] == memory["b"] else "BABA"
    if form.task == "gender":
        return "feminine" if memory["focus"] in w.GIRLS else "masculine"
    if form.task == "agreement":
        differs = ("{N1}" in form.line and "{M2}" in form.line) or ("{N2}" in form.line and "{M1}" in form.line)
        return "attractor of the other number" if differs else "no such attractor"
    if form.task == "sentiment":
        return "good mood" if memory["mood"] > 0 else "bad mood"
    if form.task == "truth":
        return "true statement" if w.CAPITALS[memory["land"]] == memory["city"] else "false statement"
    return ""
