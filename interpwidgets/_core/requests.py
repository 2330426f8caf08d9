"""Requests from the page and their answers: each id gets exactly one answer, also when Python raises.

A widget marks a method with `@answers("rows")`; the page calls it by that name with JSON parameters. anywidget has an
``invoke`` of its own, but it gives up after three seconds, says nothing when Python raises and does not work in marimo.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from interpwidgets._core.wire import split_buffers
from interpwidgets.errors import InputError, InterpError

Answerer = Callable[..., dict[str, Any]]
Method = TypeVar("Method", bound=Callable[..., Any])


def answers(name: str) -> Callable[[Method], Method]:
    """Mark a widget's method as the answer to the page's request ``name``."""

    def mark(method: Method) -> Method:
        method._answers = name  # type: ignore[attr-defined]
        return method

    return mark


def find_answers(widget: object) -> dict[str, Answerer]:
    """Every marked method of a widget, by request name."""
    found: dict[str, Answerer] = {}
    # Not `inspect.getmembers`: reading every attribute of an ipywidgets class wakes its deprecated properties.
    for kind in type(widget).__mro__:
        for attribute, function in vars(kind).items():
            name = getattr(function, "_answers", None)
            if isinstance(name, str):
                found.setdefault(name, getattr(widget, attribute))
    return found


def call(methods: dict[str, Answerer], method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Run one request; unknown methods and parameters are refused with the list of what exists."""
    if method not in methods:
        raise InputError(
            expected=f"one of the requests {', '.join(sorted(methods)) or '(none)'}",
            got=repr(method),
            fix="Reload the page: it may come from another version of interpwidgets.",
        )
    try:
        inspect.signature(methods[method]).bind(**params)
    except TypeError as error:
        raise InputError(
            expected=f"the parameters {list(inspect.signature(methods[method]).parameters)} for {method!r}",
            got=f"{sorted(params)} ({error})",
            fix="Reload the page: it may come from another version of interpwidgets.",
        ) from error
    return methods[method](**params)


def describe(error: BaseException) -> dict[str, str]:
    """An exception as the page shows it: its type, its sentence, and the next step."""
    if isinstance(error, InterpError):
        message, fix = f"expected {error.expected}, got {error.got}", error.fix
    elif isinstance(error, KeyboardInterrupt):
        message, fix = "stopped before it finished", "Ask again: nothing was changed."
    else:
        message = str(error) or type(error).__name__
        fix = "The full traceback is in the notebook's log; the widget stays usable."
    return {"type": type(error).__name__, "message": message, "fix": fix}


def answer(methods: dict[str, Answerer], content: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """The one answer to a request message, with its buffers; never raises an `Exception`."""
    started = time.perf_counter()
    reply: dict[str, Any] = {"type": "answer", "id": content.get("id")}
    try:
        params = content.get("params")
        result = call(methods, str(content.get("method")), params if isinstance(params, dict) else {})
        content, buffers = split_buffers(result)
        json.dumps(content, allow_nan=False)  # what cannot be sent must fail here, where it still becomes an answer
        reply["result"] = content
    except (Exception, KeyboardInterrupt) as error:
        reply["error"], buffers = describe(error), []
    reply["seconds"] = time.perf_counter() - started
    return reply, buffers
