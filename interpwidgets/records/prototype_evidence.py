"""What every comparison with prototypes rests on: arrays that belong together, classes, and logits that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.sum_check import SumCheck


def check_shapes(record: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a record with an array of another shape than the others ask for."""
    for what, shape in shapes.items():
        got = np.shape(getattr(record, what))
        if got != shape:
            raise InputError(
                expected=f"{what} of shape {list(shape)} for {len(record.similarities)} prototypes and "
                f"{len(record.classes)} classes",
                got=f"shape {list(got)}",
                fix="Give one entry for every prototype (and class, and token).",
            )


def class_index(classes: Sequence[str], predicted: int, cls: int | str | None) -> int:
    """The number of a class given by number or name; None is the predicted one."""
    if cls is None:
        return predicted
    if isinstance(cls, str) and cls in classes:
        return list(classes).index(cls)
    if isinstance(cls, int | np.integer) and not isinstance(cls, bool) and 0 <= cls < len(classes):
        return int(cls)
    raise InputError(
        expected=f"a class from 0 to {len(classes) - 1}, or a name among {list(classes)[:8]}",
        got=repr(cls),
        fix="Choose one of record.classes.",
    )


def added_up(contributions: np.ndarray, logits: np.ndarray, tolerance: float) -> SumCheck:
    """The contributions of all prototypes add up to the logit, for the class where they do so worst.

    Args:
        contributions: ``[class, prototype]``.
        logits: ``[class]``.
        tolerance: the largest residual that the number format explains, relative to the sum of the terms' sizes.
    """
    law = "contributions add up to the logit"
    sums = contributions.astype(np.float64).sum(axis=1)
    if not len(sums):
        return SumCheck(law, 0.0, 0.0, tolerance)
    residual = np.where(np.isfinite(sums), np.abs(sums - logits), np.inf)
    worst = int(residual.argmax())
    most = tolerance * max(1.0, float(np.abs(contributions[worst]).sum()))
    return SumCheck(law, float(sums[worst]), float(logits[worst]), most)
