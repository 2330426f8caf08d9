"""From what a user types or passes to steering targets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.steering.makers import feature, head, layers, neuron, vector
from interpwidgets.dictionaries import Dictionary
from interpwidgets.errors import InputError
from interpwidgets.models import Model
from interpwidgets.models.inputs import to_ids
from interpwidgets.models.steered import check_target
from interpwidgets.records.steering import by_name
from interpwidgets.records.steering_target import SteeringTarget

FORMS = "871, resid_post.2/871, head 2.1, neuron 3.17 or layers 1-2"


def parse(lm: Model, text: str, dictionaries: Any = ()) -> SteeringTarget:
    """The target that a typed text means.

    Args:
        lm: the model.
        text: ``"871"`` (a feature of the only dictionary), ``"resid_post.2/871"``, ``"head 2.1"``, ``"neuron 3.17"``,
            ``"layers 1-2"``.
        dictionaries: those it may name, a list or by name.

    Raises:
        InputError: another text, a dictionary that is not there, a feature, head or layer that does not exist.
    """
    check_model(lm)
    known = by_name(dictionaries)
    words = str(text).strip()
    part = re.fullmatch(r"(head|neuron)\s+(\d+)\s*[./,]\s*(\d+)", words, re.IGNORECASE)
    if part:
        make = head if part[1].lower() == "head" else neuron
        return make(lm, int(part[2]), int(part[3]))
    part = re.fullmatch(r"layers?\s+(\d+)(?:\s*(?:-|–|to)\s*(\d+))?", words, re.IGNORECASE)
    if part:
        return layers(lm, int(part[1]), int(part[2] or part[1]))
    part = re.fullmatch(r"(?:(.+?)\s*[/#]\s*)?(\d+)", words)
    if part:
        return feature(_named(known, part[1]), int(part[2]), lm=lm)
    raise InputError(expected=f"a target such as {FORMS}", got=repr(words[:60]), fix="Write it in one of these forms.")


def of(lm: Model, given: Any, *, prompt: Any = None, count: int = 3) -> list[SteeringTarget]:
    """Whatever a user passed, as targets.

    Args:
        lm: the model.
        given: one of, or a list of any mix of: a target; a dictionary, which stands for its features that fire most at
            the end of the prompt; ``(site, tensor)``; a typed text such as "head 2.1".
        prompt: the prompt, needed for a dictionary.
        count: how many features of a dictionary.

    Raises:
        InputError: anything else, or a target that does not fit this model.
    """
    check_model(lm)
    several = list(given) if isinstance(given, list) or (isinstance(given, tuple) and not _is_pair(given)) else [given]
    if isinstance(given, Mapping):
        several = list(given.items())
    dictionaries = {d.name: d for d in several if isinstance(d, Dictionary)}
    found: list[SteeringTarget] = []
    for one in several:
        if isinstance(one, SteeringTarget):
            check_target(lm, one)
            found.append(one)
        elif isinstance(one, Dictionary):
            found.extend(_firing(lm, one, prompt, count))
        elif isinstance(one, str):
            found.append(parse(lm, one, dictionaries))
        elif _is_pair(one):
            found.append(vector(one[0], one[1], lm=lm))
        else:
            raise InputError(
                expected="targets, dictionaries, (site, tensor) or typed names",
                got=type(one).__name__,
                fix='Make a target with iw.targets, e.g. iw.targets.head(lm, 2, 1), or write "head 2.1".',
            )
    return list({target.name: target for target in found}.values())


def _firing(lm: Model, dictionary: Dictionary, prompt: Any, count: int) -> list[SteeringTarget]:
    if prompt is None:
        raise InputError(
            expected=f"a prompt, at whose end the features of {dictionary.name} are ranked",
            got="none",
            fix="Pass prompt=..., or name the features with iw.targets.feature(dictionary, j).",
        )
    feature(dictionary, 0, lm=lm)  # says what is wrong with the dictionary, if anything
    place = lm.site(dictionary.site_in or "")
    _, kept = lm.run(torch.tensor([to_ids(lm, prompt)]), sites=[place], no_further=True)
    codes = dictionary.encode(kept[place][0, -1:])[0]
    best = torch.argsort(codes, descending=True, stable=True)[:count].tolist()
    # Where fewer fire, only those; where none does, one, so that there is something to turn.
    return [feature(dictionary, j, lm=lm) for i, j in enumerate(best) if i == 0 or float(codes[j]) > 0]


def _named(known: dict[str, Dictionary], name: str | None) -> Dictionary:
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    fits = [d for key, d in known.items() if name is not None and name in (key, d.site_in, key.rpartition("/")[2])]
    if len(fits) == 1:
        return fits[0]
    which = ", ".join(known) or "no dictionary is here"
    raise InputError(
        expected=f"a feature of one of the dictionaries: {which}",
        got=f"{name!r}" if name is not None else "a number without a dictionary",
        fix=f"Write {next(iter(known))}/871." if known else "Pass a dictionary beside it.",
    )


def _is_pair(given: Any) -> bool:
    """A site and a tensor."""
    if not isinstance(given, tuple) or len(given) != 2 or isinstance(given[1], (str, SteeringTarget, Dictionary)):
        return False
    return hasattr(given[1], "__len__") and not isinstance(given[0], (SteeringTarget, Dictionary))
