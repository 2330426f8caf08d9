"""What a dictionary's edits are held against: supervised codes, and random directions."""

from __future__ import annotations

import torch

from interpwidgets.analyses.control_pairs import KnownPair
from interpwidgets.dictionaries import SparseAutoencoder, SupervisedCodes, TopK
from interpwidgets.dictionaries.protocol import Dictionary


def supervised_rows(
    known: list[KnownPair], before: torch.Tensor, after: torch.Tensor
) -> tuple[torch.Tensor, list[int]]:
    """The clean rows with one code for another, each half of the pairs edited with codes fitted on the other half.

    Words that differ, the last position and those between have codes of their own. A value that the other half never
    shows has none: only pairs whose every row has its two codes are returned as edited.
    """
    owner = [i for i, pair in enumerate(known) for _ in pair.positions]
    done: set[int] = set()
    rows = [(i % 2, _slot(pair, p), pair.values or ("", "")) for i, pair in enumerate(known) for p in pair.positions]
    edited = before.clone()
    for half, slot in {(half, slot) for half, slot, _ in rows}:
        fit = [k for k, row in enumerate(rows) if row[0] != half and row[1] == slot]
        if not fit:
            continue
        values = [rows[k][2][end] for end in (0, 1) for k in fit]
        codes = SupervisedCodes.fit(torch.cat([before[fit], after[fit]]), {"value": values})
        place = {value: number for number, value in enumerate(codes.attributes["value"])}
        for k, (side, where, (old, new)) in enumerate(rows):
            if side == half and where == slot and old in place and new in place:
                edited[k] += (codes.directions[place[new]] - codes.directions[place[old]]).to(edited)
                done.add(k)
    without = {pair for k, pair in enumerate(owner) if k not in done}
    return edited, [i for i in range(len(known)) if i not in without]


def _slot(pair: KnownPair, position: int) -> str:
    if pair.clean[position] != pair.other[position]:
        return "changed"
    return "last" if position == len(pair.clean) - 1 else "between"


def random_dictionary(
    dictionary: Dictionary,
    before: tuple[torch.Tensor, torch.Tensor],
    after: tuple[torch.Tensor, torch.Tensor],
    seed: int,
) -> Dictionary:
    """As many random directions, with codes as sparse as this dictionary's, around the mean."""
    active = float((dictionary.encode(torch.cat([before[0], after[0]])) != 0).sum(-1).float().mean())
    mean = torch.cat([before[1], after[1]]).float().mean(0).cpu()
    generator = torch.Generator().manual_seed(seed)
    unit = torch.randn(dictionary.n_features, len(mean), generator=generator)
    unit /= unit.norm(dim=1, keepdim=True)
    k = min(dictionary.n_features, max(1, round(active)))
    made = SparseAutoencoder(unit, unit, decoder_bias=mean, activation=TopK(k), subtract_bias=True, name="random")
    return made.to(before[1].device)
