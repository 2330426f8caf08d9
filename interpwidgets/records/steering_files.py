"""Steering as one safetensors file: vectors as arrays, the rest as JSON in its header; nothing is ever unpickled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.steering import Steering, by_name
from interpwidgets.records.steering_target import SteeringTarget

FORMAT = "interpwidgets steering"
PLAIN = ("name", "kind", "mode", "modes", "sites", "site_in", "feature", "head", "label", "low", "high", "reach")


def save(steering: Steering, path: Path) -> Path:
    """What `Steering.save` does."""
    from safetensors.numpy import save_file

    card = {
        "format": FORMAT,
        "version": 1,
        "positions": steering.positions,
        "prompt_tokens": steering.prompt_tokens,
        "strengths": steering.strengths,
        "targets": [
            {**{k: getattr(target, k) for k in PLAIN}, "dictionary": getattr(target.dictionary, "name", None)}
            for target in steering.targets
        ],
    }
    arrays = {
        f"write.{i}": np.ascontiguousarray(target.write, dtype=np.float32)
        for i, target in enumerate(steering.targets)
        if target.write is not None
    }
    save_file(arrays, str(path), {"steering": json.dumps(card, ensure_ascii=False, allow_nan=False)})
    return path


def load(path: Path, dictionaries: Any) -> Steering:
    """What `Steering.load` does."""
    from safetensors import SafetensorError, safe_open

    wrong = InputError(
        expected="a file that Steering.save wrote",
        got=str(path.name),
        fix="Write one with panel.record().save(path).",
    )
    if not path.is_file():
        raise InputError(expected="an existing file", got=str(path), fix="Check the path.")
    try:
        with safe_open(str(path), framework="numpy") as file:
            card = json.loads((file.metadata() or {}).get("steering", "null"))
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, json.JSONDecodeError, OSError):
        raise wrong from None
    if not isinstance(card, dict) or card.get("format") != FORMAT or card.get("version") != 1:
        raise wrong
    known = by_name(dictionaries)
    try:
        targets = [_target(i, entry, arrays, known) for i, entry in enumerate(card["targets"])]
        strengths = [tuple(s) if isinstance(s, list) else s for s in card["strengths"]]
        return Steering(tuple(targets), tuple(strengths), card["positions"], card["prompt_tokens"])
    except (KeyError, TypeError, AttributeError):
        raise wrong from None


def _target(i: int, entry: dict[str, Any], arrays: dict[str, Any], known: dict[str, Any]) -> SteeringTarget:
    plain: dict[str, Any] = {k: tuple(entry[k]) if k in ("modes", "sites") else entry[k] for k in PLAIN}
    target = SteeringTarget(**plain, write=arrays.get(f"write.{i}"))
    name = entry["dictionary"]
    if name is None:
        return target
    if name not in known and target.mode != "add":
        raise InputError(
            expected=f"the dictionary {name}, which {target.name} needs to {target.mode}",
            got=", ".join(known) or "no dictionaries",
            fix="Pass it: Steering.load(path, dictionaries=[dictionary]).",
        )
    return replace(target, dictionary=known.get(name))
