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
        self._normalisers: dict[int, torch.Tensor] = {}

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
            # Few keys of many queries: with the rows' normalisers kept, only the keys asked for are worked out.
            narrow = 4 * len(keys) < self.n_keys and len(rows) > BLOCK
            work = self._columns if narrow else self._window
            parts = [work(self._head(head), block, keys) for block in _blocks(rows)]
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

    def check_output(self) -> None:
        """Refuse, with a `ModelError`, where the output projection is not known and `value_norms` cannot be had."""
        plain_weight(self._output, self.layer)

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

    def _window(self, head: int, rows: range, keys: range) -> torch.Tensor:
        """Probabilities of a block of rows, cut to the keys asked for."""
        probabilities = self._softmax(head, rows)[0]
        return probabilities if _is_all(keys, self.n_keys) else probabilities[:, _index(keys)]

    def _columns(self, head: int, rows: range, keys: range) -> torch.Tensor:
        """Probabilities of a block of rows for few keys, from the rows' log normalisers."""
        return torch.exp(self._scores(head, rows, keys) - self._log_normaliser(head)[_index(rows)][:, None])

    def _log_normaliser(self, head: int) -> torch.Tensor:
        """``log sum_k exp(score)`` of every row, sink included, ``[query]``; worked out once."""
        if head not in self._normalisers:
            every = range(self.n_queries)
            parts = []
            for block in _blocks(every):
                scores = self._scores(head, block, self._reach(block))
                total = torch.logsumexp(scores, dim=-1)
                parts.append(total if self._sinks is None else torch.logaddexp(total, self._sinks[head].float()))
            self._normalisers[head] = torch.cat(parts)
        return self._normalisers[head]

    def _softmax(self, head: int, rows: range) -> tuple[torch.Tensor, torch.Tensor]:
        keys = self._reach(rows)
        scores = self._scores(head, rows, keys)
        if self._sinks is not None:
            sink = self._sinks[head].float().expand(scores.shape[0], 1)
            scores = torch.cat([scores, sink], dim=-1)
        # In place and freed early: one block of rows is the largest thing alive here.
        probabilities = torch.softmax(scores, dim=-1)
        taken = probabilities.new_zeros(len(rows)) if self._sinks is None else probabilities[:, -1]
        if self._sinks is not None:
            probabilities = probabilities[:, :-1]
        beyond = self.n_keys - len(keys)
        return nn.functional.pad(probabilities, (0, beyond)) if beyond else probabilities, taken

    def _reach(self, rows: range) -> range:
        """The keys that can matter to rows: under a causal rule those after the last row cannot."""
        if not self.causal or self._mask is not None or not rows:
            return range(self.n_keys)
        return range(min(self.n_keys, max(rows) + self.n_keys - self.n_queries + 1))

    def _scores(self, head: int, rows: range, keys: range) -> torch.Tensor:
        """What the softmax is taken of, float32 ``[query, key]``: scaled, capped, biased and masked products."""
        at, of = _index(rows), _index(keys)
        q = self._query[head][at].float()
        k = self._key[self._shared(head, self._key.shape[0])][of].float()
        scores = q @ k.T * self._scale
        if self._softcap is not None:
            scores = self._softcap * torch.tanh(scores / self._softcap)
        if self._bias is not None:
            bias = self._bias[head if self._bias.shape[0] > 1 else 0]
            scores = scores + (bias[at] if bias.shape[0] > 1 else bias)[:, of].float()
        if self._mask is not None:
            mask = self._mask[head if self._mask.shape[0] > 1 else 0]
            mask = (mask[at] if mask.shape[0] > 1 else mask)[:, of]
            low = torch.finfo(torch.float32).min
            scores = torch.where(mask, scores, low) if mask.dtype == torch.bool else scores + mask.float()
        return self._limit(scores, rows, keys)

    def _limit(self, scores: torch.Tensor, rows: range, keys: range) -> torch.Tensor:
        """Causality and window, for implementations that enforce them without a mask."""
        if not self.causal or (self._mask is not None and self.window is None):
            return scores
        # With more keys than queries the last query stands at the last key.
        position = torch.arange(rows.start, rows.stop, rows.step, device=scores.device)[:, None]
        position = position + self.n_keys - self.n_queries
        key = torch.arange(keys.start, keys.stop, keys.step, device=scores.device)[None, :]
        visible = key <= position
        if self.window is not None:
            visible &= key > position - self.window
        return torch.where(visible, scores, torch.finfo(torch.float32).min)


def _is_all(part: range, count: int) -> bool:
    return part == range(count)


def _index(part: range) -> slice | list[int]:
    """A range as an index that torch takes: a view where it can be one."""
    return slice(part.start, part.stop, part.step) if part.step > 0 else list(part)


def output_weight(output: nn.Module | None, n_heads: int, layer: int) -> torch.Tensor:
    """``W_O`` by head, ``[head, d_head, d_model]`` in float32, of a linear layer or GPT-2's transposed ``Conv1D``."""
    weight = plain_weight(output, layer)
    if type(output).__name__ != "Conv1D":
        weight = weight.T
    return weight.detach().float().reshape(n_heads, -1, weight.shape[-1])


def plain_weight(output: nn.Module | None, layer: int) -> torch.Tensor:
    """The weight of an output projection, if it is a plain matrix (not quantised, not hidden in a wrapper)."""
    weight = getattr(output, "weight", None)
    if not isinstance(weight, torch.Tensor) or weight.dim() != 2 or not weight.is_floating_point():
        raise ModelError(
            expected="an attention output projection with a plain weight matrix",
            got=f"{type(output).__name__} in layer {layer}",
            fix="Value norms and head outputs are not available for this model; use attn_out instead.",
        )
    return weight


def _blocks(rows: range) -> list[range]:
    return [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]
