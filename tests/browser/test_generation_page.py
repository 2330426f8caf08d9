"""GenerationView in a real page: units follow the slider without Python, and every number is exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import interpwidgets as iw
from tests.browser import fixtures_generation as planted


def story(**rest: Any) -> iw.GenerationTrace:
    return planted.planted(planted.PROMPT, planted.STORY, planted.CHANCES, **{"threshold": 0.9, **rest})


def units(page: Any) -> int:
    """How many brackets end: a unit of several tokens has one token with a tick at its end."""
    grounds = page.locator("[data-i]").evaluate_all("els => els.map(el => el.style.background)")
    return sum("calc(100% - 2px) 20px" in ground for ground in grounds)


def test_the_slider_moves_units_without_python(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    trace = story()
    page = open_view(iw.GenerationView(trace))
    words = page.locator(".iw-words")
    joined = sum(stop - start > 1 for start, stop in trace.units())
    assert units(page) == joined
    expect(words).to_contain_text(f"{trace.tokens_per_step():.3g} tokens per step")
    slider = page.get_by_label("threshold", exact=True)
    slider.focus()
    slider.press("End")
    expect(page.locator(".gen-slider output")).to_have_text("≥ 0.500")
    assert units(page) == sum(stop - start > 1 for start, stop in trace.units(0.5))
    expect(words).to_contain_text(f"{trace.tokens_per_step(0.5):.3g} tokens per step")
    slider.press("Home")
    expect(page.locator(".gen-slider output")).to_have_text("never")
    assert units(page) == 0
    expect(words).to_contain_text("one token a step · 1 token per step")


def test_a_written_token_shows_its_alternatives(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    trace = story()
    page = open_view(iw.GenerationView(trace))
    at = trace.start + 5
    page.locator(f"[data-i='{at}']").click()
    page.mouse.move(0, 0)
    expect(page.locator("[data-pinned]")).to_have_attribute("data-i", str(at))
    shown = page.locator(".iw-expected .iw-value").evaluate_all("els => els.map(el => parseFloat(el.title))")
    np.testing.assert_allclose(shown, trace.alternatives.probabilities[5], rtol=1e-8)
    facts = page.locator(".gen-facts .iw-value").evaluate_all("els => els.slice(0, 2).map(el => Number(el.title))")
    np.testing.assert_allclose(facts, [trace.probability[5], trace.entropy[5]], rtol=1e-8)
    page.locator(".iw-tokens").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-pinned]")).to_have_attribute("data-i", str(at + 1))
    page.locator("[data-i='1']").hover()
    expect(page.locator(".gen-side")).to_contain_text("Hovered: 1 “Once” · of the prompt")
    page.locator(".iw-tokens").focus()
    page.keyboard.press("Escape")
    expect(page.locator("[data-pinned]")).to_have_count(0)


def test_the_prompt_is_bare_and_the_law_is_shown(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_view(iw.GenerationView(story(), show="entropy", threshold=None))
    bare = page.locator("[data-prompt]").evaluate_all("els => els.map(el => el.style.background)")
    assert len(bare) == len(planted.PROMPT)
    assert set(bare) == {""}
    expect(page.locator(".iw-status")).to_contain_text("each token is the likeliest ✓")
    page.get_by_role("button", name="step").click()
    expect(page.locator(".iw-range")).to_contain_text("data from 0 to 21")


def test_broken_probabilities_are_visible(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    _, view = planted.views()["generation-broken"]
    page = open_view(view)
    at = len(planted.PROMPT) + 1
    assert "repeating-linear-gradient" in page.locator(f"[data-i='{at}']").evaluate("el => el.style.background")
    expect(page.locator(".iw-range")).to_contain_text("1 not a number")
    expect(page.locator(".iw-status [data-bad=true]")).to_be_visible()


def test_svg_has_text_and_curve(open_view: Callable[..., Any], tmp_path: Path) -> None:
    page = open_view(iw.GenerationView(story()))
    with page.expect_download() as got:
        page.get_by_role("button", name="SVG").click()
    got.value.save_as(tmp_path / "view.svg")
    text = (tmp_path / "view.svg").read_text("utf8")
    assert "outside" in text
    assert "never" in text


def test_threshold_and_position_come_back_to_python(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write(
        "generation.ipynb",
        "import numpy as np, interpwidgets as iw\n"
        "from interpwidgets.records.alternatives import Alternatives\n"
        "p = np.array([0.95, 0.96, 0.4])\n"
        "choices = Alternatives(np.zeros((3, 1), int), p[:, None], ((' b',), (' c',), (' d',)))\n"
        "tokens = iw.Tokens(('a', ' b', ' c', ' d'), ids=np.zeros(4, int))\n"
        "view = iw.GenerationView(iw.GenerationTrace(tokens, 1, p, p, choices, threshold=0.9))\nview",
    )
    page = new_page()
    notebook = lab.open(page, "generation.ipynb")
    notebook.run_all()
    expect(page.locator(".iw-words").first).to_contain_text("1.50 tokens per step")
    page.get_by_label("threshold", exact=True).press("Home")
    notebook.settles("(view.threshold, len(view.units))", (None, 3))
    page.locator("[data-i='2']").click()
    notebook.settles("view.position", 2)
    notebook.python("view.threshold = 0.3")
    expect(page.locator(".iw-words").first).to_contain_text("3 tokens per step")
