"""Keeping query and key of every layer while the model runs with its own attention kernel.

transformers lets a function be registered as an attention implementation. Ours stores what it is handed (query and
key after rotary embedding, value, mask, scale, soft-cap, sinks, position bias: all references, so O(tokens x width)),
and passes the call on to the implementation the model had, with another query and key where attention is frozen. It is
switched on only while a trace runs or attention is frozen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol

import torch
from torch import nn

from interpwidgets.models import families
from interpwidgets.models.anatomy import Anatomy
from interpwidgets.models.attention_store import AttentionStore
from interpwidgets.models.hooks import Hooks, first_tensor

PREFIX = "interpwidgets:"


class Routes(Protocol):
    """What takes the place of a module's query and key."""

    def instead(self, module: Any, query: torch.Tensor, key: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]: ...

    def instead_fused(self, module: Any, fused: torch.Tensor) -> torch.Tensor: ...

    def made_from(self, module: Any) -> torch.Tensor | None: ...


_active: ContextVar[AttentionStore | None] = ContextVar("interpwidgets_attention", default=None)
_held: ContextVar[Routes | None] = ContextVar("interpwidgets_frozen_attention", default=None)


@contextmanager
def capture(model: Any, anatomy: Anatomy) -> Iterator[AttentionStore]:
    """Keep the attention of every run inside the context; the model's configs are restored on leaving."""
    store = AttentionStore(anatomy)
    token = _active.set(store)
    try:
        with _through_us(model, anatomy):
            yield store
    finally:
        _active.reset(token)


@contextmanager
def holding(model: Any, anatomy: Anatomy, routes: Routes) -> Iterator[None]:
    """Give every attention call inside the context another query and key; restored on leaving, like `capture`."""
    token = _held.set(routes)
    try:
        with _through_us(model, anatomy):
            yield
    finally:
        _held.reset(token)


@contextmanager
def _through_us(model: Any, anatomy: Anatomy) -> Iterator[None]:
    configs = _configs(model)
    before = [config._attn_implementation_internal for config in configs]
    modules = list(anatomy.owners) if families.keeps_own_attention(model.config) else []
    replaced: list[tuple[Any, Any]] = []
    try:
        with Hooks() as hooks:
            if modules:
                _listen_inside(anatomy, hooks, replaced)
            else:
                for config, name in zip(configs, before, strict=True):
                    config._attn_implementation_internal = _registered(name)
            yield
    finally:
        for module, attend in replaced:
            if attend is None:
                module.__dict__.pop("_attn", None)
            else:
                module._attn = attend
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

    query, key = _met(module, query, key, value, attention_mask, **kwargs)
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


def _met(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any, **kwargs: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """The query and key to go on with, after a look at them: held ones, where attention is frozen."""
    routes, store = _held.get(), _active.get()
    if routes is not None:
        query, key = routes.instead(module, query, key)
    if store is not None:
        store.keep(module, query, key, value, mask, **kwargs)
    return query, key


def _eager(module: nn.Module) -> Callable[..., Any]:
    """The eager function of the file a module's class, or one of its bases, was written in."""
    for kind in type(module).__mro__:
        function = getattr(sys.modules.get(kind.__module__), "eager_attention_forward", None)
        if function is not None:
            return function
    raise LookupError(f"no eager_attention_forward beside {type(module).__name__}")


def _listen_inside(anatomy: Anatomy, hooks: Hooks, replaced: list[tuple[Any, Any]]) -> None:
    """For families outside the interface: GPT-J and GPT-Neo through their `_attn`, Bloom and Falcon by their inputs."""
    for module in anatomy.owners:
        attend: Any = getattr(module, "_attn", None)
        if attend is not None:
            before = module.__dict__.get("_attn")
            replaced.append((module, before))
            if before is None:
                module._attn = partial(_attn, module, attend)  # type: ignore[assignment]
        elif (fused := families.child(module, "query_key_value")) is not None:
            hooks.before(module, _keep_inputs)
            hooks.after(fused, partial(_fused, module))


def _keep_inputs(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    store, routes = _active.get(), _held.get()
    if store is not None:
        hidden, _ = first_tensor(module, args, kwargs)
        store.keep_inputs(module, hidden, dict(kwargs), None if routes is None else routes.made_from(module))


def _fused(attention: nn.Module, module: nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    store, routes = _active.get(), _held.get()
    if routes is not None:
        output = routes.instead_fused(attention, output)
    if store is not None:
        store.keep_fused(attention, first_tensor(module, args, {})[0], output)
    return output


def _attn(
    module: Any,
    attend: Callable[..., Any],
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any = None,
) -> Any:
    scale = 1.0 / float(module.scale_attn) if hasattr(module, "scale_attn") else 1.0
    query, key = _met(module, query, key, value, attention_mask, scaling=scale)
    return attend(query, key, value, attention_mask)
