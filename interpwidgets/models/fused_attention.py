"""Attention that makes query, key and value in one piece (Bloom, Falcon): which part of the piece is the value."""

from __future__ import annotations

from typing import Any

import torch


def with_value_of(module: Any, held: torch.Tensor, live: torch.Tensor) -> torch.Tensor:
    """The fused projection ``[batch, token, width]`` with the queries and keys of one run and the values of another."""
    mixed = held.expand(live.shape).clone()
    _values(module, mixed).copy_(_values(module, live))
    return mixed


def _values(module: Any, fused: torch.Tensor) -> torch.Tensor:
    """The values in it, as a view: the last of each group of heads that share one."""
    if getattr(module, "new_decoder_architecture", False):
        group = module.num_heads // module.num_kv_heads + 2
    else:
        group = module.num_heads + 2 if getattr(module, "multi_query", False) else 3
    return fused.view(*fused.shape[:-1], -1, group, module.head_dim)[..., -1, :]
