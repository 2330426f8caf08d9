"""Tie the selections of several views together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import traitlets

from interpwidgets._core.widget import Widget
from interpwidgets.errors import InputError

# The selections that mean the same thing in every view.
SHARED = ("layer", "head", "query", "key", "position", "feature", "image", "prototype")
# A token that is looked at is the query of an attention pattern; a prototype is a unit of a gallery.
ALSO = {"position": "query", "prototype": "unit"}

End = tuple[Widget, str]


class Link:
    """Two selections kept equal.

    A view in which something is always selected keeps its own where the other lets go (None).
    """

    def __init__(self, one: End, other: End) -> None:
        self.ends = (one, other)
        self._ways = [(one, other), (other, one)]
        self._followers = [lambda change, to=to: _set(to, change.new) for _, to in self._ways]
        for ((view, name), _), follow in zip(self._ways, self._followers, strict=True):
            view.observe(follow, name)

    def unlink(self) -> None:
        """Take them apart again; calling it twice does no harm."""
        for ((view, name), _), follow in zip(self._ways, self._followers, strict=False):
            view.unobserve(follow, name)
        self._followers = []

    def __repr__(self) -> str:
        return f"Link({' = '.join(f'{type(view).__name__}.{name}' for view, name in self.ends)})"


def link(*views: Widget) -> list[Link]:
    """Keep the selections that views share equal: set one, in the page or from Python, and all follow.

    Those are layer, head, key, feature and image; the token looked at: ``position``, which an attention view calls
    ``query``; and ``prototype``, which a gallery of exemplars calls ``unit``.

    Args:
        views: two or more widgets. The first gives the starting values.

    Returns:
        The links made; call ``unlink()`` on each to take them apart again.

    Raises:
        InputError: less than two views, views that share nothing, or that refuse the first one's selection.
    """
    strangers = [v for v in views if not isinstance(v, Widget)]
    if len(views) < 2 or strangers:
        got = f"{len(views)} views" if not strangers else type(strangers[0]).__name__
        raise InputError(expected="two or more interpwidgets views", got=got, fix="Call link(first, second, ...).")
    found = {frozenset(ends): ends for name in SHARED if len(ends := _ends(views, name)) > 1}
    groups = [ends for ends in found.values() if not any(set(ends) < more for more in found)]
    if not groups:
        raise InputError(
            expected=f"views that share one of {', '.join(SHARED)}",
            got=", ".join(type(v).__name__ for v in views),
            fix="Link views of the same trace.",
        )
    # Set before anything is tied: a view that refuses a value must not stay half linked.
    for (first, name), *others in groups:
        for other in others:
            _set(other, getattr(first, name))
    return [Link(one, other) for ends in groups for one, other in pairwise(ends)]


def _ends(views: tuple[Widget, ...], name: str) -> list[End]:
    """Where each view keeps a selection; a trait of that name that is no number is something else."""
    found: list[End] = []
    for view in views:
        own = next((n for n in (name, ALSO.get(name)) if n and isinstance(view.traits().get(n), traitlets.Int)), None)
        if own is not None:
            found.append((view, own))
    return found


def _set(end: End, value: Any) -> None:
    view, name = end
    if value is not None or view.traits()[name].allow_none:
        setattr(view, name, value)
