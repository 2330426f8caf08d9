"""The last layer, learnt again while everything below it stays."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from interpwidgets.errors import InputError
from interpwidgets.prototypes.data import TrainingSet
from interpwidgets.prototypes.groups import Groups
from interpwidgets.prototypes.losses import evidence
from interpwidgets.prototypes.network import PrototypeNetwork


@torch.no_grad()
def similarities_of(net: PrototypeNetwork, data: TrainingSet) -> tuple[torch.Tensor, torch.Tensor]:
    """``[example, prototype]`` similarities and ``[example]`` classes of a whole set, in eval mode."""
    training = net.training
    net.eval()
    try:
        seen = [evidence(net, x, labels) for _, x, labels in data.batches()]
    finally:
        net.train(training)
    return torch.cat([s.similarity for s in seen]), torch.cat([s.target for s in seen])


def refit(
    net: PrototypeNetwork,
    images: Any,
    labels: Any,
    *,
    steps: int = 600,
    rate: float = 0.02,
    sparsity: float = 1e-3,
    batch: int = 128,
) -> None:
    """Learn the class weights again, with an L1 penalty that pulls the weights of other classes' prototypes to 0.

    Only the last layer moves, so prototypes stay the patches they are. "Not like that" evidence is harder to read
    than "like that", hence the penalty (Chen et al. 2019, section 2.2).

    Args:
        net: changed in place; with groups, their mixtures stay and their class weights move.
        images, labels: as for `fit_prototypes`.
        steps: of Adam, over all examples at once.
        rate: of Adam.
        sparsity: weight of the penalty.
        batch: images at a time.
    """
    if steps < 0 or sparsity < 0:
        raise InputError(expected="steps and sparsity of 0 or more", got=f"{steps}, {sparsity}", fix="Change them.")
    values, target = similarities_of(net, TrainingSet(net, images, labels, batch=batch))
    weight = net.class_weights if net.groups is None else net.groups.class_weights
    owner = net._owner if net.groups is None else net.groups.group_class
    other = owner[None] != torch.arange(len(net.classes), device=owner.device)[:, None]
    adam = torch.optim.Adam([weight], lr=rate)
    with torch.enable_grad():
        for step in range(steps):
            adam.param_groups[0]["lr"] = rate * (1 - step / steps)
            loss = F.cross_entropy(net.from_similarities(values), target) + sparsity * weight[other].abs().sum()
            adam.zero_grad()
            loss.backward()
            adam.step()
    net.zero_grad(set_to_none=True)


def fit_groups(
    net: PrototypeNetwork,
    images: Any,
    labels: Any,
    *,
    per_class: int = 2,
    activation: str = "sum",
    steps: int = 600,
    rate: float = 0.05,
    entropy: float = 0.05,
    seed: int = 0,
    batch: int = 128,
) -> Groups:
    """Learn groups of prototypes over frozen prototypes: the second stage of ScaleProtoSeg.

    Args:
        net: gets the groups as ``net.groups``; prototypes stay.
        images, labels: as for `fit_prototypes`.
        per_class, activation, seed: of `Groups`.
        steps, rate: of Adam, over all examples at once.
        entropy: weight of the mixtures' entropy (nats), which makes groups sparse.
        batch: images at a time.
    """
    values, target = similarities_of(net, TrainingSet(net, images, labels, batch=batch))
    groups = Groups(net.prototype_class, len(net.classes), per_class=per_class, activation=activation, seed=seed)
    groups = groups.to(values.device)
    # exp(9) would drown the first steps: the same evidence on a smaller scale, undone in the class weights.
    if not groups.linear:
        groups.class_weights.data /= values.amax(1).exp().mean()
    adam = torch.optim.Adam(groups.parameters(), lr=rate)
    with torch.enable_grad():
        for step in range(steps):
            adam.param_groups[0]["lr"] = rate * (1 - step / steps)
            mixture = groups.mixture
            spread = -(mixture * mixture.clamp_min(1e-12).log()).sum(1).mean()
            loss = F.cross_entropy(groups(values), target) + entropy * spread
            adam.zero_grad()
            loss.backward()
            adam.step()
            if not groups.linear:
                adam.param_groups[0]["lr"] = rate
    groups.zero_grad(set_to_none=True)
    net.groups = groups
    return groups
