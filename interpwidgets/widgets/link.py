"""Tie the selections of several views together."""

from __future__ import annotations

from typing import Any

import traitlets

from interpwidgets._core.widget import Widget
from interpwidgets.errors import InputError

# The selections that mean the same thing in every view.
SHARED = ("layer", "head", "query", "key", "position", "feature")


def link(*views: Widget) -> list[traitlets.link]:
    """Keep the selections that views share equal: set one, in the page or from Python, and all follow.

    Args:
        views: two or more widgets. The first gives the starting values.

    Returns:
        The links made; call ``unlink()`` on each to take them apart again.
    """
    strangers = [v for v in views if not isinstance(v, Widget)]
    if len(views) < 2 or strangers:
        got = f"{len(views)} views" if not strangers else type(strangers[0]).__name__
        raise InputError(expected="two or more interpwidgets views", got=got, fix="Call link(first, second, ...).")
    made: list[traitlets.link] = []
    shared: list[tuple[str, list[Any]]] = [(name, [v for v in views if v.has_trait(name)]) for name in SHARED]
    # Set before anything is tied: a view that refuses a value must not stay half linked.
    for name, having in shared:
        for other in having[1:]:
            setattr(other, name, getattr(having[0], name))
    for name, having in shared:
        made += [traitlets.link((having[0], name), (other, name)) for other in having[1:]]
    if not made:
        raise InputError(
            expected=f"views that share one of {', '.join(SHARED)}",
            got=", ".join(type(v).__name__ for v in views),
            fix="Link views of the same trace.",
        )
    return made
