"""Reaching in: add a vector, set, scale or silence a site, at some positions or heads.

Adding a direction to the residual stream is activation steering (Turner et al. 2023, "Steering Language Models With
Activation Engineering"); setting a site to zero is ablation; setting it to what another input gave is activation
patching (Vig et al. 2020, "Causal Mediation Analysis").
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from interpwidgets.errors import InputError
from interpwidgets.models.site import Site


@dataclass(frozen=True, eq=False)
class Edit:
    """One change of one site, used as ``with lm.edit(Edit("resid_post.2", add=vector, strength=4.0)): ...``.

    Exactly one of `add`, `set`, `scale` and `ablate` says what happens.

    Args:
        site: where, a `Site` or its name.
        add: a vector ``[d]``, or one for each edited position ``[position, d]``, added ``strength`` times. For
            ``head_out`` it is added to what each named head writes.
        set: the value to put there, ``[d]`` or ``[position, d]``.
        scale: a factor, e.g. 0.5.
        ablate: True for zero.
        strength: how often `add` is added; one number, or one for each row of a batch ``[batch]``. 0 leaves the run
            bit-identical to no edit.
        positions: which positions: None for all, also those generated later; a list (negative ones count from the end
            of the prompt); or a slice (an open end goes on into generated text).
        heads: for ``head_out``: which heads; None for all.

    Raises:
        InputError: none or several actions, NaN or infinity, a strength without `add`, heads elsewhere.
    """

    site: Site | str
    add: Any = None
    set: Any = None
    scale: float | None = None
    ablate: bool = False
    strength: float | Sequence[float] = 1.0
    positions: Sequence[int] | slice | int | None = None
    heads: Sequence[int] | int | None = None
    value: torch.Tensor | None = field(init=False, repr=False, default=None)
    chosen: tuple[int, ...] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "site", Site.parse(self.site))
        given = [name for name in ("add", "set", "scale") if getattr(self, name) is not None]
        given += ["ablate"] if self.ablate else []
        if len(given) != 1:
            raise InputError(
                expected="exactly one of add, set, scale and ablate",
                got=" and ".join(given) or "none of them",
                fix='Write for example Edit("resid_post.2", add=vector, strength=4.0).',
            )
        action = given[0]
        if action in ("add", "set"):
            value = torch.as_tensor(getattr(self, action)).detach()
            if not value.is_floating_point():
                value = value.to(torch.get_default_dtype())
            keep(self, "value", value)
            _finite(value, f"{action} of the edit at {self.site}")
        if action == "scale":
            _finite(torch.as_tensor(float(self.scale or 0.0)), f"scale of the edit at {self.site}")
        strength = torch.as_tensor(self.strength, dtype=torch.float64)
        _finite(strength, f"strength of the edit at {self.site}")
        if action != "add" and not (strength == 1.0).all():
            raise InputError(
                expected="a strength only together with add",
                got=f"strength {self.strength} with {action}",
                fix="Use scale=... for a factor, or add=... with strength=....",
            )
        if self.heads is not None:
            keep(self, "chosen", _numbers(self.heads, "heads", self.place))
        if self.positions is not None and not isinstance(self.positions, slice):
            keep(self, "positions", _numbers(self.positions, "positions", self.place))
        if self.heads is not None and self.place.kind != "head_out":
            raise InputError(
                expected="heads only at head_out",
                got=f"heads {list(self.chosen or ())} at {self.site}",
                fix=f'Use "head_out.{self.place.layer if self.place.layer is not None else 0}", or leave heads out.',
            )

    @property
    def place(self) -> Site:
        """The parsed site."""
        assert isinstance(self.site, Site)
        return self.site

    @property
    def idle(self) -> bool:
        """True where the edit changes nothing: then no hook is set and no tensor is touched."""
        if self.add is not None:
            return bool((torch.as_tensor(self.strength) == 0).all())
        return self.scale is not None and float(self.scale) == 1.0

    def new(self, x: torch.Tensor) -> torch.Tensor:
        """What the edit makes of the values ``x [batch, position, ...]`` it applies to."""
        if self.ablate:
            return torch.zeros_like(x)
        if self.scale is not None:
            return x * self.scale
        assert self.value is not None
        value = self.value.to(device=x.device, dtype=x.dtype)
        if self.set is not None:
            return value.expand(x.shape).clone()
        strength = torch.as_tensor(self.strength, device=x.device, dtype=x.dtype)
        if strength.dim() == 1:
            if strength.shape[0] != x.shape[0]:
                raise InputError(
                    expected=f"one strength, or one for each of the {x.shape[0]} rows of the batch",
                    got=f"{strength.shape[0]} strengths",
                    fix="Pass as many strengths as there are rows.",
                )
            strength = strength.reshape(-1, *[1] * (x.dim() - 1))
        return x + strength * value


def _numbers(given: Any, what: str, site: Site) -> tuple[int, ...]:
    """Whole numbers, one or several, of Python, numpy or torch; a float is refused rather than cut off."""
    several = [given] if hasattr(given, "__index__") and getattr(given, "ndim", 0) == 0 else given
    try:
        return tuple(operator.index(number) for number in several)
    except TypeError:
        raise InputError(
            expected=f"whole numbers as {what} of the edit at {site}",
            got=repr(given)[:60],
            fix=f"Pass {what}=[0, 3], or one number.",
        ) from None


def _finite(value: torch.Tensor, what: str) -> None:
    if not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        raise InputError(
            expected=f"finite numbers for the {what}",
            got=f"{bad} of {value.numel()} values NaN or infinite",
            fix="Check the vector; a NaN would spread to every later layer.",
        )
