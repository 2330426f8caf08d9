"""Slots: the places in a sentence where the world has a choice, or where it has none.

A slot is a small rule over what the story has said so far (a plain dict, the *memory*): which words may stand here, and
what the story knows once one of them does. After "Mary and Tom went to the park. Tom gave the ball to", ``{IO}`` has
only "Mary". A ``=`` in a slot's name marks what was said before.

The memory is never hidden: every entry was said in the text. That is what makes the exact probability of each word
computable (`grammar.surprisals`).

=========== ==================================================================
memory key  meaning
=========== ==================================================================
a, b        the pair of people last introduced together, in that order
focus       the person that "he" or "she" means
person      the person last named
mood        +1 or -1 once something good or bad has happened
place       where the story is
thing       the thing whose colour was told, and ``colour``
fav         (person, favourite colour)
span        the random words of the last sign or song
split, few  which combinations, and how many countries, this text may use
=========== ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from . import words as w
from .rules import NOTHING, Choice, Memory, Slot, choice, keep, one, partners, strangers

SLOTS: dict[str, Slot] = {}


def free(name: str, pool: tuple[str, ...], role: str | None = None, *keys: str) -> None:
    """A slot open to a whole list, whatever the story has said."""
    fixed = Choice(pool)
    SLOTS[name] = Slot(role or name, lambda memory: fixed, keep(*keys) if keys else None)


def known(name: str, key: str, role: str, others: Callable[[Memory], tuple[str, ...]] | None = None) -> None:
    """A slot that repeats what the memory holds under `key`: determined."""
    SLOTS[name] = Slot(role, lambda memory: one(memory[key]), None, others)


# People --------------------------------------------------------------------------------------------------------------


def _new(pool: tuple[str, ...]) -> Callable[[Memory], Choice]:
    return lambda memory: strangers(pool, memory.get("a"), memory.get("b"), memory.get("focus"))


def _alone(memory: Memory, word: str) -> None:
    memory["focus"] = memory["person"] = word
    memory["a"] = memory["b"] = None


def _pair(memory: Memory, word: str) -> None:
    memory["a"], memory["b"], memory["focus"] = memory["person"], word, None


def _other(memory: Memory) -> str:
    return memory["b"] if memory["focus"] == memory["a"] else memory["a"]


_EVERYONE = _new(w.NAMES)
_KIND_NAMES = {True: _new(w.GIRLS), False: _new(w.BOYS)}
SLOTS["New"] = Slot("name", _EVERYONE, _alone)
SLOTS["NewG"] = Slot("name", lambda memory: _KIND_NAMES[memory["kind"] in w.GIRL_KINDS](memory), _alone)
SLOTS["A"] = Slot("a", _EVERYONE, keep("person"))
SLOTS["B"] = Slot("b", lambda memory: partners(memory["person"], w.NAMES, memory["split"]), _pair)
SLOTS["S"] = Slot("s2", lambda memory: choice((memory["a"], memory["b"])), keep("focus", "person"))
SLOTS["IO"] = Slot("io", lambda memory: one(_other(memory)), None, lambda memory: (memory["focus"],))
SLOTS["F"] = Slot("name", lambda memory: one(memory["focus"]), keep("person"))
SLOTS["someone"] = Slot("name", lambda memory: choice(w.NAMES))
free("kind", w.GIRL_KINDS + w.BOY_KINDS, "kind", "kind")


def _pronoun(name: str, feminine: str, masculine: str) -> None:
    def pick(memory: Memory, same: bool) -> str:
        return feminine if (memory["focus"] in w.GIRLS) == same else masculine

    SLOTS[name] = Slot(
        "pronoun", lambda memory: one(pick(memory, True)), None, lambda memory: (pick(memory, False),)
    )  # fmt: skip


for _name, _she, _he in (("He", "She", "He"), ("he", "she", "he"), ("his", "her", "his"), ("His", "Her", "His")):
    _pronoun(_name, _she, _he)
_pronoun("him", "her", "him")
SLOTS["They"] = Slot("they", lambda memory: one("They"))

# Places and colours --------------------------------------------------------------------------------------------------

SLOTS["place"] = Slot(
    "place", lambda memory: partners(memory["person"], w.PLACES, memory["split"], memory.get("place") or ""),
    keep("place"),
)  # fmt: skip
known("place=", "place", "place", lambda memory: tuple(p for p in w.PLACES if p != memory["place"]))
SLOTS["at"] = Slot("at", lambda memory: one(w.inside(memory["place"])))
free("spot", w.PLACES)


def _coloured(memory: Memory, word: str) -> None:
    memory["thing"], memory["colour"] = word, memory["_colour"]


free("colour", w.COLOURS, "colour", "_colour")
SLOTS["thing"] = Slot("thing", lambda memory: partners(memory["_colour"], w.THINGS, memory["split"]), _coloured)
known("thing=", "thing", "thing")
known("colour=", "colour", "colour", lambda memory: tuple(c for c in w.COLOURS if c != memory["colour"]))
free("obj", w.THINGS)


def _favourite(memory: Memory, word: str) -> None:
    memory["fav"] = (memory["focus"], word)


SLOTS["fav"] = Slot("fav", lambda memory: choice(w.COLOURS), _favourite)
SLOTS["fav="] = Slot(
    "fav",
    lambda memory: one(memory["fav"][1]) if memory["fav"][0] == memory["focus"] else NOTHING,
    None,
    lambda memory: tuple(c for c in w.COLOURS if c != memory["fav"][1]),
)

# Mood ----------------------------------------------------------------------------------------------------------------


def _mood(name: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    words = {1: Choice(good), -1: Choice(bad)}
    SLOTS[name] = Slot(
        "mood", lambda memory: words[memory["mood"]], None,
        lambda memory: _MOODS[-memory["mood"]], lambda memory: _MOODS[memory["mood"]],
    )  # fmt: skip


_MOODS = {1: w.GOOD_FEELINGS + w.GOOD_ACTS, -1: w.BAD_FEELINGS + w.BAD_ACTS}
_mood("feel", w.GOOD_FEELINGS, w.BAD_FEELINGS)
_mood("react", w.GOOD_ACTS, w.BAD_ACTS)

_DAYS = {None: Choice(w.GOOD_DAYS + w.BAD_DAYS), 1: Choice(w.GOOD_DAYS), -1: Choice(w.BAD_DAYS)}


def _day(memory: Memory, word: str) -> None:
    memory["mood"] = 1 if word in w.GOOD_DAYS else -1


SLOTS["day"] = Slot("mood", lambda memory: _DAYS[memory.get("mood")], _day)

# Number agreement ----------------------------------------------------------------------------------------------------

_PLURAL_ANIMALS, _PLURAL_LANDMARKS = tuple(w.ANIMALS.values()), tuple(w.LANDMARKS.values())
_SINGULAR_OF = {plural: singular for singular, plural in w.ANIMALS.items()}
_LANDMARKS = tuple(w.LANDMARKS)


def _attractors(memory: Memory, plural: bool) -> Choice:
    noun = _SINGULAR_OF.get(memory["noun"], memory["noun"])
    return _attractor_choice(noun, memory["split"], plural)


@cache
def _attractor_choice(noun: str, split: str, plural: bool) -> Choice:
    found = w.partners(noun, _LANDMARKS, split)
    return Choice(tuple(w.LANDMARKS[word] for word in found) if plural else found)


free("N1", tuple(w.ANIMALS), "subject", "noun")
free("N2", _PLURAL_ANIMALS, "subject", "noun")
SLOTS["M1"] = Slot("attractor", lambda memory: _attractors(memory, False))
SLOTS["M2"] = Slot("attractor", lambda memory: _attractors(memory, True))
_PLAIN = tuple(verb for verb in w.VERBS if verb not in w.AUXILIARIES)


def _verb(name: str, pool: tuple[str, ...], plural: bool) -> None:
    both = (tuple(w.VERBS), tuple(w.VERBS.values()))
    fixed = Choice(pool)
    SLOTS[name] = Slot(
        "verb", lambda memory: fixed, None, lambda memory: both[not plural], lambda memory: both[plural]
    )  # fmt: skip


_verb("V1", _PLAIN, False)
_verb("V2", tuple(w.VERBS[verb] for verb in _PLAIN), True)
for _singular, _plural in (("is", "are"), ("was", "were"), ("has", "have")):
    _verb(_singular + "1", (_singular,), False)
    _verb(_singular + "2", (_plural,), True)

# Capitals ------------------------------------------------------------------------------------------------------------

_COUNTRY_OF = {city: country for country, city in w.CAPITALS.items()}

# Early drills set "few" in the memory: only the first so many countries, since telling true from false is learned
# on few pairs first.
SLOTS["land"] = Slot("country", lambda memory: choice(w.COUNTRIES[: memory.get("few")]), keep("land"))
SLOTS["city"] = Slot("city", lambda memory: choice(w.CITIES[: memory.get("few")]), keep("city"))
SLOTS["land="] = Slot(
    "country", lambda memory: one(_COUNTRY_OF[memory["city"]]), keep("land"),
    lambda memory: tuple(c for c in w.COUNTRIES if c != _COUNTRY_OF[memory["city"]]),
)  # fmt: skip
SLOTS["city="] = Slot(
    "city", lambda memory: one(w.CAPITALS[memory["land"]]), keep("city"),
    lambda memory: tuple(c for c in w.CITIES if c != w.CAPITALS[memory["land"]]),
)  # fmt: skip
SLOTS["land-"] = Slot(
    "country",
    lambda memory: partners(
        memory["city"], w.COUNTRIES[: memory.get("few")], memory["split"], _COUNTRY_OF[memory["city"]]
    ),
    keep("land"),
)
SLOTS["city-"] = Slot(
    "city",
    lambda memory: partners(memory["land"], w.CITIES[: memory.get("few")], memory["split"], w.CAPITALS[memory["land"]]),
    keep("city"),
)
for _word, _opposite in (("true", "false"), ("Yes", "No")):
    for _right, _wrong in ((_word, _opposite), (_opposite, _word)):
        SLOTS[_right] = Slot(
            "verdict", lambda memory, it=_right: one(it), None, lambda memory, it=_wrong: (it,)
        )  # fmt: skip

# Years ---------------------------------------------------------------------------------------------------------------


@cache
def _later(start: str) -> Choice:
    return Choice(w.YEARS[int(start) + 1 :])


free("event", w.EVENTS, "event", "event")
free("cc", w.CENTURIES, "century", "cc")
known("cc=", "cc", "century")
SLOTS["yy"] = Slot("start", lambda memory: partners(memory["event"], w.START_YEARS, memory["split"]), keep("yy"))
SLOTS["yy>"] = Slot("end", lambda memory: _later(memory["yy"]), None, lambda memory: w.YEARS[: int(memory["yy"]) + 1])

# Random spans: {r0} .. {r24} draw, {=0} .. {=24} repeat --------------------------------------------------------------

_SPAN = Choice(w.SPAN_WORDS)
LONGEST_SPAN = 25


def _start(memory: Memory, word: str) -> None:
    memory["span"] = (word,)


def _extend(memory: Memory, word: str) -> None:
    memory["span"] = (*memory["span"], word)


for _i in range(LONGEST_SPAN):
    SLOTS[f"r{_i}"] = Slot(f"span{_i}", lambda memory: _SPAN, _extend if _i else _start)
    SLOTS[f"={_i}"] = Slot(f"again{_i}", lambda memory, i=_i: one(memory["span"][i]))

# Plain lists ---------------------------------------------------------------------------------------------------------

_LISTS = {
    "gave": w.GAVE, "size": w.SIZES, "food": w.FOODS, "drink": w.DRINKS, "clothes": w.CLOTHES, "family": w.FAMILY,
    "job": w.JOBS, "skill": w.SKILLS, "need": w.NEEDS, "game": w.GAMES, "month": w.MONTHS, "weekday": w.WEEKDAYS,
    "part": w.DAYPARTS, "season": w.SEASONS, "meal": w.MEALS, "number": w.NUMBERS, "went": w.WENT, "near": w.NEAR,
    "animals": _PLURAL_ANIMALS, "animal": tuple(w.ANIMALS), "landmark": _LANDMARKS,
}  # fmt: skip
for _key, _pool in _LISTS.items():
    free(_key, _pool)
