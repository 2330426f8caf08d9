"""The page of VectorView in a real browser: offline, interactive, with the record's own numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser import fixtures_vector
from tests.browser.gallery import section, write


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vector") / "vector.html"
    write(path, fixtures_vector.views())
    return path


def test_a_token_of_the_list_is_looked_up(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = fixtures_vector.views()["signs"][1].record
    page = opened(gallery, width=1180)
    here = section(page, "signs")
    expect(here.locator(".vec-facts")).to_contain_text("2 of 2000")  # token 40 was planted second
    expect(here.locator(".vec-end .iw-value").first).to_have_text("11.0")
    lowest = record.bottom(1)[0]
    here.locator(".vec-end").last.locator(".iw-name").first.click()
    expect(here.locator(".vec-facts")).to_contain_text("2000 of 2000")
    page.mouse.move(2, 2)
    expect(here.locator(".iw-words")).to_contain_text(f"rank 2000, z −{abs(lowest.z):.3g}")
    page.keyboard.press("Escape")
    expect(here.locator(".vec-facts")).to_be_hidden()


def test_the_histogram_tells_its_bins(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(gallery, width=1180)
    here = section(page, "signs")
    canvas = here.locator(".vec-histogram canvas")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 13, "y": 120})  # the last bin holds the one largest score
    expect(here.locator(".iw-words")).to_contain_text("1 tokens from")
    expect(here.locator(".iw-words")).to_contain_text("to 11.0")


def test_probabilities_show_their_sum(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(gallery)
    expect(section(page, "softmax").locator(".iw-chip").first).to_have_text("probabilities sum to 1 ✓")


def test_broken_scores_are_named(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(gallery)
    here = section(page, "broken")
    expect(here.locator(".vec-end .iw-value").first).to_have_text("∞")
    expect(here.locator(".vec-facts")).to_contain_text("none of 2000")
    expect(here.locator(".iw-words")).to_contain_text("3 tokens without a finite score")


LIVE = """
import interpwidgets as iw
lm = iw.load("storyworld")
trace = lm.trace("Mary and Tom went to the park. Tom gave the ball to")
view = iw.VectorView(lm, trace["resid_post.3"][-2:], names=["before", "last"])
view
"""


def test_in_a_notebook_the_page_sets_traits_and_python_answers(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("vector.ipynb", LIVE)
    page = new_page(width=1400)
    notebook = lab.open(page, "vector.ipynb")
    notebook.run_all()
    page.locator(".vec-histogram canvas").wait_for(timeout=60_000)
    page.get_by_role("group", name="vector").get_by_role("button", name="last").click()
    notebook.settles("view.index", 1)
    page.get_by_placeholder("look up a token").fill("Tom")
    page.locator(".iw-offers button").first.click()
    notebook.settles("lm.vocabulary.texts[view.token].strip()", "Tom")
    rank = notebook.python("print(view.record.of(view.token).rank)")
    expect(page.locator(".vec-facts")).to_contain_text(f"{rank} of ")
    page.get_by_role("group", name="side").get_by_role("button", name="input").click()
    page.get_by_role("group", name="scores").get_by_role("button", name="cosine").click()
    notebook.settles("(view.side, view.scores)", ("input", "cosine"))
    best = notebook.python("print(f'{view.record.top(1)[0].score:.3g}')")
    expect(page.locator(".vec-end .iw-value").first).to_have_text(best)
    notebook.python("view.side = 'output'; view.scores = 'softmax'")
    expect(page.locator(".iw-chip").first).to_have_text("probabilities sum to 1 ✓")
