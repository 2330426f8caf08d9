"""How a model wrote a text, token by token, and in which units it could have been accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.token import alternatives, score
from interpwidgets.errors import InputError, ModelError
from interpwidgets.records.generation import GenerationTrace, check_threshold

if TYPE_CHECKING:
    from interpwidgets.models import Model


def generation_trace(
    lm: Model,
    prompt: Any,
    max_new_tokens: int = 40,
    *,
    ahead: int = 8,
    threshold: float | None = 0.9,
    temperature: float = 0.0,
    seed: int | None = None,
    top: int = 10,
) -> GenerationTrace:
    """Let a model write, and read off what it was sure of: which runs of tokens could be taken in one step?

    Lexical Unit Decoding (Sun et al. 2024, "Decoding at the Speed of Thought") trains a model to propose several next
    tokens at once and accepts the longest run whose confidence is high: words and phrases that one token settles come
    in one step. Here any causal model is read in that way, without training it for that. It writes one token at a time
    with its own ``generate`` (under the edits that are active). Then one run over the finished text gives the
    probability of each written token with all tokens before it in place (teacher forcing), and a step accepts the
    longest run of next tokens whose probability is at least the ``threshold``: at most ``ahead`` of them, at least one.

    What this shows is how many steps *could* be saved by a decoder that proposed exactly these tokens. It saves no time
    by itself, and it is optimistic: a model that must guess the fifth token without having seen the fourth is, on
    average, less sure than the probabilities shown. The text never changes with the threshold, which can therefore be
    moved afterwards.

    Args:
        lm: a model that writes text.
        prompt: text, token ids or chat messages.
        max_new_tokens: how many tokens at most.
        ahead: the most tokens that one step accepts.
        threshold: a probability; None, or above 1, accepts one token a step, which is plain decoding.
        temperature: 0 takes the likeliest token each time; above 0 samples. Probabilities shown are the model's own,
            before the temperature.
        seed: makes sampling repeatable.
        top: how many alternatives to keep at each written token.

    Raises:
        InputError: a threshold, count or prompt that does not fit.
        ModelError: a model that writes no text, or an encoder-decoder.
    """
    check_model(lm)
    least = check_threshold(threshold)
    for name, value in (("max_new_tokens", max_new_tokens), ("ahead", ahead), ("top", top)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(expected=f"{name} as a whole number from 1", got=repr(value), fix="Pass for example 8.")
    if not hasattr(temperature, "__float__") or not 0 <= float(temperature) < float("inf"):
        raise InputError(expected="a temperature from 0", got=repr(temperature), fix="0 is greedy, 1 samples.")
    if lm.has_decoder:
        raise ModelError(
            expected="a model that continues its own text",
            got=f"{lm.name}, an encoder-decoder",
            fix="Trace it with lm.trace(text, decoder=...) and show token_values.",
        )
    start = len(lm.tokens(prompt))
    if lm.context is not None and start + max_new_tokens > lm.context:
        raise InputError(
            expected=f"a prompt and new tokens that fit the context of {lm.context}",
            got=f"{start} and {max_new_tokens}",
            fix=f"Ask for at most {max(0, lm.context - start)} new tokens, or shorten the prompt.",
        )
    written = lm.generate(prompt, max_new_tokens, temperature=temperature, seed=seed)
    trace = lm.trace(written.ids, attention=False)
    assert trace.logits is not None
    scored = score(trace.logits[start - 1 : -1], written.ids[start:], min(top, trace.logits.shape[1]))
    return GenerationTrace(
        tokens=written.tokens,
        start=start,
        probability=np.asarray(scored.probability),
        entropy=np.asarray(scored.entropy),
        alternatives=alternatives(lm, scored),
        ahead=ahead,
        threshold=least,
        temperature=float(temperature),
        seed=seed,
    )
