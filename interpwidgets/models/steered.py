"""Carrying steering out: the targets of a `Steering` become hooks at their sites, for as long as a run takes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch

from interpwidgets.errors import InputError
from interpwidgets.models.hooks import Hooks
from interpwidgets.models.site import Site
from interpwidgets.models.steering_change import Change, Codes
from interpwidgets.records.steering import Steering
from interpwidgets.records.steering_target import SteeringTarget

if TYPE_CHECKING:
    from interpwidgets.models.model import Model

# The order of a forward pass, so that an edit of one site is seen by the next whatever order the targets come in.
_FLOW = ("resid_pre", "head_out", "attn_out", "resid_mid", "mlp_in", "mlp_act", "mlp_out", "resid_post")


class Where(Protocol):
    """Where in the text a forward pass stands."""

    start: int
    length: int


def lowest_layer(lm: Model, steering: Steering) -> int:
    """The first layer that has to run again: all below it return what they returned without steering."""
    first = lm.n_layers
    for target, strength in zip(steering.targets, steering.strengths, strict=True):
        if _moves(target, strength):
            reads = (target.site_in,) if _needs_code(target) else ()
            first = min([first, *(_start(lm, lm.site(name)) for name in (*target.sites, *reads))])
    return first


def _start(lm: Model, place: Site) -> int:
    if place.layer is None:
        return 0 if place.kind == "embed" else lm.n_layers
    # What a block returns can be changed without running the block.
    return place.layer + 1 if place.kind == "resid_post" else place.layer


def check(lm: Model, steering: Steering) -> None:
    """Raise where a steering record names a site, head, feature or width that the model does not have."""
    for target in steering.targets:
        check_target(lm, target)


def check_target(lm: Model, target: SteeringTarget) -> None:
    """The same for one target."""
    for name in (*target.sites, target.site_in):
        place = lm.site(name)
    for name in target.sites:
        width = site_width(lm, place := lm.site(name))
        if target.write is not None and width is not None and target.write.shape[-1] != width:
            raise InputError(
                expected=f"a vector of {width} numbers at {place}",
                got=f"{target.name} of width {target.write.shape[-1]}",
                fix="Use a vector or a dictionary made for this model and site.",
            )
    if target.head is not None:
        _below("a head", target.head, lm.heads_at(lm.site(target.sites[0]).layer), target.name)
    if target.kind == "feature" and target.dictionary is not None:
        _below("a feature", target.feature or 0, target.dictionary.n_features, target.dictionary.name)
        width, reads = site_width(lm, lm.site(target.site_in)), target.dictionary.d_in
        if width is not None and reads != width:
            raise InputError(
                expected=f"a dictionary of width {width} at {target.site_in}",
                got=f"{target.dictionary.name}, which reads width {reads}",
                fix="Use a dictionary made for this model and site, or the model it was made for.",
            )
    if _needs_code(target) and target.dictionary is None:
        raise InputError(
            expected=f"the dictionary of {target.name}, which {target.mode} needs to read how strongly it fires",
            got="a target without it",
            fix="Load it with Steering.load(path, dictionaries=[...]).",
        )


def site_width(lm: Model, place: Site) -> int | None:
    """How many numbers an edit meets at a site for each token; at `head_out` all heads side by side."""
    return lm.anatomy.width(place) if place.kind == "head_out" else lm.width(place)


def attach(lm: Model, steering: Steering, hooks: Hooks, clock: Where) -> None:
    """Set the hooks that carry a steering record out; none where nothing moves."""
    changes: dict[Site, list[Change]] = {}
    reading: dict[Site, dict[int, Codes]] = {}
    pairs = sorted(zip(steering.targets, steering.strengths, strict=True), key=lambda pair: pair[0].name)
    for target, strength in pairs:
        if not _moves(target, strength):
            continue
        codes = None
        if _needs_code(target):
            here = reading.setdefault(lm.site(target.site_in), {})
            codes = here.setdefault(id(target.dictionary), Codes(target.dictionary))
        for i, name in enumerate(target.sites):
            place = lm.site(name)
            change = Change(target, strength, i, codes, lm.heads_at(place.layer))
            changes.setdefault(place, []).append(change)
    span = steering.span
    for place, found in reading.items():
        if place not in changes:
            hooks.read(_tap(lm, place), partial(_look, list(found.values()), span, clock))
    for place in sorted(changes, key=_flow):
        own = list(reading.get(place, {}).values())
        hooks.change(_tap(lm, place), partial(_change, changes[place], own, span, clock))


def _look(reading: list[Codes], span: tuple[int, int | None], clock: Where, x: torch.Tensor) -> None:
    first, last = _columns(x, span, clock)
    for codes in reading:
        codes.read(x[:, first:last])


def _change(
    changes: list[Change], reading: list[Codes], span: tuple[int, int | None], clock: Where, x: torch.Tensor
) -> torch.Tensor | None:
    first, last = _columns(x, span, clock)
    if first >= last:
        return None
    here = x[:, first:last]
    for codes in reading:
        codes.read(here)
    total = changes[0].of(here)
    for change in changes[1:]:
        total = total + change.of(here)
    if last - first == x.shape[1]:
        return x + total
    new = x.clone()
    new[:, first:last] = here + total
    return new


def _columns(x: torch.Tensor, span: tuple[int, int | None], clock: Where) -> tuple[int, int]:
    """The columns of ``x [batch, token, ...]`` that are steered, from and up to."""
    width = int(x.shape[1])
    # Logits may be computed for the last positions only.
    start = clock.start + max(clock.length, width) - width
    stop = width if span[1] is None else min(max(span[1] - start, 0), width)
    return min(max(span[0] - start, 0), width), stop


def _moves(target: SteeringTarget, strength: Any) -> bool:
    return any(target.moves(s) for s in (strength if isinstance(strength, tuple) else (strength,)))


def _needs_code(target: SteeringTarget) -> bool:
    return target.kind == "feature" and target.mode != "add"


def _flow(place: Site) -> tuple[int, int]:
    if place.layer is None:
        return (-1, 0) if place.kind == "embed" else (10**9, 0)
    return place.layer, _FLOW.index(place.kind)


def _tap(lm: Model, place: Site) -> Any:
    tap = lm.anatomy.tap(place)
    assert tap is not None
    return tap


def _below(what: str, got: int, count: int, where: str) -> None:
    if not 0 <= got < count:
        raise InputError(expected=f"{what} from 0 to {count - 1} for {where}", got=str(got), fix="Choose one of these.")
