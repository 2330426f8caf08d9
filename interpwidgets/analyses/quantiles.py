"""Giving simulated values the distribution of the true ones."""

from __future__ import annotations

import numpy as np

from interpwidgets.errors import InputError


def quantile_normalised(simulated: np.ndarray, values: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """The true values, rearranged into the order that a simulation says.

    The token with the n-th largest simulated number gets the n-th largest true value. So each feature keeps its
    marginal exactly, and only *when* it fires is taken from the simulation (Paulo and Belrose 2025, "Partially
    Rewriting a Transformer in Natural Language"). Where the simulation ties, as the yeses of a rule do, the values are
    drawn at random; a tie that is no tie in truth is not given away.

    Args:
        simulated: ``[token]`` or ``[token, feature]``, finite; only the order counts.
        values: the true values, of the same shape.
        seed: of the order among ties.

    Returns:
        Of the same shape and type as ``values``: each column a rearrangement of the true one.
    """
    if simulated.shape != values.shape:
        raise InputError(
            expected=f"simulated values of shape {list(values.shape)}",
            got=f"shape {list(simulated.shape)}",
            fix="Give one number for each token and feature.",
        )
    draw = np.random.default_rng(seed)
    columns = simulated.reshape(len(simulated), -1)
    out = np.empty_like(values).reshape(len(values), -1)
    for j in range(columns.shape[1]):
        order = np.lexsort((draw.random(len(columns)), columns[:, j]))
        out[order, j] = np.sort(values.reshape(len(values), -1)[:, j])
    return out.reshape(values.shape)
