"""How far a slider sensibly goes: strengths at which what is added is as long as what is already there."""

from __future__ import annotations

import math
import weakref
from typing import Any

import torch

from interpwidgets.models import Model, Site
from interpwidgets.models.unedited import unedited

PROBE = 48
_sizes: weakref.WeakKeyDictionary[Model, dict[str, torch.Tensor]] = weakref.WeakKeyDictionary()


def typical(lm: Model, site: Site | str) -> torch.Tensor | None:
    """Values at a site for a fixed text of random tokens ``[token, d]``: enough to know how large they are.

    None for models that read other things than one text.
    """
    place = lm.site(site)
    if lm.takes_images or lm.has_decoder or not (lm.d_vocab_in or lm.d_vocab):
        return None
    known = _sizes.setdefault(lm, {})
    if str(place) not in known:
        length = min(PROBE, lm.context or PROBE)
        draw = torch.Generator().manual_seed(0)
        ids = torch.randint(0, lm.d_vocab_in or lm.d_vocab or 1, (1, length), generator=draw)
        with unedited(lm):
            _, kept = lm.run(ids, sites=[place], no_further=True)
        # The first token is looked at by everything and often far larger than the rest.
        known[str(place)] = kept[place][0, min(1, length - 1) :].float().cpu()
    return known[str(place)]


def of_vector(lm: Model | None, site: str, write: Any) -> float:
    """The strength at which a vector added is as long as the values at its site, rounded up."""
    values = None if lm is None else typical(lm, site)
    length = float(torch.as_tensor(write).float().norm())
    return rounded(float(values.norm(dim=-1).median()) / length) if values is not None and length > 0 else 10.0


def of_neuron(lm: Model, site: str, neuron: int) -> float:
    """The largest value of a neuron on the fixed text, at least 1, rounded up."""
    values = typical(lm, site)
    return 10.0 if values is None else rounded(max(1.0, float(values[:, neuron].abs().max())))


def rounded(value: float) -> float:
    """The next larger of 1, 2, 5, 10, 20, 50, ..."""
    if not math.isfinite(value) or value <= 0:
        return 10.0
    power = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))
    return float(f"{step * power:.6g}")
