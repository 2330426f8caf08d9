"""Text prototypes in a folder: arrays in safetensors, the rest in one JSON card; the language model stays outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from interpwidgets.errors import InputError
from interpwidgets.prototypes.groups import Groups
from interpwidgets.prototypes.saving import CARD, VERSION, WEIGHTS, read_folder
from interpwidgets.prototypes.text_sources import TextSources

if TYPE_CHECKING:
    from interpwidgets.models import Model
    from interpwidgets.prototypes.text import TextPrototypes

FORMAT = "interpwidgets text prototypes"
ARRAYS = ("text", "place", "box", "labels")


def save(net: TextPrototypes, folder: Path) -> Path:
    """Write a network without its language model."""
    folder.mkdir(parents=True, exist_ok=True)
    card: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "classes": list(net.classes),
        "model": net.lm.name,
        "site": net.site,
        "longest": net.longest,
        "skip": net.skip,
        "groups": None
        if net.groups is None
        else {"per_class": net.groups.per_class, "activation": net.groups.activation},
        "tokens": None if net.sources is None else [list(row) for row in net.sources.tokens],
    }
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in net.state_dict().items()}
    if net.sources is not None:
        for name in ARRAYS:
            tensors[f"sources.{name}"] = torch.from_numpy(np.ascontiguousarray(getattr(net.sources, name), np.int64))
    text = json.dumps(card, indent=1, ensure_ascii=False)
    save_file(tensors, folder / WEIGHTS)
    (folder / CARD).write_text(text + "\n", "utf8")
    return folder


def load(kind: type[TextPrototypes], folder: Path, lm: Model) -> TextPrototypes:
    """Read what `save` wrote, for the same language model.

    Raises:
        InputError: files that are missing, damaged, or were made for another model.
    """
    card, tensors = read_folder(folder)
    found = {n.removeprefix("sources."): tensors.pop(n).numpy() for n in list(tensors) if n.startswith("sources.")}
    try:
        if card["format"] != FORMAT:
            raise KeyError("no text prototypes")
        net = kind(
            lm, card["site"], classes=card["classes"], per_class=1, longest=card["longest"], skip=card["skip"],
            d=tensors["prototypes"].shape[1],
        )  # fmt: skip
        net.prototypes = nn.Parameter(torch.empty_like(tensors["prototypes"]))
        net.class_weights = nn.Parameter(torch.empty_like(tensors["class_weights"]))
        net._owner, net._scale = tensors["_owner"], tensors["_scale"]
        if card["groups"] is not None:
            net.groups = Groups(net.prototype_class, len(net.classes), **card["groups"])
        net.load_state_dict(tensors)
        if found:
            net.sources = TextSources(**found, tokens=tuple(tuple(row) for row in card["tokens"]))
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            expected=f"text prototypes in {folder.name} that were made for {lm.name}",
            got=f"{type(error).__name__}: {' '.join(str(error).split())[:160]}",
            fix="Pass the language model they were made for.",
        ) from None
    return net.to(lm.device).eval()
