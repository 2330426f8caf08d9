"""FeatureView in a real page: exact numbers, pins, search, long texts, and another text typed and run."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from tests.browser.fixtures import MARY
from tests.browser.fixtures_feature_values import LABELS, long_text, planted, views
from tests.browser.test_jupyterlab import status
from tests.browser.test_token_page import HOSTILE

LEFT = 252  # pixels from the left of a box: inside the first columns


@pytest.fixture
def open_features(open_view: Callable[..., Any]) -> Callable[..., Any]:
    """A saved FeatureView, its rows drawn."""

    def open_it(view: iw.FeatureView, **options: Any) -> Any:
        page = open_view(view, **options)
        page.wait_for_selector(".iw-row .fea-error")
        return page

    return open_it


def box(page: Any, name: str) -> Any:
    return page.get_by_role("listbox", name=name, exact=True)


def row(page: Any, feature: int, name: str = "Features") -> Any:
    return box(page, name).locator(".iw-row", has=page.get_by_text(str(feature), exact=True)).first


def shown(value: float) -> str:
    """As the page writes all digits of a number."""
    return f"{float(f'{float(value):.9g}'):g}" if value == int(value) else repr(float(f"{float(value):.9g}"))


def features(page: Any, name: str = "Features") -> list[int]:
    return [int(text) for text in box(page, name).locator(".iw-row .iw-index").all_inner_texts()]


def test_the_list_is_in_order_and_hover_shows_exact_values(open_features: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(MARY)
    page = open_features(iw.FeatureView(record))
    assert features(page)[:12] == list(record.ranked("max")[:12])
    expect(page.locator(".iw-chip").first).to_have_text("shares of features and error sum to 1 ✓")

    feature = int(record.ranked("max")[2])
    place = box(page, "Features").bounding_box()
    page.mouse.move(place["x"] + 100, place["y"] + 2 * 24 + 12)
    expect(status(page)).to_contain_text(f"feature {feature}")
    for i in (0, 5, 13):
        page.locator(f".iw-token[data-i='{i}']").hover()
        expect(status(page)).to_contain_text(f"{i} “{MARY.texts[i]}”")
        expect(status(page)).to_contain_text(f"error {shown(record.unexplained[i])}")
    first = int(record.ranked("max")[0])
    at = int(record.feature(first).argmax())
    page.locator(f".iw-token[data-i='{at}']").hover()
    expect(status(page)).to_contain_text(f"fires {shown(record.feature(first)[at])}")
    page.mouse.move(5, 5)
    expect(status(page)).to_contain_text("last token 13")


def test_orders_change_the_list(open_features: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(MARY)
    page = open_features(iw.FeatureView(record))
    for order in ("share", "tokens", "mean"):
        page.get_by_role("button", name=order, exact=True).click()
        first = int(record.ranked(order)[0])
        expect(box(page, "Features").locator(".iw-row .iw-index").first).to_have_text(str(first))
        assert features(page)[:8] == list(record.ranked(order)[:8])
    page.locator(".iw-tokens").focus()
    page.keyboard.press("]")
    expect(page.get_by_role("button", name="tokens", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_click_pins_and_selects_and_a_second_lets_go(open_features: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(MARY)
    page = open_features(iw.FeatureView(record))
    first, second = (int(f) for f in record.ranked("max")[[1, 3]])
    row(page, first).click(position={"x": 60, "y": 12})
    row(page, second).click(position={"x": 60, "y": 12})
    assert features(page, "Pinned features") == [first, second]
    expect(row(page, second)).to_have_attribute("aria-selected", "true")
    page.mouse.move(5, 5)
    expect(page.locator(".iw-note", has_text=f"The text by feature {second}")).to_be_visible()
    row(page, second, "Pinned features").click(position={"x": 60, "y": 12})
    assert features(page, "Pinned features") == [first]
    expect(row(page, second)).to_have_attribute("aria-selected", "false")
    row(page, first, "Pinned features").locator(".fea-pin").click()
    expect(box(page, "Pinned features")).to_be_hidden()


def test_keys_move_the_token_and_the_feature(open_features: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(MARY)
    page = open_features(iw.FeatureView(record, position=4))
    ranked = record.ranked("max")
    page.locator(".iw-tokens").focus()
    page.keyboard.press("ArrowRight")
    expect(status(page)).to_contain_text("5 “to”")
    page.keyboard.press("Home")
    expect(status(page)).to_contain_text("0 “<s>”")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(status(page)).to_contain_text(f"feature {ranked[1]}")
    page.keyboard.press("p")
    assert features(page, "Pinned features") == [int(ranked[1])]
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    expect(status(page)).to_contain_text(f"feature {ranked[21]}")
    expect(row(page, int(ranked[21]))).to_have_attribute("aria-selected", "true")  # it was scrolled to
    page.keyboard.press("Escape")
    expect(status(page)).to_contain_text("last token")
    expect(box(page, "Pinned features")).to_be_visible()
    page.keyboard.press("Escape")
    expect(box(page, "Pinned features")).to_be_hidden()


def test_the_side_explains_the_token_and_adds_up(open_features: Callable[..., Any]) -> None:
    record = planted(MARY)
    page = open_features(iw.FeatureView(record, position=9))
    side = page.locator(".fea-side")
    assert side.locator(".iw-note").first.inner_text() == "Locked: what explains 9 “Tom”"
    want = record.explain(9)
    assert [int(t) for t in side.locator(".iw-name .iw-index").all_inner_texts()] == [f for f, *_ in want]
    titles = side.locator(".fea-bars .iw-value").evaluate_all("els => els.map(el => el.title)")
    numbers = [float(t) for t in titles]
    np.testing.assert_allclose(numbers[0:-1:2], [value for _, value, _, _ in want], rtol=1e-8)
    np.testing.assert_allclose(numbers[1:-1:2], [share for _, _, share, _ in want], rtol=1e-8)
    assert math.isclose(numbers[-1], record.error_shares[9], rel_tol=1e-8)
    assert side.locator(".fea-sum").inner_text().endswith("= 1")
    tracks = side.locator(".fea-bars .iw-bar").evaluate_all("els => els.map(el => parseFloat(el.style.width))")
    sizes = np.abs([share for _, _, share, _ in want] + [float(record.error_shares[9])])
    np.testing.assert_allclose(np.array(tracks) / max(tracks), sizes / sizes.max(), atol=2e-3)


def test_a_search_finds_labels_without_python(open_features: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(MARY)
    page = open_features(iw.FeatureView(record))
    field = page.get_by_label("Find a feature")
    field.fill("SENTENCE")
    expect(page.locator(".fea-find span")).to_have_text("1 found")
    assert features(page) == [11]
    field.press("Enter")
    expect(status(page)).to_contain_text(f"feature 11 “{LABELS[11]}”")
    field.fill("3")
    expect(page.locator(".fea-find span")).to_have_text(f"{len(record.ranked(find='3'))} found")
    assert features(page) == list(record.ranked("max", find="3"))
    field.fill("no such words")
    expect(page.locator(".fea-find span")).to_have_text("not found")
    field.press("Escape")
    assert features(page)[0] == record.ranked()[0]


def test_the_heat_is_where_a_feature_fires(open_features: Callable[..., Any]) -> None:
    """Pixels of the canvas: coloured where the codes are above 0, transparent elsewhere, the error below."""
    record = planted(MARY)
    page = open_features(iw.FeatureView(record))
    read = """([canvas, n, row]) => {
      const root = document.querySelector('.widget').firstElementChild.shadowRoot;
      const el = root.querySelectorAll('.fea-heat canvas')[canvas];
      const ratio = el.width / parseFloat(el.style.width), cell = Math.min(44, parseFloat(el.style.width) / n);
      return Array.from({length: n}, (_, i) =>
        el.getContext('2d').getImageData((i + 0.5) * cell * ratio, (row * 24 + 12) * ratio, 1, 1).data[3]);
    }"""
    for at, feature in enumerate(record.ranked()[:6]):
        alpha = page.evaluate(read, [1, len(MARY), at])
        assert [a > 0 for a in alpha] == list(record.feature(int(feature)) > 0)
    assert all(a > 0 for a in page.evaluate(read, [2, len(MARY), 0]))


def test_broken_activations_are_said(open_features: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_features(iw.FeatureView(planted(MARY, broken=(3, 8)), position=8))
    expect(status(page)).to_contain_text("its activation is not finite")
    expect(page.locator(".fea-facts")).to_contain_text("not a finite number")
    expect(page.locator(".fea-legends")).to_contain_text("2 not a number")
    assert "repeating-linear-gradient" in page.locator(".iw-token[data-i='3']").evaluate("el => el.style.background")


def test_two_thousand_tokens_scroll_and_zoom(open_features: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = planted(long_text(2000), n_features=300)
    page = open_features(iw.FeatureView(record, position=1234), width=1180)
    assert page.locator(".iw-token").count() < 400
    words = page.locator(".fea-zoom span")
    expect(words).to_contain_text("of 2000")
    first, last = (int(w) for w in words.inner_text().split() if w.isdigit() and w != "2000")
    assert first <= 1234 <= last
    page.get_by_title("Wider columns").click()
    expect(words).not_to_contain_text(f"tokens {first} to {last}")
    for _ in range(6):
        page.get_by_title("Narrower columns").click()
    expect(words).to_have_text("")  # the whole text is in the window
    page.locator(".fea-side").hover()
    page.locator(".iw-tokens").focus()
    page.keyboard.press("ArrowRight")
    expect(status(page)).to_contain_text("1235")
    value = record.unexplained[1235]
    expect(status(page)).to_contain_text(f"error {shown(value)}")


def test_text_and_labels_stay_text(open_features: Callable[..., Any]) -> None:
    record = planted(iw.Tokens(tuple(HOSTILE)), labels=dict(enumerate(HOSTILE)), n_features=8, active=4)
    page = open_features(iw.FeatureView(record, pinned=[0, 1], feature=2))
    assert page.locator("img, b b, .iw-body script").count() == 0
    assert HOSTILE[0] in page.locator(".iw-tokens").inner_text()


def test_it_is_saved_as_a_picture(open_features: Callable[..., Any], tmp_path: Path) -> None:
    record = planted(MARY)
    page = open_features(iw.FeatureView(record, pinned=[11], position=9))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="SVG").click()
    waiting.value.save_as(tmp_path / "view.svg")
    text = (tmp_path / "view.svg").read_text("utf8")
    for word in ("Features", "end of a sentence", "error", "of the squared length", *MARY.texts[1:5]):
        assert word in text
    with page.expect_download() as waiting:
        page.get_by_role("button", name="PNG").click()
    waiting.value.save_as(tmp_path / "view.png")
    assert (tmp_path / "view.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("name", views())
@pytest.mark.parametrize(("width", "dark"), [(1180, False), (380, True)])
def test_every_hard_state_fits_its_cell(name: str, width: int, dark: bool, open_features: Callable[..., Any]) -> None:
    _, view = views()[name]
    page = open_features(view, width=width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".iw-problem").is_hidden()


def test_a_static_page_says_what_needs_python(open_features: Callable[..., Any]) -> None:
    page = open_features(iw.FeatureView(planted(MARY)))
    assert page.get_by_text("Typing another text needs Python: open the notebook.").is_visible()
    assert page.get_by_label("Text to run").is_hidden()


START = """
import torch, interpwidgets as iw
from interpwidgets.dictionaries import SparseAutoencoder, TopK
lm = iw.load("storyworld")
weights = torch.randn(300, 128, generator=torch.Generator().manual_seed(0))
sae = SparseAutoencoder(weights, weights / 128, activation=TopK(12), site_in="resid_post.2", labels={7: "seven"})
trace = lm.trace("Mary and Tom went to the park. Tom gave the ball to")
view = iw.FeatureView(trace, sae)
attention = iw.AttentionView(trace)
view
"""


def test_another_text_is_typed_and_run(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("features.ipynb", START)
    page = new_page(width=1400)
    notebook = lab.open(page, "features.ipynb")
    notebook.run_all()
    expect(status(page)).to_contain_text("last token 13 “to”")
    expect(page.locator(".iw-chip").first).to_contain_text("✓")

    field = page.get_by_label("Text to run")
    field.fill("Lily was sad.")
    field.press("Enter")
    expect(status(page)).to_contain_text("last token 4 “.”")
    notebook.settles("view.text", "Lily was sad.")
    want = notebook.python("print(float(iw.feature_values(lm.trace('Lily was sad.'), sae).unexplained[-1]))")
    expect(status(page)).to_contain_text(f"error {shown(float(want))}")

    field.fill("park " * 3000)
    field.press("Enter")
    expect(page.locator(".iw-problem")).to_contain_text("InputError")
    notebook.settles("view.text", "Lily was sad.")
    field.press("Escape")
    expect(field).to_have_value("Lily was sad.")

    box(page, "Features").locator(".iw-row").nth(2).click(position={"x": 60, "y": 12})
    chosen = features(page, "Pinned features")
    notebook.settles("(view.feature, view.pinned)", (chosen[0], chosen))
    page.locator(".iw-token[data-i='2']").click()
    notebook.settles("view.position", 2)
    notebook.python("view.pinned = []; view.feature = 7; view.order = 'share'")
    expect(status(page)).to_contain_text("feature 7 “seven”")
    page.get_by_label("Find a feature").fill("seven")
    expect(page.locator(".fea-find span")).to_contain_text("found")
    notebook.python("view.text = 'Tom ran home.'")
    expect(field).to_have_value("Tom ran home.")
