"""Loading: a bundled model, a hub id, a folder, a model that is there already, or any module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError, OutOfMemoryError
from interpwidgets.models import anatomy as anatomy_module
from interpwidgets.models import families
from interpwidgets.models.anatomy import Anatomy
from interpwidgets.models.check import check as check_adapter
from interpwidgets.models.model import Model
from interpwidgets.models.plain import ModuleModel, tap_at
from interpwidgets.models.site import Site


@overload
def load(source: Literal["birdworld"], *, device: Any = None) -> Any: ...
@overload
def load(
    source: str | Path | nn.Module,
    tokenizer: Any = None,
    *,
    device: Any = None,
    dtype: Any = None,
    device_map: Any = None,
    revision: str | None = None,
    sites: Mapping[Any, Any] | None = None,
    attention: Mapping[int, Any] | None = None,
    check: bool = True,
    name: str | None = None,
    **from_pretrained: Any,
) -> Model: ...
def load(
    source: str | Path | nn.Module,
    tokenizer: Any = None,
    *,
    device: Any = None,
    dtype: Any = None,
    device_map: Any = None,
    revision: str | None = None,
    sites: Mapping[Any, Any] | None = None,
    attention: Mapping[int, Any] | None = None,
    check: bool = True,
    name: str | None = None,
    **from_pretrained: Any,
) -> Any:
    """A model to look into: a bundled one, one from the hub or a folder, or one that is loaded already.

    The model is not converted; it runs with its own code and kernels. The adapter checks itself on two tokens.

    Args:
        source: ``"storyworld"``, ``"birdworld/vit"`` or ``"planted/induction"`` (bundled, offline), a hub id, a folder,
            a loaded Hugging Face model, or any ``torch.nn.Module`` together with `sites`. ``"birdworld"`` gives the
            bundled `PrototypeNetwork`, which is a classifier of its own and takes `device` alone.
        tokenizer: a tokenizer or image processor, its hub id or folder; by default the one beside the model.
        device, dtype: move or convert the model while loading; a model that is loaded already is left as it is.
        device_map: ``"auto"`` spreads a model over several devices (needs accelerate).
        revision: a branch, tag or commit on the hub.
        sites: names of places in a plain module, ``{"resid_post.0": "blocks.0"}``; for a Hugging Face model they
            replace what was found.
        attention: for a plain module, ``{layer: path}`` of submodules that return patterns.
        check: False skips the self-check.
        name: what to call the model.
        from_pretrained: passed on, e.g. ``attn_implementation="eager"``. ``trust_remote_code`` is off unless passed.

    Raises:
        InputError: a folder that does not exist, a module without sites.
        ModelError: weights that cannot be had or read, or a self-check that fails.
    """
    if isinstance(source, str) and source == "birdworld":
        return _birdworld(
            device, {"tokenizer": tokenizer, "dtype": dtype, "device_map": device_map, "revision": revision,
                     "sites": sites, "attention": attention, "name": name, **from_pretrained}
        )  # fmt: skip
    if isinstance(source, nn.Module):
        unused = {"device": device, "dtype": dtype, "device_map": device_map, "revision": revision, **from_pretrained}
        given = [key for key, value in unused.items() if value is not None]
        if given:
            raise InputError(
                expected="a loaded model alone, which is left as it is",
                got=f"also {', '.join(given)}",
                fix="Move or convert the model yourself before loading it here.",
            )
        model: Any = source
    else:
        given, source = str(source), _bundled(str(source))
        name = name or (given if given != source else None)
        model = _pretrained(source, device, dtype, device_map, revision, from_pretrained)
        tokenizer = source if tokenizer is None else tokenizer
    if not _is_transformers(model):
        if sites is None:
            raise InputError(
                expected="a Hugging Face model, or a module with named sites",
                got=type(model).__name__,
                fix='Name places in it: load(module, sites={"resid_post.0": "blocks.0"}).',
            )
        return ModuleModel(model, tokenizer, sites, attention, name)
    if isinstance(tokenizer, (str, Path)):
        required = not isinstance(source, nn.Module) and str(tokenizer) != str(source)
        tokenizer = _tokenizer(tokenizer, model, revision, from_pretrained.get("trust_remote_code", False), required)
    lm = adapt(model, tokenizer, name or _name(source, model), sites)
    if check:
        check_adapter(lm)
    return lm


def adapt(model: Any, tokenizer: Any, name: str, sites: Mapping[Any, Any] | None = None) -> Model:
    """The adapter of a loaded Hugging Face model, unchecked."""
    found = anatomy_module.find(model)
    for site, place in (sites or {}).items():
        _replace(found, Site.parse(site), tap_at(model, place))
    lm = Model(model, tokenizer, found, name)
    config = model.config
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    lm.config, lm.family = config, config.model_type
    lm.takes_images = getattr(model, "main_input_name", "input_ids") == "pixel_values"
    lm.has_decoder = bool(getattr(config, "is_encoder_decoder", False))
    attends = any(block.attention is not None for block in found.blocks)
    lm.n_heads = _heads(config if lm.has_decoder else text) if attends else 0
    lm.d_model = int(text.hidden_size)
    lm.context = None if lm.takes_images else families.context_length(text)
    if lm.takes_images:
        lm.input_name = "pixel_values"
    else:
        lm.d_vocab_in = int(text.vocab_size)
        if found.head is not None:
            out = model.get_output_embeddings()
            lm.d_vocab = int(out.weight.shape[0]) if out is not None else lm.d_vocab_in
    return lm


def _heads(config: Any) -> int:
    for field in ("decoder_attention_heads", "num_attention_heads", "num_heads"):
        value = getattr(config, field, None)
        if isinstance(value, int):
            return value
    return 0


def _replace(found: Anatomy, site: Site, tap: Any) -> None:
    if site.layer is None:
        found.taps[site.kind] = tap
        return
    if not -len(found.blocks) <= site.layer < len(found.blocks):
        raise InputError(
            expected=f"a layer from 0 to {len(found.blocks) - 1} in sites",
            got=str(site),
            fix="Name only layers the model has.",
        )
    found.blocks[site.layer].taps[site.kind] = tap


def _bundled(source: str) -> str:
    if source == "storyworld":
        from interpwidgets.worlds import storyworld

        return str(storyworld.folder())
    if source == "birdworld/vit":
        from interpwidgets.worlds import birdworld

        return str(birdworld.folder() / "vit")
    if source.startswith("planted/") and not Path(source).is_dir():
        from interpwidgets.worlds import planted

        return str(planted.folder(source.removeprefix("planted/")))
    return source


def _birdworld(device: Any, others: Mapping[str, Any]) -> Any:
    from interpwidgets.worlds import birdworld

    given = [key for key, value in others.items() if value is not None]
    if given:
        raise InputError(
            expected='load("birdworld") with device=... or nothing',
            got=f"also {', '.join(given)}",
            fix="Leave these out: it is a prototype network, not a transformer.",
        )
    net = birdworld.network()
    return net if device is None else net.to(device)


def _is_transformers(model: Any) -> bool:
    import sys

    # A model of transformers cannot exist before transformers was imported.
    library = sys.modules.get("transformers")
    return library is not None and isinstance(model, library.PreTrainedModel)


def _name(source: Any, model: Any) -> str:
    if isinstance(source, nn.Module):
        return str(getattr(model.config, "_name_or_path", "") or type(model).__name__)
    return Path(source).name if Path(source).is_dir() else str(source)


def _pretrained(source: str, device: Any, dtype: Any, device_map: Any, revision: Any, options: dict[str, Any]) -> Any:
    import transformers

    folder = Path(source).expanduser()
    _check_source(source, folder)
    common = {"revision": revision} if revision is not None else {}
    trust = {"trust_remote_code": options["trust_remote_code"]} if "trust_remote_code" in options else {}
    where = str(folder) if folder.is_dir() else source
    options.setdefault("use_safetensors", True)
    for key, value in (("dtype", dtype), ("device_map", device_map)):
        if value is not None:
            options[key] = value
    try:
        config = transformers.AutoConfig.from_pretrained(where, **common, **trust)
        named = (getattr(config, "architectures", None) or [""])[0]
        remote = bool(trust.get("trust_remote_code")) and hasattr(config, "auto_map")
        kind = None if remote else getattr(transformers, named or "", None)
        if kind is None:
            pair = (transformers.AutoModelForCausalLM, transformers.AutoModelForSeq2SeqLM)
            kind = pair[bool(config.is_encoder_decoder)]
        model: Any = kind.from_pretrained(where, **common, **options)
        if device is not None and device_map is None:
            model.to(device)
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError(
            expected=f"room for {source} on the device",
            got=str(error).split("GiB. GPU")[0][:200],
            fix='Load it in a smaller dtype, or over several devices with device_map="auto".',
        ) from None
    except Exception as error:  # whatever a broken or missing model raises, said in one sentence and chained
        raise _why(source, folder, error) from error
    return model.eval()


def _check_source(source: str, folder: Path) -> None:
    looks_like_a_path = source.startswith((".", "/", "~")) or source.count("/") > 1 or "\\" in source
    if folder.is_dir() and source.strip():
        if not (folder / "config.json").is_file():
            raise InputError(
                expected="a model folder with a config.json",
                got=f"{source}, which holds {', '.join(sorted(p.name for p in folder.iterdir())[:6]) or 'nothing'}",
                fix="Save the model with model.save_pretrained(folder).",
            )
    elif looks_like_a_path or not source.strip() or folder.exists():
        raise InputError(
            expected='an existing model folder, a hub id such as "gpt2", or "storyworld"',
            got=repr(source),
            fix="Check the path.",
        )


def _why(source: str, folder: Path, error: Exception) -> ModelError:
    text = " ".join(str(error).split())[:300]
    local = folder.is_dir()
    pickled = (local and any(folder.glob("pytorch_model*.bin"))) or (not local and "safetensors" in text)
    if pickled and (not local or not any(folder.glob("*.safetensors"))):
        return ModelError(
            expected=f"weights of {source} in safetensors format",
            got="only pickled weights (pytorch_model.bin), which can run code when opened",
            fix="Convert them with model.save_pretrained(folder), or pass use_safetensors=False if you trust them.",
        )
    if local:
        return ModelError(
            expected=f"a readable model in {source}",
            got=f"{type(error).__name__}: {text}",
            fix="Check that config.json and the safetensors files belong together.",
        )
    return ModelError(
        expected=f"the model {source!r} from the Hugging Face hub",
        got=f"{type(error).__name__}: {text}",
        fix='Check the name and the network; load("storyworld") or a local folder needs neither.',
    )


def _tokenizer(source: Any, model: Any, revision: Any, trust: bool, required: bool) -> Any:
    import transformers

    images = getattr(model, "main_input_name", "input_ids") == "pixel_values"
    kind = transformers.AutoImageProcessor if images else transformers.AutoTokenizer
    where = str(Path(source).expanduser()) if Path(source).expanduser().is_dir() else str(source)
    common = {"revision": revision} if revision is not None else {}
    try:
        return kind.from_pretrained(where, trust_remote_code=trust, **common)
    except (OSError, ValueError, ImportError, KeyError, AttributeError) as error:
        # A model without a tokenizer beside it is still a model: it takes ids.
        if not required:
            return None
        raise ModelError(
            expected=f"a tokenizer in {source}",
            got=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            fix="Pass tokenizer=... with a loaded tokenizer, its folder or its hub id.",
        ) from error
