"""A direction out of two lists of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.steering.makers import vector
from interpwidgets.errors import InputError
from interpwidgets.models import Model, Site
from interpwidgets.models.inputs import to_ids
from interpwidgets.models.unedited import unedited
from interpwidgets.records.steering_target import SteeringTarget, ranges

REACH = 4.0


def difference(
    lm: Model,
    site: Site | str,
    positive: Sequence[Any],
    negative: Sequence[Any],
    *,
    name: str | None = None,
    at: str = "mean",
) -> SteeringTarget:
    """The way from the mean of one list of prompts to the mean of another, added; strength 1 is the whole way.

    ``write = mean(x of positive) - mean(x of negative)`` (Marks and Tegmark 2023, "The Geometry of Truth"; Rimsky et
    al. 2023, "Steering Llama 2 via Contrastive Activation Addition"). Each prompt counts the same, however long.

    Args:
        lm: the model.
        site: where the prompts are compared, and where the difference is added.
        positive, negative: prompts: texts, ids or chat messages.
        name: what to call it.
        at: ``"mean"`` over a prompt's tokens, or its ``"last"`` token.

    Raises:
        InputError: an empty list, equal means, a site this model does not have.
    """
    check_model(lm)
    if at not in ("mean", "last"):
        raise InputError(expected='at as "mean" or "last"', got=repr(at), fix='Write at="mean".')
    place = lm.site(site)
    means = [_mean(lm, place, group, word, at) for group, word in ((positive, "positive"), (negative, "negative"))]
    write = means[0] - means[1]
    if not bool(write.any()):
        raise InputError(
            expected="two lists of prompts with different means",
            got=f"the same mean at {place}",
            fix="Check the prompts, or compare them at a later site.",
        )
    made = vector(str(place), write.float(), name=name or f"difference at {place}", lm=lm)
    low, high = ranges("difference", "add", REACH)
    label = f"{len(positive)} prompts against {len(negative)}, {at} token"
    return replace(made, kind="difference", low=low, high=high, reach=REACH, label=label)


def _mean(lm: Model, place: Site, prompts: Sequence[Any], word: str, at: str) -> torch.Tensor:
    if isinstance(prompts, str) or not isinstance(prompts, Sequence) or len(prompts) == 0:
        got = (
            "one text" if isinstance(prompts, str) else "none" if isinstance(prompts, Sequence) else repr(prompts)[:60]
        )
        raise InputError(
            expected=f"a list of at least one {word} prompt", got=got, fix='Pass a list, e.g. ["I love it", "So good"].'
        )
    found = []
    with unedited(lm):
        for prompt in prompts:
            _, kept = lm.run(torch.tensor([to_ids(lm, prompt)]), sites=[place], no_further=True)
            values = kept[place][0].double()
            found.append(values.mean(0) if at == "mean" else values[-1])
    return torch.stack(found).mean(0)
