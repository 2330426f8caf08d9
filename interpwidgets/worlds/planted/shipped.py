"""Planted models by name, as folders that any loader reads."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from interpwidgets.errors import InputError

MODELS = ("induction",)


@functools.cache
def folder(name: str = "induction") -> Path:
    """A folder with a planted model and its tokenizer, for ``AutoModelForCausalLM`` and ``AutoTokenizer``.

    It is written when first asked for, and removed when Python ends.

    Raises:
        InputError: a name there is not.
    """
    if name not in MODELS:
        raise InputError(
            expected=" or ".join(f'"planted/{model}"' for model in MODELS),
            got=f'"planted/{name}"',
            fix="Choose a planted model there is.",
        )
    from interpwidgets.worlds.planted.planted_induction import induction

    place = Path(tempfile.mkdtemp(prefix="planted-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return induction().save(place / name)
