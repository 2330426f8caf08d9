"""Bytes that a live view sends to the page: its state when it is shown, then one answer for each request."""

from __future__ import annotations

import json
from typing import Any

from interpwidgets._core import requests
from interpwidgets._core.wire import split_buffers


def message_bytes(content: Any) -> int:
    """JSON and buffers of one comm message."""
    text, buffers = split_buffers(content)
    return len(json.dumps(text).encode()) + sum(map(len, buffers))


def state_bytes(view: Any) -> tuple[int, int]:
    """What opening the view sends: (data, the widget's module and style sheet)."""
    state = dict(view.get_state())
    module = sum(len(str(state.pop(name, "")).encode()) for name in ("_esm", "_css"))
    return message_bytes(state), module


def answer(view: Any, content: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """What the view answers to one message of the page, as `Widget` sends it."""
    return requests.answer(view._methods, content)


def answer_bytes(view: Any, method: str, **params: Any) -> int:
    """Bytes of one answer; raises where the view does."""
    reply, buffers = answer(view, {"type": "request", "id": 1, "method": method, "params": params})
    if "error" in reply:
        raise RuntimeError(f"{method}: {reply['error']['message']}")
    return len(json.dumps(reply).encode()) + sum(map(len, buffers))
