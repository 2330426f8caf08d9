"""Which features of a dictionary fire on a text, and what they leave unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.splice import sites_of
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError, ModelError
from interpwidgets.models.replacement import Replacement
from interpwidgets.records.feature_values import FeatureValues

if TYPE_CHECKING:
    from interpwidgets.models import Trace

BLOCK = 2**24  # numbers in one dense block of codes: 64 MB of float32


def feature_values(trace: Trace, dictionary: Dictionary) -> FeatureValues:
    r"""Take every activation of a text apart into features, and keep what is left over.

    With ``codes = encode(x)`` at the site the dictionary reads and ``y`` at the site it writes,
    ``y = b + Σ_j written_j + error``. Each part's share of the activation is its projection on ``y − b``::

        share_j = written_j · (y − b) / ‖y − b‖²        error's share = error · (y − b) / ‖y − b‖²

    and all shares of a token sum to 1, error included. Its weight is its share of the reconstruction alone (Makelov et
    al. 2024, "Towards Principled Evaluations of Sparse Autoencoders"). ``written_j`` is read from the dictionary's own
    ``decode``, so a scale that it takes from each token is in it, and ``b`` is what it writes when nothing fires.

    Work is done in blocks of tokens; only active codes are kept, so a wide dictionary costs no ``[token, feature]``
    array. A token whose activation is not finite is not encoded and stays visible as such.

    Args:
        trace: what ``lm.trace(text)`` returned.
        dictionary: any kind, for a site of the trace's model. A transcoder reads one site and is held against another;
            the identity shows neurons.

    Raises:
        InputError: no trace or dictionary, a dictionary without a site, of another width, or for another model.
    """
    if not hasattr(trace, "model") or not hasattr(trace, "tokens"):
        raise InputError(
            expected="a trace", got=type(trace).__name__, fix="Make one with lm.trace(text), and pass it first."
        )
    site_in, site_out = sites_of(trace.model, dictionary)
    trace.capture(dict.fromkeys([site_in, site_out]))
    x = _rows(trace, site_in)
    y = x if site_in == site_out else _rows(trace, site_out)
    if len(x) != len(trace.tokens):
        raise ModelError(
            expected=f"one activation for each of the {len(trace.tokens)} tokens",
            got=f"{len(x)} at {site_in}",
            fix="Choose a site of the tower whose tokens the trace shows.",
        )
    usable = torch.isfinite(x).all(-1) & torch.isfinite(y).all(-1).to(x.device)
    parts = list(_blocks(dictionary, x, y, usable))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    counts = found.pop("counts")
    squared = found.pop("squared")
    precision = 8 * torch.finfo(dictionary.dtype).eps
    labels = {i: text for i, text in enumerate(dictionary.labels) if text}
    return FeatureValues(
        tokens=trace.tokens,
        offsets=np.concatenate([[0], counts.cumsum()]).astype(np.int64),
        n_features=dictionary.n_features,
        unexplained_variance=_variance(y, squared),
        labels=labels,
        name=str(dictionary.name),
        kind=dictionary.kind,
        site_in=site_in,
        site_out=site_out,
        tolerance=max(1e-4, float(precision)),
        **found,
    )


def again(trace: Trace | None, text: str) -> Trace:
    """Another text through the same model, under the edits of the first trace.

    Raises:
        InputError: an empty text, or one longer than the context.
        ModelError: the trace is not of a text.
    """
    why = why_not_again(trace)
    if trace is None or why is not None:
        raise ModelError(expected="a trace of a text", got=str(why), fix="Trace the other input and open a new view.")
    lm = trace.model
    with ExitStack() as stack:
        for edit in trace._edits:
            if edit in lm._edits:
                continue  # still active
            if isinstance(edit, Replacement):
                stack.enter_context(lm.replaced(edit.site, edit.function, reads=edit.reads))
            else:
                stack.enter_context(lm.edit(edit))
        return lm.trace(text, attention=False)


def why_not_again(trace: Any) -> str | None:
    """Why no other text can be run as this trace was; None where it can."""
    if trace is None or getattr(trace, "model", None) is None:
        return "a record, which has no model"
    if trace.ids is None:
        return "an input that is not text"
    if getattr(trace.model, "tokenizer", None) is None:
        return "a model without a tokenizer"
    return "an encoder-decoder" if trace.source_tokens is not None else None


def _rows(trace: Trace, site: str) -> torch.Tensor:
    """A site's values ``[token, width]``; at head_out the heads' gathered values side by side, as dictionaries read."""
    place = trace.model.site(site)
    gathered = place.kind == "head_out" and place.layer is not None
    value = trace.head_values(place.layer) if gathered else trace[site]  # type: ignore[arg-type]
    return value.detach().flatten(1)


def _blocks(
    dictionary: Dictionary, x: torch.Tensor, y: torch.Tensor, usable: torch.Tensor
) -> Iterator[dict[str, np.ndarray]]:
    size = max(1, BLOCK // dictionary.n_features)
    for start in range(0, max(1, len(x)), size):
        here = slice(start, start + size)
        yield _block(dictionary, x[here], y[here], usable[here])


def _block(dictionary: Dictionary, x: torch.Tensor, y: torch.Tensor, usable: torch.Tensor) -> dict[str, np.ndarray]:
    """Codes, shares and errors of a block of tokens."""
    # What is not finite would spread through sums: such tokens are encoded as zeros and taken out afterwards.
    read = torch.where(usable[:, None], x, torch.zeros_like(x)).to(dictionary.device, dictionary.dtype)
    ok = usable.to(read.device)
    target = y.to(read.device, torch.promote_types(read.dtype, torch.float32))
    with torch.no_grad():
        codes = dictionary.encode(read) * 1
        codes[~ok] = 0
    codes.requires_grad_(True)
    needed = read if dictionary.needs_input else None
    with torch.enable_grad():
        made = dictionary.decode(codes, needed)
    with torch.no_grad():
        base = dictionary.decode(torch.zeros_like(codes), needed).to(target)
        rebuilt = made.detach().to(target)
        rest, written, whole = target - rebuilt, rebuilt - base, target - base
        length = whole.pow(2).sum(-1)
        wrote = written.pow(2).sum(-1)
    # Decoding is linear in the codes, so code times slope is exactly what the feature writes along a direction.
    along = [_slopes(made, codes, whole, length), _slopes(made, codes, written, wrote)]
    with torch.no_grad():
        rows, columns = codes.nonzero(as_tuple=True)
        values = codes[rows, columns]
        shares, weights = (values.to(target) * slope[rows, columns] for slope in along)
        norms = target.norm(dim=-1)
        squared = rest.pow(2).sum(-1)
        told = {
            # Where y is all bias, nothing was to be explained: 0 if nothing was said, else infinitely worse.
            "unexplained": torch.where((length > 0) | (squared > 0), squared / length, squared),
            "error_shares": (rest * whole).sum(-1) / length,
            "norms": norms,
            "squared": squared,
        }
        # Of a token that could not be read nothing is known but that.
        told = {k: torch.where(ok, v, torch.full_like(v, float("nan"))) for k, v in told.items()}
    wide = np.float64 if dictionary.dtype == torch.float64 else np.float32
    return {
        "indices": columns.to(torch.int32).cpu().numpy(),
        "values": _numpy(values, wide),
        "shares": _numpy(shares, wide),
        "weights": _numpy(weights, wide),
        "counts": torch.bincount(rows, minlength=len(x)).cpu().numpy(),
        **{k: _numpy(v, wide) for k, v in told.items()},
    }


def _slopes(made: torch.Tensor, codes: torch.Tensor, along: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """How fast the share of ``made`` along vectors of squared ``length`` grows with each code ``[token, feature]``."""
    size = length.sqrt()[:, None]
    # Unit vectors: in half precision anything much smaller would lose its digits.
    (slope,) = torch.autograd.grad(made, codes, grad_outputs=(along / size).to(made.dtype), retain_graph=True)
    return slope.to(along.dtype) / size


def _variance(y: torch.Tensor, squared: np.ndarray) -> float:
    """The text's unexplained variance, over the tokens that can be read."""
    ok = np.isfinite(squared)
    rows = y[torch.from_numpy(ok).to(y.device)].double()
    spread = float((rows - rows.mean(0)).pow(2).sum()) if len(rows) else 0.0
    return float(squared[ok].astype(np.float64).sum() / spread) if spread > 0 else float("nan")


def _numpy(values: torch.Tensor, dtype: Any) -> np.ndarray:
    return values.detach().double().cpu().numpy().astype(dtype)
