"""From an untrained network to prototypes that are real patches, in stages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from interpwidgets.errors import InputError
from interpwidgets.prototypes.data import TrainingSet
from interpwidgets.prototypes.history import PrototypeHistory
from interpwidgets.prototypes.losses import classification, cluster_and_separation, diversity, evidence
from interpwidgets.prototypes.network import PrototypeNetwork
from interpwidgets.prototypes.push import prune, push
from interpwidgets.prototypes.refit import refit, similarities_of


def fit_prototypes(
    net: PrototypeNetwork,
    images: Any,
    labels: Any,
    *,
    epochs: int = 20,
    warm: int = 0,
    push_every: int = 0,
    rate: float = 3e-3,
    backbone_rate: float | None = None,
    cluster: float = 0.8,
    separation: float = 0.08,
    diverse: float = 0.0,
    sparsity: float = 1e-3,
    refit_steps: int = 600,
    batch: int = 64,
    seed: int = 0,
    test: tuple[Any, Any] | None = None,
    change: Callable[[torch.Tensor], torch.Tensor] | None = None,
    progress: bool = True,
) -> PrototypeHistory:
    """Train a prototype network: warm, joint, push, prune, refit (Chen et al. 2019, "This Looks Like That").

    1. *warm*: only what is new moves (prototypes and add-on layers), for a backbone that has been trained already.
    2. *joint*: everything below the last layer; cross-entropy + cluster · (distance to the nearest prototype of the own
       class) - separation · (to the nearest of the others).
    3. *push*: each prototype becomes its nearest patch. Accuracy falls.
    4. *prune* drops duplicates; *refit* learns the last layer again. Accuracy returns.

    Args:
        net: changed in place; left in eval mode.
        images: uint8 ``[image, height, width, 3]``, Pillow images or paths.
        labels: ``[image]`` class indices, or ``[image, height, width]`` to learn a segmentation (-1: not labelled).
        epochs, warm: passes over the data in the joint and the warm stage.
        push_every: also push after so many epochs of the joint stage; 0 pushes at the end only.
        rate: of Adam, falling to a tenth over the joint stage; `backbone_rate` where the backbone has another one.
        cluster, separation: weights of the two distances.
        diverse: weight of `diversity`, which keeps prototypes of a class and scale at different places.
        sparsity, refit_steps: of `refit`.
        batch: images at a time.
        seed: of the order of the data.
        test: (images, labels) on which the three accuracies are measured; the training set by default.
        change: applied to each prepared training batch, e.g. random flips.
        progress: show a bar with the time left.

    Returns:
        The history, with accuracy before push, after push and after refit; ``history.figure()`` draws it.

    Raises:
        InputError: labels that do not fit, a class without images, numbers that cannot be. Stopped half-way, the
            network keeps what it has learnt so far; `push` and `refit` finish it.
    """
    counts = (epochs, warm, push_every, refit_steps)
    if min(counts) < 0 or epochs + warm == 0 or rate <= 0 or min(cluster, separation, diverse, sparsity) < 0:
        raise InputError(
            expected="an epoch or more, a rate above 0, and no negative weights",
            got=f"epochs={epochs}, warm={warm}, rate={rate}",
            fix="Change them.",
        )
    if net.groups is not None:
        raise InputError(expected="a network without groups", got="groups", fix="Call fit_groups after training.")
    begun = time.monotonic()
    data = TrainingSet(net, images, labels, batch=batch)
    data.require_classes(net.prototype_class)
    held = data if test is None else TrainingSet(net, *test, batch=batch)
    history = PrototypeHistory(measured_on="training" if test is None else "test")
    weights = {"cluster": cluster, "separation": separation, "diverse": diverse}
    trainer = _Trainer(net, data, weights, rate, backbone_rate, seed, change)
    try:
        _learn(
            net, trainer, history, warm, epochs, lambda: push(net, images, labels, batch=batch), push_every, progress
        )
        history.accuracy["before push"] = accuracy(net, held)
        push(net, images, labels, batch=batch)
        history.accuracy["after push"] = accuracy(net, held)
        before = net.n_prototypes
        prune(net)
        history.pruned = before - net.n_prototypes
        refit(net, images, labels, steps=refit_steps, sparsity=sparsity, batch=batch)
        history.accuracy["after refit"] = accuracy(net, held)
    finally:
        net.eval()
    history.seconds = round(time.monotonic() - begun, 1)
    return history


def _learn(
    net: PrototypeNetwork,
    trainer: _Trainer,
    history: PrototypeHistory,
    warm: int,
    epochs: int,
    push_now: Callable[[], object],
    push_every: int,
    progress: bool,
) -> None:
    """The warm and the joint stage."""
    with tqdm(total=warm + epochs, unit="epoch", desc="learning prototypes", disable=not progress) as bar:
        for stage, count in (("warm", warm), ("joint", epochs)):
            for epoch in range(count):
                seen = trainer.epoch(stage, 1 - 0.9 * epoch / max(1, count - 1) if stage == "joint" else 1.0)
                history.epochs.append({"stage": stage, "epoch": epoch + 1, **seen})
                if stage == "joint" and push_every and (epoch + 1) % push_every == 0 and epoch + 1 < count:
                    push_now()
                bar.update()
                bar.set_postfix(loss=f"{seen['loss']:.3f}", accuracy=f"{seen['accuracy']:.3f}")
    net.eval()


def accuracy(net: PrototypeNetwork, data: TrainingSet) -> float:
    """Share of examples (images, or places where pixels are labelled) whose class has the largest logit."""
    values, target = similarities_of(net, data)
    with torch.no_grad():
        return float((net.from_similarities(values).argmax(1) == target).float().mean())


class _Trainer:
    def __init__(
        self,
        net: PrototypeNetwork,
        data: TrainingSet,
        weights: dict[str, float],
        rate: float,
        backbone_rate: float | None,
        seed: int,
        change: Callable[[torch.Tensor], torch.Tensor] | None,
    ) -> None:
        self.net, self.data, self.weights, self.change = net, data, weights, change
        self.rng = np.random.default_rng(seed)
        new = {id(p) for p in [net.prototypes, *getattr(net.backbone, "add_on", torch.nn.Module()).parameters()]}
        below = [p for p in net.parameters() if p is not net.class_weights]
        parts = (
            [p for p in below if id(p) in new],
            [p for p in below if id(p) not in new and p.requires_grad],
        )
        rates = (rate, rate if backbone_rate is None else backbone_rate)
        self.rates = rates
        self.adam = torch.optim.Adam(
            [{"params": part, "lr": r} for part, r in zip(parts, rates, strict=True) if part], weight_decay=0.0
        )

    def epoch(self, stage: str, share: float) -> dict[str, float]:
        """One pass over the data; returns the means."""
        net, total, count = self.net, {}, 0
        net.train()
        if stage == "warm":
            net.backbone.eval()
        for group, rate, moves in zip(self.adam.param_groups, self.rates, (True, stage == "joint"), strict=False):
            group["lr"] = rate * share if moves else 0.0
        for _, x, labels in self.data.batches(self.rng.permutation(len(self.data))):
            x = x if self.change is None else self.change(x)
            seen = self._step(x, labels)
            for name, value in seen.items():
                total[name] = total.get(name, 0.0) + value * len(x)
            count += len(x)
        return {name: round(value / count, 5) for name, value in total.items()}

    def _step(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
        net, w = self.net, self.weights
        with torch.enable_grad():
            seen = evidence(net, x, labels)
            entropy = classification(net, seen)
            near, far = cluster_and_separation(seen, net._owner)
            loss = entropy + w["cluster"] * near - w["separation"] * far
            if w["diverse"]:
                loss = loss + w["diverse"] * diversity(seen, net._owner, net._scale)
            self.adam.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_([p for g in self.adam.param_groups for p in g["params"]], 5.0)
            self.adam.step()
        right = (net.from_similarities(seen.similarity.detach()).argmax(1) == seen.target).float().mean()
        values = {"loss": loss, "entropy": entropy, "cluster": near, "separation": far, "accuracy": right}
        return {name: float(value.detach()) for name, value in values.items()}
