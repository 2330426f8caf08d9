"""One process or many: the same code, whether `torchrun` started it or not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist


class Ranks:
    """This process among those that work together.

    Attributes:
        rank: which one this is, from 0.
        count: how many there are.
    """

    def __init__(self) -> None:
        together = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if together else 0
        self.count = dist.get_world_size() if together else 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files and shows progress."""
        return self.rank == 0

    @torch.no_grad()
    def mean_(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each tensor by its mean over all ranks, in one exchange."""
        tensors = list(tensors)
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        flat /= self.count
        at = 0
        for t in tensors:
            t.copy_(flat[at : at + t.numel()].view_as(t))
            at += t.numel()

    def gather(self, value: Any) -> list[Any]:
        """What every rank has, on all of them."""
        if self.count == 1:
            return [value]
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, value)
        return found

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def ranks() -> Iterator[Ranks]:
    """The ranks that `torchrun` started, joined for as long as the context lasts; else this process alone."""
    started = int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ
    mine = started and dist.is_available() and not dist.is_initialized()
    if mine:
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks()
    finally:
        if mine:
            dist.destroy_process_group()
