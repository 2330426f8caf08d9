"""A live page without a notebook: a widget and its page in Chromium, with Python answering in between."""

from __future__ import annotations

import json
from typing import Any

from interpwidgets._core import page as static_page
from interpwidgets._core import requests, wire
from interpwidgets._core.widget import Widget

HOST = """
(() => {
  const state = __STATE__;
  const heard = new Map();
  const emit = (event, ...args) => [...(heard.get(event) ?? [])].forEach((act) => act(...args));
  const take = (changed) => {
    for (const [name, value] of Object.entries(changed)) {
      if (JSON.stringify(state[name]) === JSON.stringify(value)) continue;
      state[name] = value;
      emit(`change:${name}`);
    }
  };
  const changed = {};
  let saving = 0;
  const model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; changed[name] = value; emit(`change:${name}`); },
    save_changes: async () => {
      const sent = JSON.stringify(changed);
      for (const name of Object.keys(changed)) delete changed[name];
      saving += 1;
      const traits = JSON.parse(await window.kernelSet(sent));
      saving -= 1;
      if (saving === 0) take(traits); // what the page has set since is newer than this echo
    },
    send: async (content) => {
      const { reply, traits } = JSON.parse(await window.kernelAsk(JSON.stringify(content)));
      emit("msg:custom", reply, []);
      if (saving === 0) take(traits);
    },
    on: (event, act) => heard.set(event, (heard.get(event) ?? new Set()).add(act)),
    off: (event, act) => heard.get(event)?.delete(act),
  };
  window.take = take;
  widget.default.render({ model, el: document.getElementById("here") });
})()
"""


class LivePage:
    """A widget on a page of its own.

    Attributes:
        page: of playwright.
        asked: every request: its method, its parameters, and the bytes of its answer.
    """

    def __init__(self, page: Any, widget: Widget) -> None:
        self.page, self.widget = page, widget
        self.asked: list[tuple[str, dict[str, Any], int]] = []
        page.expose_function("kernelAsk", self._ask)
        page.expose_function("kernelSet", self._set)
        script = static_page.script_text(widget._name)
        page.set_content("<!doctype html><meta charset=utf-8><body><div id=here></div>")
        state = json.dumps(self._traits())
        page.add_script_tag(content=script + HOST.replace("__STATE__", state))

    def _traits(self) -> dict[str, Any]:
        names = (*self.widget.public_traits(), "_view", "_answers")
        return {name: wire.to_text(getattr(self.widget, name)) for name in names}

    def _ask(self, text: str) -> str:
        content = json.loads(text)
        reply, buffers = requests.answer(self.widget._methods, content)
        size = len(json.dumps(reply)) + sum(map(len, buffers))
        self.asked.append((content["method"], content["params"], size))
        if "result" in reply:
            reply["result"] = wire.to_text(_filled(reply["result"], buffers))
        return json.dumps({"reply": reply, "traits": self._traits()})

    def _set(self, text: str) -> str:
        self.widget.set_state(json.loads(text))
        return json.dumps(self._traits())

    def push(self) -> None:
        """Tell the page what Python has set."""
        self.page.evaluate("(traits) => window.take(traits)", self._traits())


def _filled(value: Any, buffers: list[bytes]) -> Any:
    """Put the buffers back where `split_buffers` took them from."""
    if isinstance(value, dict):
        if "codec" in value and "data" in value:
            return {**value, "data": buffers[value["data"]]}
        return {key: _filled(child, buffers) for key, child in value.items()}
    return [_filled(child, buffers) for child in value] if isinstance(value, list) else value
