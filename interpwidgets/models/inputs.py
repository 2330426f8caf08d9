"""From what a user has (text, ids, a chat, an image) to what a model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import tokens
from interpwidgets.records import Tokens

if TYPE_CHECKING:
    from interpwidgets.models.model import Model


@dataclass
class Prepared:
    """One input, ready to run: the model's keyword arguments, and what its positions say."""

    kwargs: dict[str, Any]
    tokens: Tokens
    ids: torch.Tensor | None
    source: Tokens | None = None
    text: str = ""


def prepare(lm: Model, given: Any, decoder: Any = None) -> Prepared:
    """Check an input and turn it into a batch of one on the model's device.

    Raises:
        InputError: empty or too long, ids outside the vocabulary, text without a tokenizer, and the like.
    """
    if lm.takes_images:
        return _image(lm, given)
    ids = to_ids(lm, given)
    text = given if isinstance(given, str) else None
    if not lm.has_decoder:
        if decoder is not None:
            raise InputError(
                expected="decoder=... only for an encoder-decoder",
                got=f"decoder={decoder!r} for {lm.name}",
                fix="Leave decoder out.",
            )
        batch = torch.tensor([ids], device=lm.device)
        described = tokens.describe(ids, lm.tokenizer)
        return Prepared({lm.input_name: batch}, described, batch[0], text=_text(lm, text, ids))
    start = lm.config.decoder_start_token_id
    if decoder is None:
        out = [start if start is not None else 0]
    else:
        out = to_ids(lm, decoder, special=False)
        if start is not None and (not out or out[0] != start):
            out = [start, *out]
        _fits(lm, len(out))
    batch, target = torch.tensor([ids], device=lm.device), torch.tensor([out], device=lm.device)
    return Prepared(
        {"input_ids": batch, "decoder_input_ids": target},
        tokens.describe(out, lm.tokenizer),
        target[0],
        source=tokens.describe(ids, lm.tokenizer),
        text=_text(lm, text, ids),
    )


def to_ids(lm: Model, given: Any, special: bool = True) -> list[int]:
    """Vocabulary ids of a text, a list or tensor of ids, or chat messages; checked, and at most a context long."""
    ids = any_ids(lm, given, special)
    if not ids:
        raise InputError(
            expected="at least one token",
            got="an empty text" if isinstance(given, str) else "no ids",
            fix="Pass a text with at least one word.",
        )
    _fits(lm, len(ids))
    return ids


def any_ids(lm: Model, given: Any, special: bool = True) -> list[int]:
    """The same for any length, none and more than the context included: what a corpus is cut from."""
    if isinstance(given, str):
        ids = _encode(lm, given, special)
    elif isinstance(given, Tokens):
        if given.ids is None:
            raise InputError(expected="tokens with ids", got="tokens without ids", fix="Pass the text instead.")
        ids = [int(i) for i in given.ids]
    elif _is_chat(given):
        ids = _chat(lm, given)
    else:
        ids = _whole_numbers(given)
    tokens.check_ids(ids, lm.d_vocab_in)
    return ids


def _fits(lm: Model, count: int) -> None:
    if lm.context is not None and count > lm.context:
        raise InputError(
            expected=f"at most {lm.context} tokens, the context of {lm.name}",
            got=f"{count} tokens",
            fix=f"Shorten the input by {count - lm.context} tokens, or trace lm.tokens(text).ids[:{lm.context}].",
        )


