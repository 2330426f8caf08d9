"""The static page: the built module, the state and the recorded answers in one file that needs nothing else.

Its Content-Security-Policy admits only the scripts written into it (by hash) and forbids every connection, so the page
cannot phone home even if it wanted to. Data sits in JSON script elements, escaped so that no text can end them.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpwidgets._core import wire
from interpwidgets.errors import InputError

STATIC = Path(__file__).resolve().parent.parent / "static"

# esbuild ends each module with this one line (js/build.mjs): what comes before is a plain script that sets `widget`.
EXPORT = "export default widget.default;"


@dataclass(frozen=True)
class Item:
    """One widget on a page: its module's name, its whole state, and words to put above it."""

    name: str
    state: dict[str, Any]
    heading: str = ""
    note: str = ""


def size(value: Any) -> int:
    """Bytes that a value takes in a page."""
    return len(json.dumps(wire.to_text(value)))


def script_text(name: str) -> str:
    """A built module as a plain script: its last line, the only export, is taken off."""
    source = (STATIC / f"{name}.js").read_text("utf8").rstrip()
    if not source.endswith(EXPORT):
        raise InputError(
            expected=f"static/{name}.js to end with {EXPORT!r}", got=repr(source[-60:]), fix="Run `make build`."
        )
    return source[: -len(EXPORT)]


def safe_json(value: Any) -> str:
    """JSON that may stand inside a script element: no ``<`` survives, so no text can close it."""
    text = json.dumps(wire.to_text(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write(items: Sequence[Item], path: str | Path | None = None, *, title: str, intro: str = "") -> str:
    """One HTML file with one or more widgets.

    Args:
        items: the widgets, in reading order.
        path: where to write it; None only returns the text.
        title: the page's title.
        intro: one paragraph under the title; without it a single widget fills the page.
    """
    names = sorted({item.name for item in items})
    modules = "".join(f"modules[{json.dumps(n)}]=(()=>{{{script_text(n)}\nreturn widget.default}})();\n" for n in names)
    host = script_text("standalone")
    script = f'"use strict";(()=>{{const modules={{}};\n{modules}{host}\nwidget.default(modules);}})();'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:"
    body = f"<h1>{html.escape(title)}</h1>\n<p>{html.escape(intro)}</p>\n" if intro else ""
    for i, item in enumerate(items):
        head = f"<h2>{html.escape(item.heading)}</h2>\n" if item.heading else ""
        note = f"<p>{html.escape(item.note)}</p>\n" if item.note else ""
        data = safe_json({"name": item.name, "state": item.state})
        body += (
            f'<section>{head}{note}<div class="widget" id="widget-{i}"></div>\n'
            f'<script type="application/json" data-for="widget-{i}">{data}</script></section>\n'
        )
    text = PAGE.format(
        policy=policy, title=html.escape(wire.well_formed(title)), body=wire.well_formed(body), script=script
    )
    if path is not None:
        Path(path).write_bytes(text.encode())  # the script's hash holds for these bytes: no newline is translated
    return text


def framed(text: str, *, height: int) -> Any:
    """A whole page as a notebook output, in a frame that may run its own scripts and nothing else."""
    from IPython.display import HTML

    source = html.escape(text, quote=True)
    # In a div: IPython warns about HTML that is one bare iframe, and suggests one that loads an address.
    return HTML(
        f'<div><iframe sandbox="allow-scripts allow-downloads" style="width:100%;height:{height}px;border:0" '
        f'srcdoc="{source}"></iframe></div>'
    )


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 0 auto; max-width: 1180px; padding: 24px 16px 64px; background: Canvas; color: CanvasText;
  font: 14px/1.5 system-ui, sans-serif }}
h1 {{ font-size: 22px; margin: 0 0 4px }}
h2 {{ font-size: 15px; margin: 40px 0 2px }}
p {{ margin: 0 0 12px; max-width: 76ch; opacity: .8 }}
</style>
</head>
<body>
{body}<script>{script}</script>
</body>
</html>
"""
