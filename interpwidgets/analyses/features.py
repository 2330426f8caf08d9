"""From a feature index and a search to the picture of all features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.records.features import FeatureOverview

if TYPE_CHECKING:
    from interpwidgets.records.feature_index import FeatureIndex


def feature_overview(
    index: FeatureIndex,
    *,
    x: str = "density",
    y: str = "max",
    query: str = "",
    filters: Mapping[str, Sequence[float]] | None = None,
) -> FeatureOverview:
    """Two numbers of every feature, and which features a search finds.

    Args:
        index: of the features.
        x, y: two of ``index.columns``.
        query: as in ``index.search``.
        filters: column -> (low, high), as in ``index.search``.

    Raises:
        InputError: a column that the index does not have, or a range that is none.
    """
    listed = np.zeros(index.n_features, dtype=bool)
    listed[index.search(query, filters=filters or {})] = True
    columns = [np.asarray(index.column(name), dtype=np.float64) for name in (x, y)]
    return FeatureOverview((x, y), columns[0], columns[1], listed, tuple(index.labels))
