"""Stories: text with the truth about every token.

A `Story` is what a probe, a dictionary or a picture can be checked against. Its labels are the latent factors that the
generator used, token by token, and its surprisals are exact (see `grammar`), so both "does a feature detect this
factor" and "how far is the model from the best possible model" have answers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from interpwidgets.errors import InputError

from . import words as w
from .grammar import DIGITS, Token, fitting, only, templates, write
from .rules import Memory

SPLITS = ("train", "heldout")
KINDS = tuple(dict.fromkeys(item.kind.rstrip(DIGITS) for item in templates()))
ROLES = ("none", "io", "s1", "s2", "end", "answer")
AGREEMENT = ("none", "subject", "attractor", "verb")
YEAR_ROLES = ("none", "century", "start", "end")

#: What each label means. 0 is "nothing to say here" for all but `year` (-1) and the counters `sentence` and `kind`.
FACTORS = {
    "kind": "index into KINDS: what sort of sentence the token stands in",
    "sentence": "how many templates came before this one in the story",
    "role": "index into ROLES: the parts of an indirect-object sentence (Wang et al. 2022): io and s1 are where the "
    "two people were introduced, s2 the giver, end the token before the answer, answer the receiver",
    "person": "1 + index into NAMES of the person that a name or pronoun means",
    "gender": "+1 feminine, -1 masculine, of names, pronouns and words such as girl or king",
    "agreement": "index into AGREEMENT (Linzen et al. 2016)",
    "number": "+1 singular, -1 plural, of the subject, attractor or verb",
    "sentiment": "+1 or -1: the mood of the story as told up to and including this token",
    "feeling": "+1 or -1: the token itself is a word of feeling",
    "scene": "1 + index into PLACES: where the story is at this token",
    "place": "1 + index into PLACES of a token that names a place",
    "colour": "1 + index into COLOURS, of a colour word, or of a thing whose colour was told",
    "span": "1-based position within a span of random words (Olsson et al. 2022)",
    "repeat": "1 where such a span is said first, 2 where it is said again",
    "truth": "+1 or -1 on every token of a true or false statement about capitals (Marks & Tegmark 2023)",
    "country": "1 + index into COUNTRIES, of a country or of the city that is its capital",
    "year": "the two-digit number of a start or end year (Hanna et al. 2023); -1 elsewhere",
    "year_role": "index into YEAR_ROLES",
}


@dataclass(frozen=True, slots=True)
class Story:
    """One story with its latent factors.

    Attributes:
        text: the story as one reads it.
        words: the tokens, aligned one to one with the tokenizer's tokens after ``<s>``.
        labels: factor name (`FACTORS`) to an int16 array ``[token]``.
        surprisal: float32 ``[token]``, nats: -log p(token | tokens before) under the generator itself. Exact for the
            sampling process: the choice of template is summed out and nothing else is hidden. Its mean over many
            stories is the generator's entropy rate, the lowest loss a model can have in expectation.
        end: nats of stopping after the last token (the ``</s>`` that training appends).
    """

    text: str
    words: tuple[str, ...]
    labels: dict[str, np.ndarray]
    surprisal: np.ndarray
    end: float


def join(words: tuple[str, ...] | list[str]) -> str:
    """Text from tokens: no space before punctuation, none between the halves of a year. The decoder does the same."""
    pieces: list[str] = []
    for before, word in zip(("", *words), words, strict=False):
        glued = word in ".,:?" or (word.isdigit() and before.isdigit())
        pieces.append(word if glued or not pieces else " " + word)
    return "".join(pieces)


def tell(rng: random.Random, split: str = "train", *, score: bool = True, most: int | None = None) -> list[Token]:
    """Write one story, token by token, ending with ``</s>``; or only its first `most` tokens."""
    out: list[Token] = []
    memory: Memory = {"split": split}
    count, before = 0, ""
    while before != "stop" and (most is None or len(out) < most):
        before = write(fitting(memory, count, len(out), before), memory, rng, out, score=score).kind
        memory, count = out[-1].memory, count + 1
    return out[:most]


def drill(rng: random.Random, kinds: frozenset[str], most: int, few: int | None = None) -> list[Token]:
    """Write `most` tokens or fewer with sentences of a few `kinds` only: one task, undiluted, for early training.

    `few` keeps to the first so many countries.
    """
    out: list[Token] = []
    memory: Memory = {"split": "train"} | ({"few": few} if few else {})
    while len(out) < most and not memory.get("over"):
        choices = fitting(memory, 9 if out else 0, 0, "")  # as if late in a story, but never at its end
        write(only(choices, kinds), memory, rng, out, score=False)
        memory = out[-1].memory
    return out[:most]


def generate(n: int, *, seed: int, split: str = "train") -> list[Story]:
    """Write `n` stories; the same `seed` gives the same stories.

    Args:
        n: how many.
        seed: any integer. The shipped model was trained on streams of its own: no seed here repeats its corpus.
        split: "train" for stories as the model saw them; "heldout" for stories whose combinations (pairs of friends,
            person and place, colour and thing, noun and attractor, false capitals, event and year) training never had.
    """
    check_split(split)
    rng = random.Random(f"storyworld {split} {seed}")
    return [label(tell(rng, split)) for _ in range(n)]


def check_split(split: str) -> None:
    """Say clearly that a split does not exist."""
    if split not in SPLITS:
        raise InputError(expected="split 'train' or 'heldout'", got=repr(split), fix="Choose one of the two.")


def label(tokens: list[Token]) -> Story:
    """The story of `tokens` (which end with ``</s>``), its factors spelled out."""
    *body, stop = tokens
    words = tuple(token.word for token in body)
    labels = {name: np.zeros(len(body), np.int16) for name in FACTORS}
    labels["year"][:] = -1
    starts = [i for i, token in enumerate(body) if i == 0 or body[i - 1].kind != token.kind]
    for number, (start, stop_at) in enumerate(zip(starts, [*starts[1:], len(body)], strict=True)):
        labels["sentence"][start:stop_at] = number
        labels["kind"][start:stop_at] = KINDS.index(body[start].kind.rstrip(DIGITS))
        if body[start].kind == "truth":
            last = body[stop_at - 1].memory
            labels["truth"][start:stop_at] = 1 if w.CAPITALS[last["land"]] == last["city"] else -1
    for i, token in enumerate(body):
        for name, value in _of_token(token).items():
            labels[name][i] = value
    _roles(body, labels["role"])
    return Story(join(words), words, labels, np.array([t.surprisal for t in body], np.float32), stop.surprisal)


_GENDER = (
    dict.fromkeys(w.GIRLS + w.GIRL_KINDS + ("she", "She", "her", "Her"), 1)
    | dict.fromkeys(w.BOYS + w.BOY_KINDS + ("he", "He", "his", "His", "him"), -1)
)  # fmt: skip
_NUMBER = (
    dict.fromkeys(list(w.ANIMALS) + list(w.LANDMARKS) + list(w.VERBS), 1)
    | dict.fromkeys([*w.ANIMALS.values(), *w.LANDMARKS.values(), *w.VERBS.values()], -1)
)  # fmt: skip
_PERSON = {name: i for i, name in enumerate(w.NAMES, 1)}
_PLACE = {name: i for i, name in enumerate(w.PLACES, 1)}
_COLOUR = {name: i for i, name in enumerate(w.COLOURS, 1)}
_COUNTRY = {name: i for i, pair in enumerate(w.CAPITALS.items(), 1) for name in pair}
_FEELING = dict.fromkeys(w.GOOD_FEELINGS + w.GOOD_ACTS + w.GOOD_DAYS, 1) | dict.fromkeys(
    w.BAD_FEELINGS + w.BAD_ACTS + w.BAD_DAYS, -1
)


def _of_token(token: Token) -> dict[str, int]:
    """The factors that one token carries."""
    word, role, memory = token.word, token.role, token.memory
    found = {"sentiment": memory.get("mood") or 0, "scene": _PLACE.get(memory.get("place", ""), 0)}
    if role in ("name", "a", "b", "s2", "io", "kind", "pronoun"):
        found["gender"] = _GENDER[word]
        if role != "kind":
            found["person"] = _PERSON[memory["focus"] if role == "pronoun" else word]
    elif role in AGREEMENT:
        found |= {"agreement": AGREEMENT.index(role), "number": _NUMBER[word]}
    elif role == "mood":
        found["feeling"] = _FEELING[word]
    elif role in ("place", "spot"):
        found["place"] = _PLACE[word]
    elif role in ("colour", "fav"):
        found["colour"] = _COLOUR[word]
    elif role == "thing":
        found["colour"] = _COLOUR[memory["colour"]]
    elif role in ("country", "city"):
        found["country"] = _COUNTRY[word]
    elif role in YEAR_ROLES:
        found["year_role"] = YEAR_ROLES.index(role)
        if role != "century":
            found["year"] = int(word)
    elif role.startswith("span"):
        found |= {"span": 1 + int(role.removeprefix("span")), "repeat": 1}
    elif role.startswith("again"):
        found |= {"span": 1 + int(role.removeprefix("again")), "repeat": 2}
    return found


def _roles(body: list[Token], roles: np.ndarray) -> None:
    """Indirect-object roles, written backward: who was "io" and who "s1" is known only once somebody gives."""
    introduced: dict[str, int] = {}
    for i, token in enumerate(body):
        if token.role in ("a", "b"):
            introduced[token.word] = i
        elif token.kind == "give" and token.role == "s2":
            roles[i] = ROLES.index("s2")
            memory = token.memory
            for name in (memory["a"], memory["b"]):
                if name in introduced:
                    roles[introduced.pop(name)] = ROLES.index("s1" if name == memory["focus"] else "io")
        elif token.kind == "give" and token.role == "io":
            roles[i], roles[i - 1] = ROLES.index("answer"), ROLES.index("end")
