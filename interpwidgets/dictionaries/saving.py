"""Our own layout: arrays in safetensors, the rest in one JSON card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from interpwidgets.dictionaries.autoencoder import SparseAutoencoder
from interpwidgets.dictionaries.difference_of_means import DifferenceOfMeans
from interpwidgets.dictionaries.files import read_json, read_safetensors
from interpwidgets.dictionaries.identity import Identity
from interpwidgets.dictionaries.matching_pursuit import MatchingPursuit
from interpwidgets.dictionaries.matryoshka import Matryoshka
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.dictionaries.snmf import NMF, SNMF
from interpwidgets.dictionaries.supervised import SupervisedCodes
from interpwidgets.dictionaries.transcoder import Transcoder
from interpwidgets.errors import InputError

CARD, WEIGHTS = "dictionary.json", "dictionary.safetensors"
VERSION = 1
KINDS: dict[str, type[Dictionary]] = {
    kind.kind: kind
    for kind in (
        SparseAutoencoder,
        Matryoshka,
        Transcoder,
        MatchingPursuit,
        SNMF,
        NMF,
        SupervisedCodes,
        DifferenceOfMeans,
        Identity,
    )
}


def save_dictionary(dictionary: Dictionary, folder: str | Path) -> Path:
    """Write a dictionary of any kind into a folder, made if it is not there; `load_dictionary` reads it.

    Args:
        dictionary: any kind of this package.
        folder: gets ``dictionary.json`` and ``dictionary.safetensors``.

    Raises:
        InputError: a kind that is not of this package.
    """
    if KINDS.get(dictionary.kind) is not type(dictionary):
        raise InputError(
            expected=f"a kind out of {', '.join(KINDS)}",
            got=type(dictionary).__name__,
            fix="Save its directions and detectors as a SparseAutoencoder.",
        )
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    labels = dictionary.labels
    card = {
        "format": "interpwidgets dictionary",
        "version": VERSION,
        "kind": dictionary.kind,
        "name": dictionary.name,
        "site_in": dictionary.site_in,
        "site_out": dictionary.site_out,
        "n_features": dictionary.n_features,
        "d_in": dictionary.d_in,
        "d_out": dictionary.d_out,
        "config": dictionary.config(),
        "labels": labels if any(labels) else None,
        "source": dictionary.source,
    }
    text = json.dumps(card, indent=1, ensure_ascii=False)  # before a file is touched: a source may not be JSON
    save_file({k: v.detach().cpu().clone().contiguous() for k, v in dictionary.state_dict().items()}, target / WEIGHTS)
    (target / CARD).write_text(text, "utf8")
    return target


def read(folder: Path, **about: Any) -> Dictionary:
    """A dictionary out of the folder that `save_dictionary` wrote."""
    card = read_json(folder / CARD)
    kind = KINDS.get(str(card.get("kind")))
    if kind is None or card.get("version") != VERSION or not isinstance(card.get("config"), Mapping):
        raise InputError(
            expected=f"a card of version {VERSION} with a kind out of {', '.join(KINDS)}",
            got=f"version {card.get('version')!r}, kind {card.get('kind')!r}",
            fix="Update interpwidgets, or save the dictionary again.",
        )
    tensors = read_safetensors(folder / WEIGHTS)
    known = {k: card.get(k) for k in ("name", "site_in", "site_out", "labels", "source")}
    try:
        made = kind.build(card["config"], tensors, **{**known, **about})
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            expected=f"a card and arrays that belong together in {folder.name}",
            got=f"{type(error).__name__}: {str(error)[:120]}",
            fix="Save the dictionary again with save_dictionary.",
        ) from None
    stated = tuple(card.get(k) for k in ("n_features", "d_in", "d_out"))
    if stated != (made.n_features, made.d_in, made.d_out):
        raise InputError(
            expected=f"{stated[0]} features, width {stated[1]} to {stated[2]}, as the card states",
            got=f"{made.n_features} features, width {made.d_in} to {made.d_out}",
            fix="Check that both files belong together.",
        )
    return made
