"""NeuronView's saved page in a real browser: no network, still interactive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import interpwidgets as iw
from tests.browser import fixtures_neurons
from tests.browser.gallery import section, write

WORDS = [f" {word}" for word in fixtures_neurons.WORDS]


def test_a_hundred_thousand_neurons_scroll_in_a_list_of_constant_size(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = fixtures_neurons.record([25_000] * 4, WORDS[:12])
    view = iw.NeuronView(record, sort="layer", layer=0, neuron=0)
    page = open_view(view, max_bytes=20_000_000)
    rows, seen = page.locator(".iw-row"), page.locator(".iw-rows")
    expect(rows.first).to_contain_text("0.0")
    few = rows.count()
    assert few < 40
    seen.evaluate("(el) => { el.scrollTop = el.scrollHeight }")
    expect(page.locator(".iw-row[data-row='99999']")).to_contain_text("3.24999")
    assert rows.count() < 40
    seen.evaluate("(el) => { el.scrollTop = 500 * 24 }")
    expect(page.locator(".iw-row[data-row='505']")).to_contain_text("0.505")


def test_a_row_opens_its_neuron_and_arrows_walk_the_list(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = fixtures_neurons.record([64, 64], WORDS)
    page = open_view(iw.NeuronView(record))
    words = page.locator(".iw-words")
    order = [record.place(int(i)) for i in record.order("z")]
    page.locator(".iw-row[data-row='2']").click()
    expect(words).to_contain_text(f"layer {order[2][0]} · neuron {order[2][1]} ·")
    expect(page.locator(".iw-row[aria-selected=true]")).to_have_attribute("data-row", "2")
    page.keyboard.press("ArrowDown")
    expect(words).to_contain_text(f"layer {order[3][0]} · neuron {order[3][1]} ·")
    page.keyboard.press("Shift+ArrowDown")
    expect(words).to_contain_text(f"layer {order[13][0]} · neuron {order[13][1]} ·")
    # The name and the bars are those of the record, strongest first.
    layer, neuron = order[13]
    number = record.number(layer, neuron)
    top = record.texts[int(record.side("writes").top_ids[number, 0])].strip()
    expect(page.locator(".neu-sides .iw-parts").first.locator("button").first).to_have_text(top)
    page.get_by_role("group", name="list by what it").get_by_role("button", name="reads").click()
    best = record.place(int(record.order("z", "reads")[0]))
    expect(page.locator(".iw-row[data-row='0']")).to_contain_text(f"{best[0]}.{best[1]}")


def test_without_a_text_it_says_how_to_clamp(open_view: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_view(iw.NeuronView(fixtures_neurons.record([20], WORDS)))
    expect(page.locator(".neu-clamp")).to_contain_text("pass a text, NeuronView(record, lm.trace(text))")


def test_broken_and_hostile_states_are_text(opened: Callable[..., Any], tmp_path: Path) -> None:
    write(tmp_path / "all.html", fixtures_neurons.views())
    page = opened(tmp_path / "all.html")
    hard = section(page, "neurons-hard")
    assert "<b>bold</b>" in hard.locator(".neu").inner_text()
    dead = section(page, "neurons-dead")
    assert "NaN" in dead.locator(".iw-parts .iw-value").all_inner_texts()
    assert "0" in dead.locator(".iw-parts .iw-value").all_inner_texts()
