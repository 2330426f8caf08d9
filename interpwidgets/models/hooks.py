"""Listening and reaching in: one way to read or replace a tensor inside a forward pass, always undone.

A ``Tap`` says which tensor a site is: the input or the output of one module, or the hidden sum of two. ``Hooks`` holds
what was attached and takes all of it off again, whatever happened in between.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from interpwidgets.errors import ModelError

Change = Callable[[torch.Tensor], "torch.Tensor | None"]
_HIDDEN_NAMES = ("hidden_states", "inputs_embeds", "hidden_state", "input_ids", "x", "input")


@dataclass(frozen=True)
class Tap:
    """The tensor a site stands for.

    Attributes:
        module: whose input or output it is.
        side: ``"input"`` or ``"output"``.
        index: which element, where the output is a tuple; a string is a field of a model's output.
        block: the block around it, asked for (batch, token) where the module sees its tokens flattened.
        base: where set, the site is ``base + this`` and exists nowhere as a tensor of its own that an edit could
            replace without missing one of its readers (`resid_mid` before a norm). It is read from `seen`, and an
            edit of it changes this part by the same difference.
        seen: for such a sum, a module input where the sum is visible.
    """

    module: nn.Module
    side: str = "output"
    index: int | str = 0
    block: nn.Module | None = None
    base: Tap | None = None
    seen: Tap | None = None


class Hooks(AbstractContextManager["Hooks"]):
    """The hooks of one run or edit. Leaving the context removes every one, on exceptions and interrupts too."""

    def __init__(self) -> None:
        self._attach: list[Callable[[], Any]] = []
        self._handles: list[Any] = []

    def __exit__(self, *exc: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Take every hook off; calling it twice does no harm."""
        while self._handles:
            self._handles.pop().remove()

    def restore(self) -> None:
        """Put the hooks back that `remove` took off, in their order."""
        for attach in self._attach:
            self._handles.append(attach())

    def before(self, module: nn.Module, hook: Callable[..., Any]) -> None:
        """Attach a pre-hook ``hook(module, args, kwargs)``."""
        self._add(partial(module.register_forward_pre_hook, hook, with_kwargs=True))

    def after(self, module: nn.Module, hook: Callable[..., Any]) -> None:
        """Attach a hook ``hook(module, args, output)``."""
        self._add(partial(module.register_forward_hook, hook))

    def _add(self, attach: Callable[[], Any]) -> None:
        self._attach.append(attach)
        self._handles.append(attach())

    def read(self, tap: Tap, look: Callable[[torch.Tensor], None]) -> None:
        """Call ``look(x)`` with the tap's tensor ``[batch, token, ...]`` on each forward."""

        def change(x: torch.Tensor) -> None:
            look(x)

        self.change(tap.seen if tap.seen is not None else tap, change)

    def change(self, tap: Tap, change: Change) -> None:
        """Replace the tap's tensor by ``change(x)``; None leaves it as it is, untouched."""
        if tap.base is not None:
            self._change_sum(tap, change)
            return
        shape = self._remember_shape(tap)

        def apply(x: torch.Tensor) -> torch.Tensor | None:
            if shape and x.dim() == 2:
                new = change(x.reshape(*shape[0], -1))
                return None if new is None else new.reshape(x.shape)
            return change(x)

        if tap.side == "input":
            self.before(tap.module, _input_hook(apply))
        else:
            self.after(tap.module, _output_hook(apply, tap.index))

    def _change_sum(self, tap: Tap, change: Change) -> None:
        assert tap.base is not None
        base: list[torch.Tensor] = []

        def keep(x: torch.Tensor) -> None:
            base[:] = [x]

        def through_the_sum(part: torch.Tensor) -> torch.Tensor | None:
            new = change(base[0] + part)
            return None if new is None else new - base[0]

        self.read(tap.base, keep)
        self.change(Tap(tap.module, tap.side, tap.index, tap.block), through_the_sum)

    def _remember_shape(self, tap: Tap) -> list[torch.Size]:
        shape: list[torch.Size] = []
        if tap.block is not None:

            def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
                shape[:] = [first_tensor(module, args, kwargs)[0].shape[:2]]

            self.before(tap.block, keep)
        return shape


def first_tensor(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[torch.Tensor, str | None]:
    """What a module was given to work on, and its keyword, or None where it came first by position."""
    if args and isinstance(args[0], torch.Tensor):
        return args[0], None
    for name in _HIDDEN_NAMES:
        if isinstance(kwargs.get(name), torch.Tensor):
            return kwargs[name], name
    raise ModelError(
        expected=f"a tensor as first argument of {type(module).__name__}",
        got=f"arguments {[type(a).__name__ for a in args]} and {sorted(kwargs)}",
        fix="Name another module for this site with sites={...}.",
    )


def _input_hook(change: Change) -> Callable[..., Any]:
    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        x, name = first_tensor(module, args, kwargs)
        new = change(x)
        if new is None:
            return None
        if name is None:
            return (new, *args[1:]), kwargs
        return args, {**kwargs, name: new}

    return hook


def _output_hook(change: Change, index: int | str) -> Callable[..., Any]:
    def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, torch.Tensor):
            return change(output)
        if isinstance(index, str):
            if hasattr(output, index):
                new = change(getattr(output, index))
                if new is not None:
                    output[index] = new
                return output
            x, at = output[0], 0
        else:
            x, at = output[index], index
        new = change(x)
        if new is None:
            return None
        return (*output[:at], new, *output[at + 1 :])

    return hook
