"""AttributionView's saved page in a real browser: no network, still interactive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from tests.browser import fixtures_attribution
from tests.browser.gallery import section, write
from tests.unit import families


def three(value: float) -> str:
    """A number as the page writes it, without its sign."""
    return f"{abs(value):#.3g}".rstrip(".")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A view of a tiny model, and its page."""
    trace = iw.load(families.build("gpt2")).trace(families.example("gpt2", 8))
    view = iw.AttributionView(trace, 17, 5, layer=0, head=0)
    path = tmp_path_factory.mktemp("attribution") / "page.html"
    view.to_html(path)
    return view, path


def test_it_says_the_logit_the_head_and_that_the_parts_add_up(saved: tuple[Any, Path], opened: Any) -> None:
    from playwright.sync_api import expect

    view, path = saved
    page = opened(path)
    words = page.locator(".iw-words")
    expect(words).to_contain_text(f"{three(view.record.logit)} · head 0.0")
    expect(words).to_contain_text(three(view.record.get("head", 0, 0)))
    expect(page.get_by_text("parts sum to the logit difference ✓")).to_be_visible()
    # The largest parts stand first, with exact digits on hover.
    name, value = view.record.top(1)[0]
    first = page.locator(".iw-parts").first
    expect(first.locator("button").first).to_have_text(name)
    title = first.locator(".iw-value").first.get_attribute("title")
    assert float(title) == pytest.approx(value, rel=1e-8)


def test_arrows_and_bars_choose_a_head_and_its_sources_colour_the_text(saved: tuple[Any, Path], opened: Any) -> None:
    from playwright.sync_api import expect

    view, path = saved
    page = opened(path)
    words = page.locator(".iw-words")
    page.locator(".dla-picture canvas").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(words).to_contain_text(f"head 1.1 {'+' if view.record.get('head', 1, 1) > 0 else '−'}")
    sources = iw.head_sources(view._trace, 1, 1, 17, contrast=5)
    expect(page.get_by_text("Head 1.1, by the tokens it read")).to_be_visible()
    best = sources.top(1)[0][0]
    page.locator(f".iw-token[data-i='{best}']").hover()
    expect(words).to_contain_text(f"from {best} ")
    expect(words).to_contain_text(three(sources.values[best]))
    page.keyboard.press("Escape")
    grid = np.abs(view.record.grid())
    layer, head = np.unravel_index(grid.argmax(), grid.shape)
    expect(words).to_contain_text(f"head {layer}.{head} ")


def test_a_click_in_the_picture_chooses_the_head_that_hover_named(saved: tuple[Any, Path], opened: Any) -> None:
    from playwright.sync_api import expect

    _, path = saved
    page = opened(path)
    canvas = page.locator(".dla-picture canvas")
    box = canvas.bounding_box()
    point = {"x": 24 + 60, "y": box["height"] * 0.5}
    canvas.hover(position=point)
    words = page.locator(".iw-words")
    expect(words).to_contain_text("head ")
    named = words.inner_text().split(" · ")[2].split(" ")[1]
    canvas.click(position=point)
    expect(page.get_by_text(f"Head {named}, by the tokens it read")).to_be_visible()


def test_a_token_moves_the_question_to_its_place(saved: tuple[Any, Path], opened: Any) -> None:
    from playwright.sync_api import expect

    view, path = saved
    page = opened(path)
    page.locator(".iw-token[data-i='3']").click()
    found = iw.logit_attribution(view._trace, 17, contrast=5, position=3)
    expect(page.locator(".iw-words")).to_contain_text("after 3 ")
    expect(page.locator(".iw-words")).to_contain_text(three(found.logit))
    page.locator(".iw-picker input").first.fill("a")
    expect(page.get_by_text("searching needs the notebook")).to_be_visible()


def test_broken_and_hostile_states_are_text(opened: Callable[..., Any], tmp_path: Path) -> None:
    write(tmp_path / "all.html", fixtures_attribution.views())
    page = opened(tmp_path / "all.html")
    broken = section(page, "attribution-broken")
    assert "found not a number" in broken.locator(".iw-status").inner_text()
    assert {"NaN", "∞", "−∞"} <= set(broken.locator(".iw-parts .iw-value").all_inner_texts())
    hostile = section(page, "attribution-contrast")
    assert "<b>bold</b>" in hostile.locator(".iw-head").inner_text()
