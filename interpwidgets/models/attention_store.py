"""What one run's attention calls left: references only, O(tokens x width), from which patterns are computed later."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from interpwidgets.models import families
from interpwidgets.models.anatomy import Anatomy
from interpwidgets.models.attention import AttentionLayer


class AttentionStore:
    """What one run's attention calls left: a layer for each module that was called."""

    def __init__(self, anatomy: Anatomy) -> None:
        self._anatomy = anatomy
        self._calls: dict[nn.Module, Callable[[], AttentionLayer]] = {}
        self._routes: dict[nn.Module, tuple[torch.Tensor, torch.Tensor]] = {}

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
            self._routes[module] = query, key

    def keep_inputs(
        self, module: nn.Module, hidden: torch.Tensor, kwargs: dict[str, Any], held: torch.Tensor | None
    ) -> None:
        """Remember what an attention module was given, where query and key can only be computed again from that.

        Args:
            module: the attention module.
            hidden: what it reads ``[batch, token, d_model]``.
            kwargs: what else it was given.
            held: what query and key are made from instead, where attention is frozen.
        """

        def layer() -> AttentionLayer:
            with torch.no_grad():
                parts = families.own_attention(module, hidden, kwargs)
                if held is not None:
                    other = families.own_attention(module, held, kwargs)
                    parts.update(query=other["query"], key=other["key"])
            mask = kwargs.get("attention_mask")
            return self._layer(module, parts.pop("query"), parts.pop("key"), parts.pop("value"), mask, parts)

        self._calls[module] = layer

    def keep_fused(self, module: nn.Module, hidden: torch.Tensor, fused: torch.Tensor) -> None:
        """Remember query, key and value in one piece, and what they were made from."""
        self._routes[module] = hidden, fused

    def queries_and_keys(self) -> dict[nn.Module, tuple[torch.Tensor, torch.Tensor]]:
        """What chose where to look in each attention call: query and key ``[batch, head, token, d_head]``.

        Where a family makes them in one piece with the value, what it is made from and that piece
        ``[batch, token, width]``.
        """
        return dict(self._routes)

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
