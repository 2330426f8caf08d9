"""How far apart a dictionary's directions are, and what that promises about its codes."""

from __future__ import annotations

import numpy as np
import torch

from interpwidgets.dictionaries import unique_below
from interpwidgets.errors import InputError
from interpwidgets.records.atom_report import AtomReport

BLOCK = 1024


def atom_report(directions: torch.Tensor, l0_counts: np.ndarray, *, r2: float, name: str = "dictionary") -> AtomReport:
    """Coherence of the directions, and the share of tokens sparse enough for their code to be the only one.

    A code with fewer than ``(1 + 1/μ) / 2`` active features is unique, μ the largest |cosine| of two directions (Donoho
    and Elad 2003). Directions of an orthonormal basis, such as neurons, have μ = 0, so that every code is unique,
    sparse or not: q* alone does not make a feature an atom. The atomic inner product of "Towards Atoms of Large
    Language Models" is left out, as its formula could not be read; cosines are plain ones.

    Args:
        directions: [feature, d].
        l0_counts: [active] how many tokens have so many active features.
        r2: 1 - fraction of variance unexplained.
        name: what to call it.

    Raises:
        InputError: fewer than two directions.
    """
    near = nearest(directions)
    worst = float(near.max())
    bound = unique_below(worst)
    enough = l0_counts[np.arange(len(l0_counts)) < bound].sum()
    return AtomReport(name, worst, near, bound, float(enough / max(1, l0_counts.sum())), r2)


def nearest(directions: torch.Tensor) -> np.ndarray:
    """|cosine| of each direction to the one most alike [feature]; a direction of length 0 is like no other."""
    if directions.ndim != 2 or len(directions) < 2:
        raise InputError(
            expected="two directions or more, [feature, d]", got=f"shape {list(directions.shape)}", fix="Pass more."
        )
    # Rounding in single precision would make an orthonormal basis seem a little coherent.
    wide = directions.double() if directions.device.type == "cpu" and len(directions) <= 8192 else directions.float()
    unit = torch.nn.functional.normalize(wide, dim=1)
    found = []
    for i in range(0, len(unit), BLOCK):
        cosines = (unit[i : i + BLOCK] @ unit.T).abs()
        cosines[torch.arange(len(cosines)), torch.arange(i, i + len(cosines))] = 0
        found.append(cosines.amax(1).clamp(max=1.0))
    return torch.cat(found).cpu().numpy()
