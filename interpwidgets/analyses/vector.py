"""What a direction of the residual stream says: its score with every token of the vocabulary.

On the output side a vector is read by the unembedding: the tokens it makes likelier. On the input side it is compared
with the token embeddings: the tokens that bring it in. Geva et al. 2022 ("Transformer Feed-Forward Layers Build
Predictions by Promoting Concepts in the Vocabulary Space") read MLP values this way, and Dar et al. 2023 ("Analyzing
Transformers in Embedding Space") every weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.given import check_model
from interpwidgets.errors import InputError, ModelError
from interpwidgets.records import SumCheck
from interpwidgets.records.vector import VectorScores

if TYPE_CHECKING:
    from interpwidgets.models import Model

SIDES = {"output": ("raw", "softmax"), "input": ("raw", "cosine")}


def vector_scores(
    lm: Model, vector: Any, *, side: str = "output", scores: str = "raw", norm: bool = True, name: str = "vector"
) -> VectorScores:
    """The score of every token for one residual-stream vector.

    Args:
        lm: a model with a vocabulary.
        vector: ``[d_model]``, numpy or torch: a row of a trace (``trace["resid_post.2"][-1]``), a decoder direction, a
            difference of means.
        side: ``"output"``, through the unembedding; ``"input"``, with the token embeddings as they are stored.
        scores: ``"raw"`` (logits; dot products on the input side), ``"softmax"`` (output side) or ``"cosine"`` (input
            side).
        norm: send the vector through the final norm first, as the model does with its stream. Right for a whole
            stream; False for a direction that is only a part of one, whose length then counts. Output side only.
        name: what to call it.

    Raises:
        InputError: a vector of another width, or scores that this side does not have.
        ModelError: a model without a vocabulary, a head (output side) or an embedding table (input side).
    """
    x = checked_vectors(lm, vector)
    if len(x) != 1:
        raise InputError(expected="one vector", got=f"{len(x)} vectors", fix="Pass them one by one, or to VectorView.")
    check_choice(side, scores)
    lm.vocabulary  # noqa: B018 - says that there is none, before anything is computed
    values = _written(lm, x[0], norm) if side == "output" else _read(lm, x[0], scores)
    check = None
    if scores == "softmax":
        values = values.softmax(-1)
        check = SumCheck.farthest("probabilities sum to 1", np.array([float(values.sum())]), target=1.0)
    texts = lm.vocabulary.texts[: len(values)]
    numbers = values[: len(texts)].float().cpu().numpy()
    return VectorScores(numbers, texts, side, scores, norm and side == "output", name, check)


def checked_vectors(lm: Model, vectors: Any) -> torch.Tensor:
    """Vectors ``[n, d_model]`` from one or several, numpy or torch; anything else is refused."""
    check_model(lm)
    try:
        found = vectors.detach() if isinstance(vectors, torch.Tensor) else torch.as_tensor(np.asarray(vectors))
    except (TypeError, ValueError, RuntimeError):
        found = None
    wanted = f"a vector [{lm.d_model}] or several [n, {lm.d_model}] for {lm.name}"
    if found is None or found.is_complex() or found.dtype == torch.bool:
        got = type(vectors).__name__ if found is None else str(found.dtype)
        raise InputError(expected=wanted, got=got, fix="Pass a numpy array or a tensor of real numbers.")
    if found.dim() not in (1, 2) or found.shape[-1] != lm.d_model or found.shape[0] == 0:
        raise InputError(
            expected=wanted,
            got=f"shape {list(found.shape)}",
            fix='Take one position of a site, e.g. trace["resid_post.2"][-1].',
        )
    found = found if found.is_floating_point() else found.float()
    return found.to(lm.dtype).reshape(-1, lm.d_model)


def check_choice(side: str, scores: str) -> None:
    """Refuse a side, or scores that a side does not have."""
    if side not in SIDES:
        raise InputError(expected=f"side to be one of {list(SIDES)}", got=repr(side), fix="Choose one of them.")
    if scores not in SIDES[side]:
        raise InputError(
            expected=f"scores on the {side} side to be one of {list(SIDES[side])}",
            got=repr(scores),
            fix="Softmax belongs to the output side, cosine to the input side.",
        )


def why_not(lm: Model, side: str) -> str | None:
    """Why a model has no such side, as a clause; None where it has."""
    if side == "output":
        return None if lm.anatomy.head is not None else lm.anatomy.missing.get("logits", "no unembedding is known")
    table = _table(lm)
    if table is None:
        return "it names no table of token embeddings"
    if table.shape[1] != lm.d_model:
        return f"its embeddings have {table.shape[1]} numbers, its stream {lm.d_model}"
    return None


def names_of(count: int, names: Sequence[str] | None) -> tuple[str, ...]:
    """One name for each vector."""
    if names is None:
        return ("vector",) if count == 1 else tuple(str(i) for i in range(count))
    given = (names,) if isinstance(names, str) else tuple(names)
    if len(given) != count or not all(isinstance(name, str) for name in given):
        raise InputError(
            expected=f"{count} names, one for each vector", got=f"{len(given)}", fix="Leave names out for numbers."
        )
    return given


def _written(lm: Model, x: torch.Tensor, norm: bool) -> torch.Tensor:
    logits = lm.unembed(x, norm=norm)
    return logits if logits.dtype == torch.float64 else logits.float()


def _read(lm: Model, x: torch.Tensor, scores: str) -> torch.Tensor:
    reason = why_not(lm, "input")
    if reason:
        raise ModelError(
            expected="a model whose token embeddings lie in its residual stream",
            got=f"{lm.name}: {reason}",
            fix='Use side="output".',
        )
    table = _table(lm)
    assert table is not None
    exact = torch.float64 if table.dtype == torch.float64 else torch.float32
    with torch.no_grad():
        rows, one = table.to(exact), x.to(table.device, exact)
        values = rows @ one
        return values / (rows.norm(dim=-1) * one.norm()) if scores == "cosine" else values


def _table(lm: Model) -> torch.Tensor | None:
    """The token embeddings ``[id, width]``, or None."""
    tap = lm.anatomy.taps.get("embed")
    weight = getattr(tap.module, "weight", None) if tap is not None else None
    return weight if isinstance(weight, torch.Tensor) and weight.dim() == 2 else None
