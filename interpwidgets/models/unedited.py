"""A run as if nobody edited: the active edits step aside and come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interpwidgets.models.model import Model


@contextmanager
def unedited(lm: Model) -> Iterator[None]:
    """Take every active edit off inside the context, and put them back in their order."""
    with lm._lock:
        active, lm._edit_hooks = lm._edit_hooks, []
        for hooks in active:
            hooks.remove()
        try:
            yield
        finally:
            lm._edit_hooks = active
            for hooks in active:
                hooks.restore()
