"""Making steering targets of parts of a model and of its dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.steering import reach
from interpwidgets.dictionaries import Dictionary
from interpwidgets.errors import InputError
from interpwidgets.models import Model, Site
from interpwidgets.models.steered import check_target, site_width
from interpwidgets.records.steering_target import MODES, SteeringTarget, ranges

WHOLE = ("scale", "ablate")


def feature(dictionary: Dictionary, j: int, mode: str = "add", lm: Model | None = None) -> SteeringTarget:
    """A feature of a dictionary: how strongly it fires, turned by hand.

    Adding writes what one unit of the feature writes, wherever you are; clamping, scaling and ablating read how
    strongly it fires on each token and write only the difference (Templeton et al. 2024, "Scaling Monosemanticity",
    who clamp; the reconstruction error stays as it is). A dictionary that scales each token by itself has one unit
    for a token of that scale, see ``unit_writes``.

    Args:
        dictionary: any kind, with its site set; a transcoder reads at ``site_in`` and writes at ``site_out``.
        j: the feature.
        mode: add, clamp, scale or ablate.
        lm: the model, to check the width and to find a sensible range; without it the range is 10.

    Raises:
        InputError: no such feature or mode, a dictionary without a site or of another width.
    """
    _check_feature(dictionary, j)
    return _of_dictionary(dictionary, j, mode, lm, "feature", dictionary.unit_write(j), f"{dictionary.name}/{int(j)}")


def direction(dictionary: Dictionary, j: int, lm: Model | None = None) -> SteeringTarget:
    """The direction a feature writes, with length 1, added: a strength is then a length in the stream.

    Raises:
        InputError: no such feature, a dictionary without a site or of another width.
    """
    _check_feature(dictionary, j)
    write = dictionary.directions[j].float()
    unit = write / write.norm().clamp_min(1e-30)
    return _of_dictionary(dictionary, j, "add", lm, "direction", unit, f"{dictionary.name}/{int(j)} direction")


def neuron(lm: Model, layer: int, j: int, mode: str = "add") -> SteeringTarget:
    """A hidden unit of a layer's MLP, after its activation.

    Raises:
        InputError: no such layer, unit or mode; a layer whose hidden units are spread over experts.
    """
    check_model(lm)
    place = lm.site(Site("mlp_act", _whole("a layer", layer)))
    width = site_width(lm, place)
    assert width is not None
    if not 0 <= _whole("a neuron", j) < width:
        raise InputError(
            expected=f"a neuron from 0 to {width - 1} in layer {place.layer}", got=str(j), fix="Choose one of these."
        )
    write = np.zeros(width, dtype=np.float32)
    write[int(j)] = 1.0
    far = reach.of_neuron(lm, str(place), int(j))
    return _made(
        lm, f"neuron {place.layer}.{int(j)}", "neuron", mode, MODES, (str(place),), write=write, reach=far,
        feature=int(j),
    )  # fmt: skip


def head(lm: Model, layer: int, head: int, mode: str = "scale") -> SteeringTarget:
    """An attention head: what it gathered is scaled, or a share of it taken away.

    Raises:
        InputError: no such layer or head, another mode than scale and ablate, a layer without attention.
    """
    check_model(lm)
    place = lm.site(Site("head_out", _whole("a layer", layer)))
    count = lm.heads_at(place.layer)
    if not -count <= _whole("a head", head) < count:
        raise InputError(
            expected=f"a head from 0 to {count - 1}", got=str(head), fix=f"Layer {place.layer} has {count} heads."
        )
    name = f"head {place.layer}.{int(head) % count}"
    return _made(lm, name, "head", mode, WHOLE, (str(place),), head=int(head) % count)


def layers(lm: Model, first: int, last: int, mode: str = "scale") -> SteeringTarget:
    """Everything that attention and MLP of a range of layers write, scaled or taken away.

    Raises:
        InputError: no such layers, the last before the first, another mode than scale and ablate.
    """
    check_model(lm)
    start, stop = (lm.site(Site("attn_out", _whole("a layer", n))).layer for n in (first, last))
    assert start is not None
    assert stop is not None
    if stop < start:
        raise InputError(expected="a range of layers", got=f"{first} to {last}", fix="Name the lower layer first.")
    sites = tuple(f"{kind}.{n}" for n in range(start, stop + 1) for kind in ("attn_out", "mlp_out"))
    name = f"layer {start}" if start == stop else f"layers {start} to {stop}"
    return _made(lm, name, "layers", mode, WHOLE, sites)


def vector(site: Any, tensor: Any, *, name: str | None = None, lm: Model | None = None) -> SteeringTarget:
    """A vector of one's own, added at a site, or at each of several.

    Args:
        site: a site or its name, or a list of them.
        tensor: ``[d]``, or ``[site, d]`` with one for each site; at `head_out` all heads side by side.
        name: what to call it.
        lm: the model, to check the width and to find a sensible range; without it the range is 10.

    Raises:
        InputError: no numbers, NaN or zeros only, another width.
    """
    several = list(site) if isinstance(site, (list, tuple)) else [site]
    sites = tuple(str(lm.site(s) if lm is not None else Site.parse(s)) for s in several)
    called = name or f"vector at {sites[0] if len(sites) == 1 else f'{sites[0]} to {sites[-1]}'}"
    write = numbers(tensor, called)
    if write.ndim not in (1, 2) or write.size == 0 or not write.any():
        raise InputError(
            expected=f"a vector [d] that is not all zeros as {called}",
            got=f"shape {list(write.shape)}" if write.any() else "zeros",
            fix="Pass one vector, or one for each site.",
        )
    far = reach.of_vector(lm, sites[0], write if write.ndim == 1 else write[0])
    return _made(lm, called, "vector", "add", ("add",), sites, write=write, reach=far)


def random(target: SteeringTarget, *, seed: int = 0) -> SteeringTarget:
    """The control: the same target, writing a random direction of equal norm instead of its own.

    Whatever a direction does has to be held against what any direction of that length does.

    Raises:
        InputError: a head or layers, which write no one vector.
    """
    if target.write is None:
        raise InputError(
            expected="a target that writes a vector",
            got=target.name,
            fix="Take another head or another layer as its control.",
        )
    drawn = np.random.default_rng(seed).standard_normal(target.write.shape)
    norms = np.linalg.norm(target.write.astype(np.float64), axis=-1, keepdims=True)
    write = (drawn / np.linalg.norm(drawn, axis=-1, keepdims=True) * norms).astype(np.float32)
    label = f"a random direction of equal norm (seed {seed})"
    return replace(target, name=f"random {seed} for {target.name}", write=write, label=label)


def numbers(tensor: Any, what: str) -> np.ndarray:
    """An array of float32 out of a tensor or an array."""
    try:
        found = torch.as_tensor(tensor).detach()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            expected=f"an array of numbers as {what}", got=type(tensor).__name__, fix="Pass a tensor or a numpy array."
        ) from None
    return np.ascontiguousarray(found.cpu().float().numpy())


def _of_dictionary(
    dictionary: Dictionary, j: int, mode: str, lm: Model | None, kind: str, write: torch.Tensor, name: str
) -> SteeringTarget:
    site_in, site_out = dictionary.site_in, dictionary.site_out
    if site_in is None or site_out is None:
        raise InputError(
            expected="a dictionary that says where it reads",
            got=f"{dictionary.name} with site_in None",
            fix='Set it: dictionary.site_in = "resid_post.2".',
        )
    if lm is not None:
        site_in, site_out = str(lm.site(site_in)), str(lm.site(site_out))
        width = site_width(lm, lm.site(site_out))
        fits = width is None or dictionary.d_out == width
    else:
        fits = True
    vector = numbers(write, name)
    far = reach.of_vector(lm, site_out, vector) if fits else 10.0
    more: dict[str, Any] = {"dictionary": dictionary, "feature": int(j), "label": dictionary.label(j)}
    modes = MODES if kind == "feature" else ("add",)
    return _made(lm, name, kind, mode, modes, (site_out,), site_in=site_in, write=vector, reach=far, **more)


def _made(
    lm: Model | None,
    name: str,
    kind: str,
    mode: str,
    modes: Sequence[str],
    sites: tuple[str, ...],
    *,
    site_in: str | None = None,
    reach: float = 10.0,
    **more: Any,
) -> SteeringTarget:
    low, high = ranges(kind, mode, reach)
    target = SteeringTarget(
        name, kind, mode, tuple(modes), sites, site_in or sites[0], low=low, high=high, reach=reach, **more
    )
    if lm is not None:
        check_target(lm, target)
    return target


def _check_feature(dictionary: Any, j: Any) -> None:
    if not isinstance(dictionary, Dictionary):
        raise InputError(
            expected="a dictionary", got=type(dictionary).__name__, fix="Load one: iw.load_dictionary(...)."
        )
    if not 0 <= _whole("a feature", j) < dictionary.n_features:
        raise InputError(
            expected=f"a feature from 0 to {dictionary.n_features - 1} of {dictionary.name}",
            got=str(j),
            fix="Choose one of these.",
        )


def _whole(what: str, given: Any) -> int:
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise InputError(expected=f"{what} as a whole number", got=repr(given), fix="Pass a number such as 3.")
    return int(given)
