"""A rule typed into FeatureBrowser, in a real browser with Python answering."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import interpwidgets as iw
from interpwidgets.dictionaries import SparseAutoencoder
from interpwidgets.worlds import storyworld
from tests.browser.live_host import LivePage


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> iw.FeatureBrowser:
    """One feature that reads the stream at a full stop, and its opposite."""
    lm = iw.load("storyworld")
    stop = lm.trace("Mary went home.")["resid_pre.0"][-1]
    directions = torch.stack([stop, -stop]) / stop.norm()
    sae = SparseAutoencoder(
        directions, directions, encoder_bias=-stop.norm() / 2 * torch.ones(2), site_in="resid_pre.0"
    )
    texts = [story.text for story in storyworld.generate(4, seed=3)]
    index = iw.build_index(lm, sae, texts[:2], tmp_path_factory.mktemp("i"), progress=False)
    return iw.FeatureBrowser(index, lm=lm, dictionary=sae, held_out=texts[2:], feature=0)


def test_a_typed_rule_is_tested_and_shown(view: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    live = LivePage(new_page(width=1180, height=1100), view)
    box = live.page.locator(".feat-rule-form input")
    box.fill(".")
    box.press("Enter")
    found = live.page.locator(".feat-rule-found")
    expect(found.locator("dd")).to_have_count(4, timeout=60_000)
    params = next(params for method, params, _ in live.asked if method == "rule")
    assert params == {"feature": 0, "rule": "."}
    said = view._rule(**params)
    named = said["hits"] + said["false_alarms"]
    title = found.locator("dd").first.get_attribute("title")
    assert title.endswith(f": {said['hits']} of {named} tokens that the rule names")
    assert float(title.split(":")[0]) == pytest.approx(said["precision"], rel=1e-8)
    bars = found.locator(".feat-rule-bars > .feat-number")
    assert bars.count() == 3
    shown = [float(title.removesuffix(" nats")) for title in bars.evaluate_all("all => all.map((el) => el.title)")]
    assert shown == pytest.approx([value for way, value in said["added"] if way != "zero"], rel=1e-8)
    assert found.locator(".feat-rule-off").count() == 3
    # What is no rule says why, and takes the numbers of the rule before away.
    box.fill("<b>elephantine</b>")
    box.press("Enter")
    expect(live.page.locator(".feat-rule-said")).to_contain_text("'<b>elephantine</b>'", timeout=60_000)
    assert found.locator("dd").count() == 0
    assert live.page.locator(".feat-rule b").count() == 0
    box.press("Escape")
    expect(box).to_have_value("")


def test_a_saved_page_says_that_rules_need_python(view: Any, tmp_path: Path, opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    path = tmp_path / "page.html"
    view.to_html(path)
    page = opened(path, width=380)
    expect(page.locator(".feat-rule-said")).to_have_text("Testing a rule runs the model: open the notebook.")
    expect(page.locator(".feat-rule-form input")).to_be_hidden()
