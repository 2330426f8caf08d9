"""DenoisingView in a real page: the slider and the keys move the run without Python, and every number is exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import interpwidgets as iw
from tests.browser.fixtures_denoising import WORDS, planted, views

OUTPUT = ".dn-player output"


def masked(page: Any) -> list[int]:
    """Positions that are shown as masked."""
    return page.locator("[data-open]").evaluate_all("els => els.map(el => Number(el.dataset.i))")


def value(page: Any, name: str) -> float:
    """One of the facts in the side panel, with every digit it has."""
    return float(page.locator(f".dn-facts span:text-is('{name}') + span").get_attribute("title"))


def test_the_slider_and_the_keys_take_steps(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(features=6)
    page = open_view(iw.DenoisingView(record))
    expect(page.locator(OUTPUT)).to_have_text("10 of 10 steps")
    assert masked(page) == []
    expect(page.locator(".iw-status")).to_contain_text("each position is given or filled once ✓")
    slider = page.get_by_label("steps taken")
    slider.focus()
    slider.press("Home")
    expect(page.locator(OUTPUT)).to_have_text("0 of 10 steps")
    assert masked(page) == np.flatnonzero(record.open[0]).tolist()
    page.locator(".iw-tokens").focus()
    for _ in range(4):
        page.keyboard.press("]")
    expect(page.locator(OUTPUT)).to_have_text("4 of 10 steps")
    assert masked(page) == np.flatnonzero(record.open[4]).tolist()
    page.keyboard.press("ArrowUp")
    assert masked(page) == np.flatnonzero(record.open[3]).tolist()
    guesses = page.locator("[data-open]").evaluate_all("els => els.map(el => el.dataset.guess)")
    assert guesses == [record.choices[3].texts[i][0].strip() for i in np.flatnonzero(record.open[3])]


def test_play_runs_to_the_end_and_stops(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_view(iw.DenoisingView(planted(), step=7))
    page.locator(".iw-tokens").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Stop (Space)")).to_be_visible()
    expect(page.locator(OUTPUT)).to_have_text("10 of 10 steps")
    expect(page.get_by_role("button", name="Play the run (Space)")).to_be_visible()
    assert masked(page) == []


def test_a_position_shows_its_exact_numbers(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(features=6)
    page = open_view(iw.DenoisingView(record, step=2))
    page.locator("[data-i='8']").click()
    page.mouse.move(0, 0)
    expect(page.locator("[data-pinned]")).to_have_attribute("data-i", "8")
    shown = page.locator(".iw-expected .iw-value").evaluate_all("els => els.map(el => parseFloat(el.title))")
    np.testing.assert_allclose(shown, record.choices[2].probabilities[8], rtol=1e-8)
    np.testing.assert_allclose(value(page, "entropy"), record.entropy[2, 8], rtol=1e-8)
    assert record.values is not None
    there = sorted((v for v in record.values[2, 8].tolist() if v), key=abs, reverse=True)[:6]
    bars = page.locator(".dn-side > .iw-bars .iw-value").evaluate_all("els => els.map(el => Number(el.title))")
    np.testing.assert_allclose(bars, there, rtol=1e-6)
    page.locator(".iw-tokens").focus()
    page.keyboard.press("End")
    np.testing.assert_allclose(value(page, "probability then"), record.chance[8], rtol=1e-8)
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-pinned]")).to_have_attribute("data-i", "9")
    page.keyboard.press("Escape")
    expect(page.locator("[data-pinned]")).to_have_count(0)


def test_the_overview_and_a_feature_are_clicked(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(features=3)
    page = open_view(iw.DenoisingView(record, show="probability"), width=1180)
    canvas = page.locator(".dn-matrix canvas")
    canvas.click(position={"x": 34 + 5.5 * (canvas.bounding_box()["width"] - 60) / 12, "y": 6 + 2.5 * 20})
    expect(page.locator(OUTPUT)).to_have_text("2 of 10 steps")
    expect(page.locator("[data-pinned]")).to_have_attribute("data-i", "5")
    page.locator(".dn-side [data-kept='0']").click()
    expect(page.locator(".iw-range b")).to_have_text("feature 7 · sea")
    page.locator("[data-i='1']").hover()
    assert record.values is not None
    expect(page.locator(".dn-side")).to_contain_text("Hovered: position 1 after 2 of 10 steps")
    title = page.locator("[data-i='1']").get_attribute("title")
    np.testing.assert_allclose(float(title.rsplit(" ", 1)[1]), record.values[2, 1, 0], rtol=1e-6)


def test_what_is_still_to_come_is_not_told(open_view: Callable[..., Any], tmp_path: Path) -> None:
    page = open_view(iw.DenoisingView(planted(words=(*WORDS[:11], " lighthouse")), step=0))
    token = page.locator("[data-i='11']")
    assert token.evaluate("el => getComputedStyle(el).color") == "rgba(0, 0, 0, 0)"
    assert token.get_attribute("aria-label") == "masked, now lighthouse"
    with page.expect_download() as got:
        page.get_by_role("button", name="SVG").click()
    got.value.save_as(tmp_path / "view.svg")
    text = (tmp_path / "view.svg").read_text("utf8")
    assert "after 0 of 10 steps" in text
    assert "lighthouse" in text, "as the present guess"


def test_broken_values_and_markup_are_visible(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_view(views()["denoising-broken"][1])
    expect(page.locator(".iw-range")).to_contain_text("1 not a number")
    expect(page.locator(".iw-range")).to_contain_text("1 infinite")
    assert "repeating-linear-gradient" in page.locator("[data-i='5']").evaluate("el => el.style.background")
    page = open_view(views()["denoising-hard"][1], width=380)
    expect(page.locator("[data-i='1']")).to_contain_text("<b>bold</b>")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 380


def test_step_position_and_feature_come_back_to_python(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write(
        "denoising.ipynb",
        "import numpy as np, interpwidgets as iw\n"
        "from interpwidgets.records.alternatives import Alternatives\n"
        "nan = float('nan')\n"
        "states = [iw.Tokens(t, ids=np.array(i)) for t, i in ((('a', ' _'), [1, 0]), (('a', ' b'), [1, 2]))]\n"
        "guess = Alternatives(np.array([[-1], [2]]), np.array([[nan], [0.5]]), (('',), (' b',)))\n"
        "run = iw.Denoising(tuple(states), np.array([0, 1]), np.array([nan, 0.5]), np.array([[nan, 1.0]]), (guess,),\n"
        "    features=np.array([4, 9]), values=np.ones((2, 2, 2), np.float32))\n"
        "view = iw.DenoisingView(run)\nview",
    )
    page = new_page()
    notebook = lab.open(page, "denoising.ipynb")
    notebook.run_all()
    expect(page.locator(OUTPUT)).to_have_text("1 of 1 steps")
    page.get_by_label("steps taken").press("Home")
    notebook.settles("view.step", 0)
    page.locator("[data-i='1']").click()
    notebook.settles("view.position", 1)
    page.locator(".dn-side [data-kept='1']").click()
    notebook.settles("(view.feature, view.show)", (9, "feature"))
    notebook.python("view.step = 1")
    expect(page.locator(OUTPUT)).to_have_text("1 of 1 steps")
