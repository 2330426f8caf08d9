"""Letting a model write, with its own `generate`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.errors import ModelError
from interpwidgets.models import inputs, tokens
from interpwidgets.records import Tokens

if TYPE_CHECKING:
    from interpwidgets.models.model import Model


@dataclass(frozen=True, eq=False)
class Generation:
    """What `Model.generate` wrote.

    Attributes:
        text: the new text, without the prompt.
        prompt: the prompt as text.
        ids: ``[token]`` prompt and continuation.
        new_ids: ``[token]`` only the continuation.
        tokens: prompt and continuation, token by token.
    """

    text: str
    prompt: str
    ids: torch.Tensor
    new_ids: torch.Tensor
    tokens: Tokens

    def __str__(self) -> str:
        return self.prompt + self.text


def generate(
    lm: Model, given: Any, max_new_tokens: int, temperature: float, seed: int | None, kwargs: dict[str, Any]
) -> Generation:
    """What `Model.generate` does."""
    model: Any = lm.model
    if not hasattr(model, "generate") or lm.takes_images or lm.d_vocab is None:
        raise ModelError(
            expected="a model that generates text",
            got=f"{lm.name}, {type(model).__name__}",
            fix="Load it with a language-model head, e.g. as AutoModelForCausalLM.",
        )
    ids = inputs.to_ids(lm, given)
    batch = torch.tensor([ids], device=lm.device)
    options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "do_sample": temperature > 0, **kwargs}
    if temperature > 0:
        options["temperature"] = temperature
    if getattr(model.generation_config, "pad_token_id", None) is None:
        # Nothing is padded in a batch of one; naming any id keeps transformers from warning about it.
        end = lm.config.get_text_config().eos_token_id
        options.setdefault("pad_token_id", end if isinstance(end, int) else 0)
    with lm._running(), torch.random.fork_rng() if seed is not None else nullcontext():
        if seed is not None:
            torch.manual_seed(seed)
        out: torch.Tensor = model.generate(batch, attention_mask=torch.ones_like(batch), **options)[0]
    new = out if lm.has_decoder else out[len(ids) :]
    decode = getattr(lm.tokenizer, "decode", None)
    if decode is None:
        text, prompt = " ".join(map(str, new.tolist())), " ".join(map(str, ids))
    else:
        text = str(decode(new.tolist(), skip_special_tokens=True))
        prompt = given if isinstance(given, str) else str(decode(ids))
    return Generation(
        text=text, prompt=prompt, ids=out, new_ids=new, tokens=tokens.describe(out.tolist(), lm.tokenizer)
    )
