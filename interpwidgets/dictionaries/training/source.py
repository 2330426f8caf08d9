"""Where a trainer gets its activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import torch

from interpwidgets.errors import InputError


class Chunk(NamedTuple):
    """Activations that fit into memory, from which batches are drawn in random order.

    Attributes:
        read: activations at the place that is read [token, d_in].
        written: activations at the place that is written [token, d_out]; the same tensor for an autoencoder.
    """

    read: torch.Tensor
    written: torch.Tensor


class Source(Protocol):
    """Activations in chunks. Each rank of several gets its own share, and a chunk of a number is always the same.

    Attributes:
        site_in, site_out: where the activations were taken, or None.
        whole: whether every rank is given all of a chunk and takes its own rows of each batch, or only its share.
        about: where they came from, plain JSON, kept with the dictionary.
    """

    @property
    def site_in(self) -> str | None: ...

    @property
    def site_out(self) -> str | None: ...

    @property
    def whole(self) -> bool: ...

    @property
    def about(self) -> Mapping[str, object]: ...

    def chunk(self, number: int) -> Chunk | None:
        """The chunk of a number from 0; the numbers go on when all has been read once. None: it cannot go on."""
        ...


class Rows:
    """Activations that are there already, as one chunk.

    Args:
        read: [..., d_in].
        written: what is to be written, [..., d_out], for a transcoder; by default what is read.
        site_in: where they were taken.
        site_out: where what is written was taken.

    Raises:
        InputError: no floating-point tensors, different numbers of tokens, NaN or infinities, less than two tokens.
    """

    whole = True

    def __init__(
        self,
        read: torch.Tensor,
        written: torch.Tensor | None = None,
        *,
        site_in: str | None = None,
        site_out: str | None = None,
    ) -> None:
        self.site_in, self.site_out = site_in, site_out
        rows = _rows("activations", read)
        target = rows if written is None else _rows("activations to write", written)
        if len(target) != len(rows) or len(rows) < 2:
            raise InputError(
                expected="two tokens or more, as many to read as to write",
                got=f"{len(rows)} and {len(target)}",
                fix="Pass activations of the same tokens at both sites.",
            )
        self._chunk = Chunk(rows, target)
        self.about = {"tokens": len(rows)}

    def chunk(self, number: int) -> Chunk:
        return self._chunk


def _rows(what: str, given: object) -> torch.Tensor:
    if not isinstance(given, torch.Tensor) or given.ndim < 2 or not given.is_floating_point():
        raise InputError(
            expected=f"{what} as a floating-point tensor [..., d]",
            got=f"shape {list(given.shape)}, {given.dtype}"
            if isinstance(given, torch.Tensor)
            else type(given).__name__,
            fix='Pass a tensor, or (lm, "resid_post.2", texts).',
        )
    rows = given.detach().flatten(0, -2)
    if not bool(torch.isfinite(rows).all()):
        bad = int((~torch.isfinite(rows)).any(1).sum())
        raise InputError(
            expected=f"finite {what}",
            got=f"{bad} of {len(rows)} tokens with NaN or infinity",
            fix="Leave these tokens out, or find out where they come from.",
        )
    return rows