def _encode(lm: Model, text: str, special: bool) -> list[int]:
    if lm.tokenizer is None:
        raise InputError(
            expected="token ids, since this model came without a tokenizer",
            got=f"the text {text[:40]!r}",
            fix="Pass tokenizer=... to load, or a list of ids.",
        )
    if not text:
        return []
    try:
        # Surrogates cannot be encoded: Python makes them of undecodable file names and broken JSON.
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            expected="text that is valid Unicode",
            got=f"a lone surrogate at character {error.start}",
            fix='Clean it with text.encode("utf-8", "replace").decode().',
        ) from None
    if hasattr(lm.tokenizer, "convert_ids_to_tokens"):
        # The length is checked by us, with both numbers; the tokenizer's own warning would only double it.
        return list(lm.tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"])
    encode = getattr(lm.tokenizer, "encode", lm.tokenizer)
    return _whole_numbers(encode(text))


def _is_chat(given: Any) -> bool:
    return isinstance(given, Sequence) and len(given) > 0 and all(isinstance(m, Mapping) for m in given)


def _chat(lm: Model, messages: Sequence[Mapping[str, Any]]) -> list[int]:
    if any("role" not in m or "content" not in m for m in messages):
        raise InputError(
            expected='messages like {"role": "user", "content": "Hello"}',
            got=f"keys {sorted({str(k) for m in messages for k in m})}",
            fix="Give each message a role and a content.",
        )
    if getattr(lm.tokenizer, "chat_template", None) is None:
        raise InputError(
            expected="a tokenizer with a chat template",
            got=f"chat messages, and {lm.name} has no template",
            fix="Write the conversation as plain text, or set lm.tokenizer.chat_template.",
        )
    filled: Any = lm.tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
    # The template writes the special tokens itself.
    return _encode(lm, filled, special=False)


def _whole_numbers(given: Any) -> list[int]:
    wrong = InputError(
        expected="a text, a list of token ids, or chat messages",
        got=f"{type(given).__name__} {str(given)[:60]}",
        fix="Pass text, or whole numbers from the tokenizer.",
    )
    try:
        ids = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError):
        raise wrong from None
    if ids.numel() == 0:
        return []
    if ids.dim() == 2 and ids.shape[0] == 1:
        ids = ids[0]
    if ids.dim() != 1:
        raise InputError(
            expected="one sequence of token ids, shape [token]",
            got=f"shape {list(ids.shape)}",
            fix="Trace the rows one by one.",
        )
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise InputError(
            expected="whole numbers as token ids",
            got=f"{str(ids.dtype).removeprefix('torch.')} values",
            fix="Convert them with .long() if they are ids.",
        )
    return [int(i) for i in ids.tolist()]


def _text(lm: Model, text: str | None, ids: list[int]) -> str:
    if text is not None:
        return text
    decode = getattr(lm.tokenizer, "decode", None)
    return str(decode(ids)) if decode is not None else " ".join(str(i) for i in ids)


def _image(lm: Model, given: Any) -> Prepared:
    pixels = _pixels(lm, given)
    if not torch.isfinite(pixels).all():
        raise InputError(expected="finite pixel values", got="NaN or infinity", fix="Check the image's preprocessing.")
    config = lm.config
    size = config.patch_size if isinstance(config.patch_size, int) else config.patch_size[0]
    sides = config.image_size if isinstance(config.image_size, (list, tuple)) else (config.image_size,) * 2
    channels = getattr(config, "num_channels", 3)
    if pixels.dim() != 4 or pixels.shape[0] != 1 or list(pixels.shape[1:]) != [channels, *sides]:
        raise InputError(
            expected=f"one image of shape [{channels}, {sides[0]}, {sides[1]}]",
            got=f"shape {list(pixels.shape)}",
            fix="Resize it, or pass tokenizer=AutoImageProcessor.from_pretrained(...) to load and give a PIL image.",
        )
    rows, columns = sides[0] // size, sides[1] // size
    registers = getattr(config, "num_register_tokens", 0)
    leading = ["[CLS]", *(f"[register {i}]" for i in range(registers))]
    described = tokens.patches(rows, columns, leading)
    return Prepared({"pixel_values": pixels.to(lm.device, lm.dtype)}, described, None)


def _pixels(lm: Model, given: Any) -> torch.Tensor:
    if isinstance(given, torch.Tensor):
        return given[None] if given.dim() == 3 else given
    if lm.tokenizer is not None:
        try:
            return lm.tokenizer(images=given, return_tensors="pt")["pixel_values"]
        except (TypeError, ValueError) as error:
            raise InputError(
                expected="an image the processor takes (PIL, array or pixel tensor)",
                got=f"{type(given).__name__}: {error}",
                fix="Pass a PIL image or a float tensor [channel, height, width].",
            ) from error
    try:
        import numpy as np

        array = np.asarray(given)
        if array.dtype == object or array.ndim < 3:
            raise TypeError
    except (TypeError, ValueError):
        raise InputError(
            expected="a pixel tensor [channel, height, width]",
            got=type(given).__name__,
            fix="Pass tokenizer=AutoImageProcessor.from_pretrained(...) to load for PIL images.",
        ) from None
    if array.dtype == np.uint8:
        raise ModelError(
            expected="an image processor for an unprocessed image",
            got="an 8-bit image and no processor",
            fix="Pass tokenizer=AutoImageProcessor.from_pretrained(...) to load, or a normalised float tensor.",
        )
    tensor = torch.as_tensor(array)
    return tensor[None] if tensor.dim() == 3 else tensor
