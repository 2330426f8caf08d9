"""What an analysis is given, checked by what it can do: another thing in its place gets one sentence, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interpwidgets.errors import InputError

if TYPE_CHECKING:
    from interpwidgets.models import Model


def check_trace(trace: Any) -> None:
    """Refuse what is no trace."""
    if not all(hasattr(trace, part) for part in ("model", "tokens", "logits")):
        raise InputError(expected="a trace", got=type(trace).__name__, fix="Make one with lm.trace(text).")


def check_model(lm: Any) -> None:
    """Refuse what `interpwidgets.load` has not made, such as the model of another library as it is."""
    if not all(hasattr(lm, part) for part in ("anatomy", "trace", "run")):
        raise InputError(
            expected="a model that iw.load returned",
            got=type(lm).__name__,
            fix="Write lm = iw.load(...), with a name, a folder, or a model and its tokenizer.",
        )


def check_layer(lm: Model, layer: Any) -> None:
    """Refuse a layer that the model has not got."""
    count = lm.n_layers
    if isinstance(layer, bool) or not hasattr(layer, "__index__") or not -count <= int(layer) < count:
        raise InputError(
            expected=f"a layer from 0 to {count - 1}",
            got=repr(layer),
            fix=f"{lm.name} has {count} layers; negative ones count from the end.",
        )
