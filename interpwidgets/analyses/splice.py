"""Running a model on what a dictionary says instead of what it computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from interpwidgets.dictionaries.checks import check_fits
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError

if TYPE_CHECKING:
    from interpwidgets.models import Model


@contextmanager
def splice(
    lm: Model,
    dictionary: Dictionary,
    *,
    error: bool = False,
    edit: Callable[[torch.Tensor], torch.Tensor | None] | None = None,
    mask: torch.Tensor | None = None,
) -> Iterator[Model]:
    """Put a dictionary's reconstruction in place of the activations, in every run inside the context.

    ``x̂ = decode(encode(x at site_in))`` takes the place of the values at ``site_out``; so an autoencoder stands in for
    the stream, a transcoder for the MLP. With ``error=True`` what the dictionary leaves unsaid is added again, which
    changes nothing by itself: then an edit of the codes changes exactly what those features write (Marks et al. 2024,
    "Sparse Feature Circuits", section 2). On leaving no hook remains.

    Args:
        lm: the model that the dictionary was made for.
        dictionary: any kind, with ``site_in`` (and ``site_out``) set.
        error: add the reconstruction error, so that without an edit the logits stay what they are.
        edit: ``edit(codes [batch, token, feature]) -> codes``, e.g. to switch a feature off; it may change them in
            place and return None.
        mask: ``[batch, token]`` truth: where to splice; elsewhere the activations stay. By default everywhere.

    Raises:
        InputError: a dictionary without a site, of another width, or a site this model does not have.

    Example:
        >>> with iw.splice(lm, sae, error=True, edit=lambda codes: codes.index_fill(-1, torch.tensor(7), 0)):
        ...     without_feature_7 = lm.trace(text).logits
    """
    here, there = sites_of(lm, dictionary)

    def new(x: torch.Tensor, read: torch.Tensor | None = None) -> torch.Tensor:
        made = _reconstruct(dictionary, x if read is None else read, x, error, edit)
        if mask is None:
            return made
        if mask.shape != x.shape[:2]:
            raise InputError(
                expected=f"a mask of shape {list(x.shape[:2])}, [batch, token]",
                got=f"{list(mask.shape)}",
                fix="Give one truth value for each token of the run, or leave it out.",
            )
        return torch.where(mask.to(x.device, torch.bool)[..., None], made, x)

    with lm.replaced(there, new, reads=() if here == there else (here,)):
        yield lm


def sites_of(lm: Model, dictionary: Dictionary) -> tuple[str, str]:
    """The places a dictionary reads and writes in this model, checked with their widths.

    Raises:
        InputError: a dictionary without a site, of another width, or a site this model does not have.
    """
    if not isinstance(dictionary, Dictionary):
        raise InputError(
            expected="a dictionary", got=type(dictionary).__name__, fix="Load one: iw.load_dictionary(...)."
        )
    if dictionary.site_in is None or dictionary.site_out is None:
        raise InputError(
            expected=f"a dictionary that says where it reads, for {lm.name}",
            got=f"{dictionary.name} with site_in None",
            fix='Set it: dictionary.site_in = "resid_post.2".',
        )
    places = []
    for name, end in ((dictionary.site_in, "in"), (dictionary.site_out, "out")):
        place = lm.site(name)
        width = lm.width(place)
        # At head_out the heads lie side by side, so the width of a head's output says nothing.
        if width is not None and place.kind != "head_out":
            check_fits(dictionary, width, str(place), end=end)
        places.append(str(place))
    return places[0], places[1]


def _reconstruct(
    dictionary: Dictionary,
    read: torch.Tensor,
    target: torch.Tensor,
    error: bool,
    edit: Callable[[torch.Tensor], torch.Tensor | None] | None,
) -> torch.Tensor:
    codes = dictionary.encode(read)
    needed = read if dictionary.needs_input else None
    rest: torch.Tensor | float = 0.0
    if error:
        rest = target - dictionary.decode(codes, needed).to(target).reshape(target.shape)
    if edit is not None:
        # A copy: an identity's codes are the very activations.
        changed = edit(codes := codes.clone())
        codes = codes if changed is None else changed
        if not isinstance(codes, torch.Tensor) or codes.shape[:-1] != read.shape[: codes.ndim - 1]:
            raise InputError(
                expected="codes [batch, token, feature] from edit",
                got=f"shape {list(codes.shape)}" if isinstance(codes, torch.Tensor) else type(codes).__name__,
                fix="Return the codes, changed, or change them in place and return None.",
            )
    return dictionary.decode(codes, needed).to(target).reshape(target.shape) + rest
