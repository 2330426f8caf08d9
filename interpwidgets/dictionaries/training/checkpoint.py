"""A training's state on disk: one file, replaced as a whole, so that a kill at any moment leaves a good one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from interpwidgets.errors import InputError

FILE = "training.safetensors"


def write(folder: Path, tensors: dict[str, torch.Tensor], progress: dict[str, Any]) -> None:
    """Save arrays and plain JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / (FILE + ".new")
    arrays = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(arrays, fresh, metadata={"progress": json.dumps(progress)})
    os.replace(fresh, folder / FILE)


def read(folder: Path, settings: dict[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """What `write` saved; None where there is nothing yet.

    Raises:
        InputError: the state of a training with other settings, or a damaged file.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise InputError(
            expected=f"the state of a training in {path}",
            got=f"{type(error).__name__}: {str(error)[:100]}",
            fix="Delete the file to start anew.",
        ) from None
    before = progress["settings"]
    other = [name for name in settings if before.get(name) != settings[name]]
    if other:
        raise InputError(
            expected=f"a checkpoint made with {other[0]}={settings[other[0]]!r}",
            got=f"{other[0]}={before.get(other[0])!r} in {folder}",
            fix="Use another folder, or the same settings as before.",
        )
    return tensors, progress
