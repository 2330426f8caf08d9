"""Plain measures of a dictionary, added up block by block, and the losses of a model that runs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.splice import splice
from interpwidgets.dictionaries.codes import SparseCodes
from interpwidgets.dictionaries.protocol import BLOCK, Dictionary

if TYPE_CHECKING:
    from interpwidgets.models import Model


class Running:
    """Sums over tokens from which every plain measure follows; memory does not grow with the tokens.

    Args:
        dictionary: what is measured.
        keep: of how many of the first tokens to keep codes and activations, for probes.
    """

    def __init__(self, dictionary: Dictionary, keep: int) -> None:
        self.dictionary = dictionary
        self.keep = keep
        self.tokens = 0
        self.skipped = 0
        self.counts = np.zeros(1, np.int64)
        self.fires = np.zeros(dictionary.n_features, np.int64)
        self.total = torch.zeros(dictionary.d_out, dtype=torch.float64)
        self.square = self.missed = self.cosine = self.ratio = 0.0
        # Tokens of length 0 have no direction and no ratio.
        self.directed = 0
        self.codes: list[SparseCodes] = []
        self.kept: list[torch.Tensor] = []
        self.used: list[np.ndarray] = []

    def add(self, x: torch.Tensor, target: torch.Tensor, wanted: torch.Tensor | None = None) -> None:
        """Count a block of tokens in.

        Args:
            x: what the dictionary reads [token, d_in].
            target: what it should write [token, d_out].
            wanted: [token] truth: which to measure; the others are skipped, and so is what is not finite.
        """
        good = torch.isfinite(x).all(-1) & torch.isfinite(target).all(-1)
        if wanted is not None:
            good &= wanted.to(good.device)
        self.used.append(good.cpu().numpy())
        self.skipped += int((~good).sum())
        x, target = x[good], target[good]
        rows = max(1, BLOCK // self.dictionary.n_features)
        for i in range(0, len(x), rows):
            self._block(x[i : i + rows], target[i : i + rows])

    def _block(self, x: torch.Tensor, target: torch.Tensor) -> None:
        dense = self.dictionary.encode(x)
        made = self.dictionary.decode(dense, x if self.dictionary.needs_input else None)
        # Apple's GPUs know no double precision.
        place = torch.device("cpu") if made.device.type == "mps" else made.device
        made, target = made.to(place, torch.float64), target.reshape(made.shape).to(place, torch.float64)
        codes = SparseCodes.from_dense(dense)
        counts = np.bincount(codes.counts.cpu().numpy(), minlength=len(self.counts))
        counts[: len(self.counts)] += self.counts
        self.counts = counts
        self.fires += np.bincount(codes.indices.cpu().numpy(), minlength=len(self.fires))
        self.tokens += len(x)
        self.total += target.sum(0).cpu()
        self.square += float(target.pow(2).sum())
        self.missed += float((target - made).pow(2).sum())
        long, short = target.norm(dim=-1), made.norm(dim=-1)
        some = (long > 0) & (short > 0)
        self.directed += int(some.sum())
        self.cosine += float(((target * made).sum(-1)[some] / (long * short)[some]).sum())
        self.ratio += float((short[some] / long[some]).sum())
        room = self.keep - sum(map(len, self.kept))
        if room > 0:
            self.kept.append(x[:room].float().cpu())
            self.codes.append(codes.part(0, min(room, len(codes))))

    @property
    def mean(self) -> torch.Tensor:
        """Mean of what the dictionary should write [d_out]."""
        return self.total / max(1, self.tokens)

    @property
    def fvu(self) -> float:
        """Fraction of variance unexplained; NaN where nothing varies."""
        variance = self.square - float(self.total.pow(2).sum()) / max(1, self.tokens)
        return self.missed / variance if variance > 1e-12 * max(self.square, 1e-300) else float("nan")

    def measures(self) -> dict[str, Any]:
        """What a `DictionaryReport` holds of these sums."""
        return {
            "tokens": self.tokens,
            "skipped": self.skipped,
            "l0_counts": self.counts,
            "density": self.fires / max(1, self.tokens),
            "fvu": self.fvu,
            "cosine": self.cosine / self.directed if self.directed else float("nan"),
            "norm_ratio": self.ratio / self.directed if self.directed else float("nan"),
        }


def batches(rows: Sequence[list[int]], tokens: int) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Rows of one length together, so that nothing is padded: ``(which rows, ids [row, token])``."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    start = 0
    while start < len(order):
        length = len(rows[order[start]])
        stop = start + 1
        while stop < len(order) and len(rows[order[stop]]) == length and (stop - start + 1) * length <= tokens:
            stop += 1
        chosen = order[start:stop]
        yield chosen, torch.tensor([rows[i] for i in chosen])
        start = stop


def next_token_loss(lm: Model, ids: torch.Tensor, inside: AbstractContextManager[Any] | None = None) -> torch.Tensor:
    """Loss of every next token in nats ``[row, token - 1]``, in a context or plainly."""
    with inside or nullcontext():
        _, kept = lm.run(ids, sites=["logits"])
    return losses_of(kept[lm.site("logits")], ids)


def losses_of(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Loss of every next token in nats ``[row, token - 1]``."""
    # Row by row: a copy of all logits in single precision may be larger than the model.
    rows = [
        torch.nn.functional.cross_entropy(row[:-1].float(), wanted[1:].to(row.device), reduction="none")
        for row, wanted in zip(logits, ids, strict=True)
    ]
    return torch.stack(rows)


def looks_ahead(lm: Model, ids: torch.Tensor) -> bool:
    """Whether a later token changes what is said at earlier ones, so that next-token losses mean nothing."""
    site = lm.site("logits")
    short, long = (lm.run(row, sites=[site])[1][site][:, : ids.shape[1] - 1] for row in (ids[:, :-1], ids))
    return bool((short - long).abs().max() > 1e-2 * long.abs().max().clamp_min(1e-6))


def ways(
    lm: Model, dictionary: Dictionary, site: str, mean: torch.Tensor
) -> dict[str, Callable[[torch.Tensor], AbstractContextManager[Any]]]:
    """The ways to run the model, each ``mask [row, token] -> context``."""

    def constant(value: torch.Tensor) -> Callable[[torch.Tensor], AbstractContextManager[Any]]:
        def context(mask: torch.Tensor) -> AbstractContextManager[Any]:
            return lm.replaced(site, lambda x: torch.where(mask.to(x.device)[..., None], value.to(x), x))

        return context

    return {
        "spliced": lambda mask: splice(lm, dictionary, mask=mask),
        "zero": constant(torch.zeros(())),
        "mean": constant(mean),
    }
