"""The peers: CircuitsVis from our own environment, the others from one made for them by this command."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import browser
from tests.benchmarks.browser import NotMeasured
from tests.benchmarks.clock import Spread

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
CONSTRAINTS = HERE.parents[1] / "binder" / "constraints.txt"
NAMES = {"CircuitsVis": "circuitsvis", "BertViz": "bertviz_head", "inspectus": "inspectus"}

# BertViz loads these from a CDN; here they come from the npm registry and are served to it as that CDN would. (There
# is no jQuery 2.0.0 on npm.)
SCRIPTS = {
    "d3.min.js": ("d3@5.7.0", "package/dist/d3.min.js"),
    "jquery.min.js": ("jquery@2.2.4", "package/dist/jquery.min.js"),
    "require.min.js": ("requirejs@2.3.6", "package/require.js"),
}


def cache_folder() -> Path:
    """A folder that git ignores because it says so itself."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    return CACHE


@cache
def interpreter(peer: str) -> Path:
    """The Python that has the peer; those we do not depend on get an environment of their own the first time."""
    if peer == "CircuitsVis":
        return Path(sys.executable)
    python = cache_folder() / "peers" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "peers")], check=True)
    package = {"BertViz": "bertviz", "inspectus": "inspectus", "TransformerLens": "transformer-lens"}[peer]
    module = package.replace("-", "_")
    if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode:
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", CONSTRAINTS, package]
        ran = subprocess.run(pip, capture_output=True, text=True)
        if ran.returncode:
            last = (ran.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise NotMeasured(f"not installed: {last[:100]}")
    return python


# What SAEDashboard runs with; left to itself pip tries releases for half an hour.
DASHBOARD = (
    "torch==2.13.0", "sae-dashboard==0.8.0", "sae-lens==6.12.0", "transformer-lens==2.16.1", "transformers==4.56.2",
    "datasets==3.6.0", "numpy<2", "pyarrow<19", "pandas<2.3",
)  # fmt: skip


def sae_dashboard(weights: Path, folder: Path) -> dict[str, Any]:
    """What SAEDashboard makes of a dictionary and tokens, in an environment of its own: see `peer_dashboard`."""
    python = cache_folder() / "sae_dashboard" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "sae_dashboard")], check=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *DASHBOARD]
        ran = subprocess.run(pip, capture_output=True, text=True)
        if ran.returncode:
            raise NotMeasured(f"not installed: {(ran.stderr.strip().splitlines() or ['pip said nothing'])[-1][:100]}")
        # A torchvision for another torch breaks transformers, which does well without it.
        subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "torchvision"], capture_output=True)
    ran = subprocess.run([python, HERE / "peer_dashboard.py", weights, folder], capture_output=True, text=True)
    if ran.returncode:
        raise NotMeasured(f"failed: {(ran.stderr.strip().splitlines() or ['stopped'])[-1][:100]}")
    return json.loads(ran.stdout.strip().splitlines()[-1])


def page(peer: str, patterns: np.ndarray, *, view: str | None = None, seconds: float = 600) -> Path:
    """The peer's page of these patterns.

    Raises:
        NotMeasured: it could not be installed or made.
    """
    kind = view or NAMES[peer]
    source, target = cache_folder() / "patterns.npy", CACHE / f"{kind}.html"
    np.save(source, patterns)
    try:
        command = [interpreter(peer), HERE / "peer_page.py", kind, source, target]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"no page after {seconds:.0f} s") from None
    finally:
        source.unlink()
    if ran.returncode:
        raise NotMeasured(f"no page: {(ran.stderr.strip().splitlines() or ['it was stopped'])[-1][:100]}")
    return target


@cache
def script(name: str) -> bytes | None:
    """One of the scripts BertViz asks a CDN for."""
    package, member = SCRIPTS[name]
    folder = cache_folder() / "scripts"
    folder.mkdir(exist_ok=True)
    path = folder / f"{package.replace('@', '-')}.tgz"
    if not path.exists():
        ran = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, capture_output=True)
        if ran.returncode or not path.exists():
            return None
    with tarfile.open(path) as archive:
        found = archive.extractfile(member)
        return found.read() if found else None


def served(url: str) -> tuple[bytes, str] | None:
    """What the CDN would answer."""
    name = url.rsplit("/", 1)[-1]
    body = script(name) if name in SCRIPTS else None
    return None if body is None else (body, "text/javascript")


def picture(peer: str, heads: int, tokens: int) -> tuple[str, dict[str, Any]]:
    """How to see that a peer's picture is there."""
    if peer == "CircuitsVis":
        return "canvases", {"selector": "canvas", "least": heads + 1}
    if peer == "BertViz":
        return "elements", {"selector": "#vis svg line", "least": tokens}
    return "elements", {"selector": ".attention-visualization svg rect", "least": tokens * tokens}


def painted(peer: str, path: Path, heads: int, tokens: int) -> float:
    """Seconds from the start of the navigation to the peer's picture."""
    if peer == "BertViz" and script("require.min.js") is None:
        raise NotMeasured("draws nothing: its scripts come from a CDN, and npm is not here to stand in")
    how, options = picture(peer, heads, tokens)
    with browser.chromium(served) as opened:
        return browser.painted(opened, path.as_uri(), how, **options)


def circuitsvis_switch(path: Path, heads: int) -> float:
    """Seconds from a click on another head to CircuitsVis' new picture."""
    with browser.chromium() as opened:
        browser.painted(opened, path.as_uri(), "canvases", selector="canvas", least=heads + 1)
        # It draws its picture a second time after it is shown; the click comes when it has come to rest.
        opened.evaluate("async () => { for (let i = 0; i < 10; i++) await window.bench.frame(); }")
        head = opened.evaluate("""() => {
          const { x, y, width, height } = document.querySelectorAll("canvas")[1].getBoundingClientRect();
          return [x + width / 2, y + height / 2];
        }""")
        return browser.changed(opened, "pointermove", "canvas", lambda: opened.mouse.move(*head))[0]


def transformer_lens_capture(tokens: int, repeats: int) -> Spread:
    """TransformerLens' pass with its attention patterns cached, against its own plain pass, turn by turn."""
    command = [interpreter("TransformerLens"), HERE / "peer_capture.py", str(tokens), str(repeats)]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise NotMeasured(f"failed: {(ran.stderr.strip().splitlines() or ['stopped'])[-1][:100]}")
    turns = [tuple(map(float, line.split())) for line in ran.stdout.splitlines()]
    return Spread(tuple(cached / plain for plain, cached in turns))
