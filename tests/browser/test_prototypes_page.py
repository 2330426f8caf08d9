"""PrototypeView in a real browser: what is seen is what the arrays say, and acts come back as traits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from tests.browser import fixtures_prototypes
from tests.browser.fixtures_prototypes import planted, why
from tests.browser.gallery import section, write
from tests.browser.live_host import LivePage

STATES = fixtures_prototypes.views()


def digits(value: float) -> str:
    """Three significant digits, as the page writes a number of middling size."""
    return f"{value:#.3g}".replace("-", "−")


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prototypes") / "page.html"
    write(path, STATES)
    return path


@pytest.fixture
def page(new_page: Callable[..., Any], states: Path) -> Any:
    page = new_page(offline=True, width=1180)
    page.goto(states.as_uri())
    page.wait_for_selector(".pro-list canvas")
    return page


@pytest.fixture
def live(new_page: Callable[..., Any]) -> Callable[..., LivePage]:
    def open_it(view: Any, ready: str = ".pro-list canvas") -> LivePage:
        here = LivePage(new_page(width=1180), view)
        here.page.wait_for_selector(ready)
        return here

    return open_it


def settled(here: LivePage, name: str, value: object) -> None:
    """Until a trait has a value: the page sends it in a message of its own."""
    for _ in range(100):
        if getattr(here.widget, name) == value:
            return
        here.page.evaluate("() => new Promise(requestAnimationFrame)")
    assert getattr(here.widget, name) == value


def test_rows_are_ordered_by_what_they_add(page: Any) -> None:
    record = planted(0)
    rows = section(page, "plain").locator(".iw-tall-row")
    order = record.top(4)
    for i, p in enumerate(order):
        row = rows.nth(i)
        assert row.locator("b").first.inner_text() == str(p)
        adds = digits(record.contributions[0, p])
        assert row.locator(".pro-row-name .pro-row-adds").inner_text() == (adds if adds[0] == "−" else f"+{adds}")
        assert row.locator(".pro-row-sum span").first.inner_text() == digits(record.similarities[p])


def test_hovering_shows_a_prototype_in_every_part_and_costs_no_message(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    record = planted(0)
    here = live(iw.PrototypeView(record, prototype=int(record.top(1)[0]), reasons=why(record)))
    expect(here.page.locator(".pro-reasons .pro-lane")).to_have_count(7)
    asked = len(here.asked)
    other = record.top(3)[2]
    here.page.locator(".iw-tall-row").nth(2).hover()
    expect(here.page.locator(".pro-detail .pro-title")).to_contain_text(f"Prototype {other} of")
    expect(here.page.locator(".pro-pair figcaption").last).to_contain_text(f"prototype {other} ·")
    expect(here.page.locator(".iw-words")).to_contain_text(f"prototype {other} of")
    expect(here.page.locator(".iw-tall-row[data-hovered]")).to_have_count(1)
    here.page.mouse.move(2, 2)
    expect(here.page.locator(".pro-detail .pro-title")).to_contain_text(f"Prototype {record.top(1)[0]} of")
    assert len(here.asked) == asked
    assert here.widget.prototype == record.top(1)[0]


def test_the_page_recomputes_logits_without_asking(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    record = planted(0)
    here = live(iw.PrototypeView(record))
    page = here.page
    asked = len(here.asked)
    first = record.top(1)[0]
    page.locator(".iw-tall-row").first.locator("input").click()
    settled(here, "weights", {str(first): 0.0})
    words = page.locator(".iw-words")
    expect(words).to_contain_text(f"(logit {digits(here.widget.logits.max())}")
    expect(words).to_contain_text("1 weight changed")
    # The keyboard is back in the list: space switches the same one on again.
    page.keyboard.press("ArrowDown")
    settled(here, "prototype", first)
    page.keyboard.press("Space")
    settled(here, "weights", {})
    box = page.locator(".pro-weight input[type=number]")
    box.fill("-3")
    box.press("Enter")
    settled(here, "weights", {f"{first}:0": -3.0})
    expected = here.widget.logits
    best = record.classes[int(expected.argmax())]
    assert best != record.classes[record.predicted]  # the change is large enough to be seen
    expect(words).to_contain_text(f"predicts {best} (logit {digits(expected.max())}")
    expect(words).to_contain_text(f"(was {record.classes[record.predicted]})")
    page.get_by_role("button", name="reset all").click()
    settled(here, "weights", {})
    expect(words).to_contain_text(f"(logit {digits(record.logits.max())}")
    assert len(here.asked) == asked


def test_keys_move_among_prototypes_images_and_classes(live: Callable[..., LivePage]) -> None:
    records = [planted(i) for i in range(3)]
    here = live(iw.PrototypeView(records))
    page = here.page
    order = records[0].top(12)
    page.locator(".iw-tall").first.focus()
    page.keyboard.press("ArrowDown")
    settled(here, "prototype", order[0])
    page.keyboard.press("ArrowDown")
    settled(here, "prototype", order[1])
    page.keyboard.press("ArrowUp")
    settled(here, "prototype", order[0])
    page.keyboard.press("Shift+ArrowDown")
    settled(here, "prototype", order[10])
    page.keyboard.press("Escape")
    settled(here, "prototype", None)
    page.keyboard.press("ArrowRight")
    settled(here, "image", 1)
    page.wait_for_selector(".pro-list canvas")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # the first image is the end
    settled(here, "image", 0)
    page.keyboard.press("c")
    settled(here, "class_", 1)
    page.keyboard.press("m")
    settled(here, "heat", False)


def test_python_sets_what_the_page_shows(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    records = [planted(i) for i in range(3)]
    here = live(iw.PrototypeView(records))
    here.widget.image, here.widget.prototype = 2, 7
    here.push()
    expect(here.page.locator(".pro-stepper").first).to_contain_text("image 3 of 3")
    expect(here.page.locator(".pro-detail .pro-title")).to_contain_text("Prototype 7 of marsh owl")
    here.widget.class_ = "blue tit"
    here.push()
    expect(here.page.locator(".pro-evidence select").first).to_have_value("1")
    here.widget.weights = {"7": 0.0}
    here.push()
    expect(here.page.locator(".iw-words")).to_contain_text("1 weight changed")


def test_the_score_sheet_tells_the_part_under_the_pointer(page: Any) -> None:
    from playwright.sync_api import expect

    here = section(page, "classes")
    canvas = here.locator(".pro-sheet canvas").first
    canvas.hover(position={"x": 12, "y": 18 + 20})
    largest = planted(0).top(1)[0]
    expect(here.locator(".iw-words")).to_contain_text(f"prototype {largest} of")


def test_a_place_of_the_map_tells_its_value(page: Any) -> None:
    from playwright.sync_api import expect

    record = planted(0)
    here = section(page, "plain")
    canvas = here.locator(".pro-pair canvas").first
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] * 2.5 / 8, "y": box["height"] * 5.5 / 8})
    expect(here.locator(".iw-words")).to_contain_text(
        f"place 5, 2: similarity {digits(record.similarity_maps[1, 5, 2])}"
    )


def test_two_sides_are_linked_where_they_share_a_model(page: Any) -> None:
    from playwright.sync_api import expect

    both = section(page, "images")
    both.locator(".pro-side").first.locator(".iw-tall-row").nth(1).hover()
    expect(both.locator(".iw-tall-row[data-hovered]")).to_have_count(2)
    models = section(page, "models")
    models.locator(".pro-side").first.locator(".iw-tall-row").nth(1).hover()
    expect(models.locator(".iw-tall-row[data-hovered]")).to_have_count(1)
    expect(models.locator(".pro-side").last.locator(".pro-title").first).to_have_text("planted again")


def test_hard_states_say_what_they_are(page: Any) -> None:
    from playwright.sync_api import expect

    pushed = section(page, "not pushed")
    expect(pushed.locator(".pro-missing").first).to_have_text("Not pushed yet: this prototype is no training patch.")
    expect(section(page, "no image").locator(".iw-note").first).to_contain_text("No image to explain. Give one")
    broken = section(page, "broken")
    expect(broken.locator(".iw-range-words").first).to_contain_text("3 not a number")
    expect(broken.locator(".iw-chip[data-bad=true]")).to_contain_text("found not a number")
    groups = section(page, "groups")
    expect(groups.locator(".pro-row-sum").first).to_contain_text("in its group")
    expect(groups.locator(".pro-switch input").first).to_be_disabled()
    expect(groups.locator(".pro-weight")).to_be_hidden()
    expect(groups.locator(".pro-detail")).to_contain_text("Share of group 0: 0.620")
    expect(section(page, "plain").locator(".pro-flag").first).to_have_text("!")
    expect(section(page, "plain").locator(".pro-warning").first).to_contain_text("similarity rests on texture")
    hard = section(page, "hard")
    expect(hard.locator(".pro-row-name").first).to_contain_text("<b>bold</b>")
    assert section(page, "many").locator(".iw-tall-row").count() < 20  # of 500


def test_spans_of_texts_stand_for_patches(page: Any) -> None:
    from playwright.sync_api import expect

    record = fixtures_prototypes.planted_text()
    here = section(page, "text")
    marked = here.locator(".pro-text").first.locator("[data-mark]")
    expect(marked).to_have_count(len(record.span(2)))
    source = here.locator(".pro-text").last
    expect(source.locator("[data-mark]")).to_have_count(len(record.source_span(2)))
    expect(source).to_contain_text("<i>She</i>")
    here.locator(".iw-tall-row").first.hover()
    best = int(np.argmax(record.contributions[record.predicted]))
    expect(marked).to_have_count(len(record.span(best)))
    page.mouse.move(2, 2)
    here.locator(".pro-text").first.locator(".pro-token").nth(2).hover()
    value = digits(record.token_similarities[2, 2])
    expect(here.locator(".iw-words")).to_contain_text(f"position 2: similarity {value} to prototype 2")


def test_an_image_that_was_not_saved_says_so(new_page: Callable[..., Any], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    view = iw.PrototypeView([planted(i) for i in range(6)])
    # Room for what is seen, and not for every image after it.
    view.to_html(tmp_path / "page.html", max_bytes=25_000)
    page = new_page(offline=True)
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_selector(".pro-list canvas")
    page.locator(".iw-tall").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".iw-note", has_text="not in the saved page")).to_be_visible()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    expect(page.locator(".pro-list canvas").first).to_be_visible()


@pytest.mark.parametrize("width", [1180, 720, 380])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_page(new_page: Callable[..., Any], states: Path, width: int, dark: bool) -> None:
    page = new_page(offline=True, width=width, dark=dark)
    page.goto(states.as_uri())
    page.wait_for_selector(".pro-list canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        """() => [...document.querySelectorAll(".widget > div")].flatMap((host) => {
          const root = host.shadowRoot.querySelector(".iw").getBoundingClientRect();
          return [...host.shadowRoot.querySelectorAll("canvas, .pro-row-words, .pro-detail > *, .iw-control")]
            .filter((el) => el.getClientRects().length && el.getBoundingClientRect().right > root.right + 1)
            .map((el) => el.className || el.tagName);
        })"""
    )
    assert wide == []


def test_the_picture_is_saved_as_svg(page: Any, tmp_path: Path) -> None:
    with page.expect_download() as saved:
        section(page, "plain").get_by_role("button", name="SVG").click()
    saved.value.save_as(tmp_path / "view.svg")
    text = (tmp_path / "view.svg").read_text("utf8")
    assert "prototype 0 of red finch" in text
    assert text.count("<image") == 2 + 8  # the two pictures, and the patches of the first prototypes
    record = planted(0)
    assert digits(record.logits.max()) in text


def test_thousands_of_images_make_no_large_page(live: Callable[..., LivePage]) -> None:
    record = planted(0)
    here = live(iw.PrototypeView([record] * 5000))
    nodes = "() => document.querySelector('#here > div').shadowRoot.querySelectorAll('*').length"
    assert here.page.evaluate(nodes) < 500
    assert {method for method, _, _ in here.asked} <= {"pictures", "reasons"}
    np.testing.assert_array_less([size for _, _, size in here.asked], 400_000)


LIVE = """
import interpwidgets as iw
from interpwidgets.worlds import birdworld
birds = iw.load("birdworld")
shown = birdworld.draw(6, seed=4)
view = iw.PrototypeView(birds, shown.images)
view
"""


def test_in_a_notebook_weights_come_back_and_the_network_agrees(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("prototypes.ipynb", LIVE)
    page = new_page(width=1400)
    notebook = lab.open(page, "prototypes.ipynb")
    notebook.run_all()
    page.locator(".pro-list canvas").first.wait_for(timeout=60_000)
    page.get_by_title("Next image (right)").first.click()
    notebook.settles("view.image", 1)
    page.locator(".iw-tall-row").first.click()
    first = notebook.python("print(view.comparison.top(1)[0])")
    notebook.settles("str(view.prototype)", first)
    page.locator(".iw-tall-row").first.locator("input").click()
    notebook.settles("view.weights", {first: 0.0})
    best = notebook.python(
        "with birds.switched({view.prototype: 0.0}):\n"
        "    print(f'{float(birds(birds.prepare(shown.images[1:2])).max().detach()):#.3g}')"
    )
    expect(page.locator(".iw-words").first).to_contain_text(f"(logit {best}")
    expect(page.locator(".pro-reasons .pro-lane")).to_have_count(7)
    notebook.python("view.weights = {}; view.show = 'classes'")
    expect(page.locator(".pro-side")).to_have_count(2)
