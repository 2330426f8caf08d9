"""Attention patterns computed when somebody looks.

A layer keeps its queries and keys, O(tokens x width). A pattern is the softmax of their products (Vaswani et al. 2017,
equation 1) with everything the model puts in between: scale, soft-cap, position bias, mask, window and sink.
"""

from __future__ import annotations

import operator

import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError, OutOfMemoryError

# Rows worked on at once: bounds the scratch memory at BLOCK x keys whatever the window asked for.
BLOCK = 512


class AttentionLayer:
    """The attention of one layer of one run, for one sequence.

    Nothing of size tokens x tokens exists until `pattern` is called, and then only for the head and window asked for.

    Args:
        layer: the true layer number (layers without attention are left out of the list they stand in).
        query: ``[head, query, d_head]`` after rotary embedding.
        key: ``[kv_head, key, d_head]`` after rotary embedding; grouped heads share one.
        value: ``[kv_head, key, d_value]``.
        scale: factor on the products.
        mask: ``[1 or head, query, key]``, boolean (True may look) or additive, or None.
        bias: additive position bias ``[1 or head, 1 or query, key]`` (T5, alibi), or None.
        softcap: ``softcap * tanh(score / softcap)`` where set (Gemma 2).
        sinks: one extra logit for each head ``[head]`` that takes attention and gives nothing (GPT-OSS), or None.
        causal: whether a query may look only at itself and before.
        window: how many keys back a query may look, itself included, or None for all.
        output: the module that projects the heads' values back to the stream, for `value_norms`.
    """

    def __init__(
        self,
        *,
        layer: int,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        scale: float,
        mask: torch.Tensor | None = None,
        bias: torch.Tensor | None = None,
        softcap: float | None = None,
        sinks: torch.Tensor | None = None,
        causal: bool = True,
        window: int | None = None,
        output: nn.Module | None = None,
    ) -> None:
        self.layer = layer
        self.n_heads = int(query.shape[0])
        self.n_queries = int(query.shape[1])
        self.n_keys = int(key.shape[1])
        self.causal = causal
        self.window = int(window) if window else None
        self._query, self._key, self._value = query, key, value
        self._scale, self._mask, self._bias, self._softcap = scale, mask, bias, softcap
        self._sinks, self._output = sinks, output

    def __repr__(self) -> str:
        kind = "causal" if self.causal else "bidirectional"
        window = f", window {self.window}" if self.window else ""
        return f"AttentionLayer({self.layer}: {self.n_heads} heads, {self.n_queries} x {self.n_keys}, {kind}{window})"

    @torch.no_grad()
    def pattern(self, head: int, query: slice = slice(None), key: slice = slice(None)) -> torch.Tensor:
        """How much each query position looks at each key position.

        Exact softmax values: the normaliser is that of the whole row also when `key` is a slice. Rows sum to 1, or to
        1 minus the sink's share where the head has one (see `sink`). Needs memory for the window asked for, not for
        all tokens squared.

        Args:
            head: head number from 0, negative from the end.
            query: the query positions (rows).
            key: the key positions (columns).

        Returns:
            float32 ``[query, key]`` on the model's device.

        Raises:
            InputError: a head that does not exist.
            OutOfMemoryError: the device has no room for the window.
        """
        rows = self._rows(query)
        keys = range(self.n_keys)[key]
        try:
            columns = slice(None) if len(keys) == self.n_keys and keys.step == 1 else list(keys)
            parts = [self._softmax(self._head(head), block)[0][:, columns] for block in _blocks(rows)]
        except torch.OutOfMemoryError as error:
            raise OutOfMemoryError(
                expected=f"room for {len(rows)} x {len(keys)} attention values on {self._query.device}",
                got=str(error).split(".")[0],
                fix="Ask for a smaller window of queries and keys.",
            ) from error
        return torch.cat(parts) if parts else self._query.new_zeros((0, len(keys)), dtype=torch.float32)

    @torch.no_grad()
    def sink(self, head: int, query: slice = slice(None)) -> torch.Tensor | None:
        """The share of each query's attention that its sink takes, ``[query]``; None where the head has no sink."""
        head = self._head(head)
        if self._sinks is None:
            return None
        parts = [self._softmax(head, block)[1] for block in _blocks(self._rows(query))]
        return torch.cat(parts)

    def value(self, head: int) -> torch.Tensor:
        """The values a head mixes, float32 ``[key, d_value]``."""
        return self._value[self._shared(self._head(head), self._value.shape[0])].float()

    @torch.no_grad()
    def value_norms(self, head: int) -> torch.Tensor:
        """The size of what a head would write if it looked fully at one key: ``|| v_k W_O^head ||_2``.

        Attention says where a head looks, not how much arrives; a row of small values can be looked at and add
        nothing (Kobayashi et al. 2020, "Attention is Not Only a Weight", equation 6). A norm applied to the sum of
        all heads afterwards (Gemma 2, OLMo 2) is not part of it.

        Args:
            head: head number from 0, negative from the end.

        Returns:
            float32 ``[key]``.

        Raises:
            ModelError: the output projection is not known.
        """
        head = self._head(head)
        weight = output_weight(self._output, self.n_heads, self.layer)[head]
        values = self.value(head)
        blocks = _blocks(range(self.n_keys))
        return torch.cat([(values[block.start : block.stop] @ weight).norm(dim=-1) for block in blocks])

    def _head(self, head: int) -> int:
        # operator.index takes the whole numbers of numpy and torch too, and no float.
        if not hasattr(head, "__index__") or not -self.n_heads <= operator.index(head) < self.n_heads:
            raise InputError(
                expected=f"a head from 0 to {self.n_heads - 1}",
                got=f"head {head!r}",
                fix=f"Layer {self.layer} has {self.n_heads} heads.",
            )
        return operator.index(head) % self.n_heads

    def _rows(self, query: slice) -> range:
        return range(self.n_queries)[query]

    def _shared(self, head: int, count: int) -> int:
        return head * count // self.n_heads

    def _softmax(self, head: int, rows: range) -> tuple[torch.Tensor, torch.Tensor]:
        at = slice(rows.start, rows.stop, rows.step) if rows.step > 0 else list(rows)
        q = self._query[head][at].float()
        k = self._key[self._shared(head, self._key.shape[0])].float()
        scores = q @ k.T * self._scale
        if self._softcap is not None:
            scores = self._softcap * torch.tanh(scores / self._softcap)
        if self._bias is not None:
            bias = self._bias[head if self._bias.shape[0] > 1 else 0]
            scores = scores + (bias[at] if bias.shape[0] > 1 else bias)[:, : self.n_keys].float()
        if self._mask is not None:
            mask = self._mask[head if self._mask.shape[0] > 1 else 0]
            mask = (mask[at] if mask.shape[0] > 1 else mask)[:, : self.n_keys]
            low = torch.finfo(torch.float32).min
            scores = torch.where(mask, scores, low) if mask.dtype == torch.bool else scores + mask.float()
        scores = self._limit(scores, rows)
        if self._sinks is not None:
            sink = self._sinks[head].float().expand(scores.shape[0], 1)
            scores = torch.cat([scores, sink], dim=-1)
        # In place and freed early: one block of rows is the largest thing alive here.
        probabilities = torch.softmax(scores, dim=-1)
        if self._sinks is None:
            return probabilities, probabilities.new_zeros(len(rows))
        return probabilities[:, :-1], probabilities[:, -1]

    def _limit(self, scores: torch.Tensor, rows: range) -> torch.Tensor:
        """Causality and window, for implementations that enforce them without a mask."""
        if not self.causal or (self._mask is not None and self.window is None):
            return scores
        # With more keys than queries the last query stands at the last key.
        position = torch.tensor(list(rows), device=scores.device)[:, None] + self.n_keys - self.n_queries
        keys = torch.arange(self.n_keys, device=scores.device)[None, :]
        visible = keys <= position
        if self.window is not None:
            visible &= keys > position - self.window
        return torch.where(visible, scores, torch.finfo(torch.float32).min)


def output_weight(output: nn.Module | None, n_heads: int, layer: int) -> torch.Tensor:
    """``W_O`` by head, ``[head, d_head, d_model]`` in float32, of a linear layer or GPT-2's transposed ``Conv1D``."""
    weight = getattr(output, "weight", None)
    if not isinstance(weight, torch.Tensor) or weight.dim() != 2 or not weight.is_floating_point():
        raise ModelError(
            expected="an attention output projection with a plain weight matrix",
            got=f"{type(output).__name__} in layer {layer}",
            fix="Value norms and head outputs are not available for this model; use attn_out instead.",
        )
    if type(output).__name__ != "Conv1D":
        weight = weight.T
    return weight.detach().float().reshape(n_heads, -1, weight.shape[-1])


def _blocks(rows: range) -> list[range]:
    return [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]
