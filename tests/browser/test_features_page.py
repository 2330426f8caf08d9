"""The page of FeatureBrowser in a real browser: saved and offline, and live with Python answering."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from tests.browser import fixtures_features
from tests.browser.fixtures_features import WORDS, PlantedIndex
from tests.browser.gallery import section, write
from tests.browser.live_host import LivePage

NODES = "(el) => el.getRootNode().querySelectorAll('*').length"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("features") / "features.html"
    write(path, fixtures_features.views())
    return path


@pytest.fixture
def live(new_page: Callable[..., Any]) -> Callable[..., LivePage]:
    """A browser on a page of its own, with Python behind it."""

    def start(index: PlantedIndex, *, width: int = 1180, **traits: Any) -> LivePage:
        page = LivePage(new_page(width=width, height=1100), iw.FeatureBrowser(index, **traits))
        page.page.wait_for_selector(".iw-row")
        return page

    return start


def settled(condition: Callable[[], bool], page: Any) -> None:
    """Until Python has heard of it; every try is a round trip to the page."""
    for _ in range(200):
        if condition():
            return
        page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    raise AssertionError("it never came")


def test_a_saved_page_walks_its_features_and_shows_their_numbers(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    view = fixtures_features.views()["plain"][1]
    order = view.matches
    page = opened(gallery, width=1180)
    here = section(page, "plain")
    name = here.locator(".feat-name > b")
    expect(name).to_have_text(str(order[0]))
    here.locator(".iw-row").nth(2).click()
    expect(name).to_have_text(str(order[2]))
    page.keyboard.press("j")
    expect(name).to_have_text(str(order[3]))
    page.keyboard.press("Shift+ArrowDown")
    expect(name).to_have_text(str(order[13]))
    expect(here.locator(".iw-row[aria-selected=true] .iw-index")).to_have_text(str(order[13]))
    page.keyboard.press("b")
    expect(name).to_have_text(str(order[3]))
    feature = view.index.feature(int(order[3]))
    facts = here.locator(".feat-facts")
    expect(facts).to_contain_text(f"{feature.count:,} of 1,000,000 tokens")
    expect(facts).to_contain_text(f"max{feature.max:.3g}")
    expect(here.locator(".iw-bars .iw-value").first).to_have_text(f"{feature.promoted.values[0]:.3f}")
    values = here.locator(".feat-example > button:first-child").all_inner_texts()
    assert values == [f"{example.value:#.3g}" for example in feature.examples]
    expect(here.locator(".iw-chip").first).to_have_text("bars hold every firing ✓")
    nearest = here.locator(".feat-other button").first
    target = int(nearest.get_attribute("data-feature"))
    nearest.click()
    expect(name).to_have_text(str(target))


def test_a_saved_page_says_what_needs_python(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(gallery, width=1180)
    here = section(page, "plain")
    search = here.get_by_label("Search")
    expect(search).to_be_disabled()
    expect(search).to_have_attribute("placeholder", "searching needs the notebook")
    expect(here.locator(".feat-label > button")).to_be_disabled()
    expect(here.locator(".feat-legend")).to_contain_text("filtering needs the notebook")
    expect(here.locator(".feat-count")).to_contain_text("this saved page holds the first 100")
    here.locator(".feat-example > button").first.click()
    expect(here.locator(".feat-acts")).to_contain_text("more context needs the notebook")
    # The list ends where the page's knowledge ends, and no error is shown on the way.
    here.locator(".iw-rows").evaluate("(el) => { el.scrollTop = el.scrollHeight }")
    expect(here.locator(".iw-row[data-row='99']")).to_be_visible()
    assert here.locator(".iw-row[data-row='100']").count() == 0
    here.get_by_label("sort").select_option("f1")
    view = iw.FeatureBrowser(PlantedIndex(), sort="f1")
    expect(here.locator(".iw-row .iw-index").first).to_have_text(str(view.matches[0]))
    expect(here.locator(".iw-problem")).to_be_hidden()


def test_a_feature_that_was_not_saved_says_so(opened: Callable[..., Any], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    iw.FeatureBrowser(PlantedIndex()).to_html(tmp_path / "two.html", features=2)
    page = opened(tmp_path / "two.html", width=1180)
    page.locator(".iw-row").nth(5).click()
    expect(page.locator(".feat-missing")).to_have_text(
        "This feature is not saved in this page. Open the notebook to see it."
    )
    page.keyboard.press("b")
    expect(page.locator(".feat-examples")).to_be_visible()


def test_broken_and_hostile_states_are_visible_as_what_they_are(gallery: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(gallery, width=1180)
    hard = section(page, "hard")
    assert "<b>bold</b>" in hard.locator(".feat-examples").inner_text()
    assert hard.locator(".iw-row").nth(1).inner_text().split("\n")[1].startswith("<b>bold</b>")
    broken = section(page, "broken")
    assert broken.locator(".feat-line [data-nan]").count() > 0
    expect(broken.locator(".feat-facts")).to_contain_text("maxNaN")
    expect(section(page, "signed").locator(".feat-subhead .iw-legend")).to_contain_text("−")
    expect(section(page, "dead").locator(".feat-examples")).to_contain_text("It fires nowhere in this corpus.")
    expect(section(page, "nothing").locator(".feat-count")).to_contain_text("No feature matches")
    numbers = section(page, "transcoder").locator(".feat-parts > .feat-numbers")
    expect(numbers).to_contain_text("Reads: embeddings it matches")
    expect(section(page, "matryoshka").locator(".feat-facts")).to_contain_text("prefix level")


@pytest.mark.parametrize("width", [1180, 720, 380])
def test_nothing_is_wider_than_the_cell(gallery: Path, opened: Callable[..., Any], width: int) -> None:
    page = opened(gallery, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_131072_features_stay_a_small_page(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    host = live(PlantedIndex(131_072, groups=(("top", 20),)))
    page, order = host.page, host.widget.matches
    expect(page.locator(".feat-legend")).to_contain_text("drag to filter")
    root = page.locator(".feat")
    assert root.evaluate(NODES) <= 2000
    page.locator(".iw-rows").evaluate("(el) => { el.scrollTop = el.scrollHeight }")
    last = page.locator(f".iw-row[data-row='{len(order) - 1}']")
    expect(last.locator(".iw-index")).to_have_text(str(order[-1]))
    assert root.evaluate(NODES) <= 2000
    assert max(size for method, _, size in host.asked if method == "feature") <= 10_000
    assert sum(size for method, _, size in host.asked if method == "column") <= 600_000


def test_a_search_and_a_typed_range_leave_what_they_say(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    index = PlantedIndex(2000)
    host = live(index)
    page, view = host.page, host.widget
    page.locator(".iw-row").first.click()
    page.keyboard.press("/")
    page.keyboard.type("fires:dog")
    dog = len(range(WORDS.index(" dog"), 2000, len(WORDS)))
    expect(page.locator(".feat-count")).to_have_text(f"{dog} of 2,000 features match")
    assert view.search == "fires:dog"
    page.get_by_label("Filter by a column").select_option("density")
    page.get_by_label("density: least").fill("0.01")
    page.keyboard.press("Enter")
    settled(lambda: view.filters == {"density": [0.01, None]}, page)
    ids = np.arange(WORDS.index(" dog"), 2000, len(WORDS))
    left = int((index.column("density")[ids] >= 0.01).sum())
    expect(page.locator(".feat-count")).to_have_text(f"{left} of 2,000 features match")
    # Escape lets go of the filters first, then of the search.
    page.locator(".iw-rows").focus()
    page.keyboard.press("Escape")
    expect(page.locator(".feat-count")).to_have_text(f"{dog} of 2,000 features match")
    page.keyboard.press("Escape")
    expect(page.locator(".feat-count")).to_have_text("2,000 features")
    assert (view.search, view.filters) == ("", {})


def test_a_box_in_the_picture_filters_and_a_click_opens(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    index = PlantedIndex(400)
    host = live(index)
    page, view = host.page, host.widget
    canvas = page.locator(".feat-scatter canvas")
    expect(page.locator(".feat-legend")).to_contain_text("drag to filter")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 120, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 150, steps=3)
    page.mouse.up()
    settled(lambda: set(view.filters) == {"density", "max"}, page)
    (low, high), (least, most) = view.filters["density"], view.filters["max"]
    assert low < high
    assert least < most
    density, largest = index.column("density"), index.column("max")
    inside = (density >= low) & (density <= high) & (largest >= least) & (largest <= most)
    assert 0 < inside.sum() < 400
    expect(page.locator(".feat-count")).to_have_text(f"{inside.sum()} of 400 features match")
    assert page.locator(".feat-chip").count() == 2
    # A click opens the nearest dot: the densest feature lies at the right end of the axis.
    densest = int(density.argmax())
    room = box["width"] - 6 - 4
    at = np.interp(largest[densest], [np.nanmin(largest), np.nanmax(largest)], [184 - 20 - 4, 6 + 4])
    canvas.click(position={"x": room, "y": float(at)})
    expect(page.locator(".feat-name > b")).to_have_text(str(densest))
    settled(lambda: view.feature == densest, page)


def test_a_label_is_written_in_place(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    index = PlantedIndex(200)
    host = live(index)
    page = host.page
    feature = host.widget.feature
    label = page.locator(".feat-label")
    page.locator(".iw-row").first.click()
    page.keyboard.press("e")
    page.keyboard.type("<b>royal</b>?")
    page.keyboard.press("Enter")
    expect(label).to_contain_text("saved")
    expect(label.locator("button")).to_have_text("<b>royal</b>?")
    assert index.saved == [(feature, "<b>royal</b>?")]
    expect(page.locator(".iw-row").first).to_contain_text("<b>royal</b>?")
    label.locator("button").click()
    page.keyboard.type("something else")
    page.keyboard.press("Escape")
    expect(label.locator("button")).to_have_text("<b>royal</b>?")
    label.locator("button").click()
    page.keyboard.type("loud!")
    page.keyboard.press("Enter")
    expect(label).to_contain_text("not saved: expected a label without '!', got 'loud!'. Say it calmly.")
    expect(label.locator("input")).to_have_value("loud!")
    assert len(index.saved) == 1


def test_an_example_opens_shows_more_and_tells_its_numbers(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    index = PlantedIndex(200)
    host = live(index)
    page = host.page
    example = index.examples(host.widget.feature)[0]
    line = page.locator(".feat-example").first
    line.locator("[data-peak]").hover()
    expect(page.locator(".iw-words")).to_have_text(
        f"document {example.document}, token {example.position} “{example.tokens.texts[example.peak].strip()}”: "
        f"{example.value:#.3g}"
    )
    assert line.locator("[data-peak]").get_attribute("title").startswith(f"{np.float32(example.value):.6g}"[:6])
    line.locator("button").first.click()
    assert line.locator(".iw-token").count() == len(example.tokens)
    line.get_by_text("more context").click()
    expect(line.locator(".iw-token")).not_to_have_count(len(example.tokens))
    assert line.locator("[data-unknown]").count() > 0
    expect(line.locator("[data-peak]")).to_have_text(f"·{example.tokens.texts[example.peak].strip()}")
    page.keyboard.press("Escape")
    expect(page.locator(".feat-open")).to_have_count(0)


def test_the_next_features_are_there_before_they_are_asked_for(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    host = live(PlantedIndex(200))
    page, order = host.page, host.widget.matches
    ahead = {int(order[1]), int(order[2])}
    settled(lambda: ahead <= {p["feature"] for method, p, _ in host.asked if method == "feature"}, page)
    page.locator(".iw-rows").focus()
    page.keyboard.press("j")
    expect(page.locator(".feat-name > b")).to_have_text(str(order[1]))
    asked = [p["feature"] for method, p, _ in host.asked if method == "feature"]
    assert len(asked) == len(set(asked)), "no feature is asked for twice"


def test_python_sets_what_the_page_shows(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    host = live(PlantedIndex(3000))
    page, view = host.page, host.widget
    view.feature = int(view.matches[2500])
    host.push()
    expect(page.locator(".iw-row[aria-selected=true] .iw-index")).to_have_text(str(view.feature))
    expect(page.locator(".feat-name > b")).to_have_text(str(view.feature))
    view.sort, view.descending = "f1", False
    host.push()
    expect(page.locator(".feat-head [aria-pressed=true]")).to_have_text("f1 ↑")
    view.index.add_column("mine", np.arange(3000.0))
    view.refresh()
    host.push()
    expect(page.get_by_label("across").locator("option")).to_have_count(5)


LIVE = """
import interpwidgets as iw
from interpwidgets.dictionaries import Identity
lm = iw.load("storyworld")
texts = ["Mary and Tom went to the park . Tom gave the ball to Mary ."] * 3
index = iw.build_index(lm, Identity(640, site_in="mlp_act.1"), texts, progress=False)
browser = iw.FeatureBrowser(index)
browser
"""


def test_in_a_notebook_the_page_sets_traits_and_labels_are_kept(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("features.ipynb", LIVE)
    page = new_page(width=1500)
    notebook = lab.open(page, "features.ipynb")
    notebook.run_all()
    page.locator(".iw-row").nth(3).click(timeout=90_000)
    notebook.settles("bool(browser.feature == browser.matches[3])", True)
    page.keyboard.press("e")
    page.keyboard.type("the third")
    page.keyboard.press("Enter")
    notebook.settles("index.label(browser.feature)", "the third")
    expect(page.locator(".iw-row[aria-selected=true]")).to_contain_text("the third")
    notebook.python("browser.search = 'label:third'")
    expect(page.locator(".feat-count")).to_have_text("1 of 640 features match")
    notebook.python("browser.filters = {'density': [2, None]}")
    expect(page.locator(".feat-count")).to_contain_text("No feature matches")
