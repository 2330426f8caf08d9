"""SteeringPanel in a real browser: the saved page without network, and a page with Python answering behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser import fixtures_steering
from tests.browser.fixtures_steering import FROZEN, HAPPY, planted, target
from tests.browser.live_host import LivePage
from tests.unit.test_steering_view import by_hand, divergence

NAME = HAPPY[0]
READY = ".st-bars .st-number"
# 200 moves of the pointer between two frames: from the middle of the first slider to the right.
FLOOD = """(el) => {
  const box = el.getBoundingClientRect();
  for (let i = 0; i < 200; i++) el.dispatchEvent(new PointerEvent("pointermove", {
    clientX: box.left + box.width * (0.5 + 0.3 * i / 199), clientY: box.top + 40, pointerId: 1 }));
}"""
# Answers to one kind of request wait until they are let go.
HOLD = """(method) => {
  const ask = window.kernelAsk;
  const gate = new Promise((go) => { window.letGo = go; });
  window.kernelAsk = async (text) => {
    if (JSON.parse(text).method === method) await gate;
    return ask(text);
  };
}"""


@pytest.fixture
def live(new_page: Callable[..., Any]) -> Callable[..., LivePage]:
    """A panel on a page, with Python behind it, once its first bars are there."""

    def make(panel: Any, **options: Any) -> LivePage:
        page = LivePage(new_page(**options), panel)
        page.page.wait_for_selector(READY)
        return page

    return make


@pytest.fixture
def saved(new_page: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """A panel as a saved page, opened with the network cut off."""

    def open_it(panel: Any, **options: Any) -> Any:
        panel.to_html(tmp_path / "page.html")
        page = new_page(offline=True, **options)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector(READY)
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
        return page

    return open_it


def slider(page: Any, at: int = 0) -> Any:
    return page.locator(".st-slider").nth(at)


def grab(page: Any, share: float, at: int = 0) -> None:
    """Press the pointer on a slider at a share of its width."""
    box = slider(page, at).bounding_box()
    page.mouse.move(box["x"] + share * box["width"], box["y"] + 40)
    page.mouse.down()


def drag(page: Any, share: float, at: int = 0) -> None:
    box = slider(page, at).bounding_box()
    page.mouse.move(box["x"] + share * box["width"], box["y"] + 40, steps=5)


def wait_for(live: LivePage, true: Callable[[], bool]) -> None:
    """Until Python knows: each look lets the page's messages through."""
    for _ in range(200):
        if true():
            return
        live.page.wait_for_timeout(20)
    raise AssertionError("the page never told Python")


