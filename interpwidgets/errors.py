"""Errors that say what was expected, what came instead, and how to go on.

A reader meets an error in a notebook cell, often with a deadline. So each one is a single clear sentence built from
the same three parts, and the parts stay readable on the exception, which lets the page show the fix on its own line.
"""

from __future__ import annotations


class InterpError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        expected: what would have been accepted, e.g. ``"a layer from 0 to 3"``.
        got: what came, e.g. ``"layer 7"``.
        fix: the next step for the reader, a sentence, e.g. ``"Choose one of lm.layers."``.
    """

    def __init__(self, *, expected: str, got: str, fix: str) -> None:
        self.expected = expected
        self.got = got
        self.fix = fix
        super().__init__(f"expected {expected}, got {got}. {fix}")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.expected, self.got, self.fix))


def _rebuild(kind: type[InterpError], expected: str, got: str, fix: str) -> InterpError:
    return kind(expected=expected, got=got, fix=fix)


class InputError(InterpError, ValueError):
    """An argument, array or text does not fit."""


class ModelError(InterpError, RuntimeError):
    """A model is not what its adapter needs, or a check of the adapter failed."""


class MissingExtraError(InterpError, ImportError):
    """An optional library is needed; the message names the extra to install."""


class OutOfMemoryError(InterpError, MemoryError):
    """The device had no room for what was asked; nothing was left half done."""
