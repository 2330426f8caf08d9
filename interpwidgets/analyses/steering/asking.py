"""What a steering session is asked, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interpwidgets.analyses.given import check_model
from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import Model
from interpwidgets.models.frozen_attention import check_can_freeze
from interpwidgets.records.steering import check_strengths
from interpwidgets.records.steering_target import SteeringTarget

Row = tuple[float | None, ...]


def check_writes(lm: Model) -> None:
    """Refuse a model that does not continue its prompt token by token."""
    check_model(lm)
    model: Any = lm.model
    writes = not lm.takes_images and not lm.has_decoder and lm.d_vocab is not None
    if not writes or not getattr(model, "can_generate", lambda: False)():
        kind = "which reads with one stack and writes with another" if lm.has_decoder else type(model).__name__
        raise ModelError(
            expected="a causal language model, which continues its prompt",
            got=f"{lm.name}, {kind}",
            fix="Load a decoder with its head, e.g. as AutoModelForCausalLM; lm.edit works with any model.",
        )


def check_attention(lm: Model, attention: Any) -> bool:
    """Whether attention is frozen."""
    if attention not in ("live", "frozen"):
        raise InputError(expected='attention as "live" or "frozen"', got=repr(attention), fix='Write attention="live".')
    if attention == "frozen":
        check_can_freeze(lm)
    return attention == "frozen"


def check_targets(targets: Any) -> tuple[SteeringTarget, ...]:
    """Targets as a tuple."""
    several = (targets,) if isinstance(targets, SteeringTarget) else tuple(targets)
    wrong = next((t for t in several if not isinstance(t, SteeringTarget)), None)
    if wrong is not None:
        raise InputError(
            expected="steering targets",
            got=type(wrong).__name__,
            fix="Make them with iw.targets, or with iw.targets.of(lm, ...).",
        )
    return several


def rows_of(targets: Sequence[SteeringTarget], given: Any) -> list[Row]:
    """Rows of strengths, whether one row was given or several."""
    if not hasattr(given, "__len__"):
        raise InputError(
            expected=f"a row of {len(targets)} strengths, or a list of rows",
            got=repr(given)[:60],
            fix="Give one strength for each target, in a list.",
        )
    rows = list(given) if len(given) and hasattr(given[0], "__len__") and not isinstance(given[0], str) else [given]
    return [row_of(targets, row) for row in rows]


def row_of(targets: Sequence[SteeringTarget], given: Any) -> Row:
    """One row of strengths."""
    found = check_strengths(targets, given)
    if any(isinstance(strength, tuple) for strength in found):
        raise InputError(expected="one row of strengths", got="several", fix="Give one strength for each target.")
    return tuple(None if s is None else float(s) for s in found if not isinstance(s, tuple))
