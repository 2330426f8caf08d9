"""Keeping query and key of every layer while the model runs with its own attention kernel.

transformers lets a function be registered as an attention implementation. Ours stores what it is handed (query and
key after rotary embedding, value, mask, scale, soft-cap, sinks, position bias: all references, so O(tokens x width)),
and passes the call on to the implementation the model had. It is switched on only while a trace runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import nn

from interpwidgets.models import families
from interpwidgets.models.anatomy import Anatomy
from interpwidgets.models.attention import AttentionLayer
from interpwidgets.models.hooks import Hooks, first_tensor

PREFIX = "interpwidgets:"


class AttentionStore:
    """What one run's attention calls left: a layer for each module that was called."""

    def __init__(self, anatomy: Anatomy) -> None:
        self._anatomy = anatomy
        self._calls: dict[nn.Module, Callable[[], AttentionLayer]] = {}

    def keep(
        self,
        module: nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: Any,
        **kwargs: Any,
    ) -> None:
        """Remember one call; modules outside the traced blocks (a vision tower) are passed over."""
        if module in self._anatomy.owners:
            self._calls[module] = partial(self._layer, module, query, key, value, mask, kwargs)

    def keep_inputs(self, module: nn.Module, hidden: torch.Tensor, kwargs: dict[str, Any]) -> None:
        """Remember what an attention module was given, where query and key can only be computed again from that."""

        def layer() -> AttentionLayer:
            with torch.no_grad():
                parts = families.own_attention(module, hidden, kwargs)
            mask = kwargs.get("attention_mask")
            return self._layer(module, parts.pop("query"), parts.pop("key"), parts.pop("value"), mask, parts)

        self._calls[module] = layer

    def layers(self) -> dict[str, list[AttentionLayer]]:
        """The kept layers by group, in the order of their layer numbers."""
        groups: dict[str, list[AttentionLayer]] = {}
        for module in self._calls:
            layer = self._calls[module]()
            groups.setdefault(self._anatomy.owners[module][0], []).append(layer)
        for found in groups.values():
            found.sort(key=lambda layer: layer.layer)
        return groups

    def _layer(
        self,
        module: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: Any,
        kwargs: dict[str, Any],
    ) -> AttentionLayer:
        group, layer = self._anatomy.owners[module]
        scale = kwargs.get("scaling")
        causal = kwargs.get("is_causal")
        causal = bool(getattr(module, "is_causal", True)) if causal is None else bool(causal)
        local = getattr(module, "attention_type", None) == "local"
        window = module.config.window_size if local else kwargs.get("sliding_window")
        output = self._anatomy.blocks[layer].output if group in ("self", "decoder") else None
        return AttentionLayer(
            layer=layer,
            query=query[0],
            key=key[0],
            value=value[0],
            scale=float(query.shape[-1] ** -0.5 if scale is None else scale),
            # A flex-attention mask is no tensor; causality and window say the same for one unpadded sequence.
            mask=mask[0] if isinstance(mask, torch.Tensor) and mask.dim() == 4 else None,
            bias=None if kwargs.get("position_bias") is None else kwargs["position_bias"][0],
            softcap=kwargs.get("softcap"),
            sinks=kwargs.get("s_aux"),
            causal=causal and group not in ("cross", "encoder"),
            window=window,
            output=output if output is not None else families.first(module, families.ATTENTION_OUTPUT),
        )


_active: ContextVar[AttentionStore | None] = ContextVar("interpwidgets_attention", default=None)


@contextmanager
def capture(model: Any, anatomy: Anatomy) -> Iterator[AttentionStore]:
    """Keep the attention of every run inside the context; the model's configs are restored on leaving."""
    store = AttentionStore(anatomy)
    configs = _configs(model)
    before = [config._attn_implementation_internal for config in configs]
    token = _active.set(store)
    modules = list(anatomy.owners) if families.keeps_own_attention(model.config) else []
    replaced: list[Any] = []
    try:
        with Hooks() as hooks:
            if modules:
                _listen_inside(store, anatomy, hooks, replaced)
            else:
                for config, name in zip(configs, before, strict=True):
                    config._attn_implementation_internal = _registered(name)
            yield store
    finally:
        _active.reset(token)
        for module in replaced:
            module.__dict__.pop("_attn", None)
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation_internal = name


def _configs(model: nn.Module) -> list[Any]:
    """Every config object some module reads its implementation from, each once."""
    found: dict[int, Any] = {}
    for module in model.modules():
        config = getattr(module, "config", None)
        if getattr(config, "_attn_implementation_internal", None) is not None:
            found[id(config)] = config
    return list(found.values())


def _registered(name: str) -> str:
    """Our implementation that passes on to ``name``, registered on first use."""
    from transformers import AttentionInterface, AttentionMaskInterface

    if name.startswith(PREFIX):
        return name
    ours, masks = PREFIX + name, AttentionMaskInterface()
    if ours not in AttentionInterface():
        AttentionInterface.register(ours, partial(_attend, name))
        if name in masks:
            AttentionMaskInterface.register(ours, masks[name])
    return ours


def _attend(
    name: str,
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    **kwargs: Any,
) -> Any:
    """The registered function: keep the call if a trace is on, then let the model's own implementation answer."""
    from transformers import AttentionInterface

    store = _active.get()
    if store is not None:
        store.keep(module, query, key, value, attention_mask, **kwargs)
    if name == "eager":
        if getattr(module, "reorder_and_upcast_attn", False):
            return module._upcast_and_reordered_attn(query, key, value, attention_mask)
        return _eager(module)(module, query, key, value, attention_mask, **kwargs)
    delegate = AttentionInterface()[name]
    if name == "sdpa":
        return delegate(module, query, key, value, attention_mask, **kwargs)
    # Flash kernels read the implementation's name from the config to choose themselves.
    ours, module.config._attn_implementation_internal = module.config._attn_implementation_internal, name
    try:
        return delegate(module, query, key, value, attention_mask, **kwargs)
    finally:
        module.config._attn_implementation_internal = ours


def _eager(module: nn.Module) -> Callable[..., Any]:
    """The eager function of the file a module's class, or one of its bases, was written in."""
    for kind in type(module).__mro__:
        function = getattr(sys.modules.get(kind.__module__), "eager_attention_forward", None)
        if function is not None:
            return function
    raise LookupError(f"no eager_attention_forward beside {type(module).__name__}")


def _listen_inside(store: AttentionStore, anatomy: Anatomy, hooks: Hooks, replaced: list[Any]) -> None:
    """For families outside the interface: GPT-J and GPT-Neo through their `_attn`, Bloom and Falcon by their inputs."""
    for module in anatomy.owners:
        attend: Any = getattr(module, "_attn", None)
        if attend is not None:
            module._attn = partial(_attn, store, module, attend)  # type: ignore[assignment]
            replaced.append(module)
        elif hasattr(module, "query_key_value"):
            hooks.before(module, partial(_keep_inputs, store))


def _keep_inputs(store: AttentionStore, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    named = dict(kwargs)
    hidden, _ = first_tensor(module, args, kwargs)
    store.keep_inputs(module, hidden, named)


def _attn(
    store: AttentionStore,
    module: Any,
    attend: Callable[..., Any],
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any = None,
) -> Any:
    scale = 1.0 / float(module.scale_attn) if hasattr(module, "scale_attn") else 1.0
    store.keep(module, query, key, value, attention_mask, scaling=scale)
    return attend(query, key, value, attention_mask)
