"""TokenView in a real page: exact numbers, marks, spans, 32,000 tokens, and text that stays text."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import interpwidgets as iw
from tests.browser import fixtures_token

HOSTILE = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "<b>b</b>", "&lt;", "\u2028"]


def token(page: Any, i: int) -> Any:
    return page.locator(f"[data-i='{i}']")


def ground(page: Any, i: int) -> str:
    return token(page, i).evaluate("el => el.style.background")


def test_hover_shows_every_series_and_what_was_expected(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = fixtures_token.scored()
    page = open_view(iw.TokenView(record))
    token(page, 9).hover()
    expect(page.locator(".tok-side .iw-note").first).to_have_text("Hovered: 9 “Tom”")
    titles = page.locator(".tok-rows:not(.tok-sums) .iw-value").evaluate_all("els => els.map(el => Number(el.title))")
    np.testing.assert_allclose(titles, record.values[:, 9], rtol=1e-8)
    shown = page.locator(".iw-expected .iw-bars .iw-value").evaluate_all("els => els.map(el => parseFloat(el.title))")
    np.testing.assert_allclose(
        shown[: len(record.alternatives.ids[9])], record.alternatives.probabilities[9], rtol=1e-8
    )
    words = page.locator(".iw-words")
    nats = record.get("surprisal")[9]
    expect(words).to_contain_text(f"{nats:.3g} nats ({nats / math.log(2):.3g} bits)")
    token(page, 0).hover()
    expect(words).to_contain_text("masked")
    expect(page.locator(".iw-expected")).to_contain_text("Nothing predicts the first token.")


def test_click_pins_escape_releases_arrows_move(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_view(iw.TokenView(fixtures_token.scored()))
    token(page, 3).click()
    pinned = page.locator("[data-pinned]")
    expect(pinned).to_have_attribute("data-i", "3")
    page.keyboard.press("ArrowRight")
    expect(pinned).to_have_attribute("data-i", "4")
    page.keyboard.press("End")
    expect(pinned).to_have_attribute("data-i", "13")
    page.keyboard.press("]")
    expect(page.get_by_role("group", name="colour").locator("[aria-pressed=true]")).to_have_text("probability")
    page.keyboard.press("Escape")
    expect(pinned).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator(".iw-help")).to_contain_text("select a span")


def spans(page: Any) -> list[int]:
    return page.locator("[data-span]").evaluate_all("els => els.map(el => Number(el.dataset.i))")


def test_a_span_is_dragged_and_its_sum_is_exact(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    values = np.array([0.1, 0.2, 0.3, 1e9, -1e9, 0.4])
    page = open_view(iw.TokenView(list("abcdef"), values, units="ms", mask=[0, 1, 0, 0, 0, 0]))
    token(page, 0).hover()
    page.mouse.down()
    token(page, 2).hover()
    token(page, 4).hover()
    page.mouse.up()
    assert spans(page) == [0, 1, 2, 3, 4]
    total = math.fsum([0.1, 0.3, 1e9, -1e9])
    words = page.locator(".iw-words")
    expect(words).to_contain_text(f"span 0–4 (4, 1 masked left out) · sum {total:.9g} ms · mean {total / 4:.9g} ms")
    token(page, 1).click()
    assert spans(page) == [], "a plain click pins and lets the span go"
    token(page, 3).click(modifiers=["Shift"])
    assert spans(page) == [1, 2, 3]
    page.keyboard.press("Shift+ArrowRight")
    assert spans(page) == [1, 2, 3, 4]
    page.keyboard.press("Escape")
    assert spans(page) == []


def test_a_span_set_in_python_is_shown(open_view: Callable[..., Any]) -> None:
    page = open_view(iw.TokenView(list("abcd"), [1, 2, 3, 4], span=(1, 3)))
    assert spans(page) == [1, 2]


def test_what_is_no_plain_number_is_visible(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    values = [np.nan, np.inf, -np.inf, 5.0, -5.0, 0.5, 0.5]
    page = open_view(iw.TokenView(list("abcdefg"), values, mask=[0, 0, 0, 0, 0, 0, 1], low=-1, high=1))
    grounds = [ground(page, i) for i in range(7)]
    assert "repeating-linear-gradient" in grounds[0], "not a number is hatched"
    assert len({*grounds}) == 7
    assert grounds[1].count("gradient(") == 3, "an infinity has two bars over its colour"
    for clipped in (3, 4):
        assert "deg" in grounds[clipped], "a clipped value has a corner"
    assert grounds[5].count("gradient(") == 1
    assert grounds[6] == ""
    expect(token(page, 6)).to_have_attribute("data-masked", "")
    legend = page.locator(".iw-range")
    for words in (
        "data from −5 to 5",
        "1 above the end",
        "1 below the end",
        "2 infinite",
        "1 not a number",
        "1 masked",
    ):
        expect(legend).to_contain_text(words)


def test_lanes_show_every_series_at_once(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    series = {f"series {k}": np.linspace(0, k + 1, 5) for k in range(12)}
    page = open_view(iw.TokenView(list("abcde"), series, show="all"))
    expect(page.locator(".iw-range")).to_have_count(12)
    assert ground(page, 4).count("gradient(") == 12
    names = page.locator(".iw-line").first.evaluate("el => getComputedStyle(el, '::before').content")
    assert all(name in names for name in series)


def test_thirty_two_thousand_tokens_keep_the_page_small(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    n = 32_000
    values = np.arange(n, dtype=float)
    page = open_view(iw.TokenView([f" word{i}" for i in range(n)], {"a": values, "b": -values}))
    count = "() => document.querySelector('.widget > div').shadowRoot.querySelectorAll('*').length"
    at_first = page.evaluate(count)
    assert at_first < 1200
    page.locator(".iw-find input").fill("word31999")
    page.keyboard.press("Enter")
    expect(page.locator("[data-pinned]")).to_have_attribute("data-i", "31999")
    expect(page.locator(".iw-words")).to_contain_text("31999")
    assert page.evaluate(count) < 1200
    page.locator(".iw-tokens").evaluate("el => { el.scrollTop = el.scrollHeight / 2 }")
    page.wait_for_function(
        "() => !document.querySelector('.widget > div').shadowRoot.querySelector('[data-i=\"31999\"]')"
    )
    assert page.evaluate(count) < 1200


def test_hostile_text_stays_text(open_view: Callable[..., Any]) -> None:
    view = iw.TokenView(
        HOSTILE, {text or "x": np.arange(5.0) for text in HOSTILE[:3]}, title=HOSTILE[0], show="all", position=0
    )
    page = open_view(view)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for i in range(5):
        token(page, i).hover()
    inside = "s => document.querySelector('.widget > div').shadowRoot.querySelectorAll(s).length"
    assert page.evaluate(inside, "img, script, .iw-token b") == 0
    assert token(page, 0).text_content() == HOSTILE[0]
    assert dialogs == []


def test_patches_are_pinned_and_coloured(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    _, view = fixtures_token.views()["token-patches"]
    view.position = view.span = None
    page = open_view(view)
    canvas = page.locator(".iw-patches canvas")
    box = canvas.bounding_box()
    assert box
    cell = box["width"] / 7
    canvas.click(position={"x": 3.5 * cell, "y": 3.5 * cell})
    words = page.locator(".iw-words")
    expect(words).to_contain_text("25 “patch 3,3”")
    page.mouse.move(0, 0)
    page.keyboard.press("ArrowDown")
    expect(words).to_contain_text("32 “patch 4,3”")
    page.keyboard.press("Shift+ArrowRight")
    expect(words).to_contain_text("span 32–33 (2)")
    expect(page.locator(".iw-range")).to_contain_text("1 not a number")


def test_svg_is_the_strip_in_view(open_view: Callable[..., Any], tmp_path: Path) -> None:
    page = open_view(iw.TokenView(fixtures_token.scored(), position=9, span=[9, 11]))
    with page.expect_download() as got:
        page.get_by_role("button", name="SVG").click()
    got.value.save_as(tmp_path / "view.svg")
    text = (tmp_path / "view.svg").read_text("utf8")
    for word in ("Tom", "gave", "surprisal", "data from", "sum"):
        assert word in text
    assert text.count("<rect") > len(fixtures_token.MARY)


def test_a_span_comes_back_to_python(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write(
        "token.ipynb",
        "import interpwidgets as iw\n"
        "view = iw.TokenView(list('abcdef'), {'x': [1, 2, 3, 4, 5, 6], 'y': [0] * 6})\nview",
    )
    page = new_page()
    notebook = lab.open(page, "token.ipynb")
    notebook.run_all()
    token(page, 1).hover()
    page.mouse.down()
    token(page, 3).hover()
    page.mouse.up()
    notebook.settles("(view.position, view.span)", (3, [1, 4]))
    expect(page.locator(".iw-words").first).to_contain_text("sum 9 · mean 3")
    notebook.python("view.span = None; view.position = -1; view.series = 'y'")
    expect(page.locator("[data-pinned]")).to_have_attribute("data-i", "5")
    assert spans(page) == []
    token(page, 0).click()
    notebook.settles("view.position", 0)
    page.keyboard.press("[")
    notebook.settles("view.series", "x")
