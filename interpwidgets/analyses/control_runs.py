"""Running prompts with given values at their edited positions, many variants in one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from interpwidgets.analyses.control_pairs import KnownPair
from interpwidgets.analyses.dictionary_measures import batches

if TYPE_CHECKING:
    from interpwidgets.models import Model

BATCH = 2048  # tokens of one forward pass


def run_with(
    lm: Model, site: str, known: Sequence[KnownPair], variants: Sequence[torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """The clean prompts, their edited positions set to each variant of rows.

    Args:
        lm: the model.
        site: where the rows go.
        known: the pairs.
        variants: each [row, d], rows as the pairs' positions follow one another.

    Returns:
        ``[variant, pair]`` whether the likeliest next token is right for the counterfactual, and the log odds of the
        right answers against the counterfactual ones, nats.
    """
    follows = np.zeros((len(variants), len(known)), bool)
    odds = np.zeros((len(variants), len(known)))
    starts = np.cumsum([0, *(len(pair.positions) for pair in known)])
    for chosen, ids in batches([pair.clean for pair in known], BATCH):
        column = [p for pair in chosen for p in known[pair].positions]
        row = [i for i, pair in enumerate(chosen) for _ in known[pair].positions]
        most = max(1, BATCH // ids.numel())
        for first in range(0, len(variants), most):
            part = variants[first : first + most]
            values = [rows[starts[pair] : starts[pair + 1]].to(lm.device) for rows in part for pair in chosen]
            batch = [i + number * len(chosen) for number in range(len(part)) for i in row]
            with lm.replaced(site, _writer(batch, column * len(part), torch.cat(values))):
                last = last_logits(lm, ids.repeat(len(part), 1))
            for at, x in enumerate(last):
                variant, pair = first + at // len(chosen), chosen[at % len(chosen)]
                follows[variant, pair] = int(x.argmax()) in known[pair].other_answers
                right, other = (
                    x[ids].double().logsumexp(0) for ids in (known[pair].answers, known[pair].other_answers)
                )
                odds[variant, pair] = float(right - other)
    return follows, odds


def answered(lm: Model, prompts: list[list[int]]) -> list[int]:
    """The likeliest next token of each prompt."""
    out: dict[int, int] = {}
    for chosen, ids in batches(prompts, BATCH):
        out |= dict(zip(chosen, last_logits(lm, ids).argmax(-1).tolist(), strict=True))
    return [out[i] for i in range(len(prompts))]


def rows_of(
    lm: Model, known: Sequence[KnownPair], sites: tuple[str, str], side: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations at the edited positions of one side (``"clean"`` or ``"other"``), as read and as written [row, d]."""
    found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    places = [lm.site(site) for site in sites]
    for chosen, ids in batches([getattr(pair, side) for pair in known], BATCH):
        _, kept = lm.run(ids, sites=dict.fromkeys(places))
        for i, pair in enumerate(chosen):
            read, write = (kept[place][i, known[pair].positions] for place in places)
            found[pair] = (read, write)
    read, write = (torch.cat([found[i][end] for i in range(len(known))]) for end in (0, 1))
    return read, write


def last_logits(lm: Model, ids: torch.Tensor) -> torch.Tensor:
    """What is said after the last token of each row [row, vocab]."""
    _, kept = lm.run(ids, sites=["logits"])
    return kept[lm.site("logits")][:, -1]


def _writer(batch: list[int], column: list[int], values: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    def write(x: torch.Tensor) -> torch.Tensor:
        new = x.clone()
        new[batch, column] = values.to(x)
        return new

    return write
