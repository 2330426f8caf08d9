"""A model at work on a corpus, as a trainer's source of activations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.analyses.activations import activations, in_batches
from interpwidgets.analyses.corpus import Corpus, Window, special_ids
from interpwidgets.dictionaries.training.source import Chunk

if TYPE_CHECKING:
    from interpwidgets.models import Model


class ActivationSource:
    """Activations at one or two sites, chunk after chunk of a corpus, and again from its start when it ends.

    Which windows a chunk holds depends on the corpus alone, so a training that was stopped finds its place again by
    tokenising what lies behind it, without running it. A corpus that makes one chunk is run once and kept. Documents
    should come in random order: batches are mixed within a chunk only.

    Args:
        lm: the model.
        corpus: what it reads.
        site_in: the place to read.
        site_out: the place to write, where that is another.
        tokens: about so many tokens in a chunk.
        rank, ranks: read every so-manieth window only, as one of several processes.
        skip_special: leave out tokens such as ``<s>``, whose activations are often many times as large as all others.
    """

    whole = False

    def __init__(
        self,
        lm: Model,
        corpus: Corpus,
        *,
        site_in: str,
        site_out: str | None = None,
        tokens: int = 2**16,
        rank: int = 0,
        ranks: int = 1,
        skip_special: bool = True,
    ) -> None:
        self.lm, self.corpus, self.tokens = lm, corpus, tokens
        self.site_in, self.site_out = str(lm.site(site_in)), str(lm.site(site_out or site_in))
        self.rank, self.ranks = rank, ranks
        self.about: dict[str, Any] = {"model": lm.name, "context": corpus.context, "documents": corpus.size}
        self._left_out = special_ids(lm) if skip_special else torch.zeros(0, dtype=torch.long)
        self._groups = self._grouped()
        self._next = 0  # the number of the chunk that the next group makes
        self._last: tuple[int, Chunk] | None = None
        self._only: Chunk | None = None

    def chunk(self, number: int) -> Chunk | None:
        """The activations of a group of windows; an earlier one than the last asked for starts reading anew."""
        if self._only is not None:
            return self._only
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        if number < self._next:
            self._groups, self._next = self._grouped(), 0
        for windows, alone in islice(self._groups, number - self._next, None):
            self._next = number + 1
            made = self._run(windows)
            self._last = (number, made)
            self._only = made if alone else None
            return made
        return None

    def _grouped(self) -> Iterator[tuple[list[Window], bool]]:
        """This rank's windows in groups of some tokens, and whether a group is all there is; endless."""
        for turn in count():
            group: list[Window] = []
            size = found = 0
            for i, window in enumerate(self.corpus.windows()):
                if i % self.ranks != self.rank:
                    continue
                if size >= self.tokens:
                    yield group, False
                    group, size, found = [], 0, found + 1
                group.append(window)
                size += len(window.ids)
            if not group:
                return
            yield group, turn == 0 and found == 0

    def _run(self, windows: list[Window]) -> Chunk:
        sites = list(dict.fromkeys([self.site_in, self.site_out]))
        parts: list[list[torch.Tensor]] = [[] for _ in sites]
        same_length = self.lm.family == "module"  # whose forward may take no mask
        # Neighbours of one length pad nothing; the trainer mixes the rows anyway.
        ordered = sorted(windows, key=lambda window: len(window.ids))
        for batch in in_batches(ordered, same_length=same_length):
            values, ids = activations(self.lm, [window.ids for window in batch], sites)
            kept = ~torch.isin(ids, self._left_out)
            for part, value in zip(parts, values, strict=True):
                part.append(value[kept.to(value.device)].flatten(1))
        read, *rest = [torch.cat(part) for part in parts]
        return Chunk(read, rest[0] if rest else read)
