"""Finding the parts of a model: its blocks, what each block adds to the stream, and the way from stream to logits.

Works from the module tree and the config, without a class for each family: the list of blocks is the shallowest
``ModuleList`` as long as the config says there are layers; attention and MLP go by a short list of names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from interpwidgets.errors import ModelError
from interpwidgets.models import families
from interpwidgets.models.blocks import Block, read_block
from interpwidgets.models.hooks import Tap
from interpwidgets.models.site import KINDS, Site


@dataclass
class Anatomy:
    """The parts of one model.

    Attributes:
        blocks: the layers of the stack whose tokens are traced (the decoder of an encoder-decoder).
        encoder: the layers of the encoder, else empty.
        taps: the taps without a layer: embed, logits.
        missing: why one of those does not exist.
        owners: from each submodule of a block to ``(group, layer)``, group being self, encoder, decoder or cross.
        final_norm: the norm before the unembedding, or None.
        project_out: OPT's projection between the norm and the unembedding, or None.
        head: from the normed stream to logits, or None.
    """

    blocks: list[Block]
    encoder: list[nn.Module]
    taps: dict[str, Tap]
    missing: dict[str, str]
    owners: dict[nn.Module, tuple[str, int]]
    final_norm: nn.Module | None = None
    project_out: nn.Module | None = None
    head: nn.Module | None = None

    def tap(self, site: Site) -> Tap | None:
        """The tap of a site, or None where this model has none."""
        if site.layer is None:
            return self.taps.get(site.kind)
        return self.blocks[site.layer].taps.get(site.kind)

    def why_not(self, site: Site) -> str:
        """Why this model has no such site, as a clause."""
        if site.layer is None:
            return self.missing.get(site.kind, "it has no module for it")
        return self.blocks[site.layer].missing.get(site.kind, "it has no module for it")

    def width(self, site: Site) -> int | None:
        """How many numbers an embedding or the hidden units of an MLP have for each position; None where not known."""
        tap = self.tap(site)
        module = tap.module if tap is not None else None
        weight = getattr(module, "weight", None)
        if not isinstance(weight, torch.Tensor) or weight.dim() != 2:
            return None
        # GPT-2's Conv1D keeps its weight transposed.
        return int(weight.shape[0 if type(module).__name__ == "Conv1D" else 1])

    def heads(self, layer: int) -> int | None:
        """How many heads a layer's attention says it has; None where it does not say."""
        attention = self.blocks[layer].attention
        for name in ("num_heads", "num_attention_heads", "n_heads"):
            for module in (attention, *(attention.children() if attention is not None else ())):
                value = getattr(module, name, None)
                if isinstance(value, int):
                    return value
        return None

    def sites(self) -> Iterator[Site]:
        """Every site there is, in the order of the forward pass."""
        if "embed" in self.taps:
            yield Site("embed")
        for layer, block in enumerate(self.blocks):
            yield from (Site(kind, layer) for kind in KINDS if kind in block.taps)
        if "logits" in self.taps:
            yield Site("logits")


def find(model: nn.Module) -> Anatomy:
    """The anatomy of a Hugging Face model.

    Raises:
        ModelError: no list of blocks of the expected length.
    """
    config: Any = model.config
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    stack, encoder_stack = _stacks(model, config)
    count = _layer_count(text, config)
    modules, parent = _blocks(stack, count)
    cross = encoder_stack is not None
    blocks = [read_block(module, text, cross) for module in modules]
    encoder: list[nn.Module] = []
    if encoder_stack is not None:
        encoder = _blocks(encoder_stack, int(config.num_hidden_layers))[0]
    found = Anatomy(blocks, encoder, {}, {}, _owners(modules, encoder))
    if not any(b.middle_norm is not None and b.end_norm is not None for b in blocks):
        found.final_norm = families.first(parent, families.FINAL_NORM)
        if found.final_norm is None and stack is not parent:
            found.final_norm = families.first(stack, families.FINAL_NORM)
    found.project_out = families.child(parent, "project_out")
    _ends(found, model, stack, config)
    return found


