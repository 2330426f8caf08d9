"""What a dictionary's weights alone say of each feature: tokens it reads and writes, and features like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse

from interpwidgets.analyses.neuron_weights import Embedding, Unembedding, output_weights
from interpwidgets.errors import InterpError
from interpwidgets.models.site import Site

if TYPE_CHECKING:
    from interpwidgets.dictionaries import Dictionary
    from interpwidgets.models import Model

BLOCK = 512  # features at a time


def written_tokens(lm: Model, dictionary: Dictionary, most: int) -> dict[str, np.ndarray]:
    """The tokens whose logits each direction raises and lowers most, per unit of the feature (direct effect).

    The direction times the unembedding, with the final norm's gain folded in and its division left out: what reaches
    the logits past all later layers. Empty where the direction does not lie in the residual stream.

    Returns:
        ``promoted_ids, promoted_values, suppressed_ids, suppressed_values``, each ``[feature, most]``.
    """
    try:
        site = Site.parse(dictionary.site_out or "")
        unembedding = Unembedding(lm)
        directions = dictionary.unit_writes.float()
        if site.kind == "mlp_act" and site.layer is not None:
            directions = directions @ output_weights(lm, site.layer).float().to(directions.device)
        behind_mlp = site.kind in ("mlp_act", "mlp_out") and site.layer is not None
        table = unembedding.of(site.layer or 0) if behind_mlp else unembedding.stream
    except InterpError:
        return {}
    if site.kind not in ("embed", "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "mlp_act"):
        return {}
    return _extremes(directions, table, most, ("promoted", "suppressed"))


def read_tokens(lm: Model, dictionary: Dictionary, most: int) -> dict[str, np.ndarray]:
    """The tokens whose embeddings each detector matches best, as the norm before an MLP passes them (de-embedding).

    Dunefsky et al. 2024, "Transcoders Find Interpretable LLM Feature Circuits". Empty where the detector does not read
    the stream.

    Returns:
        ``read_ids, read_values``, each ``[feature, most]``.
    """
    try:
        site = Site.parse(dictionary.site_in or "")
        embedding = Embedding(lm)
    except InterpError:
        return {}
    if site.kind == "mlp_in" and site.layer is not None:
        table = embedding.of(site.layer)
    elif site.kind in ("embed", "resid_pre", "resid_mid", "resid_post"):
        table = embedding.table
    else:
        return {}
    return _extremes(dictionary.detectors.float(), table, most, ("read",))


def nearest(dictionary: Dictionary, most: int) -> dict[str, np.ndarray]:
    """The features with the most similar directions: ``neighbours_features`` and ``neighbours_values`` (cosines)."""
    unit = torch.nn.functional.normalize(dictionary.directions.float(), dim=1)

    def block(start: int, stop: int) -> torch.Tensor:
        cosines = unit[start:stop] @ unit.T
        cosines[torch.arange(stop - start), torch.arange(start, stop)] = -torch.inf
        return cosines

    return _best_others(len(unit), block, most, "neighbours")


def correlated(
    token: np.ndarray, feature: np.ndarray, value: np.ndarray, tokens: int, n_features: int, most: int
) -> dict[str, np.ndarray]:
    """The features that fire with each, by Pearson correlation of their codes over a sample of tokens.

    Args:
        token, feature, value: the codes above 0 on those tokens ``[entry]``; tokens as any whole numbers.
        tokens: how many tokens were drawn, those on which nothing fires included.
        n_features: how many features.
        most: how many to name.

    Returns:
        ``correlated_features, correlated_values``, each ``[feature, most]``; -1 where there are no more.
    """
    _, row = np.unique(token, return_inverse=True)
    codes = sparse.csr_matrix((value.astype(np.float64), (row, feature)), (max(1, tokens), n_features))
    mean = np.asarray(codes.mean(0)).ravel()
    spread = np.sqrt(np.maximum(0, np.asarray(codes.multiply(codes).mean(0)).ravel() - mean**2))
    columns = codes.tocsc()

    def block(start: int, stop: int) -> torch.Tensor:
        together = (columns[:, start:stop].T @ codes).toarray() / max(1, tokens)
        scale = spread[start:stop, None] * spread
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(scale > 0, (together - mean[start:stop, None] * mean) / scale, -np.inf)
        # Only what was seen together; the rest is a correlation of nothing.
        found[together == 0] = -np.inf
        found[np.arange(stop - start), np.arange(start, stop)] = -np.inf
        return torch.from_numpy(found)

    return _best_others(n_features, block, most, "correlated")


def _extremes(vectors: torch.Tensor, table: torch.Tensor, most: int, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The largest products of each vector with the rows of a table, and the smallest where there is a name for them."""
    table = table.to(vectors.device)
    if vectors.shape[1] != table.shape[1]:
        return {}
    most = min(most, len(table))
    parts: dict[str, list[torch.Tensor]] = {f"{name}_{what}": [] for name in names for what in ("ids", "values")}
    with torch.no_grad():
        for part in vectors.split(BLOCK):
            scores = part @ table.T
            for name, largest in zip(names, (True, False), strict=False):
                values, ids = scores.topk(most, dim=1, largest=largest)
                parts[f"{name}_ids"].append(ids.to(torch.int32).cpu())
                parts[f"{name}_values"].append(values.half().cpu())
    return {name: torch.cat(found).numpy() for name, found in parts.items()}


def _best_others(count: int, block: Callable[[int, int], torch.Tensor], most: int, name: str) -> dict[str, np.ndarray]:
    most = min(most, max(1, count - 1))
    others, scores = [], []
    with torch.no_grad():
        for start in range(0, count, BLOCK):
            values, features = block(start, min(count, start + BLOCK)).topk(most, dim=1)
            others.append(torch.where(values == -torch.inf, -1, features).to(torch.int32).cpu())
            scores.append(values.clamp_min(-1e4).half().cpu())
    return {f"{name}_features": torch.cat(others).numpy(), f"{name}_values": torch.cat(scores).numpy()}
