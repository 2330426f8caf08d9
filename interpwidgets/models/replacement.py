"""Reaching in with a function: a site's values become what is computed from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.errors import InputError, ModelError
from interpwidgets.models.hooks import Hooks
from interpwidgets.models.site import Site

if TYPE_CHECKING:
    from interpwidgets.models.model import Model


class Replacement:
    """One site whose values are replaced on each forward pass; made by `Model.replaced`.

    Args:
        site: where.
        function: ``function(x, *values of reads) -> new x``, all ``[batch, token, ...]``; None leaves x as it is.
        reads: sites whose values the function needs too; they must come before `site` in the forward pass.
    """

    def __init__(self, site: Site, function: Callable[..., Any], reads: tuple[Site, ...] = ()) -> None:
        self.site = site
        self.function = function
        self.reads = reads

    def attach(self, lm: Model, hooks: Hooks) -> None:
        """Set the hooks that carry it out."""
        seen: dict[Site, torch.Tensor] = {}
        for place in self.reads:
            tap = lm.anatomy.tap(place)
            assert tap is not None
            hooks.read(tap, lambda x, place=place: seen.__setitem__(place, x))
        tap = lm.anatomy.tap(self.site)
        assert tap is not None
        hooks.change(tap, lambda x: self._new(x, seen))

    def _new(self, x: torch.Tensor, seen: dict[Site, torch.Tensor]) -> torch.Tensor | None:
        late = next((place for place in self.reads if place not in seen), None)
        if late is not None:
            raise ModelError(
                expected=f"{late} before {self.site} in the forward pass",
                got=f"a run that reached {self.site} first",
                fix="Read a site that comes earlier.",
            )
        # Taken out, so that the next pass cannot see the values of this one.
        new = self.function(x, *(seen.pop(place) for place in self.reads))
        if new is None:
            return None
        if not isinstance(new, torch.Tensor) or new.shape != x.shape:
            raise InputError(
                expected=f"new values of shape {list(x.shape)} at {self.site}",
                got=f"shape {list(new.shape)}" if isinstance(new, torch.Tensor) else type(new).__name__,
                fix="Return a tensor shaped as the one that was passed in, or None.",
            )
        return new.to(x)
