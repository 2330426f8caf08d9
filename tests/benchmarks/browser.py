"""Headless Chromium, drawing in software: pages opened with a probe in them, and what the probe says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIMIT = 120.0  # seconds after which a page counts as not drawn


class NotMeasured(Exception):  # noqa: N818 - it is a result, said in the table
    """Why a cell of the table holds words instead of a number."""


@contextmanager
def chromium(answer_url: Callable[[str], tuple[bytes, str] | None] | None = None) -> Iterator[Any]:
    """One page in a browser of its own; it ends with the browser, also when the page is blocked.

    Args:
        answer_url: what to serve for an address that is not a file, ``(body, type)``, or None for no answer. Nothing
            reaches a network.
    """
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import FLAGS

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise NotMeasured("no Chromium on this machine")

    def serve(route: Any) -> None:
        url = route.request.url
        if url.startswith("file:"):
            route.continue_()
            return
        known = answer_url(url) if answer_url else None
        if known is None:
            route.abort()
        else:
            route.fulfill(body=known[0], content_type=known[1])

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        try:
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.route("**/*", serve)
            yield page
        finally:
            browser.close()


def said(page: Any, what: str, act: Callable[[], object], seconds: float = LIMIT) -> list[float]:
    """The numbers that the probe says on the console after ``act``; a page that is blocked longer is given up."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    mark = f"bench:{what}:"
    try:
        with page.expect_console_message(lambda m: m.text.startswith(mark), timeout=seconds * 1000) as message:
            act()
    except PlaywrightTimeout:
        raise NotMeasured(f"> {seconds:.0f} s") from None
    return [float(value) for value in message.value.text[len(mark) :].split(",")]


def painted(page: Any, url: str, how: str, **options: Any) -> float:
    """Open a page with the probe in it: seconds from navigation to the frame that shows the picture."""
    # One script: the order of several is not defined.
    call = f"if (window === window.top) window.bench.sayWhenPainted({how!r}, {json.dumps(options)});"
    page.add_init_script((HERE / "probe.js").read_text("utf8") + call)
    (found,) = said(page, "painted", lambda: page.goto(url, wait_until="commit", timeout=LIMIT * 1000))
    return found / 1e3


def changed(
    page: Any, event: str, selector: str, act: Callable[[], object], *, live: bool = False
) -> tuple[float, float]:
    """Seconds from an event to the first frame in which the canvas differs, and to the last change."""
    start = f"void window.bench.untilChange({event!r}, {selector!r}, {str(live).lower()})"
    said(page, "armed", lambda: page.evaluate(start))
    first, last = said(page, "changed", act)
    return first / 1e3, last / 1e3


def written(page: Any, selector: str, act: Callable[[], object], seconds: float = LIMIT) -> float:
    """Seconds from a pointer's move to the frame after an element was written to."""
    said(page, "armed", lambda: page.evaluate(f"void window.bench.untilWritten({selector!r})"))
    (found,) = said(page, "written", act, seconds)
    return found / 1e3


def heap(page: Any) -> float:
    """Bytes of JavaScript objects after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return metrics["JSHeapUsedSize"]
