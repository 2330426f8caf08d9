"""An order of heads that puts like ones side by side."""

from __future__ import annotations

import numpy as np

from interpwidgets.analyses.pictures import starts
from interpwidgets.errors import InputError

# Enough to tell two patterns apart, and 1,024 heads still fit into 1 MB.
LIKENESS_SIDE = 16
# Optimal leaf ordering grows with the cube of the number of heads.
MOST_ORDERED = 1024


def order_by_likeness(thumbnails: np.ndarray) -> np.ndarray:
    """An order of heads in which alike pictures stand side by side.

    Average-linkage clustering of the pictures (Euclidean distance, so on square-root coded pictures the Hellinger
    distance of the patterns), leaves ordered so that neighbours are as close as the tree allows (Bar-Joseph et al.
    2001). Pictures are first averaged to 16 x 16 cells, and beyond 1,024 heads the tree's own order is taken, so it
    costs a second or two at most.

    Args:
        thumbnails: ``[head, row, column]``, codes or values; what is not finite counts as 0.

    Returns:
        ``[head]`` the head that comes first, second, ...
    """
    pictured = np.asarray(thumbnails)
    if pictured.ndim != 3 or 0 in pictured.shape[1:]:
        raise InputError(
            expected="pictures of shape [head, row, column]",
            got=f"shape {list(pictured.shape)}",
            fix="Stack one picture of equal size for each head.",
        )
    n = len(pictured)
    if n < 3:
        return np.arange(n)
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import pdist

    small = np.nan_to_num(pictured.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    for axis in (1, 2):
        cells = min(LIKENESS_SIDE, small.shape[axis])
        small = np.add.reduceat(small, starts(small.shape[axis], cells), axis=axis)
    distances = pdist(small.reshape(n, -1))
    order = leaves_list(linkage(distances, "average", optimal_ordering=n <= MOST_ORDERED))
    # A tree may be read from either end: the same heads always give the same end first.
    return order if order[0] < order[-1] else order[::-1].copy()
