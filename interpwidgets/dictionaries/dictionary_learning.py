"""dictionary_learning's layout: ``ae.pt`` beside ``config.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from interpwidgets.dictionaries.autoencoder import SparseAutoencoder
from interpwidgets.dictionaries.batch_topk import BatchTopK
from interpwidgets.dictionaries.files import read_json, read_torch, take
from interpwidgets.dictionaries.gated import Gated
from interpwidgets.dictionaries.jumprelu import JumpReLU
from interpwidgets.dictionaries.matryoshka import Matryoshka
from interpwidgets.dictionaries.norms import unit_directions
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.dictionaries.topk import TopK
from interpwidgets.errors import InputError

CONFIG, WEIGHTS = "config.json", "ae.pt"
CLASSES = (
    "AutoEncoder",
    "AutoEncoderNew",
    "GatedAutoEncoder",
    "JumpReluAutoEncoder",
    "AutoEncoderTopK",
    "BatchTopKSAE",
    "MatryoshkaBatchTopKSAE",
)


def read(folder: Path, **about: Any) -> Dictionary:
    """A dictionary out of the folder of one trainer.

    Directions of the plain kind (``AutoEncoder``) are brought to length 1 and its codes scaled to match, as that
    library does when it loads one.

    Args:
        folder: holds the two files.
        about: name, site_in, site_out, labels.
    """
    config = read_json(folder / CONFIG)
    trainer = config.get("trainer")
    trainer = trainer if isinstance(trainer, Mapping) else config
    made = trainer.get("dict_class")
    if made not in CLASSES:
        raise InputError(
            expected=f"a dict_class out of {', '.join(CLASSES)}",
            got=repr(made),
            fix="Load it with the library that made it, and save its arrays in SAELens' layout.",
        )
    tensors = read_torch(folder / WEIGHTS)
    about.setdefault("name", folder.name)
    about.setdefault("site_in", _site(trainer))
    about.setdefault(
        "source", {"format": "dictionary_learning", "class": made, "model_name": str(trainer.get("lm_name", ""))}
    )
    parts = _PARTS[made](tensors, trainer, str(folder.name))
    if "levels" in parts:
        return Matryoshka(**parts, **about)
    return SparseAutoencoder(**parts, **about)


def _site(trainer: Mapping[str, Any]) -> str | None:
    """The library hooks the output of a submodule, named like ``resid_post_layer_8``."""
    named = re.search(r"(resid_post|resid_pre|mlp_out|attn_out)[^0-9]*(\d+)", str(trainer.get("submodule_name") or ""))
    if named:
        return f"{named[1]}.{named[2]}"
    layer = trainer.get("layer")
    return f"resid_post.{layer}" if isinstance(layer, int) and not trainer.get("submodule_name") else None


def _plain(tensors: Mapping[str, torch.Tensor], _: Mapping[str, Any], path: str) -> dict[str, Any]:
    enc, bias, dec, out = take(tensors, "encoder.weight", "encoder.bias", "decoder.weight", "bias", path=path)
    write, (enc, bias) = unit_directions(_matrix(dec, path).T, enc, bias)
    return {"detectors": enc, "directions": write, "encoder_bias": bias, "decoder_bias": out, "subtract_bias": True}


def _new(tensors: Mapping[str, torch.Tensor], _: Mapping[str, Any], path: str) -> dict[str, Any]:
    return _layers(tensors, "decoder.bias", path)


def _gated(tensors: Mapping[str, torch.Tensor], _: Mapping[str, Any], path: str) -> dict[str, Any]:
    names = ("encoder.weight", "decoder.weight", "decoder_bias", "r_mag", "gate_bias", "mag_bias")
    enc, dec, out, r_mag, gate, mag = take(tensors, *names, path=path)
    rule = Gated(gate, mag, r_mag)
    return {"detectors": enc, "directions": dec.T, "decoder_bias": out, "activation": rule, "subtract_bias": True}


def _jump(tensors: Mapping[str, torch.Tensor], trainer: Mapping[str, Any], path: str) -> dict[str, Any]:
    (level,) = take(tensors, "threshold", path=path)
    subtract = bool(trainer.get("apply_b_dec_to_input", False))
    return {**_matrices(tensors, path), "activation": JumpReLU(level), "subtract_bias": subtract}


def _top(tensors: Mapping[str, torch.Tensor], trainer: Mapping[str, Any], path: str) -> dict[str, Any]:
    rule = TopK(_k(tensors, trainer, path))
    return {**_layers(tensors, "b_dec", path), "activation": rule, "subtract_bias": True}


def _batch(tensors: Mapping[str, torch.Tensor], trainer: Mapping[str, Any], path: str) -> dict[str, Any]:
    rule = BatchTopK(_threshold(tensors, path), k=_k(tensors, trainer, path))
    return {**_layers(tensors, "b_dec", path), "activation": rule, "subtract_bias": True}


def _nested(tensors: Mapping[str, torch.Tensor], trainer: Mapping[str, Any], path: str) -> dict[str, Any]:
    (sizes,) = take(tensors, "group_sizes", path=path)
    rule = BatchTopK(_threshold(tensors, path), k=_k(tensors, trainer, path))
    levels = sizes.cumsum(0).tolist()
    return {**_matrices(tensors, path), "activation": rule, "subtract_bias": True, "levels": levels}


def _layers(tensors: Mapping[str, torch.Tensor], decoder_bias: str, path: str) -> dict[str, Any]:
    """Two linear layers, whose weights torch keeps as [out, in]."""
    names = ("encoder.weight", "encoder.bias", "decoder.weight", decoder_bias)
    enc, bias, dec, out = take(tensors, *names, path=path)
    return {"detectors": enc, "directions": dec.T, "encoder_bias": bias, "decoder_bias": out}


def _matrices(tensors: Mapping[str, torch.Tensor], path: str) -> dict[str, Any]:
    """Two bare matrices, [in, out]."""
    enc, bias, dec, out = take(tensors, "W_enc", "b_enc", "W_dec", "b_dec", path=path)
    return {"detectors": _matrix(enc, path).T, "directions": dec, "encoder_bias": bias, "decoder_bias": out}


def _matrix(value: torch.Tensor, path: str) -> torch.Tensor:
    if value.ndim != 2:
        raise InputError(
            expected=f"weights with two axes in {path}", got=f"shape {list(value.shape)}", fix="Download it again."
        )
    return value


def _k(tensors: Mapping[str, torch.Tensor], trainer: Mapping[str, Any], path: str) -> int:
    found = tensors["k"] if "k" in tensors else trainer.get("k")
    if isinstance(found, torch.Tensor) and found.numel() == 1:
        found = int(found)
    if not isinstance(found, int):
        raise InputError(expected=f"k in {path}", got=repr(found)[:80], fix="Download it again.")
    return found


def _threshold(tensors: Mapping[str, torch.Tensor], path: str) -> torch.Tensor:
    (level,) = take(tensors, "threshold", path=path)
    if level.numel() == 1 and float(level) < 0:
        raise InputError(
            expected="a BatchTopK dictionary with the threshold it learnt in training",
            got=f"{float(level):g}, the mark for none",
            fix="Take a later checkpoint; without it a token's codes would depend on the batch.",
        )
    return level.reshape(())


_PARTS = dict(zip(CLASSES, (_plain, _new, _gated, _jump, _top, _batch, _nested), strict=True))
