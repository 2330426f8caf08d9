"""What a model computes on a corpus, site by site, token by token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch

from interpwidgets.analyses.corpus import Window

if TYPE_CHECKING:
    from interpwidgets.models import Model

TOKENS = 8192  # tokens in one forward pass, padding included


def in_batches(windows: Iterable[Window], *, tokens: int = TOKENS, same_length: bool = False) -> Iterator[list[Window]]:
    """Windows in the order they come, as many at a time as make ``tokens`` when padded to the longest.

    Args:
        windows: of a `Corpus`.
        tokens: at most so many, padding included; one window always fits.
        same_length: for models that take no mask: never windows of different lengths together.
    """
    batch: list[Window] = []
    for window in windows:
        width = max(len(window.ids), *(len(w.ids) for w in batch), 0)
        other = same_length and batch and len(batch[0].ids) != len(window.ids)
        if batch and (other or width * (len(batch) + 1) > tokens):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def activations(lm: Model, rows: list[list[int]], sites: Iterable[str]) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The values at some sites on every token of several rows, in one pass that goes no further than it must.

    Args:
        lm: the model.
        rows: ids of each row, of any lengths.
        sites: where to look.

    Returns:
        For each site its values ``[token, ...]``, row after row without padding; and the ids ``[token]``.
    """
    sites = list(sites)
    ids, real = padded(rows)
    mask = {} if bool(real.all()) else {"attention_mask": real.long().to(lm.device)}
    _, kept = lm.run(ids, sites=sites, no_further=True, **mask)
    values = [kept[lm.site(site)] for site in sites]
    return [value[real.to(value.device)] for value in values], ids[real]


def padded(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of ids side by side ``[row, token]``, zeros behind the shorter ones, and where real tokens are."""
    lengths = torch.tensor([len(row) for row in rows])
    width = int(lengths.max())
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], dtype=torch.long)
    return ids, torch.arange(width) < lengths[:, None]
