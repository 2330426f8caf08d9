"""Pictures of patterns in one byte per cell, pooled to the resolution of the screen.

One byte, square-root coded, so that small probabilities keep their shades:

====== =========================================================================
code   meaning
====== =========================================================================
0      masked: this query cannot see this key
1-251  value: ``scale * ((code - 1) / 250) ** 2``; signed: ``sign * scale * (|code - 126| / 125) ** 2``
253    minus infinity
254    plus infinity
255    not a number
====== =========================================================================

The error of a value is at most ``scale / 250``, signed ``scale / 125`` (`error_bound`); the numbers a reader sees never
come from here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interpwidgets.analyses.patterns import Patterns, Show
from interpwidgets.records import SumCheck

MASKED, TOP, MINUS_INFINITY, PLUS_INFINITY, NOT_A_NUMBER = 0, 251, 253, 254, 255

# Rows are taken in blocks of about this many cells, so a picture of 32,768 tokens needs tens of megabytes, not 4 GB.
BLOCK_CELLS = 1 << 22


def encode(values: np.ndarray, scale: float, *, signed: bool = False, masked: np.ndarray | None = None) -> np.ndarray:
    """Values as codes, uint8; what lies beyond the scale gets the end's code. Halves round away from zero, as in JS."""
    with np.errstate(invalid="ignore", over="ignore"):
        root = np.sqrt(np.minimum(np.abs(values) / scale, 1.0)) if scale > 0 else np.zeros_like(values)
        if signed:
            code = 126 + np.sign(values) * np.floor(125 * root + 0.5)
        else:
            code = 1 + np.floor(250 * np.where(values > 0, root, 0) + 0.5)
    code = np.where(np.isnan(values), NOT_A_NUMBER, code)
    code = np.where(np.isposinf(values), PLUS_INFINITY, code)
    code = np.where(np.isneginf(values), MINUS_INFINITY, code)
    if masked is not None:
        code = np.where(masked, MASKED, code)
    return code.astype(np.uint8)


def decode(codes: np.ndarray, scale: float, *, signed: bool = False) -> np.ndarray:
    """The values that codes stand for, float32; masked cells come back as 0."""
    code = codes.astype(np.float32)
    if signed:
        values = np.sign(code - 126) * scale * (np.abs(code - 126) / 125) ** 2
    else:
        values = scale * ((code - 1) / 250) ** 2
    marks = ((MASKED, 0.0), (MINUS_INFINITY, -np.inf), (PLUS_INFINITY, np.inf), (NOT_A_NUMBER, np.nan))
    for mark, value in marks:
        values = np.where(codes == mark, np.float32(value), values)
    return values.astype(np.float32)


def error_bound(scale: float, *, signed: bool = False) -> float:
    """The largest difference between a value within the scale and what its code stands for.

    Rounding moves the root by at most half a step h = 1/250 (signed: 1/125), so the value moves by at most
    ``scale * (2 * r * h / 2 + h ** 2 / 4)`` with root r <= 1.
    """
    step = 1 / (125 if signed else 250)
    return scale * (step + step**2 / 4)


def pool(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, *, how: str = "max") -> np.ndarray:
    """Reduce a window to fewer cells: the one farthest from zero of each (``max``), or the mean.

    Args:
        values: ``[query, key]``.
        rows: first query of each output row, rising, beginning with 0; `columns` likewise.
        how: ``"max"`` keeps bright cells whatever the zoom; ``"mean"`` keeps the mass.
    """
    if how == "mean":
        sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
        heights, widths = np.diff(np.append(rows, values.shape[0])), np.diff(np.append(columns, values.shape[1]))
        return (sums / (heights[:, None] * widths[None, :])).astype(np.float32)
    high = np.maximum.reduceat(np.maximum.reduceat(values, rows, axis=0), columns, axis=1)
    if not (values < 0).any():
        return high
    low = np.minimum.reduceat(np.minimum.reduceat(values, rows, axis=0), columns, axis=1)
    return np.where(-low > high, low, high)


