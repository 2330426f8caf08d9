"""A real Chromium, a real JupyterLab, and the built wheel between them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from interpwidgets._core.widget import Widget

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
# What each widget shows once its first picture is there.
READY = (
    ".att-matrix canvas:not(.att-map), .tok-rows .iw-value, .lens-grid canvas, .dla-picture canvas, "
    ".vec-histogram canvas, .iw-row, .gen-slider output, .dn-facts .iw-value, .st-bars .st-number, "
    ".quiz-strip button, .pro-list canvas, .iw-tall-row canvas"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium on this machine."""
    pytest.importorskip("playwright", reason="the browser tests drive Chromium with playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: `make chromium` installs it where it may")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """One Chromium for the session; each test gets its own context."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def new_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Make pages whose errors fail the test: an uncaught exception in a page is a defect."""
    contexts, errors = [], []

    def make(*, width: int = 1280, height: int = 900, dark: bool = False, **options: Any) -> Any:
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def opened(new_page: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Open saved pages with the network cut off: a page that asks for anything but itself fails the test."""
    asked: list[str] = []

    def open_it(path: Path, **options: Any) -> Any:
        page = new_page(offline=True, **options)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector(READY)
        return page

    yield open_it
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture
def open_view(opened: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """A view as a saved page, opened with the network cut off."""

    def open_it(view: Widget, *, max_bytes: int = 8_000_000, **options: Any) -> Any:
        view.to_html(tmp_path / "page.html", max_bytes=max_bytes)
        return opened(tmp_path / "page.html", **options)

    return open_it


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as for a release and unpacked: what a reader installs is what the browser opens."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = out.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(out / "site")
    return out / "site"


class Lab:
    """A running JupyterLab over a folder of notebooks."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def write(self, name: str, *cells: str) -> None:
        """A notebook with these code cells."""
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells], metadata=kernel)
        nbformat.write(notebook, self.folder / name)

    def open(self, page: Any, name: str, *, dark: bool = False) -> LabPage:
        """Open a notebook; its kernel is ready when this returns."""
        page.goto(f"{self.url}/lab/tree/{name}?reset")
        lab = LabPage(page)
        lab.wait_for_kernel()
        if dark:
            lab.command("apputils:change-theme", {"theme": "JupyterLab Dark"})
            page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
        return lab


class LabPage:
    """One notebook open in JupyterLab."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Run one of JupyterLab's commands and wait for it."""
        self.page.evaluate(
            "async ([c, a]) => { await window.jupyterapp.commands.execute(c, a) }", [name, arguments or {}]
        )

    def wait_for_kernel(self) -> None:
        """Until the notebook's kernel answers."""
        self.page.wait_for_function(
            """() => {
              const panel = window.jupyterapp?.shell?.currentWidget;
              return panel?.sessionContext?.session?.kernel?.status === "idle" && panel.content?.widgets?.length > 0;
            }""",
            timeout=90_000,
        )

    def run_all(self) -> None:
        """Run every cell as a reader does; an error in a cell fails here."""
        self.command("notebook:run-all-cells")
        errors = self.page.locator("[data-mime-type$='jupyter.error'], [data-mime-type$='jupyter.stderr']")
        assert errors.count() == 0, errors.all_inner_texts()

    def python(self, code: str) -> str:
        """Run code in the notebook's kernel, return what it printed."""
        return self.page.evaluate(
            """async (code) => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const future = kernel.requestExecute({ code, store_history: false });
              let text = "";
              future.onIOPub = (m) => {
                if (m.header.msg_type === "stream") text += m.content.text;
                if (m.header.msg_type === "error") text += "ERROR " + m.content.evalue;
              };
              await future.done;
              return text.trim();
            }""",
            code,
        )

    def settles(self, expression: str, value: object) -> None:
        """Until an expression in the kernel has a value: the page sends its changes when the kernel is free."""
        for _ in range(40):  # each try is a round trip to the kernel, so this waits as long as messages take
            found = self.python(f"print(repr({expression}))")
            if found == repr(value):
                return
        raise AssertionError(f"{expression} stayed {found}, expected {value!r}")


@pytest.fixture(scope="session")
def lab(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab whose kernels import the unpacked wheel."""
    pytest.importorskip("jupyterlab", reason="install the test extra for the JupyterLab tests")
    folder = tmp_path_factory.mktemp("notebooks")
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(wheel),
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "HF_HUB_OFFLINE": "1",
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
        *("--ServerApp.token=", "--ServerApp.password=", "--ServerApp.port_retries=0", "--expose-app-in-browser"),
        *(
            f"--ServerApp.root_dir={folder}",
            "--LabApp.news_url=",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ),
    ]
    log = open(home / "lab.log", "w")  # noqa: SIM115 - it must live as long as the server
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(f"{url}/api/status", server, home / "lab.log")
        yield Lab(url, folder)
    finally:
        server.terminate()
        server.wait(timeout=30)
        log.close()


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Poll until the server answers; the poll itself waits on the connection, so there is no sleep to tune."""
    import select

    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert server.poll() is None, log.read_text()[-3000:]
            select.select([], [], [], 0.1)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-3000:]}")
