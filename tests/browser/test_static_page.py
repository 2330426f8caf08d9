"""The saved page: opens with no kernel and no network, and is still interactive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from tests.browser import fixtures
from tests.browser.gallery import section, write

HOSTILE = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "<b>b</b>", "&lt;", "\u2028"]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of every widget in every hard state."""
    path = tmp_path_factory.mktemp("gallery") / "fixtures.html"
    write(path)
    return path


@pytest.fixture(scope="module")
def attention(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of attention alone."""
    path = tmp_path_factory.mktemp("attention") / "fixtures.html"
    write(path, dict(fixtures.views()))
    return path


def test_it_opens_without_network_and_answers(opened: Callable[..., Any], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    pattern = fixtures.planted(2, 3, 6)
    view = iw.AttentionView.from_arrays(pattern, list("abcdef"), query=4, key=2)
    view.to_html(tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    words = page.locator(".iw-words")
    expect(words).to_contain_text(f"query 4 “e” → key 2 “c” · {float(f'{pattern[0, 0, 4, 2]:.3g}')}")
    expect(page.locator(".iw-chip").last).to_have_text("static")

    page.get_by_role("group", name="layer").get_by_role("button", name="1").click()
    expect(words).to_contain_text(f"layer 1 · head 0 · query 4 “e” → key 2 “c” · {float(f'{pattern[1, 0, 4, 2]:.3g}')}")
    page.locator(".att-matrix canvas:not(.att-map)").focus()
    page.keyboard.press("]")
    expect(words).to_contain_text("head 1")
    html = page.get_by_role("button", name="HTML")
    expect(html).to_be_disabled()
    assert "already" in html.get_attribute("title")


def test_the_policy_forbids_every_connection(new_page: Callable[..., Any], tmp_path: Path) -> None:
    iw.AttentionView.from_arrays(np.ones((1, 1)), ["a"]).to_html(tmp_path / "page.html")
    page = new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_selector(".att-matrix canvas:not(.att-map)")
    blocked = page.evaluate("""() => new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (e) => resolve(e.effectiveDirective), { once: true });
      fetch("http://127.0.0.1:9/").catch(() => {});
    })""")
    assert blocked == "connect-src"


def test_token_text_is_never_markup(opened: Callable[..., Any], tmp_path: Path) -> None:
    n = len(HOSTILE)
    view = iw.AttentionView.from_arrays(np.full((n, n), 1 / n), HOSTILE, title="<i>title</i>", query=0)
    view.to_html(tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    shown = page.locator(".iw-token").all_inner_texts()
    assert shown[:4] == HOSTILE[:4]
    assert shown[4] == "U+2028"
    assert page.locator(".iw-title").inner_text() == "<i>title</i>"
    assert page.locator("img, .iw b, .iw i").count() == 0
    assert dialogs == []


def test_every_hard_state_draws_something(attention: Path, opened: Callable[..., Any]) -> None:
    page = opened(attention, width=1180)
    for name in fixtures.views():
        here = section(page, name)
        here.scroll_into_view_if_needed()
        for canvas in here.locator(".att-grid canvas, .att-matrix canvas:not(.att-map)").all():
            colours = canvas.evaluate("""(c) => {
              const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
              const seen = new Set();
              const colour = (i) => data[i] << 16 | data[i + 1] << 8 | data[i + 2];
              for (let i = 0; i < data.length; i += 4) if (data[i + 3]) seen.add(colour(i));
              return seen.size;
            }""")
            assert colours > 2, name
        assert here.locator(".iw-problem").is_hidden(), name


@pytest.mark.parametrize("width", [1180, 720, 380])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_overflows_or_is_cut(gallery: Path, opened: Callable[..., Any], width: int, dark: bool) -> None:
    page = opened(gallery, width=width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate("""() => [...document.querySelectorAll(".widget > div")].flatMap((host) => {
      const right = host.getBoundingClientRect().right + 1;
      const scrolls = (el) => el && (/auto|scroll/.test(getComputedStyle(el).overflowX) || scrolls(el.parentElement));
      return [...host.shadowRoot.querySelectorAll(".iw *")]
        .filter((el) => el.getBoundingClientRect().right > right)
        // A line of context fades out or ends in dots, and is read whole when it is opened.
        .filter((el) => !el.closest(".iw-tokens, .feat-before, .feat-after, .pro-excerpt"))
        .filter((el) => !scrolls(el.parentElement))
        .map((el) => el.className || el.tagName);
    })""")
    assert wide == []
    assert page.locator(".iw-problem:visible").count() == 0
    theme = page.locator(".iw").first.get_attribute("data-theme")
    assert theme == ("dark" if dark else "light")


def test_broken_values_are_named(attention: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(attention)
    here = section(page, "broken")
    expect(here.locator(".iw-value").first).to_have_text("NaN")
    expect(here.locator(".att-legend")).to_contain_text("hatched is not a number")
    expect(here.locator(".iw-chip[data-bad=true]")).to_contain_text("rows sum to 1: found not a number")


def test_pictures_are_saved(attention: Path, opened: Callable[..., Any], tmp_path: Path) -> None:
    page = opened(attention)
    here = section(page, "cell")
    for kind, head in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as got:
            here.get_by_role("button", name=kind).click()
        got.value.save_as(tmp_path / kind)
        data = (tmp_path / kind).read_bytes()
        assert data.startswith(head)
        assert len(data) > 5_000
    assert b"Tom" in (tmp_path / "SVG").read_bytes()


def test_a_page_within_a_budget_says_what_it_left_out(opened: Callable[..., Any], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    view = iw.AttentionView.from_arrays(fixtures.planted(2, 2, 40), [f"w{i}" for i in range(40)], query=7, key=3)
    view.to_html(tmp_path / "page.html", max_bytes=5_000)
    page = opened(tmp_path / "page.html")
    expect(page.locator(".iw-words")).to_contain_text("≈")  # read off the picture, and it says so
    page.get_by_role("group", name="layer").get_by_role("button", name="1").click()
    expect(page.locator(".iw-problem")).to_contain_text("this was not recorded in the page. Open the notebook")


def test_image_patches_are_pinned_in_the_picture(attention: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(attention)
    here = section(page, "patches")
    canvas = here.locator(".iw-patches canvas")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.5 / 7, "y": box["height"] * 1.5 / 7})  # second row, first column
    expect(here.locator(".iw-words")).to_contain_text("query 8 “patch 1,0”")


def test_zoom_shows_fewer_tokens_and_fit_shows_all(attention: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(attention)
    here = section(page, "long")
    canvas = here.locator(".att-matrix canvas:not(.att-map)")
    canvas.scroll_into_view_if_needed()
    words = here.locator(".iw-words")

    def keys() -> int:
        """How many of the 256 keys lie between two points of the picture, as its words tell them."""
        box, seen = canvas.bounding_box(), []
        for share in (0.3, 0.9):
            canvas.hover(position={"x": box["width"] * share, "y": box["height"] * 0.8})
            expect(words).to_contain_text("→ key")
            seen.append(int(words.inner_text().split("→ key ")[1].split()[0]))
            page.mouse.move(0, 0)
            expect(words).not_to_contain_text("→ key")
        return seen[1] - seen[0]

    whole = keys()
    assert 100 < whole < 256
    here.get_by_role("button", name="+", exact=True).click()
    closer = keys()
    assert 1 < closer < 0.8 * whole
    here.get_by_role("button", name="fit").click()
    assert keys() == whole
