"""How odd a continuation is to the unsteered model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from interpwidgets.errors import InputError
from interpwidgets.models import Model
from interpwidgets.models.inputs import to_ids
from interpwidgets.models.prefix import run_last
from interpwidgets.models.unedited import unedited


def perplexity(lm: Model, prompt_ids: Any, new_ids: Sequence[int]) -> float:
    """The perplexity of a continuation under the unsteered model: ``exp(mean of -log p(token | all before it))``.

    1 is a text the model was sure of; a text that says nothing to it has the size of its vocabulary. Steering that
    breaks the language shows here before it is read.

    Args:
        lm: the model.
        prompt_ids: the prompt: text, ids or chat messages.
        new_ids: the continuation's ids ``[token]``.

    Raises:
        InputError: no continuation, ids outside the vocabulary, more tokens than fit.
    """
    prompt, new = to_ids(lm, prompt_ids), [int(i) for i in new_ids]
    if not new:
        raise InputError(
            expected="at least one new token", got="none", fix="Let the model write first, e.g. with a Writer."
        )
    ids = torch.tensor([to_ids(lm, [*prompt, *new])], device=lm.device)
    with unedited(lm), lm._running():
        logits = run_last(lm, {lm.input_name: ids}, len(new) + 1)[0, :-1].float()
    chosen = torch.log_softmax(logits, -1).double().gather(1, ids[0, -len(new) :, None])
    mean = -float(chosen.mean())
    return math.exp(mean) if mean < 700 else math.inf
