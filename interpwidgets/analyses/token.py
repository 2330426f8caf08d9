"""What a language model made of each token: how surprised it was, and what it expected instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.analyses.given import check_trace
from interpwidgets.errors import InputError, ModelError
from interpwidgets.records.alternatives import Alternatives
from interpwidgets.records.token import TokenValues

if TYPE_CHECKING:
    from torch import Tensor

    from interpwidgets.models import Model, Trace

# Logits are worked on in float64, in blocks of about this many.
BLOCK = 1 << 22


@dataclass(frozen=True)
class Scored:
    """What predictions say of the tokens that came; all ``[position]`` float64, then the likeliest choices."""

    surprisal: np.ndarray
    probability: np.ndarray
    rank: np.ndarray
    entropy: np.ndarray
    top_ids: np.ndarray
    top_probabilities: np.ndarray


def token_values(trace: Trace, *, top: int = 10) -> TokenValues:
    r"""Surprisal, probability, rank and entropy at every token of a text that a causal language model has read.

    The logits at position ``i - 1`` predict the token at position ``i``; everything here stands at the token that is
    predicted, so the first token has no value and is masked. With ``p = softmax(logits[i - 1])`` and the token ``x``
    that really stands at ``i``:

    - ``surprisal`` is ``-log p(x)`` in nats (divide by ``log 2`` for bits). Its sum over a text is minus the log
      probability that the model gives to the text after its first token; its mean is the loss the model was
      trained with (Shannon 1948).
    - ``probability`` is ``p(x)``.
    - ``rank`` is 1 for the likeliest token of the vocabulary, 2 for the next; ties count in the token's favour.
    - ``entropy`` is ``-sum p log p`` in nats: how open the prediction was, whatever came.

    All are computed in float64 from the model's own logits.

    Args:
        trace: what ``lm.trace(text)`` returned.
        top: how many alternatives to keep at each position.

    Raises:
        ModelError: a model without logits, or one that does not write from left to right (BERT's logits at a
            position have seen the token there).
    """
    logits, ids = _causal(trace)
    count, size = logits.shape
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise InputError(expected="top as a whole number from 1", got=repr(top), fix="Ten are kept by default.")
    scored = score(logits[:-1], ids[1:], min(top, size))
    values = np.full((4, count), np.nan)
    values[:, 1:] = (scored.surprisal, scored.probability, scored.rank, scored.entropy)
    return TokenValues(
        tokens=trace.tokens,
        names=("surprisal", "probability", "rank", "entropy"),
        values=values,
        units=("nats", "", "", "nats"),
        mask=np.arange(count) == 0,
        alternatives=alternatives(trace.model, scored, before=1),
    )


def score(logits: Tensor, ids: Tensor, top: int) -> Scored:
    """Score predictions ``[position, vocab]`` against the ids ``[position]`` that came."""
    count, size = logits.shape
    rows = max(1, BLOCK // max(1, size))
    found = [np.zeros(count) for _ in range(4)]
    top_ids, chances = np.zeros((count, top), np.int64), np.zeros((count, top))
    for start in range(0, count, rows):
        here = slice(start, min(count, start + rows))
        log_p = logits[here].detach().cpu().double().log_softmax(-1)
        p = log_p.exp()
        own = log_p.gather(1, ids[here].cpu()[:, None])
        rank = (log_p > own).sum(1).double() + 1
        rank[own[:, 0].isnan()] = float("nan")
        # A token of probability 0 adds nothing to the entropy: 0 * log 0 is 0, not NaN.
        entropy = -(p * log_p.where(p != 0, 0.0)).sum(1)
        best = p.topk(top, dim=1)
        for array, block in zip(found, (-own[:, 0], own[:, 0].exp(), rank, entropy), strict=True):
            array[here] = block.numpy()
        top_ids[here], chances[here] = best.indices.numpy(), best.values.numpy()
    return Scored(found[0], found[1], found[2], found[3], top_ids, chances)


def alternatives(lm: Model, scored: Scored, *, before: int = 0) -> Alternatives:
    """The likeliest choices as a record, with ``before`` empty rows in front."""
    texts = lm.vocabulary.texts
    top = scored.top_ids.shape[1]
    return Alternatives(
        ids=np.concatenate([np.full((before, top), -1), scored.top_ids]),
        probabilities=np.concatenate([np.full((before, top), np.nan), scored.top_probabilities]),
        texts=(*(("",) * top for _ in range(before)), *(tuple(texts[i] for i in row) for row in scored.top_ids)),
    )


def _causal(trace: Trace) -> tuple[Tensor, Tensor]:
    """The logits and ids of a trace of a model that writes from left to right."""
    check_trace(trace)
    lm = trace.model
    if trace.logits is None or trace.ids is None:
        raise ModelError(
            expected="a trace of a language model, with logits",
            got=f"{lm.name} of the {lm.family} family without them",
            fix="Load it with its head, e.g. as AutoModelForCausalLM, or give TokenView values of your own.",
        )
    can_generate = getattr(lm.model, "can_generate", None)
    if can_generate is not None and not can_generate():
        raise ModelError(
            expected="a model that predicts each token from those before it",
            got=f"{lm.name} of the {lm.family} family, whose logits have seen the token itself",
            fix="Mask a position and read trace.logits there, or give TokenView values of your own.",
        )
    return trace.logits, trace.ids
