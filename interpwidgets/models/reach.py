"""Carrying edits out: which values of a forward pass an edit changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from interpwidgets.errors import InputError
from interpwidgets.models import steered
from interpwidgets.models.edit import Edit
from interpwidgets.models.hooks import Hooks, Tap
from interpwidgets.models.replacement import Replacement
from interpwidgets.records.steering import Steering

AnyEdit = Edit | Replacement | Steering

if TYPE_CHECKING:
    from interpwidgets.models.model import Model


class Clock:
    """Where in the text the running forward pass stands: generation with a cache sees one token at a time."""

    def __init__(self, model: nn.Module, hooks: Hooks) -> None:
        self.start = 0
        self.length = 0
        self._cache: Any = None
        hooks.before(model, self._tick)

    def _tick(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        cache = kwargs.get("past_key_values")
        cache = kwargs.get("cache_params") if cache is None else cache
        if cache is None:
            self.start = 0
        elif cache is self._cache and self.start + self.length > 0:
            self.start += self.length
        else:
            self.start = _seen(cache)
        self._cache = cache
        given = [kwargs.get(n) for n in ("decoder_input_ids", "input_ids", "inputs_embeds")] + list(args)
        self.length = next((int(t.shape[1]) for t in given if isinstance(t, torch.Tensor) and t.dim() > 1), 0)


def _seen(cache: Any) -> int:
    """How many tokens a cache met here for the first time already holds; a state-space cache does not count them."""
    try:
        return int(cache.get_seq_length())
    except (AttributeError, ValueError):
        return 0


class Where:
    """An edit's positions, found in each chunk of the text that passes by."""

    def __init__(self, edit: Edit, clock: Clock) -> None:
        self._edit = edit
        self._clock = clock
        self._chosen: list[int] = []

    def columns(self, x: torch.Tensor) -> list[int] | None:
        """The columns of ``x [batch, token, ...]`` the edit applies to; None for all."""
        positions = self._edit.positions
        if positions is None:
            return None
        width = int(x.shape[1])
        # Logits may be computed for the last positions only.
        total = max(self._clock.length, width)
        start = self._clock.start + total - width
        if self._clock.start == 0:
            self._chosen = _resolve(positions, total, self._edit)
        chosen = self._chosen
        if isinstance(positions, slice) and positions.stop is None and self._clock.start > 0:
            step = positions.step or 1
            first = chosen[0] if chosen else max(positions.start or 0, 0)
            chosen = [p for p in range(start, start + width) if p >= first and (p - first) % step == 0]
        return [p - start for p in chosen if start <= p < start + width]


def _resolve(positions: Any, length: int, edit: Edit) -> list[int]:
    if isinstance(positions, slice):
        return list(range(length)[positions])
    bad = [p for p in positions if not -length <= p < length]
    if bad:
        raise InputError(
            expected=f"positions from 0 to {length - 1} for the edit at {edit.site}",
            got=f"position {bad[0]}",
            fix="Choose positions inside the text, or a slice with an open end to reach into generated text.",
        )
    return [p % length for p in positions]


def check_edit(lm: Model, edit: Edit | Steering) -> None:
    """Raise where an edit names a site, head or width the model does not have."""
    if isinstance(edit, Steering):
        steered.check(lm, edit)
        return
    if not isinstance(edit, Edit):
        raise InputError(
            expected="edits",
            got=type(edit).__name__,
            fix='Write lm.edit(Edit("resid_post.2", add=vector)).',
        )
    place = lm.site(edit.site)
    if edit.chosen is not None:
        count = lm.heads_at(place.layer)
        bad = [h for h in edit.chosen if not -count <= h < count]
        if bad:
            raise InputError(
                expected=f"heads from 0 to {count - 1} in layer {place.layer}",
                got=f"head {bad[0]}",
                fix=f"{lm.name} has {count} heads in a layer.",
            )
    width = lm.width(place)
    if edit.value is not None and (edit.value.dim() == 0 or (width and edit.value.shape[-1] != width)):
        raise InputError(
            expected=f"a vector of {width or 'as many'} numbers at {place}",
            got=f"shape {list(edit.value.shape)}",
            fix=f"{lm.name} has {width or 'its own number of'} numbers there for each position.",
        )


def attach_all(lm: Model, edits: Iterable[AnyEdit], hooks: Hooks) -> None:
    """Set the hooks of several edits, in the order written; what is idle sets none."""
    clock = None
    for edit in edits:
        if isinstance(edit, Replacement):
            edit.attach(lm, hooks)
            continue
        if edit.idle:
            continue
        clock = clock or Clock(lm.model, hooks)
        if isinstance(edit, Steering):
            steered.attach(lm, edit, hooks, clock)
            continue
        place = lm.site(edit.site)
        tap = lm.anatomy.tap(place)
        assert tap is not None
        attach(edit, tap, lm.heads_at(place.layer) if place.kind == "head_out" else 0, hooks, clock)


def attach(edit: Edit, tap: Tap, n_heads: int, hooks: Hooks, clock: Clock) -> None:
    """Set the hooks that carry an edit out at a tap."""
    where = Where(edit, clock)
    if edit.place.kind != "head_out":
        hooks.change(tap, _at(where, lambda x: _fitted(edit, x)))
        return
    heads = list(range(n_heads)) if edit.chosen is None else [h % n_heads for h in edit.chosen]
    if edit.add is None:
        inside = Edit(edit.site, ablate=True) if edit.set is not None else edit

        def change_heads(z: torch.Tensor) -> torch.Tensor:
            split = z.reshape(*z.shape[:-1], n_heads, -1).clone()
            split[:, :, heads] = inside.new(split[:, :, heads])
            return split.reshape(z.shape)

        hooks.change(tap, _at(where, change_heads))
    if edit.value is not None:
        # What heads write adds up, so writing more is adding behind the output projection.
        value = edit.value.sum(0) if edit.value.dim() == 2 else edit.value * len(heads)
        total = Edit(edit.site, add=value, strength=edit.strength)
        hooks.change(Tap(tap.module), _at(where, total.new))


def _at(where: Where, new: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor | None]:
    def change(x: torch.Tensor) -> torch.Tensor | None:
        columns = where.columns(x)
        if columns is None:
            return new(x)
        if not columns:
            return None
        changed = x.clone()
        changed[:, columns] = new(x[:, columns])
        return changed

    return change


def _fitted(edit: Edit, x: torch.Tensor) -> torch.Tensor:
    if edit.value is not None:
        wanted = list(x.shape)
        got = list(edit.value.shape)
        fits = len(got) <= len(wanted) and all(
            g in (1, w) for g, w in zip(reversed(got), reversed(wanted), strict=False)
        )
        if not fits or got[-1] != wanted[-1]:
            raise InputError(
                expected=f"a vector [{wanted[-1]}], or one for each of the {wanted[1]} edited positions",
                got=f"shape {got} for the edit at {edit.site}",
                fix="Pass one vector, or name as many positions as there are vectors.",
            )
    return edit.new(x)
