"""Sources of attention patterns behind one small interface: a trace, arrays, or the difference of two sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from interpwidgets.errors import InputError, InterpError
from interpwidgets.records import Tokens

if TYPE_CHECKING:
    from interpwidgets.models import Trace

# "pattern", "value_weighted", "compared" or "difference"; which of them a source has, its `shows` says.
Show = str


class Patterns(ABC):
    """Patterns of several layers and heads over the same queries and keys.

    Attributes:
        queries: the positions that look.
        keys: the positions looked at.
        layers: the model's numbers of the layers that have attention.
        causal: whether keys after the query are masked.
        shows: what can be shown, each with None, or with the reason why it cannot.
    """

    queries: Tokens
    keys: Tokens
    layers: tuple[int, ...]
    causal: bool
    shows: dict[Show, str | None]

    @abstractmethod
    def n_heads(self, layer: int) -> int:
        """How many heads a layer has."""

    @abstractmethod
    def block(self, layer: int, head: int, q: slice = slice(None), k: slice = slice(None)) -> np.ndarray:
        """Exact probabilities ``[query, key]`` float32 of one head in a window."""

    def sink(self, layer: int, head: int) -> np.ndarray:
        """``[query]`` probability that goes to a learned sink instead of a key; zero in most models."""
        return np.zeros(len(self.queries), dtype=np.float32)

    def value_norms(self, layer: int, head: int) -> np.ndarray:
        """``[key]`` norm of what the head would write if it looked at this key alone."""
        raise InputError(expected="values", got="arrays of patterns only", fix="Pass a trace to weigh by values.")

    def signed(self, show: Show) -> bool:
        """Whether what is shown may be below zero, so that the colours need two sides."""
        return show == "difference"

    def bound(self, show: Show) -> float | None:
        """The largest magnitude that can occur, where it is known without looking: 1 for probabilities."""
        return 1.0 if show == "pattern" else None

    def limit(self, show: Show, layer: int) -> float:
        """A number that no magnitude in a layer exceeds, found without working out any pattern."""
        bound = self.bound(show)
        if bound is None and show == "value_weighted":
            norms = np.stack([self.value_norms(layer, head) for head in range(self.n_heads(layer))])
            return float(norms[np.isfinite(norms)].max(initial=0.0)) or 1.0
        return 1.0 if bound is None else bound

    def values(self, show: Show, layer: int, head: int, q: slice = slice(None), k: slice = slice(None)) -> np.ndarray:
        """What is shown in a window ``[query, key]`` float32: probabilities, or probability times value norm."""
        self.check_show(show)
        block = self.block(layer, head, q, k)
        if show == "value_weighted":
            with np.errstate(invalid="ignore", over="ignore"):
                block = block * self.value_norms(layer, head)[k]
        return block

    def check_layer(self, layer: int) -> int:
        """The layer, if it exists."""
        if layer not in self.layers:
            raise InputError(
                expected=f"a layer with attention among {_ranges(self.layers)}",
                got=f"layer {layer!r}",
                fix="Choose one of them.",
            )
        return layer

    def check_head(self, layer: int, head: int) -> int:
        """The head, if the layer has it."""
        if not 0 <= head < self.n_heads(layer):
            raise InputError(
                expected=f"a head from 0 to {self.n_heads(layer) - 1} in layer {layer}",
                got=f"head {head!r}",
                fix="Choose one of them.",
            )
        return head

    def check_show(self, show: Show) -> Show:
        """What to show, if this source can show it; else the reason why not."""
        if show not in self.shows:
            raise InputError(
                expected=f"show to be one of {list(self.shows)}", got=repr(show), fix="Choose one of them."
            )
        reason = self.shows[show]
        if reason is not None:
            raise InputError(expected=f"a model that allows show={show!r}", got=reason, fix="Use show='pattern'.")
        return show


def _ranges(numbers: tuple[int, ...]) -> str:
    if numbers == tuple(range(len(numbers))):
        return f"0 to {len(numbers) - 1}"
    return str(list(numbers))


class TracePatterns(Patterns):
    """The patterns of one kind of attention in a trace, computed from captured queries and keys."""

    def __init__(self, trace: Trace, kind: str) -> None:
        self._layers = {a.layer: a for a in trace.attention[kind]}
        first = next(iter(self._layers.values()))
        self.layers = tuple(self._layers)
        self.causal = first.causal
        source = trace.source_tokens
        self.queries = source if kind == "encoder" and source is not None else trace.tokens
        self.keys = source if kind in ("encoder", "cross") and source is not None else trace.tokens
        self.shows = {"pattern": None, "value_weighted": self._without_values()}

    def _without_values(self) -> str | None:
        """Why some layer cannot tell what its heads write, or None; looks at the weights, computes nothing."""
        try:
            for layer in self._layers.values():
                layer.check_output()
        except InterpError as error:
            return error.got
        return None

    def n_heads(self, layer: int) -> int:
        return self._layers[layer].n_heads

    def block(self, layer: int, head: int, q: slice = slice(None), k: slice = slice(None)) -> np.ndarray:
        return _numpy(self._layers[layer].pattern(head, q, k))

    def sink(self, layer: int, head: int) -> np.ndarray:
        sink = self._layers[layer].sink(head)
        return super().sink(layer, head) if sink is None else _numpy(sink)

    def value_norms(self, layer: int, head: int) -> np.ndarray:
        return _numpy(self._layers[layer].value_norms(head))


class ArrayPatterns(Patterns):
    """Patterns given as one array ``[layer, head, query, key]``."""

    def __init__(
        self,
        pattern: Any,
        queries: Tokens,
        keys: Tokens | None = None,
        *,
        causal: bool | None = None,
        layers: tuple[int, ...] | None = None,
        sink: np.ndarray | None = None,
    ) -> None:
        array = as_patterns(pattern)
        self._sink = sink
        self.queries, self.keys = queries, queries if keys is None else keys
        wanted = (len(self.queries), len(self.keys))
        if array.shape[2:] != wanted:
            raise InputError(
                expected=f"patterns [..., query, key] of {wanted[0]} x {wanted[1]} for these tokens",
                got=f"shape {list(np.shape(pattern))}",
                fix="Give one token for every query; keys=... names the keys when they are other positions.",
            )
        self.pattern = array
        self.layers = tuple(range(len(array))) if layers is None else layers
        finite = array[np.isfinite(array)]
        self._signed = bool((array < 0).any())
        # Rounding may lift a probability a little above 1: such an array is still one of probabilities.
        self._bound = 1.0 if not self._signed and finite.max(initial=0.0) <= 1.0 + 1e-3 else None
        square = keys is None and wanted[0] > 1
        self.causal = bool(square and not np.triu(np.nan_to_num(array), 1).any()) if causal is None else causal
        self.shows = {"pattern": None}

    def n_heads(self, layer: int) -> int:
        return self.pattern.shape[1]

    def signed(self, show: Show) -> bool:
        return self._signed

    def bound(self, show: Show) -> float | None:
        return self._bound

    def limit(self, show: Show, layer: int) -> float:
        finite = self.pattern[self.layers.index(layer)]
        return float(np.abs(finite[np.isfinite(finite)]).max(initial=0.0)) or 1.0

    def block(self, layer: int, head: int, q: slice = slice(None), k: slice = slice(None)) -> np.ndarray:
        return self.pattern[self.layers.index(layer), head, q, k]

    def sink(self, layer: int, head: int) -> np.ndarray:
        return super().sink(layer, head) if self._sink is None else self._sink[self.layers.index(layer), head]


class ComparedPatterns(Patterns):
    """Two sources over the same positions: the first, the second, and first minus second."""

    def __init__(self, first: Patterns, second: Patterns) -> None:
        for name, a, b in (("queries", first.queries, second.queries), ("keys", first.keys, second.keys)):
            if len(a) != len(b):
                raise InputError(
                    expected=f"two sequences with the same number of {name}",
                    got=f"{len(a)} and {len(b)} tokens",
                    fix="Compare prompts that differ token by token, e.g. one name exchanged for another.",
                )
        shared = [i for i in first.layers if i in second.layers and first.n_heads(i) == second.n_heads(i)]
        if not shared:
            raise InputError(
                expected="two models with a layer of equally many heads in common",
                got=f"layers {_ranges(first.layers)} and {_ranges(second.layers)}",
                fix="Show them in two views.",
            )
        self.first, self.second = first, second
        self.queries, self.keys = first.queries, first.keys
        self.layers = tuple(shared)
        self.causal = first.causal and second.causal
        self.shows = {**first.shows, "compared": None, "difference": None}

    def n_heads(self, layer: int) -> int:
        return self.first.n_heads(layer)

    def block(self, layer: int, head: int, q: slice = slice(None), k: slice = slice(None)) -> np.ndarray:
        return self.first.block(layer, head, q, k)

    def sink(self, layer: int, head: int) -> np.ndarray:
        return self.first.sink(layer, head)

    def value_norms(self, layer: int, head: int) -> np.ndarray:
        return self.first.value_norms(layer, head)

    def bound(self, show: Show) -> float | None:
        if show == "difference":
            return None
        return self.second.bound("pattern") if show == "compared" else self.first.bound(show)

    def limit(self, show: Show, layer: int) -> float:
        if show in ("pattern", "value_weighted"):
            return self.first.limit(show, layer)
        first, second = self.first.limit("pattern", layer), self.second.limit("pattern", layer)
        if show == "compared":
            return second
        both_sides = self.first.signed("pattern") or self.second.signed("pattern")
        return first + second if both_sides else max(first, second)

    def signed(self, show: Show) -> bool:
        return show == "difference" or self.first.signed("pattern") or self.second.signed("pattern")

    def values(self, show: Show, layer: int, head: int, q: slice = slice(None), k: slice = slice(None)) -> np.ndarray:
        if show == "compared":
            return self.second.values("pattern", layer, head, q, k)
        if show == "difference":
            with np.errstate(invalid="ignore", over="ignore"):
                return self.first.block(layer, head, q, k) - self.second.block(layer, head, q, k)
        return self.first.values(show, layer, head, q, k)


def as_patterns(pattern: Any) -> np.ndarray:
    """A numpy or torch array of one head, one layer or a whole model as float32 ``[layer, head, query, key]``.

    Also takes what ``output_attentions=True`` returns: a tuple of ``[1, head, query, key]``, one for each layer.
    """
    if isinstance(pattern, list | tuple) and pattern and all(hasattr(p, "shape") for p in pattern):
        parts = [_layer(_numpy(p)) for p in pattern]
        shapes = sorted({part.shape[1:] for part in parts})
        if len(shapes) > 1:
            raise InputError(
                expected="layers of one shape [head, query, key]",
                got=" and ".join(str(list(shape)) for shape in shapes),
                fix="Show layers with another number of heads or tokens in a view of their own.",
            )
        array = np.concatenate(parts)
    else:
        array = _numpy(pattern)
    if len(array.shape) == 5 and 1 in array.shape[:2]:  # a batch of one, before or after the layers
        array = array.squeeze(0 if array.shape[0] == 1 else 1)
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise InputError(
            expected="patterns of shape [query, key], [head, query, key] or [layer, head, query, key]",
            got=f"shape {list(array.shape)}",
            fix="Take one sequence of a batch, e.g. pattern[0].",
        )
    return array.reshape((1,) * (4 - array.ndim) + array.shape)


def _layer(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3:
        return array[None]
    if array.ndim == 4 and len(array) == 1:
        return array
    raise InputError(
        expected="for each layer an array of shape [head, query, key] or [1, head, query, key]",
        got=f"shape {list(array.shape)}",
        fix="Take one sequence of a batch, e.g. [layer[:1] for layer in attentions].",
    )


def _numpy(array: Any) -> np.ndarray:
    """A float32 numpy array of a torch tensor on any device, a numpy array or nested lists."""
    if hasattr(array, "detach"):
        array = array.detach().float().cpu().numpy()
    try:
        result = np.asarray(array)
        if result.dtype.kind not in "fiub":
            raise TypeError(f"an array of {result.dtype}")
        return result.astype(np.float32, copy=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            expected="a numpy array or torch tensor of real numbers",
            got=f"{type(array).__name__} ({error})",
            fix="Pass attention probabilities as one array.",
        ) from error