def starts(length: int, cells: int) -> np.ndarray:
    """Where each of ``cells`` nearly equal parts begins; position i lies in part ``i * cells // length``."""
    return -(-(np.arange(cells) * length) // cells)


@dataclass(frozen=True)
class Picture:
    """One head's window, coded.

    Attributes:
        codes: ``[row, column]`` uint8.
        scale: the value at the end of the scale.
        signed: whether the codes have two sides.
        sum_check: rows with their sink sum to 1, where the window shows whole rows of probabilities; else None.
    """

    codes: np.ndarray
    scale: float
    signed: bool
    sum_check: SumCheck | None


def picture(
    patterns: Patterns,
    show: Show,
    layer: int,
    head: int,
    *,
    window: tuple[int, int, int, int] | None = None,
    size: tuple[int, int] | None = None,
    scale: float = 1.0,
    how: str = "max",
    most_queries: int | None = None,
) -> Picture:
    """One head's window as codes.

    Args:
        patterns: where the numbers come from.
        show: what is shown.
        layer: the model's layer number.
        head: the head.
        window: ``(first query, last query + 1, first key, last key + 1)``; everything when None.
        size: most rows and columns of the picture; one cell for each pair when None.
        scale: the value at the end of the scale; larger ones get the end's code.
        how: pooling, ``"max"`` or ``"mean"``.
        most_queries: look at evenly spaced queries only when there are more: for small pictures of long texts, where
            a whole pattern would cost more than a glance is worth.
    """
    q0, q1, k0, k1 = window or (0, len(patterns.queries), 0, len(patterns.keys))
    stride = max(1, (q1 - q0) // most_queries) if most_queries else 1
    queries, width = range(q0, q1, stride), k1 - k0
    height = len(queries)
    rows, columns = min(height, size[0] if size else height), min(width, size[1] if size else width)
    row_starts, column_starts = starts(height, rows), starts(width, columns)
    pooled = np.empty((rows, columns), dtype=np.float32)
    whole_rows = show == "pattern" and width == len(patterns.keys) and stride == 1
    sums = np.zeros(height if whole_rows else 0)
    step = max(1, BLOCK_CELLS // max(1, width * -(-height // rows)))
    for first in range(0, rows, step):
        last = min(rows, first + step)
        top = int(row_starts[first])
        bottom = int(row_starts[last]) if last < rows else height
        part = queries[top:bottom]
        values = patterns.values(show, layer, head, slice(part.start, part[-1] + 1, stride), slice(k0, k1))
        if whole_rows:
            with np.errstate(invalid="ignore"):  # plus and minus infinity sum to not-a-number, which the check shows
                sums[top:bottom] = values.sum(axis=1, dtype=np.float64)
        pooled[first:last] = pool(values, row_starts[first:last] - top, column_starts, how=how)
    signed = patterns.signed(show)
    mask = _mask(patterns, q0 + row_starts * stride, q1, k0 + column_starts)
    check = None
    if whole_rows:
        check = SumCheck.farthest("rows sum to 1", sums + patterns.sink(layer, head)[q0:q1], target=1.0)
    return Picture(encode(pooled, scale, signed=signed, masked=mask), scale, signed, check)


def _mask(patterns: Patterns, rows: np.ndarray, q1: int, columns: np.ndarray) -> np.ndarray | None:
    """Cells of a causal picture that lie wholly above the diagonal."""
    if not patterns.causal:
        return None
    last_query = np.append(rows[1:], q1) - 1
    return columns[None, :] > last_query[:, None]


def natural_scale(patterns: Patterns, show: Show, layer: int, head: int) -> float:
    """The largest finite magnitude of one head (1 where all is zero), found block by block."""
    step = max(1, BLOCK_CELLS // max(1, len(patterns.keys)))
    largest = 0.0
    for first in range(0, len(patterns.queries), step):
        values = np.abs(patterns.values(show, layer, head, slice(first, first + step)))
        largest = max(largest, float(values[np.isfinite(values)].max(initial=0.0)))
    return largest or 1.0
