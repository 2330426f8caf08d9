"""From a prototype network over text and a text to what reads like what, and what that adds to each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.prototypes import array, label_names, name_of, quietly
from interpwidgets.errors import InputError
from interpwidgets.records.text_prototypes import TextPrototypeComparison

if TYPE_CHECKING:
    from interpwidgets.prototypes.text import TextPrototypes


def compare_text_prototypes(
    net: TextPrototypes, text: Any, *, label: int | str | None = None
) -> TextPrototypeComparison:
    """Compare one text with every prototype: these words of it read like those words of a training text.

    Args:
        net: a network of prototypes over spans of tokens (`TextPrototypes`).
        text: whatever the network's language model takes.
        label: the text's own class, by number or name, where it is known.

    Raises:
        InputError: another kind of network, a text too short for any span, a class it does not have.
    """
    if not hasattr(net, "lm") or not hasattr(net, "spans"):
        raise InputError(
            expected="a network of prototypes over text",
            got=type(net).__name__,
            fix="Pass TextPrototypes, or compare images with iw.compare_prototypes.",
        )
    if not isinstance(text, str):
        raise InputError(expected="one text", got=type(text).__name__, fix="Pass texts one by one, texts[0].")
    tokens = net.lm.trace(text, sites=[net.site], attention=False).tokens
    with quietly(net), torch.no_grad():
        x = net.prepare(text)
        maps = net.similarity_maps(x)[0]
        logits = net.logits(x)[0]
    values = array(maps)  # [prototype, first token, length - 1]
    exists = _spans_that_exist(len(tokens), values.shape[2], net.skip)
    values = np.where(exists, values, -np.inf)
    flat = values.reshape(len(values), -1)
    best = flat.argmax(axis=1)
    spans = np.array([net.place_box(divmod(int(at), values.shape[2])) for at in best], np.int64)
    sources = net.sources
    classes = tuple(net.classes)
    record = TextPrototypeComparison(
        tokens=tokens,
        token_similarities=_of_tokens(values, len(tokens)),
        similarities=flat[np.arange(len(flat)), best],
        spans=spans,
        weights=array(net.weights),
        logits=array(logits),
        classes=classes,
        prototype_class=np.asarray(net.prototype_class, np.int64),
        source_tokens=() if sources is None else sources.tokens,
        source_spans=None if sources is None else np.asarray(sources.box, np.int64),
        source_indices=None if sources is None else np.asarray(sources.text, np.int64),
        source_labels=() if sources is None else label_names(sources.labels, classes),
        similarity=str(net.similarity),
        name=name_of(net),
    )
    if label is None:
        return record
    from dataclasses import replace

    return replace(record, label=record.class_index(label))


def _spans_that_exist(tokens: int, longest: int, skip: int) -> np.ndarray:
    """``[token, length - 1]`` whether a span that starts there ends in the text."""
    start, length = np.mgrid[:tokens, 1 : longest + 1]
    return (start >= skip) & (start + length <= tokens)


def _of_tokens(values: np.ndarray, count: int) -> np.ndarray:
    """``[prototype, token]`` the largest similarity of any span that holds each token; NaN where none does."""
    out = np.full((len(values), count), -np.inf, np.float32)
    for start in range(values.shape[1]):
        for length in range(1, values.shape[2] + 1):
            out[:, start : start + length] = np.maximum(
                out[:, start : start + length], values[:, start, length - 1, None]
            )
    return np.where(np.isneginf(out), np.nan, out)
