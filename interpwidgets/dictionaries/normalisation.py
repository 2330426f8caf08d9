"""How activations are scaled before a dictionary reads them, and scaled back after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from interpwidgets.errors import InputError

KINDS = ("none", "expected_average_only_in", "constant_norm_rescale", "layer_norm")


class Normalisation:
    """A change of scale that belongs to the dictionary: applied by encode, undone by decode.

    With d the width and x one token's activations:

    - ``none``: x as it is.
    - ``expected_average_only_in``: ``x · scale``, one number for all tokens, √d over the mean norm of the training
      activations (Anthropic, April 2024 update).
    - ``constant_norm_rescale``: ``x · √d / ‖x‖``, every token the same norm.
    - ``layer_norm``: ``(x − mean) / (std + 1e-5)`` over the width, std with d − 1.

    The last two take their scale from the token, so decoding needs the token as well.

    Args:
        kind: one of the above (SAELens' names).
        scale: the number of ``expected_average_only_in``.

    Raises:
        InputError: an unknown kind, or a scale that is not above 0.
    """

    def __init__(self, kind: str = "none", scale: float = 1.0) -> None:
        if kind not in KINDS:
            raise InputError(
                expected=f"a normalisation out of {', '.join(KINDS)}",
                got=repr(kind),
                fix="Fold it into the weights with the library that made the dictionary, then load it again.",
            )
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < float("inf"):
            raise InputError(expected="an input scale above 0", got=repr(scale), fix="Leave it out for 1.")
        self.kind = kind
        self.scale = float(scale)

    @property
    def per_token(self) -> bool:
        """Whether the scale depends on the token."""
        return self.kind in ("constant_norm_rescale", "layer_norm")

    @property
    def unit(self) -> float:
        """What `undo` makes of a 1, where that does not depend on the token; else 1."""
        return 1 / self.scale if self.kind == "expected_average_only_in" else 1.0

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """Scaled activations [..., d]."""
        if self.kind == "expected_average_only_in":
            return x * self.scale
        if self.kind == "constant_norm_rescale":
            return x * (x.shape[-1] ** 0.5 / x.norm(dim=-1, keepdim=True))
        if self.kind == "layer_norm":
            centred = x - x.mean(-1, keepdim=True)
            return centred / (_spread(centred) + 1e-5)
        return x

    def undo(self, made: torch.Tensor, x: torch.Tensor | None) -> torch.Tensor:
        """A reconstruction in the scale of the activations; ``x`` is what was encoded."""
        if self.kind == "expected_average_only_in":
            return made / self.scale
        if x is None or not self.per_token:
            return made
        if self.kind == "constant_norm_rescale":
            return made / (x.shape[-1] ** 0.5 / x.norm(dim=-1, keepdim=True))
        mean = x.mean(-1, keepdim=True)
        return made * _spread(x - mean) + mean

    def config(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"kind": self.kind, "scale": self.scale}

    @classmethod
    def build(cls, config: Mapping[str, Any]) -> Normalisation:
        """From what `config` gave."""
        return cls(config.get("kind", "none"), config.get("scale", 1.0))


def _spread(centred: torch.Tensor) -> torch.Tensor:
    # std() itself warns where there are no tokens; squares of half precision overflow.
    wide = centred.to(torch.promote_types(centred.dtype, torch.float32))
    return (wide.pow(2).sum(-1, keepdim=True) / (wide.shape[-1] - 1)).sqrt().to(centred.dtype)
