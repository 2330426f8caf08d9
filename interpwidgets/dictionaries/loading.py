"""Any dictionary by its folder, its file or its hub id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from interpwidgets.dictionaries import circuit_tracer, dictionary_learning, gemma_scope, sae_lens, saving, sparsify
from interpwidgets.dictionaries.checks import DTYPES
from interpwidgets.dictionaries.files import inside
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError, InterpError, ModelError

FORMATS = ("interpwidgets", "sae_lens", "gemma_scope", "dictionary_learning", "sparsify", "circuit_tracer")
SIGNS = {
    "interpwidgets": (saving.CARD, saving.WEIGHTS),
    "sae_lens": (sae_lens.CONFIG, sae_lens.WEIGHTS),
    "dictionary_learning": (dictionary_learning.CONFIG, dictionary_learning.WEIGHTS),
    "sparsify": (sparsify.CONFIG, sparsify.WEIGHTS),
}
WORLDS = Path(__file__).resolve().parents[1] / "worlds"
SAFE = ("*.json", "*.safetensors", "*.npz", "*.yaml", "ae.pt")


def load_dictionary(
    path_or_id: str | Path,
    *,
    format: str | None = None,
    layer: int | None = None,
    input_scale: float | None = None,
    dtype: str | torch.dtype | None = None,
    device: str | torch.device = "cpu",
    revision: str | None = None,
    **about: Any,
) -> Dictionary:
    """A dictionary out of a folder, a file or the hub, in any of the common layouts. Nothing is ever unpickled.

    Args:
        path_or_id: a folder; a ``params.npz`` or ``layer_3.safetensors`` file; a hub id with the folder inside the
            repository, e.g. ``"google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71"``; or what ships with a
            bundled model, e.g. ``"storyworld/resid_post.2"``.
        format: one of ``interpwidgets, sae_lens, gemma_scope, dictionary_learning, sparsify, circuit_tracer``; by
            default told from the files.
        layer: which layer of a set of transcoders.
        input_scale: the factor on activations that SAELens' ``expected_average_only_in`` keeps out of its files.
        dtype: number format, e.g. ``"bfloat16"``; by default that of the file, and float32 for what is bundled.
        device: where to.
        revision: a branch, tag or commit on the hub.
        about: name, site_in, site_out, labels: what you know better than the file.

    Raises:
        InputError: no such folder, no known layout, files that are pickles, damaged or do not fit together.
        ModelError: a hub id that cannot be fetched.
    """
    unknown = set(about) - {"name", "site_in", "site_out", "labels"}
    if unknown:
        raise TypeError(f"load_dictionary() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    if format is not None and format not in FORMATS:
        raise InputError(expected=f"a format out of {', '.join(FORMATS)}", got=repr(format), fix="Choose one.")
    kind = _dtype(dtype)
    path = _locate(path_or_id, revision)
    if kind is None and path.is_relative_to(WORLDS):
        kind = torch.float32  # kept in float16 for the wheel's sake
    found = format or _format(path)
    about = {name: value for name, value in about.items() if value is not None}
    if input_scale is not None and found != "sae_lens":
        raise InputError(
            expected="input_scale for SAELens' layout only", got=found, fix="Leave it out: other layouts need none."
        )
    try:
        made = _read(path, found, layer, input_scale, about)
    except InterpError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, RuntimeError, OverflowError) as error:
        # A configuration can be wrong in more ways than can be listed.
        raise InputError(
            expected=f"files in the layout of {found} at {path.name}",
            got=f"{type(error).__name__}: {' '.join(str(error).split())[:160]}",
            fix="Check that the files belong together, or pass format= if they are of another kind.",
        ) from error
    return made.to(device=device, dtype=kind)


def _read(path: Path, found: str, layer: int | None, input_scale: float | None, about: dict[str, Any]) -> Dictionary:
    if found == "circuit_tracer":
        return circuit_tracer.read(path, layer=layer, **about)
    if found == "gemma_scope":
        return gemma_scope.read(_params(path), **about)
    if found == "sae_lens":
        return sae_lens.read(_folder(path, found), input_scale=input_scale, **about)
    reader = {"interpwidgets": saving, "dictionary_learning": dictionary_learning, "sparsify": sparsify}[found]
    return reader.read(_folder(path, found), **about)


def _dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    if dtype is None or (isinstance(dtype, torch.dtype) and dtype in DTYPES.values()):
        return dtype
    if dtype not in DTYPES:
        raise InputError(expected=f"a dtype out of {', '.join(DTYPES)}", got=repr(dtype), fix="Choose one.")
    return DTYPES[str(dtype)]


def _locate(given: str | Path, revision: str | None) -> Path:
    text = str(given)
    path = Path(text).expanduser()
    if text.strip() and path.exists():
        return path
    parts = text.split("/")
    local = isinstance(given, Path) or text.startswith((".", "/", "~")) or "\\" in text or len(parts) < 2
    if local or ".." in parts or not all(parts):
        raise InputError(
            expected='an existing folder or file, or a hub id such as "owner/name/folder"',
            got=repr(text),
            fix="Check the path.",
        )
    if (WORLDS / parts[0]).is_dir() and (WORLDS / parts[0] / "__init__.py").is_file():
        return _bundled(parts)
    return _fetch(parts, revision)


def _bundled(parts: list[str]) -> Path:
    home = WORLDS / parts[0] / "weights" / "dictionaries"
    path = inside(home, "/".join(parts[1:]))
    if not path.is_dir():
        there = sorted(p.name for p in home.iterdir() if p.is_dir()) if home.is_dir() else []
        raise InputError(
            expected=f"a dictionary that ships with {parts[0]}: {', '.join(there) or 'none yet'}",
            got=repr("/".join(parts[1:])),
            fix="Choose one of these, or pass a folder." if there else "Pass a folder or a hub id.",
        )
    return path


def _fetch(parts: list[str], revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    repository, below = "/".join(parts[:2]), "/".join(parts[2:])
    wanted = [f"{below}/{name}" if below else name for name in SAFE]
    if below.endswith((".npz", ".safetensors")):
        wanted = [
            below,
            f"{below.rpartition('/')[0]}/*.json".lstrip("/"),
            f"{below.rpartition('/')[0]}/*.yaml".lstrip("/"),
        ]
    try:
        home = Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
    except Exception as error:  # whatever the network or the hub says, in one sentence
        raise ModelError(
            expected=f"the repository {repository!r} on the Hugging Face hub",
            got=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            fix="Check the name and the network; a local folder needs neither.",
        ) from error
    path = home / below
    if not path.exists():
        raise InputError(
            expected=f"a dictionary at {below!r} in {repository}", got="nothing there", fix="Check the folder's name."
        )
    return path


def _format(path: Path) -> str:
    if path.is_file():
        if path.suffix == ".npz" or path.name == gemma_scope.SECOND:
            return "gemma_scope"
        if path.suffix == ".safetensors" and path.stem.startswith("layer_"):
            return "circuit_tracer"
        if any(path.name in files for files in SIGNS.values()):
            return _format(path.parent)
    else:
        names = {p.name for p in path.iterdir()}
        for name, files in SIGNS.items():
            if set(files) <= names:
                return name
        if names & {gemma_scope.FIRST, gemma_scope.SECOND}:
            return "gemma_scope"
        if circuit_tracer.CONFIG in names or circuit_tracer.layers(path):
            return "circuit_tracer"
    there = path.name if path.is_file() else ", ".join(sorted(p.name for p in path.iterdir())[:8]) or "nothing"
    raise InputError(
        expected=f"a dictionary in one of the layouts {', '.join(FORMATS)}",
        got=there,
        fix="Point to the folder that holds the configuration and the weights of one dictionary.",
    )


def _params(path: Path) -> Path:
    if path.is_file():
        return path
    for name in (gemma_scope.FIRST, gemma_scope.SECOND):
        if (path / name).is_file():
            return path / name
    raise InputError(expected=f"{gemma_scope.FIRST} in {path.name}", got="no such file", fix="Check the folder.")


def _folder(path: Path, format: str) -> Path:
    folder = path if path.is_dir() else path.parent
    missing = [name for name in SIGNS[format] if not (folder / name).is_file()]
    if missing:
        raise InputError(
            expected=f"{' and '.join(SIGNS[format])} in {folder.name}",
            got=f"no {missing[0]}",
            fix="Check the folder, or leave format out.",
        )
    return folder
