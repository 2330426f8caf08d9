"""The training recipe: ``python -m interpwidgets.worlds.birdworld.train --seed 0`` makes the shipped folder anew.

It draws the birds, trains the prototype network (joint, push, refit) and the vision transformer, measures what each
prototype sees, and writes the card. One CPU core needs about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from interpwidgets.prototypes import PartBackbone, PrototypeNetwork, fit_prototypes, push, refit
from interpwidgets.prototypes.data import TrainingSet
from interpwidgets.prototypes.part_backbone import REACH
from interpwidgets.prototypes.saving import load, save
from interpwidgets.prototypes.training import accuracy

from .card import write_card
from .draw import SIZE, Birds, draw
from .measures import measure
from .shipped import TEST, TEST_SEED, TRAIN, TRAIN_SEED, folder, test_set, train_set
from .species import CLASSES
from .vision import fit_vit, save_vit, vit_accuracy

EPOCHS, RATE, CLUSTER, SEPARATION, PER_CLASS, VIT_EPOCHS = 32, 4e-3, 0.2, 0.08, 3, 50


def fresh(seed: int) -> PrototypeNetwork:
    """The network before it has seen a bird."""
    torch.manual_seed(seed)
    return PrototypeNetwork.fresh(
        PartBackbone(), classes=CLASSES, image_size=SIZE, per_class=PER_CLASS, seed=seed, receptive_field=REACH
    )


class Flips:
    """Half of the images of each batch, mirrored; drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = torch.Generator().manual_seed(seed)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """A batch ``[image, 3, row, column]``, some of it mirrored."""
        return torch.where((torch.rand(len(x), generator=self.draw) < 0.5)[:, None, None, None], x.flip(3), x)


def fit_network(train: Birds, test: Birds, out: Path, *, seed: int) -> dict[str, Any]:
    """Train, push, refit and save; returns what the card needs."""
    net = fresh(seed)
    history = fit_prototypes(
        net, train.images, train.labels, epochs=EPOCHS, rate=RATE, cluster=CLUSTER, separation=SEPARATION,
        seed=seed, test=(test.images, test.labels), change=Flips(seed),
    )  # fmt: skip
    # What ships is rounded; pushing once more makes the prototypes patches of the rounded network, exactly.
    for value in [*net.backbone.parameters(), *net.backbone.buffers()]:
        if value.is_floating_point():
            value.data = value.data.half().float()
    push(net, train.images, train.labels)
    refit(net, train.images, train.labels)
    save(net, out / "network", images=False, half=True)
    return {
        "accuracy": history.accuracy, "pruned": history.pruned, "seconds": history.seconds, "epochs": history.epochs,
        "parameters": sum(p.numel() for p in net.parameters()), "prototypes": net.n_prototypes,
    }  # fmt: skip


def describe(out: Path, record: dict[str, Any]) -> None:
    """Measure what lies in a folder, as a user gets it, and write its card."""
    test = test_set()
    net = load(out / "network", images=lambda rows: draw(rows.tolist(), seed=TRAIN_SEED).images)
    record["network"]["shipped"] = accuracy(net, TrainingSet(net, test.images, test.labels, batch=128))
    record["network"]["rows"] = measure(net, test)
    right, count = vit_accuracy(out / "vit", test)
    record["vit"] |= {"accuracy": right, "parameters": count}
    (out / "measures.json").write_text(json.dumps(record, indent=1) + "\n")
    write_card(record, out)


def main() -> None:
    """Train, measure and describe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=folder())
    parser.add_argument("--only", choices=("network", "vit", "card"), help="one part; the others stay as they are")
    given = parser.parse_args()
    out: Path = given.out
    torch.set_num_threads(given.threads)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "measures.json"
    record: dict[str, Any] = json.loads(path.read_text()) if given.only and path.is_file() else {}
    record |= {"seed": given.seed, "threads": given.threads, "train": [TRAIN, TRAIN_SEED], "test": [TEST, TEST_SEED]}
    train, test = (None, None) if given.only == "card" else (train_set(), test_set())
    if train is not None and test is not None and given.only != "vit":
        record["network"] = fit_network(train, test, out, seed=given.seed)
    if train is not None and given.only != "network":
        begun = time.monotonic()
        save_vit(fit_vit(train, seed=given.seed, epochs=VIT_EPOCHS), out / "vit")
        record["vit"] = {"seconds": round(time.monotonic() - begun, 1), "epochs": VIT_EPOCHS}
    path.write_text(json.dumps(record, indent=1) + "\n")
    if "network" in record and "vit" in record:
        describe(out, record)
        print((out / "README.md").read_text())


if __name__ == "__main__":
    main()
