"""The page of LensView in a real browser: offline, interactive, with the record's own numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser import fixtures_lens
from tests.browser.fixtures import MARY
from tests.browser.gallery import section, write

TOP, LEFT, ROW = 24, 64, 26  # of the grid, in pixels


def digits(value: float) -> str:
    return f"{value:.3g}"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lens") / "lens.html"
    write(path, fixtures_lens.views())
    return path


def test_hover_tells_click_pins_escape_releases(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = fixtures_lens.planted(MARY, 4)
    page = opened(gallery, width=1180)
    here = section(page, "pinned")
    words, canvas = here.locator(".iw-words"), here.locator(".lens-grid canvas")
    expect(words).to_contain_text(f"resid_post.3 · position 13 “to” · top “{record.top(-1, -1)[0][0]}”")
    expect(here.locator(".iw-chip").first).to_have_text("last row equals the output ✓")
    column = (canvas.bounding_box()["width"] - LEFT) / len(MARY)

    # Row 1 stands third from above: rows rise from the embedding.
    at = {"x": LEFT + 4.5 * column, "y": TOP + 3.5 * ROW}
    canvas.hover(position=at)
    expect(words).to_contain_text("resid_post.0 · position 4 “went” · top “")
    expect(words).to_contain_text(f"” {digits(record.top(1, 4)[0][1])} · target “")
    expect(words).to_contain_text(f"KL {digits(record.kl[1, 4])} nats · preview")
    expect(words).to_contain_text(f"rank {int(record.target_rank[1, 4])}")
    canvas.click(position=at)
    page.mouse.move(2, 2)
    expect(words).to_contain_text("resid_post.0 · position 4 “went”")
    expect(here.locator(".lens-likely .iw-value").first).to_have_text(digits(record.top(1, 4)[0][1]))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("resid_post.1 · position 5 “to”")
    page.keyboard.press("Escape")
    expect(words).to_contain_text("resid_post.1 · position 13 “to”")


def test_each_colouring_has_its_legend(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(gallery, width=1180)
    here = section(page, "pinned")
    for name, words in (
        ("top", "probability of the likeliest token"),
        ("rank", "rank of the target, logarithmic"),
        ("entropy", "entropy; shown:"),
        ("KL", "KL(final ‖ row)"),
    ):
        here.get_by_role("group", name="colour").get_by_role("button", name=name, exact=True).click()
        expect(here.locator(".lens-legend")).to_contain_text(words)
    expect(here.locator(".iw-legend span").last).to_have_text("2.64 nats")  # the logarithm of 14 tokens


def test_broken_values_and_a_failed_check_are_named(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(gallery)
    here = section(page, "broken")
    expect(here.locator(".lens-legend")).to_contain_text("1 infinite (barred); 1 not a number (hatched)")
    expect(here.locator(".lens-legend")).to_contain_text("a corner marks what is above the end")
    expect(here.locator(".iw-words")).to_contain_text("resid_post.1 · position 3 “Tom” · top is not a number")
    expect(here.locator(".iw-chip[data-bad=true]")).to_have_text("last row equals the output: found 0.7000")


def test_a_long_text_scrolls_under_one_small_canvas(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(gallery, width=1180)
    here = section(page, "deep")
    scroll, canvas = here.locator(".lens-scroll"), here.locator(".lens-grid canvas")
    seen = scroll.evaluate("(e) => [e.scrollLeft, e.clientWidth, e.scrollWidth]")
    assert seen[0] > 0  # the pinned position was brought into view
    assert seen[2] > 10 * seen[1]
    assert canvas.evaluate("(c) => c.clientWidth") == seen[1]
    before = canvas.evaluate("(c) => c.toDataURL()")
    scroll.evaluate("(e) => { e.scrollLeft = 0 }")
    page.wait_for_function("([c, was]) => c.toDataURL() !== was", arg=[canvas.element_handle(), before])
    expect(here.locator(".iw-problem")).to_be_hidden()


def test_the_picture_is_saved(gallery: Path, opened: Callable[..., Any], tmp_path: Path) -> None:
    page = opened(gallery)
    with page.expect_download() as got:
        section(page, "pinned").get_by_role("button", name="SVG").click()
    got.value.save_as(tmp_path / "svg")
    drawn = (tmp_path / "svg").read_text()
    for word in ("target", "embed", "probability", "rank, log", "gave"):
        assert f">{word}<" in drawn


LIVE = """
import interpwidgets as iw
lm = iw.load("storyworld")
trace = lm.trace("Mary and Tom went to the park. Tom gave the ball to")
view = iw.LensView(trace, lens=iw.TunedLens.untrained(lm))
view
"""


def test_in_a_notebook_the_page_sets_traits_and_python_answers(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("lens.ipynb", LIVE)
    page = new_page(width=1800)  # all fourteen columns fit
    notebook = lab.open(page, "lens.ipynb")
    notebook.run_all()
    canvas = page.locator(".lens-grid canvas")
    canvas.wait_for(timeout=60_000)
    canvas.scroll_into_view_if_needed()
    column = (canvas.bounding_box()["width"] - LEFT) / 14
    canvas.click(position={"x": LEFT + 9.5 * column, "y": TOP + 1.5 * ROW})  # the second row from above
    notebook.settles("(view.position, view.site, view.layer)", (9, "resid_post.2", 2))
    page.get_by_role("group", name="lens").get_by_role("button", name="logit").click()
    notebook.settles("view.kind", "logit")
    page.get_by_role("group", name="rows").get_by_role("button", name="with middle").click()
    notebook.settles("view.sites", "all")

    # A target found by its text is followed, with Python's own numbers.
    page.get_by_placeholder("another token").fill("Mary")
    page.locator(".iw-offers button").first.click()
    notebook.settles("lm.vocabulary.texts[view.target].strip()", "Mary")
    asked = "r = iw.lens(trace, sites='all', target='Mary'); "
    rank = notebook.python(asked + "print(int(r.target_rank[r.rows.index('resid_post.2'), 9]))")
    expect(page.locator(".iw-words")).to_contain_text(f"rank {rank} ·")
    notebook.python("view.position = 13; view.layer = 3")
    expect(page.locator(".iw-words")).to_contain_text("resid_post.3 · position 13 “to” · top “Mary”")
