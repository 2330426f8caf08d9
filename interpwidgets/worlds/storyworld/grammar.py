"""From lines of text to sentences with exact probabilities.

Every document is written one template at a time. A template is picked among those that fit what the story has said so
far, then its slots are drawn from left to right. While it writes, the grammar also keeps every *other* template that
could have produced the words up to here, each with its posterior weight. So the probability it reports for a word,

    p(word | text so far) = sum_t w_t p_t(word) / sum_t w_t        (t over the templates still possible),

is the exact next-word distribution of the process, with the choice of template summed out: the forward algorithm on a
mixture. Its mean negative log is the entropy rate of the world, the loss that no model can beat.

Two conditions make this exact: no template is a strict prefix of another that fits at the same time (`surprisals` would
raise), and what the story remembers (`slots`) was always said in the text.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from .rules import Memory, Slot
from .slots import LONGEST_SPAN, SLOTS
from .templates import KINDS

DIGITS = "0123456789"
LONGEST_STORY = 205  # tokens after which only the end may follow; the longest template then still fits in 256
_NEEDS = {
    **dict.fromkeys(("S", "IO", "They"), "b"),
    **dict.fromkeys(("F", "He", "he", "his", "His", "him", "fav"), "focus"),
    **dict.fromkeys(("place=", "at"), "place"),
    **dict.fromkeys(("thing=", "colour="), "thing"),
    **dict.fromkeys(("feel", "react"), "mood"),
    "fav=": "fav",
}
_GIVES = {"New": "focus", "NewG": "focus", "S": "focus", "B": "b", "place": "place", "thing": "thing", "day": "mood"}


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """One form of words. `items` are plain words and `Slot`s; `cuts` are the positions a task may ask for.

    `needs` are the memory keys that must be set; `sets` is what the sentence adds besides its slots; `base` is the line
    before its shorthands were expanded; `first` whether a story may begin with it.
    """

    kind: str
    line: str
    items: tuple[str | Slot, ...]
    cuts: tuple[int, ...]
    needs: frozenset[str]
    task: str = ""
    mood: int = 0
    heldout: bool = False
    first: bool = True
    sets: tuple[tuple[str, Any], ...] = ()
    base: str = ""


class Token(NamedTuple):
    """One written word: the slot role that drew it ("" for a fixed word), what was known then, and -log p in nats."""

    word: str
    role: str
    memory: Memory
    surprisal: float
    kind: str


def _expansions(line: str) -> list[str]:
    """A line without its shorthands: the plain lines it stands for."""
    if "{N}" in line:
        return [x for name in ("New", "F", "S") for x in _expansions(line.replace("{N}", f"{{{name}}}"))]
    if "#" in line:
        out = []
        for noun in "12":
            some = re.sub(r"\{(N|V|is|was|has)#", rf"{{\g<1>{noun}", line)
            out += [some.replace("{M#}", f"{{M{number}}}") for number in ("12" if "{M#}" in some else "1")]
        return out
    if "?}" in line:
        right = re.sub(r"\{(land|city)\?\}", r"{\1=}", line)
        wrong = re.sub(r"\{(land|city)\?\}", r"{\1-}", line).replace("{true!}", "{false!}").replace("{Yes!}", "{No!}")
        return [right, wrong]
    return [line]


def _parse(kind: str, line: str, task: str = "", mood: int = 0, **more: Any) -> Template:
    heldout, text = line.startswith("*"), line.removeprefix("*")
    items: list[str | Slot] = []
    cuts, needs, given = [], set(), set()
    for position, word in enumerate(text.split()):
        if not word.startswith("{"):
            items.append(word)
            continue
        name = word[1:-1].removesuffix("!")
        if word.endswith("!}"):
            cuts.append(position)
        if name in _NEEDS and _NEEDS[name] not in given:
            needs.add(_NEEDS[name])
        given.add(_GIVES.get(name))
        items.append(SLOTS[name])
    first = text.split()[0] not in ("Then", "In", "After", "That", "Everybody", "Nobody", "Of")
    return Template(kind, line, tuple(items), tuple(cuts), frozenset(needs), task, mood, heldout, first, **more)


def _spans() -> list[Template]:
    """Signs, songs and bare chants: random words, later said again (the induction task of Olsson et al. 2022)."""

    def words(mark: str, n: int) -> str:
        return " ".join(f"{{{mark}{i}}}" for i in range(n))

    made = []
    for n in range(3, 9):
        made.append(_parse("sign", f"The sign said : {words('r', n)} .", base="sign", sets=(("sign", n),)))
        made.append(_parse(f"read{n}", f"The sign still said : {words('=', n)} .", base="still"))
        made.append(_parse(f"read{n}", f"Then everybody read the sign : {words('=', n)} .", base="read"))
    for n in range(6, 17):
        line = f"The song was : {words('r', n)} {words('=', n)} ."
        made.append(_parse("song", line, base="song", sets=(("sign", None),)))
    for n in range(5, LONGEST_SPAN + 1):
        times = 4 if n <= 8 else 3 if n <= 14 else 2
        line = " ".join([words("r", n)] + [words("=", n)] * (times - 1))
        made.append(_parse("chant", line, base="chant", sets=(("over", True),)))
    return made


@cache
def templates() -> tuple[Template, ...]:
    """All templates of the world, held-out ones included."""
    made = _spans()
    for kind, (_, task, mood, lines) in KINDS.items():
        sets = (("over", True),) if kind == "end" else ()
        for line in filter(None, lines.split("\n")):
            made += [_parse(kind, plain, task, mood, base=line, sets=sets) for plain in _expansions(line)]
    return (*made, _parse("stop", "</s>"))


_WEIGHTS = {kind: entry[0] for kind, entry in KINDS.items()} | {"sign": 0.6, "song": 0.8, "chant": 3.0, "stop": 1.6}
_ONLY_FIRST, _ONLY_LATE = ("open", "chant"), ("stop", "end")


class Choices(NamedTuple):
    """Templates that may come next, their probabilities (summing to 1) and the running sum of these."""

    templates: tuple[Template, ...]
    weights: tuple[float, ...]
    cumulative: tuple[float, ...]


@cache
def _fitting(known: frozenset[str], mood: int | None, sign: int | None, before: str, stage: str, new: bool) -> Choices:
    """The templates that fit, with probability: kinds by weight, then lines evenly, then expansions evenly."""
    fits = []
    for item in templates():
        if item.heldout and not new:
            continue
        stage_fits = {
            "first": item.first and item.kind not in _ONLY_LATE,
            "early": item.kind not in _ONLY_FIRST + _ONLY_LATE,
            "late": item.kind not in _ONLY_FIRST,
            "over": item.kind == "stop",
        }[stage]
        mood_fits = not item.mood or mood is None or item.mood == mood
        sign_fits = not item.kind.startswith("read") or item.kind == f"read{sign}"
        if stage_fits and mood_fits and sign_fits and item.needs <= known and item.kind != before:
            fits.append(item)
    lines = Counter((item.kind, item.base) for item in fits)
    kinds = Counter(kind for kind, _ in lines)
    weights = [
        _WEIGHTS.get(item.kind, 1.4) / kinds[item.kind] / lines[item.kind, item.base] * _rarity(item, stage)
        for item in fits
    ]
    total = sum(weights)
    weights = [weight / total for weight in weights]
    return Choices(tuple(fits), tuple(weights), tuple(accumulate(weights)))


def _rarity(item: Template, stage: str) -> float:
    """New people come seldom once the story runs: a story is about somebody."""
    return 0.2 if "{New}" in item.line and stage != "first" else 1.0


def fitting(memory: Memory, count: int, length: int, before: str, *, new: bool = False) -> Choices:
    """The templates that may come next, given the memory, how many came before, the tokens so far and the last kind.

    `new` adds the held-out templates (only tasks of the "heldout" split do).
    """
    known = {key for key in ("b", "focus", "mood", "place", "thing") if memory.get(key) is not None}
    if memory.get("fav") and memory["fav"][0] == memory.get("focus"):
        known.add("fav")
    over = memory.get("over") or length > LONGEST_STORY
    stage = "over" if over else "first" if count == 0 else "early" if count < 4 else "late"
    return _fitting(frozenset(known), memory.get("mood"), memory.get("sign"), before, stage, new)


@cache
def only(choices: Choices, kinds: frozenset[str]) -> Choices:
    """The part of `choices` whose kinds are wanted, with probabilities that sum to 1 again."""
    pairs = zip(choices.templates, choices.weights, strict=True)
    kept = [(item, weight) for item, weight in pairs if item.kind.strip(DIGITS) in kinds]
    total = sum(weight for _, weight in kept)
    weights = tuple(weight / total for _, weight in kept)
    return Choices(tuple(item for item, _ in kept), weights, tuple(accumulate(weights)))


def write(choices: Choices, memory: Memory, rng: random.Random, out: list[Token], *, score: bool = True) -> Template:
    """Write one template's words to `out`, each with its exact conditional surprisal; return the template.

    The new memory is that of the last token written. Without `score` the surprisals are left at 0, four times faster.
    """
    picked = rng.choices(choices.templates, cum_weights=choices.cumulative)[0]
    start = memory
    for item in picked.items:
        if isinstance(item, str):
            word, role = item, ""
        else:
            word, role = rng.choice(item.options(memory).words), item.role
            if item.bind:
                memory = dict(memory)
                item.bind(memory, word)
        out.append(Token(word, role, memory, 0.0, picked.kind))
    if picked.mood or picked.sets:
        memory = memory | dict(picked.sets) | ({"mood": picked.mood} if picked.mood else {})
        out[-1] = out[-1]._replace(memory=memory)
    if score:
        first = len(out) - len(picked.items)
        for position, nats in enumerate(surprisals(choices, start, [token.word for token in out[first:]]), first):
            out[position] = out[position]._replace(surprisal=nats)
    return picked


def surprisals(choices: Choices, memory: Memory, words: list[str]) -> list[float]:
    """-log p of each of the `words`, given the templates that may come next: the forward algorithm."""
    alive = [(item, weight, memory) for item, weight in zip(choices.templates, choices.weights, strict=True)]
    total, nats = 1.0, []
    for position, word in enumerate(words):
        alive = prune(alive, position, word)
        mass = sum(weight for _, weight, _ in alive)
        nats.append(math.log(total / mass))
        total = mass
    unfinished = sum(weight for item, weight, _ in alive if len(item.items) > len(words))
    if unfinished > 1e-6 * total:
        raise AssertionError(f"a template is a prefix of another, so its probabilities are not exact: {words}")
    return nats


Alive = list[tuple[Template, float, Memory]]


def prune(alive: Alive, position: int, word: str) -> Alive:
    """One step of the forward algorithm: the templates that can say `word` here, weighted by how likely they do."""
    kept: Alive = []
    for item, weight, known in alive:
        rule = item.items[position] if position < len(item.items) else None
        if isinstance(rule, Slot):
            options = rule.options(known)
            if word not in options.found:
                continue
            weight /= len(options.words)
            if rule.bind:
                known = dict(known)
                rule.bind(known, word)
        elif rule != word:
            continue
        kept.append((item, weight, known))
    return kept
