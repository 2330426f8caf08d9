"""Any ``torch.nn.Module``, with the sites somebody named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError
from interpwidgets.models.anatomy import Anatomy
from interpwidgets.models.attention import AttentionLayer
from interpwidgets.models.blocks import Block
from interpwidgets.models.hooks import Hooks, Tap
from interpwidgets.models.inputs import Prepared, to_ids
from interpwidgets.models.model import Model
from interpwidgets.models.site import Site
from interpwidgets.models.tokens import describe
from interpwidgets.records import Tokens


class ModuleModel(Model):
    """A plain module: `trace` passes ids or a tensor straight to it, and sees the sites it was told about.

    Args:
        model: the module; called with ``[1, token]`` ids, or with the tensor given to `trace`.
        tokenizer: a function from text to ids (with ``decode`` if it has one), or None.
        sites: ``{"resid_post.0": "blocks.0"}`` means the output of that submodule; ``("blocks.1", "input")`` its input.
        attention: ``{0: "blocks.0.attn"}``, layer to a submodule returning its pattern ``[1, head, query, key]``;
            ``("", 1)`` picks an element of the module's own output.
    """

    input_name = "x"

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        sites: Mapping[Any, Any],
        attention: Mapping[int, Any] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(model, tokenizer, _anatomy(model, sites), name or type(model).__name__)
        self._patterns = {int(layer): _pattern_place(model, place) for layer, place in (attention or {}).items()}

    def _call(self, kwargs: dict[str, Any]) -> Any:
        return self.model(kwargs["x"], **{k: v for k, v in kwargs.items() if k != "x"})

    def _prepare(self, given: Any, decoder: Any = None) -> Prepared:
        if isinstance(given, torch.Tensor) and (given.is_floating_point() or given.dim() > 1):
            x = given.to(self.device)
            if given.is_floating_point() and not torch.isfinite(given).all():
                raise InputError(expected="finite values", got="NaN or infinity", fix="Check the input tensor.")
            count = int(x.shape[1]) if x.dim() > 1 else 1
            ids = x[0] if x.dim() == 2 and not x.is_floating_point() and x.shape[0] == 1 else None
            if ids is not None:
                return Prepared({"x": x}, self._describe(ids.tolist()), ids)
            return Prepared({"x": x}, self._describe_positions(count), None)
        ids = to_ids(self, given)
        batch = torch.tensor([ids], device=self.device)
        text = given if isinstance(given, str) else ""
        return Prepared({"x": batch}, self._describe(ids), batch[0], text=text)

    def _describe(self, ids: list[int]) -> Any:
        return describe(ids, self.tokenizer)

    def _describe_positions(self, count: int) -> Any:
        return Tokens(texts=tuple(str(i) for i in range(count)))

    def _logits(self, output: Any, kept: dict[Site, torch.Tensor]) -> torch.Tensor | None:
        return kept[Site("logits")][0] if Site("logits") in kept else None

    def _forward(self, kwargs: dict[str, Any], places: list[Site], attention: bool, no_further: bool = False) -> Any:
        logits = Site("logits")
        if "logits" in self.anatomy.taps and logits not in places and not no_further:
            places = [*places, logits]
        return super()._forward(kwargs, places, attention, no_further)

    @contextmanager
    def _attention(self, wanted: bool) -> Iterator[Any]:
        if not wanted or not self._patterns:
            yield None
            return
        store = _Patterns()
        with Hooks() as hooks:
            for layer, (module, index) in self._patterns.items():
                hooks.after(module, partial(store.keep, layer, index))
            yield store


class _Patterns:
    """Patterns a module computed itself; queries and keys are not known, so whole patterns are kept."""

    def __init__(self) -> None:
        self._kept: dict[int, torch.Tensor] = {}

    def keep(self, layer: int, index: int, module: nn.Module, args: Any, output: Any) -> None:
        pattern = output if isinstance(output, torch.Tensor) else output[index]
        if not isinstance(pattern, torch.Tensor) or pattern.dim() != 4 or pattern.shape[0] != 1:
            raise ModelError(
                expected=f"an attention pattern [1, head, query, key] for layer {layer}",
                got=f"shape {list(pattern.shape)}" if isinstance(pattern, torch.Tensor) else type(pattern).__name__,
                fix="Name the submodule that returns the pattern, or (path, index) into its output.",
            )
        self._kept[layer] = pattern.detach()[0]

    def layers(self) -> dict[str, list[AttentionLayer]]:
        return {"self": [StoredPattern(layer, self._kept[layer]) for layer in sorted(self._kept)]}


class StoredPattern(AttentionLayer):
    """An attention layer whose pattern is known whole; it has no values to take norms of."""

    def __init__(self, layer: int, pattern: torch.Tensor) -> None:
        upper = torch.triu(torch.ones(pattern.shape[-2:], dtype=torch.bool, device=pattern.device), 1)
        causal = pattern.shape[-1] == pattern.shape[-2] and not bool(pattern[:, upper].any())
        heads, queries, count = pattern.shape
        empty, keys = pattern.new_zeros((heads, queries, 0)), pattern.new_zeros((heads, count, 0))
        super().__init__(layer=layer, query=empty, key=keys, value=keys, scale=1.0, causal=causal)
        self._pattern = pattern

    def pattern(self, head: int, query: slice = slice(None), key: slice = slice(None)) -> torch.Tensor:
        """The rows and columns asked for of the pattern the module returned, float32 ``[query, key]``."""
        return self._pattern[self._head(head)][query, key].float()

    def value_norms(self, head: int) -> torch.Tensor:
        """Not known: the module named its pattern, not its values."""
        raise ModelError(
            expected="a layer whose values and output projection are known",
            got="a pattern that a plain module returned",
            fix="Use the attention weights alone.",
        )


def _anatomy(model: nn.Module, sites: Mapping[Any, Any]) -> Anatomy:
    places = {Site.parse(site): tap_at(model, place) for site, place in sites.items()}
    if not places:
        raise InputError(
            expected="at least one named site",
            got="sites={}",
            fix='Name some: load(module, sites={"resid_post.0": "blocks.0"}).',
        )
    negative = [site for site in places if site.layer is not None and site.layer < 0]
    if negative:
        raise InputError(expected="layers from 0 in sites", got=str(negative[0]), fix="Count the layers from 0.")
    count = 1 + max((site.layer for site in places if site.layer is not None), default=-1)
    found = Anatomy([Block(model) for _ in range(count)], [], {}, {}, {})
    for site, tap in places.items():
        (found.taps if site.layer is None else found.blocks[site.layer].taps)[site.kind] = tap
    for block in found.blocks:
        block.missing = _Unnamed()
    found.missing = _Unnamed()
    return found


class _Unnamed(dict[str, str]):
    def get(self, key: str, default: Any = None) -> str:
        return "this module was loaded without naming it in sites={...}"


def tap_at(model: nn.Module, place: Any) -> Tap:
    """The tap for a submodule's path, or ``(path, "input")``, or ``(path, index)`` of a tuple it returns."""
    path, what = (place, 0) if isinstance(place, str) else place
    module = _submodule(model, path)
    return Tap(module, "input") if what == "input" else Tap(module, "output", 0 if what == "output" else what)


def _pattern_place(model: nn.Module, place: Any) -> tuple[nn.Module, int]:
    path, index = (place, 0) if isinstance(place, str) else place
    return _submodule(model, path), index


def _submodule(model: nn.Module, path: Any) -> nn.Module:
    try:
        return model.get_submodule(path)
    except (AttributeError, TypeError):
        names = [name for name, _ in model.named_modules() if name]
        raise InputError(
            expected=f"the path of a submodule of {type(model).__name__}, such as {', '.join(names[:8])}",
            got=repr(path),
            fix="See [name for name, _ in module.named_modules()].",
        ) from None
