"""interpwidgets: see inside a model, and reach into it, without leaving the notebook cell.

    import interpwidgets as iw
    lm = iw.load("storyworld")
    iw.AttentionView(lm.trace("Mary and Tom went to the park. Tom gave the ball to"))

The public names below are loaded when first used: importing this package imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpwidgets.analyses.attention import attention
    from interpwidgets.analyses.head_summaries import head_summaries
    from interpwidgets.errors import InputError, InterpError, MissingExtraError, ModelError, OutOfMemoryError
    from interpwidgets.models import Edit, Model, Site, Trace, load
    from interpwidgets.records import Attention, HeadSummaries, SumCheck, Tokens
    from interpwidgets.widgets.attention import AttentionView
    from interpwidgets.widgets.link import link

_HOMES = {
    "load": "models",
    "Model": "models",
    "Trace": "models",
    "Site": "models",
    "Edit": "models",
    "attention": "analyses.attention",
    "head_summaries": "analyses.head_summaries",
    "AttentionView": "widgets.attention",
    "link": "widgets.link",
    "Attention": "records",
    "HeadSummaries": "records",
    "SumCheck": "records",
    "Tokens": "records",
    "InterpError": "errors",
    "InputError": "errors",
    "ModelError": "errors",
    "MissingExtraError": "errors",
    "OutOfMemoryError": "errors",
}

__all__ = [
    "Attention",
    "AttentionView",
    "Edit",
    "HeadSummaries",
    "InputError",
    "InterpError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "OutOfMemoryError",
    "Site",
    "SumCheck",
    "Tokens",
    "Trace",
    "attention",
    "head_summaries",
    "link",
    "load",
]

try:
    __version__ = version("interpwidgets")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'interpwidgets' has no attribute {name!r}")
    value = getattr(import_module(f"interpwidgets.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
