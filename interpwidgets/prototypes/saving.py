"""Our own layout of a prototype network: arrays in safetensors, the rest in one JSON card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from interpwidgets.errors import InputError
from interpwidgets.prototypes.groups import Groups
from interpwidgets.prototypes.images import read_images
from interpwidgets.prototypes.network import PrototypeNetwork
from interpwidgets.prototypes.part_backbone import PartBackbone
from interpwidgets.prototypes.sources import Sources

CARD, WEIGHTS = "prototypes.json", "prototypes.safetensors"
VERSION = 1


def save(net: PrototypeNetwork, folder: Path, *, images: bool = True, half: bool = False) -> Path:
    """Write a network; see `PrototypeNetwork.save`. `half` rounds the backbone to float16."""
    folder.mkdir(parents=True, exist_ok=True)
    card: dict[str, Any] = {
        "format": "interpwidgets prototypes",
        "version": VERSION,
        "classes": list(net.classes),
        "similarity": net.similarity,
        "image_size": list(net.image_size),
        "receptive_field": net.receptive_field,
        "backbone": net.backbone.config() if isinstance(net.backbone, PartBackbone) else None,
        "groups": None
        if net.groups is None
        else {"per_class": net.groups.per_class, "activation": net.groups.activation},
        "sources": net.sources is not None,
    }
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in net.state_dict().items()}
    if half:
        small = {n for n, t in tensors.items() if n.startswith("backbone.") and t.is_floating_point()}
        tensors = {n: t.half() if n in small else t for n, t in tensors.items()}
    if net.sources is not None:
        for name in ("image", "place", "box", "labels"):
            tensors[f"sources.{name}"] = torch.from_numpy(np.ascontiguousarray(getattr(net.sources, name), np.int64))
        if images:
            tensors["sources.images"] = torch.from_numpy(np.ascontiguousarray(net.sources.images))
    text = json.dumps(card, indent=1, ensure_ascii=False)
    save_file(tensors, folder / WEIGHTS)
    (folder / CARD).write_text(text + "\n", "utf8")
    return folder


def load(folder: Path, backbone: nn.Module | None = None, *, images: Any = None) -> PrototypeNetwork:
    """Read what `save` wrote.

    Args:
        folder: with the card and the arrays.
        backbone: needed unless it is a `PartBackbone`.
        images: for a folder without pixels, the training images, or a function from indices ``[prototype]`` to them.

    Raises:
        InputError: files that are missing, damaged, or do not belong together.
    """
    card, tensors = read_folder(folder)
    if backbone is None:
        if card.get("backbone") is None:
            raise InputError(
                expected="backbone=..., a module of the shape that was saved",
                got="none",
                fix="Build the backbone as it was built for training; its weights are filled from the folder.",
            )
        backbone = PartBackbone(**card["backbone"])
    found = {n.removeprefix("sources."): tensors.pop(n) for n in list(tensors) if n.startswith("sources.")}
    tensors = {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}
    try:
        owner = tensors["_owner"]
        groups = None if card["groups"] is None else Groups(owner.numpy(), len(card["classes"]), **card["groups"])
        net = PrototypeNetwork(
            backbone, tensors["prototypes"], classes=card["classes"], prototype_class=owner.numpy(),
            image_size=tuple(card["image_size"]), similarity=card["similarity"], weights=tensors["class_weights"],
            groups=groups, scales=tensors["_scale"].numpy(), receptive_field=card["receptive_field"],
        )  # fmt: skip
        net.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            expected=f"a card, arrays and a backbone that belong together in {folder.name}",
            got=f"{type(error).__name__}: {' '.join(str(error).split())[:160]}",
            fix="Check that the backbone is built as it was for training.",
        ) from None
    net.sources = _sources(net, found, images)
    return net.eval()


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Card and arrays of a folder."""
    try:
        card = json.loads((folder / CARD).read_text("utf8"))
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(
            expected=f"{CARD} and {WEIGHTS} in {folder.name}",
            got=f"{type(error).__name__}: {' '.join(str(error).split())[:160]}",
            fix="Pass a folder that PrototypeNetwork.save wrote.",
        ) from None
    if not isinstance(card, dict) or card.get("version") != VERSION:
        raise InputError(
            expected=f"a card of version {VERSION}", got="another", fix="Update interpwidgets, or save again."
        )
    return card, tensors


def _sources(net: PrototypeNetwork, found: dict[str, torch.Tensor], images: Any) -> Sources | None:
    if not found:
        return None
    arrays = {name: value.numpy() for name, value in found.items()}
    if "images" not in arrays:
        if images is None:
            raise InputError(
                expected="images=..., the training images, since the folder was saved without those of the prototypes",
                got="none",
                fix="Pass the training set, or a function from indices to images.",
            )
        picked = images(arrays["image"]) if callable(images) else np.asarray(images)[arrays["image"]]
        arrays["images"] = read_images(picked, net.image_size)
    return Sources(**arrays)