def test_a_flood_of_moves_asks_a_few_times_and_the_last_one_wins(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    panel = planted(words=["smiled"])
    host = live(panel)
    expect(host.page.locator(".st-text-name").first).to_contain_text("perplexity")
    host.asked.clear()
    grab(host.page, 0.5)
    slider(host.page).evaluate(FLOOD)
    host.page.mouse.up()
    wait_for(host, lambda: panel.strengths[NAME] > 3)
    expect(host.page.locator(".iw-words")).to_contain_text(f"{NAME} add 3.7")
    expect(host.page.locator(".iw-words")).not_to_contain_text("≈")
    steers = [params["rows"] for method, params, _ in host.asked if method == "steer"]
    assert len(steers) <= 4
    assert steers[-1] == [[NAME, "add", panel.strengths[NAME]]]
    expected = by_hand(panel._lm, panel.strengths[NAME])[0]
    expect(host.page.locator(".st-word").first).to_contain_text(f"→ {expected:#.3g}")


def test_the_touched_curve_comes_first_and_the_page_interpolates_on_it(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    panel = planted([target(*HAPPY)], words=["smiled"])
    host = live(panel)
    host.page.evaluate(HOLD, "steer")
    host.asked.clear()
    grab(host.page, 0.5)
    drag(host.page, 0.7)
    words = host.page.locator(".iw-words")
    expect(words).to_contain_text("interpolated, the exact answer follows")
    strength = float(slider(host.page).get_attribute("aria-valuenow"))
    # Log-probabilities on straight lines between the points of the curve, worked out here.
    points = np.linspace(-6, 6, 13)
    line = np.exp(np.interp(strength, points, np.log([by_hand(panel._lm, s)[0] for s in points])))
    assert points[0] < strength not in points
    expect(host.page.locator(".st-word").first).to_contain_text(f"≈ {line:#.3g}")
    assert host.page.locator("i[data-approximate]").count() > 0
    host.page.evaluate("window.letGo()")
    host.page.mouse.up()
    expect(words).not_to_contain_text("interpolated")
    expect(host.page.locator(".st-word").first).to_contain_text(f"→ {by_hand(panel._lm, strength)[0]:#.3g}")


def test_of_all_that_is_asked_the_touched_curve_is_the_first(live: Callable[..., LivePage]) -> None:
    panel = planted(words=["smiled"], strengths={NAME: 2.0})
    host = live(panel)
    *_, second = panel.strengths
    assert second != NAME
    # Another watched word: every curve and the distribution are unknown again.
    panel.target, panel.words = second, ["cried"]
    host.asked.clear()
    host.push()
    wait_for(host, lambda: {"steer", "curve"} <= {method for method, *_ in host.asked})
    # Besides the texts, which are written on meanwhile.
    method, params, _ = next(asked for asked in host.asked if asked[0] != "write")
    assert method == "curve"
    assert params["name"] == second


def test_stop_ends_the_writing_between_two_pulls(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    panel = planted([target(*HAPPY)], max_new_tokens=24)
    host = live(panel)
    names = host.page.locator(".st-text-name")
    expect(names.first).to_contain_text("perplexity")
    host.page.evaluate(HOLD, "write")
    slider(host.page).focus()
    host.page.keyboard.press("Shift+ArrowRight")
    expect(names.nth(1)).to_contain_text("writing …")
    host.page.get_by_role("button", name="stop", exact=True).first.click()
    expect(names.nth(1)).to_contain_text("stopped")
    host.asked.clear()
    host.page.evaluate("window.letGo()")
    # What was under way is answered; nothing more is asked for.
    wait_for(host, lambda: any(method == "write" for method, _, _ in host.asked))
    for _ in range(10):
        host.page.evaluate("new Promise(requestAnimationFrame)")
    assert [params["at"] for method, params, _ in host.asked if method == "write"] == [0]
    host.page.get_by_role("button", name="write", exact=True).click()
    expect(names.nth(1)).to_contain_text("perplexity")
    assert len(panel.text.split()) > 10
    assert panel.text != panel.default_text


def test_texts_wait_for_the_hand_to_rest_unless_told_otherwise(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    panel = planted([target(*HAPPY)])
    host = live(panel)
    page = host.page

    def written() -> list[str]:
        return [params["column"] for method, params, _ in host.asked if method == "write"]

    def move(share: float) -> None:
        """A move, and the frames after it; the clock stands, so that the hand never rests by itself."""
        drag(page, share)
        for _ in range(5):
            page.clock.run_for(17)

    expect(page.locator(".st-text-name").first).to_contain_text("perplexity")
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    host.asked.clear()
    grab(page, 0.7)
    move(0.75)
    assert [method for method, _, _ in host.asked if method == "steer"]
    assert written() == []
    page.clock.run_for(300)
    page.clock.run_for(17)
    assert set(written()) == {"live"}
    page.locator(".st-sampling summary").evaluate("(el) => el.click()")
    page.get_by_label("write while dragging").evaluate("(el) => el.click()")
    host.asked.clear()
    move(0.8)
    assert set(written()) == {"live"}
    page.mouse.up()


def test_keys_move_a_slider_and_escape_goes_back_and_forth(live: Callable[..., LivePage]) -> None:
    panel = planted([target(*HAPPY)])
    host = live(panel)
    keys = host.page.keyboard
    slider(host.page).focus()
    keys.press("ArrowRight")
    wait_for(host, lambda: panel.strengths[NAME] == pytest.approx(0.12))
    keys.press("Shift+ArrowLeft")
    wait_for(host, lambda: panel.strengths[NAME] == pytest.approx(-1.08))
    keys.press("Escape")
    wait_for(host, lambda: panel.strengths[NAME] == 0.0)
    keys.press("Escape")
    wait_for(host, lambda: panel.strengths[NAME] == pytest.approx(-1.08))
    keys.press("0")
    wait_for(host, lambda: panel.strengths[NAME] == 0.0)
    keys.press("End")
    wait_for(host, lambda: panel.strengths[NAME] == 6.0)


def test_a_limit_hatches_the_track_and_holds_the_handle(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    panel = planted([target(*HAPPY)])
    host = live(panel)
    field = host.page.get_by_label("Limit in nats per token; empty for none")
    field.fill("0.1")
    field.press("Enter")
    wait_for(host, lambda: panel.limit == 0.1)
    grab(host.page, 0.5)
    drag(host.page, 0.97)
    expect(host.page.locator(".st-unit")).to_have_text("held back by the limit")
    held = float(slider(host.page).get_attribute("aria-valuenow"))
    host.page.mouse.up()
    assert 0 < held < 5
    wait_for(host, lambda: panel.strengths[NAME] == pytest.approx(held, rel=1e-3))
    assert divergence(panel._lm, panel.strengths[NAME]) == pytest.approx(0.1, rel=1e-3)
    expect(host.page.locator(".iw-words")).to_contain_text("limit reached")
    expect(host.page.locator(".st-gauge")).to_contain_text("0.100 of 0.100 nats per token")
    # The mark itself can be moved.
    mark = host.page.locator(".st-limit")
    mark.focus()
    mark.press("Shift+ArrowLeft")
    wait_for(host, lambda: panel.limit < 0.1)
    wait_for(host, lambda: divergence(panel._lm, panel.strengths[NAME]) <= panel.limit * (1 + 1e-5))
    host.page.get_by_role("button", name="no limit").click()
    wait_for(host, lambda: panel.limit is None)
    # And be dragged, from the end of the gauge where it stands for no limit.
    bar, handle = host.page.locator(".st-kl").bounding_box(), mark.bounding_box()
    host.page.mouse.move(handle["x"] + 8, handle["y"] + 10)
    host.page.mouse.down()
    host.page.mouse.move(bar["x"] + 0.4 * bar["width"], handle["y"] + 10, steps=6)
    host.page.mouse.up()
    wait_for(host, lambda: panel.limit is not None)
    end = float(host.page.locator(".st-gauge .st-scale span").nth(1).inner_text())
    assert panel.limit == pytest.approx(0.4 * end, rel=0.05)


def test_modes_words_prompt_and_targets_come_back_to_python(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    panel = planted(words=["smiled"], strengths={NAME: 2.0})
    host = live(panel)
    page = host.page
    page.get_by_label(f"What is done with {NAME}").select_option("scale")
    wait_for(host, lambda: panel.modes[NAME] == "scale" and panel.strengths[NAME] == 1.0)
    page.get_by_label("watch a word").fill("Tom")
    page.locator(".st-found button").first.click()
    wait_for(host, lambda: panel.words == [" smiled", " Tom"])
    expect(page.locator(".st-word")).to_have_count(2)
    page.get_by_label("watch a word").fill("no such word")
    page.get_by_label("watch a word").press("Enter")
    expect(page.locator(".st-found", has_text="nothing says this")).to_be_visible()
    page.get_by_label("Watch Tom no more").click()
    wait_for(host, lambda: panel.words == [" smiled"])
    page.locator(".st-positions").get_by_role("button", name="from token").click()
    page.get_by_label("First steered token").fill("5")
    page.get_by_label("First steered token").press("Tab")
    wait_for(host, lambda: panel.positions == 5)
    expect(page.locator(".st-prompt [data-reached]")).to_have_count(6)
    page.locator(".st-positions").get_by_role("button", name="all").click()
    wait_for(host, lambda: panel.positions == "all")
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("  ")
    prompt.press("Enter")
    expect(page.locator(".iw-problem")).to_contain_text("expected a prompt")
    prompt.fill("A dog ran")
    prompt.press("Enter")
    wait_for(host, lambda: panel.prompt == "A dog ran")
    expect(page.locator(".st-prompt .iw-token")).to_have_count(3)
    page.get_by_label("Turn head 2.1 on or off").click()
    wait_for(host, lambda: panel.strengths["head 2.1"] is None)
    page.get_by_label("Remove head 2.1").click()
    wait_for(host, lambda: list(panel.strengths) == [NAME])
    expect(page.locator(".st-row")).to_have_count(1)
    panel.add(target("f/9"))
    panel.target = NAME
    host.push()
    expect(page.locator(".st-row[data-chosen] .st-name b")).to_have_text(NAME)
    panel.target = "f/9"
    host.push()
    expect(page.locator(".st-row[data-chosen] .st-name b")).to_have_text("f/9")
    panel.attention = "frozen"
    panel.strengths = {NAME: 1.5}
    host.push()
    expect(page.locator(".st-text-name").nth(1)).to_contain_text("frozen attention")
    expected = by_hand(panel._lm, 0.5, FROZEN)[0]
    expect(page.locator(".st-word").first).to_contain_text(f"→ {expected:#.3g}")


def test_a_sweep_is_a_table_that_sorts(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    panel = planted([target(f"f/{i}") for i in range(5)], words=["smiled"])
    host = live(panel)
    page = host.page
    page.locator(".st-sweep summary").click()
    page.get_by_role("button", name="sweep", exact=True).click()
    rows = page.locator("button.st-swept")
    expect(rows).to_have_count(5)
    before = by_hand(panel._lm, 0.0)[0]
    effects = {}
    for i in range(5):
        change = [by_hand(panel._lm, s, name=f"f/{i}")[0] - before for s in np.linspace(-6, 6, 7)]
        effects[f"f/{i}"] = max(change, key=abs)
    expect(rows.locator("b")).to_have_text(sorted(effects, key=lambda name: -effects[name]))
    page.get_by_role("button", name="target", exact=True).click()
    expect(rows.locator("b")).to_have_text(sorted(effects))


def test_what_differs_is_what_no_common_subsequence_holds(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    panel = planted([target(*HAPPY)], strengths={NAME: 3.0})
    host = live(panel)
    columns = host.page.locator(".st-column")
    expect(columns.nth(1).locator(".st-text-name")).to_contain_text("perplexity")
    expect(columns.nth(0).locator(".st-text-name")).to_contain_text("perplexity")
    default, steered = (columns.nth(i).locator(".st-token").all_inner_texts() for i in (0, 1))
    common = columns.nth(1).locator(".st-token:not([data-differs])").all_inner_texts()
    length = np.zeros((len(default) + 1, len(steered) + 1), int)
    for i, a in enumerate(default):
        for j, b in enumerate(steered):
            length[i + 1, j + 1] = length[i, j] + 1 if a == b else max(length[i, j + 1], length[i + 1, j])
    assert 0 < len(common) == length[-1, -1] < len(steered)
    rest = iter(default)
    assert all(word in rest for word in common), "the unmarked words stand in both, in this order"


# Saved pages.


def test_a_saved_page_snaps_to_what_was_recorded_and_says_so(saved: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    panel = planted(words=["smiled"], strengths={NAME: 2.5})
    page = saved(panel)
    expect(page.locator(".st-legend")).to_contain_text("sliders snap to the recorded strengths")
    expect(page.locator(".st-word").first).to_contain_text(f"→ {by_hand(panel._lm, 2.5)[0]:#.3g}")
    points = panel.static_item().state["_view"]["grid"]["points"][NAME]
    grab(page, 0.2)
    page.mouse.up()
    expect(slider(page)).not_to_have_attribute("aria-valuenow", "2.5")
    now = float(slider(page).get_attribute("aria-valuenow"))
    assert now in points
    expect(page.locator(".st-word").first).to_contain_text(f"→ {by_hand(panel._lm, now)[0]:#.3g}")
    expect(page.locator(".st-text-name").nth(1)).to_contain_text("perplexity")
    expect(page.locator(".iw-words")).not_to_contain_text("not recorded")
    expect(page.locator(".st-add")).to_be_hidden()
    assert page.get_by_role("group", name="attention").get_by_role("button", name="frozen").is_disabled()
    assert page.get_by_label(f"Remove {NAME}").get_attribute("title") == "This needs the notebook"


def test_with_many_sliders_a_saved_page_moves_one_at_a_time(saved: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    panel = planted([target(f"f/{i}") for i in range(4)], strengths={"f/1": 2.0})
    page = saved(panel)
    expect(page.locator(".st-legend")).to_contain_text("one at a time")
    slider(page, 3).focus()
    page.keyboard.press("ArrowRight")
    expect(slider(page, 3)).to_have_attribute("aria-valuenow", "1")
    expect(slider(page, 1)).to_have_attribute("aria-valuenow", "2")
    expect(page.locator(".iw-words")).to_contain_text("f/1 add 2.00, f/3 add 1.00")
    slider(page, 1).focus()
    page.keyboard.press("ArrowRight")
    expect(slider(page, 3)).to_have_attribute("aria-valuenow", "0")
    expect(page.locator(".iw-words")).not_to_contain_text("not recorded")


@pytest.mark.parametrize("name", list(fixtures_steering.views()))
def test_every_state_fits_a_narrow_cell_in_the_dark(name: str, saved: Callable[..., Any]) -> None:
    _, panel = fixtures_steering.views()[name]
    page = saved(panel, width=380, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    shown = page.locator(".iw").inner_text()
    assert "undefined" not in shown
    assert "NaN" not in shown


def test_hostile_tokens_and_labels_are_text(saved: Callable[..., Any]) -> None:
    page = saved(fixtures_steering.views()["steering-hard"][1])
    assert "<b>bold</b>" in page.locator(".st-bars").inner_text()
    assert page.locator(".st i, .st b").evaluate_all("(all) => all.every((el) => !/bold/.test(el.textContent))")
    assert page.locator(".st-bars bdi[dir=rtl]").count() > 0 or page.locator(".st-text [dir=rtl]").count() > 0


def test_an_empty_panel_names_only_what_can_be_done_there(
    live: Callable[..., LivePage], saved: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    panel = planted([])
    page = live(panel).page
    expect(page.locator(".st-empty")).to_contain_text("Add a target below")
    expect(page.get_by_label("Add a target")).to_be_visible()
    page = saved(planted([]))
    expect(page.locator(".st-empty")).to_contain_text("In the notebook targets can be added")
    expect(page.get_by_label("Add a target")).to_be_hidden()


def test_a_model_that_cannot_freeze_says_why(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    page = live(fixtures_steering.views()["steering-fixed"][1]).page
    expect(page.locator(".st-prompt")).to_contain_text("cannot be frozen: this family computes its attention elsewhere")
    attention = page.get_by_role("group", name="attention")
    assert attention.get_by_role("button", name="both").is_disabled()


def test_a_picture_can_be_saved(saved: Callable[..., Any]) -> None:
    page = saved(fixtures_steering.views()["steering-both"][1])
    with page.expect_download() as found:
        page.get_by_role("button", name="SVG").click()
    text = Path(found.value.path()).read_text("utf8")
    assert NAME in text
    assert "steered, frozen attention" in text
