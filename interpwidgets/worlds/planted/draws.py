"""Repeatable random numbers, and checks of the numbers that a generator is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError

# Truth and samples draw from different streams, or the first sample would repeat the numbers that made the truth.
TRUTH, SAMPLE, NOISE = 0, 1, 2


def generator(stream: int, *seeds: int) -> torch.Generator:
    """A random stream of its own for every combination of seeds."""
    numbers = [stream, *(whole("seed", seed, 0, 2**63 - 1) for seed in seeds)]
    state = np.random.SeedSequence(numbers).generate_state(2)
    return torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)


def unit_rows(n: int, d: int, draw: torch.Generator) -> torch.Tensor:
    """Random directions of length 1 [n, d]."""
    return torch.nn.functional.normalize(torch.randn(n, d, generator=draw), dim=1)


def sizes(n: int, *shape: int, draw: torch.Generator) -> torch.Tensor:
    """How strongly something is active: even between 0.5 and 1.5, so never hidden by being almost off."""
    return 0.5 + torch.rand(n, *shape, generator=draw)


def choose(n: int, of: int, k: int, draw: torch.Generator) -> torch.Tensor:
    """For each of n tokens, k different numbers below `of`, each as likely [n, k]."""
    return torch.rand(n, of, generator=draw).topk(k, dim=1).indices


def noisy(x: torch.Tensor, noise: float, draw: torch.Generator) -> torch.Tensor:
    """With Gaussian noise of standard deviation `noise` on every coordinate."""
    return x + noise * torch.randn(x.shape, generator=draw) if noise else x


def at_least_zero(what: str, value: Any) -> float:
    """A finite number of 0 or more, or an InputError that says so."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise InputError(expected=f"{what} as a number of 0 or more", got=repr(value), fix=f"Change {what}.")
    return float(value)


def share(what: str, value: Any) -> float:
    """A number from 0 to 1, or an InputError that says so."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InputError(expected=f"{what} as a number from 0 to 1", got=repr(value), fix=f"Change {what}.")
    return float(value)


def vector(what: str, values: Sequence[float] | torch.Tensor | None, n: int, default: float) -> torch.Tensor:
    """A finite number for each of n things [n]."""
    if values is None:
        return torch.full((n,), default)
    try:
        found = torch.as_tensor(values, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(expected=f"{what} as {n} numbers", got=type(values).__name__, fix="Pass a list.") from None
    if found.shape != (n,) or not bool(torch.isfinite(found).all()):
        raise InputError(
            expected=f"{what} as {n} finite numbers", got=f"shape {list(found.shape)}", fix="Give one for each."
        )
    return found
