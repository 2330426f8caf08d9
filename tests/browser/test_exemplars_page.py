"""ExemplarView in a real browser: rows are made as they are seen, and clicks come back as traits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from tests.browser import fixtures_exemplars
from tests.browser.fixtures_exemplars import planted
from tests.browser.gallery import section, write
from tests.browser.live_host import LivePage
from tests.browser.test_prototypes_page import settled

RECORD = planted()
NODES = "() => document.querySelector('#here > div').shadowRoot.querySelectorAll('*').length"


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exemplars") / "page.html"
    write(path, fixtures_exemplars.views())
    return path


@pytest.fixture
def page(new_page: Callable[..., Any], states: Path) -> Any:
    page = new_page(offline=True, width=1180)
    page.goto(states.as_uri())
    page.wait_for_selector(".iw-tall-row canvas")
    return page


@pytest.fixture
def live(new_page: Callable[..., Any]) -> Callable[..., LivePage]:
    def open_it(view: Any) -> LivePage:
        here = LivePage(new_page(width=1180), view)
        here.page.wait_for_selector(".iw-tall-row canvas")
        return here

    return open_it


def test_a_patch_tells_its_value_and_opens_its_image(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    here = live(iw.ExemplarView(RECORD))
    row = here.page.locator(".iw-tall-row").nth(2)
    third = {"position": {"x": 2 * 70 + 20, "y": 30}}
    row.locator("canvas").hover(**third)
    value = f"{RECORD.values[2, 2]:#.3g}"
    number = int(RECORD.indices[RECORD.rows[2, 2]])
    expect(here.page.locator(".iw-words")).to_contain_text(f"3 of 12 · image {number} · activation {value}")
    asked = len(here.asked)
    row.locator("canvas").hover(position={"x": 20, "y": 30})
    expect(here.page.locator(".iw-words")).to_contain_text("1 of 12")
    assert len(here.asked) == asked
    row.locator("canvas").click(**third)
    settled(here, "unit", 2)
    settled(here, "image", number)
    expect(here.page.locator(".iw-gallery-large")).to_be_visible()
    expect(here.page.locator(".iw-gallery-side .iw-note").last).to_contain_text(f"image {number}")


def test_searching_and_sorting_happen_in_the_page(live: Callable[..., LivePage]) -> None:
    from playwright.sync_api import expect

    here = live(iw.ExemplarView(RECORD, unit=None))
    names = here.page.locator(".iw-gallery-name b")
    here.page.get_by_role("button", name="strongest").first.click()
    settled(here, "sort", "strongest")
    best = int(RECORD.values[:, 0].argmax())
    expect(names.first).to_have_text(f"feature {best}")
    here.page.get_by_placeholder("name or label").fill("striped")
    settled(here, "search", "striped")
    found = [i for i in np.argsort(-RECORD.values[:, 0], kind="stable") if RECORD.labels[i] == "striped ground"]
    expect(names).to_have_text([f"feature {i}" for i in found])
    expect(here.page.locator(".iw-words")).to_contain_text(f"{len(found)} of 24 features")
    here.page.get_by_placeholder("name or label").fill("no such thing")
    expect(here.page.locator(".iw-note").first).to_contain_text("No unit is called so")


def test_keys_move_among_units_and_patches(live: Callable[..., LivePage]) -> None:
    here = live(iw.ExemplarView(RECORD))
    here.page.locator(".iw-tall").focus()
    here.page.keyboard.press("ArrowDown")
    settled(here, "unit", 1)
    here.page.keyboard.press("ArrowRight")
    settled(here, "image", int(RECORD.indices[RECORD.rows[1, 0]]))
    here.page.keyboard.press("ArrowRight")
    settled(here, "image", int(RECORD.indices[RECORD.rows[1, 1]]))
    here.page.keyboard.press("Escape")
    settled(here, "image", None)
    here.page.keyboard.press("Shift+ArrowDown")
    settled(here, "unit", 11)
    here.page.keyboard.press("c")
    settled(here, "context", True)
    here.page.keyboard.press("Escape")
    settled(here, "unit", None)


def test_five_thousand_units_make_no_large_page(live: Callable[..., LivePage]) -> None:
    rows = (np.arange(50_000).reshape(5000, 10) % 5000).astype(np.int32)
    images = np.zeros((5000, 16, 16, 3), np.uint8)
    images[:, 4:12, 4:12] = np.random.default_rng(0).integers(0, 255, (5000, 1, 1, 3))
    record = iw.ExemplarView(RECORD).exemplars.__class__(
        images=images,
        indices=np.arange(5000),
        rows=rows,
        values=np.ones((5000, 10), np.float32),
        places=np.zeros((5000, 10, 2), np.int32),
        boxes=np.tile(np.array([4, 4, 12, 12], np.int32), (5000, 10, 1)),
        names=tuple(f"unit {i}" for i in range(5000)),
    )
    here = live(iw.ExemplarView(record))
    assert here.page.evaluate(NODES) < 200
    here.widget.unit = 4321
    here.push()
    here.page.locator(".iw-tall-row[aria-selected=true] canvas").wait_for()
    assert here.page.evaluate(NODES) < 200
    assert len(here.asked) < 60  # of 5,000
    assert sum(size for _, _, size in here.asked) < 400_000


def test_hard_states_say_what_they_are(page: Any) -> None:
    from playwright.sync_api import expect

    hard = section(page, "hard")
    expect(hard.locator(".iw-tall-row").nth(1)).to_contain_text("no image")
    expect(hard.locator(".iw-tall-row").nth(1)).to_contain_text("NaN")
    expect(section(page, "none").locator(".iw-note").first).to_have_text("There are no units.")
    own = section(page, "own")
    own.locator(".iw-tall-row canvas").first.hover(position={"x": 10, "y": 10})
    expect(own.locator(".iw-words")).to_contain_text("its own training patch")
    own.get_by_role("button", name="weakest").click()
    expect(own.locator(".iw-words")).to_contain_text("12 weakest each")


@pytest.mark.parametrize("width", [1180, 720, 380])
def test_nothing_is_wider_than_the_page(new_page: Callable[..., Any], states: Path, width: int) -> None:
    page = new_page(offline=True, width=width)
    page.goto(states.as_uri())
    page.wait_for_selector(".iw-tall-row canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        """() => [...document.querySelectorAll(".widget > div")].flatMap((host) => {
          const root = host.shadowRoot.querySelector(".iw").getBoundingClientRect();
          return [...host.shadowRoot.querySelectorAll("canvas")]
            .filter((el) => el.getClientRects().length && el.getBoundingClientRect().right > root.right + 1);
        }).length"""
    )
    assert wide == 0


def test_the_rows_in_view_are_saved_as_svg(page: Any, tmp_path: Path) -> None:
    with page.expect_download() as saved:
        section(page, "plain").get_by_role("button", name="SVG").click()
    saved.value.save_as(tmp_path / "view.svg")
    text = (tmp_path / "view.svg").read_text("utf8")
    assert "feature 0" in text
    assert text.count("<image") >= 7