def _stacks(model: Any, config: Any) -> tuple[nn.Module, nn.Module | None]:
    if not getattr(config, "is_encoder_decoder", False):
        decoder = model.get_decoder() if hasattr(model, "get_decoder") else None
        return (decoder if isinstance(decoder, nn.Module) else model), None
    inner = getattr(model, "model", None) or getattr(model, model.base_model_prefix, None) or model
    decoder = families.child(inner, "decoder") or families.child(model, "decoder")
    encoder = families.child(inner, "encoder") or families.child(model, "encoder")
    if decoder is None or encoder is None:
        raise ModelError(
            expected="an encoder-decoder with .encoder and .decoder",
            got=type(model).__name__,
            fix="Load the model with its decoder, e.g. AutoModelForSeq2SeqLM, or pass it as a plain module with sites.",
        )
    return decoder, encoder


def _layer_count(text: Any, config: Any) -> int:
    if getattr(config, "is_encoder_decoder", False):
        for name in ("num_decoder_layers", "decoder_layers"):
            if isinstance(getattr(config, name, None), int):
                return int(getattr(config, name))
    return int(text.num_hidden_layers)


def _blocks(stack: nn.Module, count: int) -> tuple[list[nn.Module], nn.Module]:
    lists = [(n, m) for n, m in stack.named_modules() if isinstance(m, nn.ModuleList) and len(m) == count]
    lists = [(n, m) for n, m in lists if any(True for _ in m[0].parameters())]
    if not lists:
        raise ModelError(
            expected=f"a list of {count} blocks in {type(stack).__name__}",
            got=f"lists of lengths {sorted({len(m) for m in stack.modules() if isinstance(m, nn.ModuleList)})}",
            fix='Name the places yourself: load(model, sites={"resid_post.0": "path.to.block"}).',
        )
    name, found = min(lists, key=lambda item: item[0].count("."))
    parent = stack.get_submodule(name.rpartition(".")[0])
    return list(found), parent


def _owners(blocks: list[nn.Module], encoder: list[nn.Module]) -> dict[nn.Module, tuple[str, int]]:
    owners: dict[nn.Module, tuple[str, int]] = {}
    for group, modules in (("decoder" if encoder else "self", blocks), ("encoder", encoder)):
        for layer, block in enumerate(modules):
            for name, module in block.named_modules():
                crosses = any(part in families.CROSS_ATTENTION for part in name.split("."))
                owners[module] = ("cross" if crosses else group, layer)
    return owners


def _ends(found: Anatomy, model: Any, stack: Any, config: Any) -> None:
    image = getattr(model, "main_input_name", "input_ids") == "pixel_values"
    if image:
        embed = next((m for n, m in model.named_modules() if n.rpartition(".")[2] == "embeddings"), None)
    else:
        embed = stack.get_input_embeddings() if hasattr(stack, "get_input_embeddings") else None
        embed = embed if isinstance(embed, nn.Module) else model.get_input_embeddings()
    if isinstance(embed, nn.Module):
        found.taps["embed"] = Tap(embed)
    else:
        found.missing["embed"] = "it names no input embedding"
    found.head = None if image else families.token_head(model, config)
    if found.head is not None:
        found.taps["logits"] = Tap(model, "output", "logits")
    elif image:
        found.missing["logits"] = "an image model has no logits for each token; read trace.output instead"
    else:
        found.missing["logits"] = "it was loaded without a language-model head, e.g. as AutoModel"


def unembed(found: Anatomy, config: Any, stream: torch.Tensor, norm: bool = True) -> torch.Tensor:
    """Logits of residual vectors ``[..., d_model]``: final norm, unembedding, scale and soft-cap."""
    assert found.head is not None
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    weight = next(found.head.parameters())
    x = stream.to(device=weight.device)
    if norm and found.final_norm is not None:
        x = found.final_norm(x)
    if found.project_out is not None:
        x = found.project_out(x)
    scale = families.logit_scale(text)
    if config.model_type == "t5":
        logits = found.head((x * scale).to(weight.dtype))
    else:
        logits = found.head(x.to(weight.dtype)) * scale if scale != 1.0 else found.head(x.to(weight.dtype))
    cap = getattr(text, "final_logit_softcapping", None)
    return torch.tanh(logits / cap) * cap if cap else logits
