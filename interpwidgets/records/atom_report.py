"""Whether a dictionary's directions are far enough apart for its codes to be the only ones, as a record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AtomReport:
    """What the geometry of the directions promises, beside how well they reconstruct.

    The criteria of "Towards Atoms of Large Language Models": faithfulness R², and the share q* of tokens whose
    code is sparse enough to be unique, in the plain inner product. The paper's own "atomic inner product" is left
    out, as its formula could not be read; numbers here and there are therefore not the same quantities.

    Attributes:
        name: which dictionary.
        coherence: the largest |cosine| between two directions.
        nearest: ``[feature]`` the |cosine| of each direction to its most alike neighbour.
        unique_below: a code with fewer active features than this is the only one so sparse (Donoho and Elad 2003).
        unique_share: q*, the share of tokens whose code is that sparse.
        r2: ``1 - fraction of variance unexplained``.
    """

    name: str
    coherence: float
    nearest: np.ndarray
    unique_below: float
    unique_share: float
    r2: float
