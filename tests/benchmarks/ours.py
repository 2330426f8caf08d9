"""Our view in a browser: as a static page, and live with Python answering what the page really asks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import browser, wire

ORIGIN = "http://view.test/"  # answered by the browser's own router
MATRIX, GRID, WORDS = ".att-matrix canvas", ".att-grid canvas", ".iw-words"
PICTURE = {"selector": f"{MATRIX}, {GRID}", "least": 2}


@dataclass
class Live:
    """A live view in a page, and the bytes it was sent."""

    page: Any
    state: int
    module: int
    first_paint: float
    early: int = 0  # bytes of answers that were here before the first paint
    answers: list[tuple[str, int]] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return sum(size for _, size in self.answers)


@contextmanager
def live(view: Any) -> Iterator[Live]:
    """A view in a page whose requests Python answers, as a notebook would; yields when the picture is there."""
    from interpwidgets._core.widget import STATIC
    from interpwidgets._core.wire import to_text

    data, module = wire.state_bytes(view)
    state = {k: v for k, v in view.get_state().items() if k not in ("_esm", "_css")}
    files = {
        "": (browser.HERE.joinpath("host.html").read_bytes(), "text/html"),
        "host.js": (browser.HERE.joinpath("host.js").read_bytes(), "text/javascript"),
        "attention.js": (STATIC.joinpath("attention.js").read_bytes(), "text/javascript"),
        "state.json": (json.dumps(to_text(state)).encode(), "application/json"),
    }
    shown = Live(page=None, state=data, module=module, first_paint=0.0)

    def ask(text: str) -> str:
        reply, buffers = wire.answer(view, json.loads(text))
        size = len(json.dumps(reply).encode()) + sum(map(len, buffers))
        shown.answers.append((json.loads(text)["method"], size))
        return json.dumps({"reply": reply, "buffers": [base64.b64encode(b).decode() for b in buffers]})

    with browser.chromium(lambda url: files.get(url.removeprefix(ORIGIN))) as page:
        page.expose_function("kernelAsk", ask)
        shown.page = page
        shown.first_paint = browser.painted(page, ORIGIN, "canvases", **PICTURE)
        came = page.evaluate("window.host.received.map((at) => at / 1e3)")
        shown.early = sum(size for at, (_, size) in zip(came, shown.answers, strict=False) if at < shown.first_paint)
        yield shown


def settle(shown: Live) -> None:
    """Until every answer is here."""
    shown.page.evaluate("""async () => {
      for (let quiet = 0; quiet < 5; quiet = window.host.idle() ? quiet + 1 : 0) await window.bench.frame();
    }""")


def focus(page: Any) -> None:
    """Give the keys to the picture."""
    page.evaluate(f"window.bench.canvasOf({MATRIX!r}).focus({{ preventScroll: true }})")


def switch(page: Any, *, live: bool) -> tuple[float, float]:
    """Seconds from the key for the next head to the first new picture, and to the last improvement of it."""
    return browser.changed(page, "keydown", MATRIX, lambda: page.keyboard.press("]"), live=live)


def hover(page: Any, share: float) -> float:
    """Seconds from a move of the pointer over the picture to new words in the status line."""
    box = page.evaluate(f"""() => {{
      const canvas = window.bench.canvasOf({MATRIX!r});
      canvas.scrollIntoView({{ block: "center" }});
      return canvas.getBoundingClientRect().toJSON();
    }}""")
    x, y = box["x"] + box["width"] * (0.3 + 0.5 * share), box["y"] + box["height"] * 0.7
    return browser.written(page, WORDS, lambda: page.mouse.move(x, y), seconds=20)


def static(view: Any, folder: Path, **options: Any) -> tuple[str, int]:
    """The address and size of a view's static page."""
    path = folder / "ours.html"
    view.to_html(path, **options)
    return path.as_uri(), path.stat().st_size
