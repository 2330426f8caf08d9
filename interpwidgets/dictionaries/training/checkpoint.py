"""The state of long work on disk: one file, replaced as a whole, so that a kill at any moment leaves a good one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from interpwidgets.errors import InputError


def write(path: Path, tensors: Mapping[str, torch.Tensor], progress: Mapping[str, Any]) -> None:
    """Save arrays and plain JSON, in which ``settings`` says what the work is of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    arrays = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(arrays, fresh, metadata={"progress": json.dumps(progress)})
    os.replace(fresh, path)


def read(
    path: Path, settings: Mapping[str, Any], *, fix: str = "Use another folder, or the same settings as before."
) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """What `write` saved; None where there is nothing yet.

    Raises:
        InputError: the state of work with other settings, or a damaged file.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise InputError(
            expected=f"saved work in {path}",
            got=f"{type(error).__name__}: {str(error)[:100]}",
            fix="Delete the file to start anew.",
        ) from None
    before = progress["settings"]
    other = [name for name in settings if before.get(name) != settings[name]]
    if other:
        raise InputError(
            expected=f"work saved with {other[0]}={settings[other[0]]!r}",
            got=f"{other[0]}={before.get(other[0])!r} in {path.parent}",
            fix=fix,
        )
    return tensors, progress
