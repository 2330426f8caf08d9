"""Editing features towards a counterfactual: does the model answer as if the attribute were another?

The control axis of Makelov et al. 2024 ("Towards Principled Evaluations of Sparse Autoencoders for Interpretability and
Control"): features that are the right variables can be exchanged, few at a time, and the model follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.control_pairs import PLACES, KnownPair, PromptPair, read_pair
from interpwidgets.analyses.control_rivals import random_dictionary, supervised_rows
from interpwidgets.analyses.control_runs import answered, rows_of, run_with
from interpwidgets.analyses.feature_edits import exchange
from interpwidgets.analyses.splice import sites_of
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError
from interpwidgets.records.control import Control

if TYPE_CHECKING:
    from interpwidgets.models import Model


def control(
    dictionary: Dictionary,
    lm: Model,
    pairs: Iterable[PromptPair],
    *,
    at: str = "all",
    budgets: Sequence[int] = (1, 2, 4, 8, 16, 32),
    seed: int = 0,
) -> Control:
    """Edit up to k features of each prompt towards its counterfactual, and see whose answer the model gives.

    An edit sets the code of a feature to what it is in the counterfactual: a feature active only before is removed,
    one active only after is added. Features are chosen greedily, each the one that brings the activation nearest to
    the counterfactual's; what the dictionary leaves unsaid stays as it was. Beside it stand no edit, the whole
    counterfactual activation, a supervised code exchanged for another (least squares, fitted on the other half of the
    pairs), and random directions of the same number with codes as sparse.

    Args:
        dictionary: any kind, with ``site_in`` set.
        lm: the model it was made for.
        pairs: prompts with counterfactuals. Pairs that the model itself gets wrong, either way, are left out.
        at: which positions are edited: ``"all"`` from the first token that differs on, only those that differ
            (``"changed"``), or only the ``"last"``. Where the whole activation moves nothing either (the ceiling),
            what matters is not at these positions.
        budgets: how many features may be edited at a position, rising.
        seed: of the random directions.

    Raises:
        InputError: no pairs, prompts of different lengths, an answer that is no token, an unknown `at`.
    """
    here, there = sites_of(lm, dictionary)
    steps = _budgets(budgets)
    given = list(pairs)
    if at not in PLACES:
        raise InputError(expected=f"at out of {', '.join(PLACES)}", got=repr(at), fix="Choose one of them.")
    if not given:
        raise InputError(expected="at least one pair of prompts", got="none", fix="See storyworld.pairs(...).")
    asked = [read_pair(lm, pair, at) for pair in given]
    with torch.no_grad():
        said = answered(lm, [pair.clean for pair in asked]), answered(lm, [pair.other for pair in asked])
        known = [
            pair
            for pair, one, other in zip(asked, *said, strict=True)
            if one in pair.answers and other in pair.other_answers
        ]
        return _measured(dictionary, lm, (here, there), given, known, at, steps, seed)


def _measured(
    dictionary: Dictionary,
    lm: Model,
    sites: tuple[str, str],
    given: list[Any],
    known: list[KnownPair],
    at: str,
    steps: tuple[int, ...],
    seed: int,
) -> Control:
    attribute = str(getattr(given[0], "attribute", "") or "answer")
    nan = np.full(len(steps), np.nan)
    if not known:
        none = float("nan")
        return Control(
            attribute, sites[1], at, len(given), 0, steps, nan, nan, none, none, none, 0, nan, nan,
            dict.fromkeys(("plain", "spliced", "ablated"), none),
        )  # fmt: skip
    before, after = rows_of(lm, known, sites, "clean"), rows_of(lm, known, sites, "other")
    x, goal = before[1], after[1]
    edits = exchange(dictionary, *before, *after, steps)
    chance = exchange(random_dictionary(dictionary, before, after, seed), x, x, goal, goal, steps)
    named = all(pair.values for pair in known)
    supervised, coded = supervised_rows(known, x, goal) if named else (x, [])
    spliced = dictionary.reconstruct(before[0]).to(x)
    mean = x.mean(0).expand(x.shape)
    follows, odds = run_with(
        lm, sites[1], known, [x, goal, supervised, spliced, mean, *edits.activations, *chance.activations]
    )
    share = follows.mean(1)
    gap = (goal - x).norm(dim=-1).clamp_min(1e-12)
    left = [((goal - edited.to(goal)).norm(dim=-1) / gap).mean() for edited in edits.activations]
    return Control(
        attribute=attribute,
        site=sites[1],
        at=at,
        asked=len(given),
        known=len(known),
        budgets=steps,
        success=share[5 : 5 + len(steps)],
        random=share[5 + len(steps) :],
        floor=float(share[0]),
        ceiling=float(share[1]),
        supervised=float(follows[2, coded].mean()) if coded else float("nan"),
        supervised_pairs=len(coded),
        weight=edits.weight,
        distance=np.array([float(value) for value in left]),
        logit_difference={name: float(odds[at].mean()) for name, at in (("plain", 0), ("spliced", 3), ("ablated", 4))},
    )


def _budgets(budgets: Sequence[int]) -> tuple[int, ...]:
    steps = tuple(int(k) for k in budgets)
    if not steps or any(k < 1 for k in steps) or list(steps) != sorted(set(steps)):
        raise InputError(
            expected="rising budgets from 1 on", got=repr(list(budgets)), fix="Write for example (1, 2, 4, 8)."
        )
    return steps
