"""Parts of activations, found all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from scipy.cluster.vq import kmeans2
from tqdm.auto import tqdm

from interpwidgets.dictionaries.checks import whole
from interpwidgets.dictionaries.snmf import NMF, SNMF, TINY, multiplicative_step, winner_take_all
from interpwidgets.errors import InputError

LOOK = 10
LEAK = 0.02  # what a part starts with in the clusters that are not its own
USED = 0.01  # a weight below this share of the part's largest counts as not used


def factorise(
    kind: str,
    x: torch.Tensor,
    *,
    n_features: int,
    share: float | None,
    levels: Sequence[int],
    steps: int,
    restarts: int,
    seed: int,
    progress: bool,
    **about: Any,
) -> tuple[SNMF, list[dict[str, float]]]:
    """Factorise activations ``X ≈ G F`` with G ≥ 0, some times from random starts, and keep the best.

    Alternates the exact best F for the given G, ``F = (GᵀG)⁻¹ GᵀX``, of which only the largest entries stay
    (winner-take-all), with the multiplicative step for G that `SNMF` describes; for NMF the parts take a multiplicative
    step too. Without winner-take-all the error never rises, and the factors are not identifiable: two runs can have the
    same error and different parts.

    Args:
        kind: ``"snmf"`` or ``"nmf"``.
        x: activations [token, d].
        n_features: how many parts.
        share: of every part's entries that stays; None keeps all.
        levels: numbers of coarser parts, descending, each a factorisation of the parts before (the hierarchy).
        steps: alternations for each start.
        restarts: how many starts.
        seed: of the starts.
        progress: show a bar with the time left.
        about: name, site_in, source.

    Returns:
        The dictionary, and for some steps of the best start its ``step`` and ``fvu``.
    """
    positive = kind == "nmf"
    if positive and bool((x < 0).any()):
        raise InputError(
            expected="activations of 0 or more for nmf",
            got=f"a smallest value of {float(x.min()):.3g}",
            fix='Use "snmf", or a site after a ReLU.',
        )
    whole("n_features", n_features, 1, len(x))
    sizes = [whole("a level", m, 1, n) for m, n in zip(levels, [n_features, *levels], strict=False)]
    best: tuple[float, torch.Tensor, list[dict[str, float]]] | None = None
    with tqdm(total=restarts * steps, disable=not progress, unit="step", desc=f"learning {kind}") as bar:
        for start in range(restarts):
            draw = torch.Generator().manual_seed(seed + start)
            codes = torch.rand(len(x), n_features, generator=draw)
            parts, history, _ = _alternate(x, codes, share, steps, positive, bar)
            if best is None or history[-1]["fvu"] < best[0]:
                best = (history[-1]["fvu"], parts, history)
    assert best is not None
    groups, finer = [], best[1]
    for size in sizes:
        groups.append(coarser(finer, size, steps=steps, seed=seed))
        finer = groups[-1] @ finer
    made = (NMF if positive else SNMF)(best[1], share=share, groups=groups, **about)
    return made, best[2]


def coarser(parts: torch.Tensor, count: int, *, steps: int, seed: int) -> torch.Tensor:
    """Mixtures, all ≥ 0, that make fewer parts out of many [coarse part, part].

    The parts are factorised themselves, ``F ≈ G F'``, from a start by k-means, as Ding et al. 2010 advise; turned
    round, a coarse part is the mixture of fine ones with the weights it has in them.
    """
    unit = torch.nn.functional.normalize(parts.detach(), dim=1).double().cpu()
    centres = [seed % len(unit)]  # then always the part that is farthest from all before
    while len(centres) < count:
        centres.append(int(torch.cdist(unit, unit[centres]).min(1).values.argmax()))
    _, cluster = kmeans2(unit.numpy(), unit[centres].numpy(), minit="matrix")
    start = torch.nn.functional.one_hot(torch.as_tensor(cluster).long(), count) + LEAK
    weights = _alternate(parts, start, None, steps, False, None)[2]
    return (weights / weights.square().sum(0).clamp_min(TINY)).T


def _alternate(
    x: torch.Tensor, codes: torch.Tensor, share: float | None, steps: int, positive: bool, bar: tqdm | None
) -> tuple[torch.Tensor, list[dict[str, float]], torch.Tensor]:
    """Parts [part, d], the history, and the weights G [token, part] that come of starting weights."""
    wide = torch.promote_types(x.dtype, torch.float32)
    x = x.to(wide)
    codes = codes.to(x)
    # Where nothing may be negative, means are a start that cannot be.
    parts = codes.T @ x / codes.sum(0)[:, None]
    spread = (x - x.mean(0)).square().sum().clamp_min(TINY)
    history = []
    for step in range(1, steps + 1):
        gram = codes.T @ codes
        if positive:
            parts = parts * (codes.T @ x) / (gram @ parts + TINY)
        else:
            ridge = TINY * gram.diagonal().mean() * torch.eye(len(gram)).to(x)
            parts = torch.linalg.solve(gram + ridge, codes.T @ x)
        if share is not None:
            # From all entries down to the share over the first half: cut at once, wrong neurons would stay for good.
            parts = winner_take_all(parts, max(share, share ** min(1.0, 2 * step / steps)))
        size = codes.norm(dim=0).clamp_min(TINY)
        codes, parts = codes / size, parts * size[:, None]
        codes = multiplicative_step(codes, x @ parts.T, parts @ parts.T)
        if bar is not None:
            bar.update()
        if step % LOOK == 0 or step == steps:
            fvu = float((x - codes @ parts).square().sum() / spread)
            history.append(
                {
                    "step": step,
                    "fvu": round(fvu, 6),
                    "l0": float((codes > USED * codes.max(0).values).sum(1).float().mean()),
                }
            )
            if bar is not None:
                bar.set_postfix(fvu=f"{fvu:.4f}")
    return parts, history, codes
