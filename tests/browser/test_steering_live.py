"""SteeringPanel in a real notebook: a slider dragged, a text streamed, Python and page in step, the model untouched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser.test_jupyterlab import status

START = """
import torch, interpwidgets as iw
lm = iw.load("storyworld")
sae = iw.load_dictionary("storyworld/resid_post.2")
plain = lm.trace("Mary was in the park. Mary was").logits
happy = iw.targets.difference(
    lm, "resid_post.2", ["Tom was happy. Tom smiled"], ["Tom was sad. Tom cried"], name="happy minus sad")
panel = iw.SteeringPanel(lm, "Mary was in the park. Mary was", [happy, sae], words=["so", "ill"], max_new_tokens=12)
panel
"""


def test_a_slider_is_dragged_and_what_it_does_is_the_models_own(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("steering.ipynb", START)
    page = new_page(width=1500, height=1200)
    notebook = lab.open(page, "steering.ipynb")
    notebook.run_all()
    expect(status(page)).to_contain_text("nothing steers: the model as it is")
    expect(page.locator(".st-text-name").first).to_contain_text("perplexity", timeout=60_000)

    box = page.locator(".st-slider").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 40, steps=30)
    page.mouse.up()
    expect(status(page)).to_contain_text("happy minus sad add")
    expect(status(page)).not_to_contain_text("interpolated")
    # While the hand moves, strengths on the way arrive too: only the last one is what the page ends with.
    last = float(page.locator(".st-dose input").first.input_value())
    assert last > 1
    notebook.settles(f"abs(panel.strengths['happy minus sad'] - {last}) < 1e-3", True)

    # What the page shows is what the same edit does in plain code.
    told = notebook.python(
        "with lm.edit(panel.record()):\n"
        "    p = torch.softmax(lm.trace(panel.prompt).logits[-1].double(), -1)[lm.vocabulary.id('so')]\n"
        "print(f'{p:#.3g}')"
    )
    expect(page.locator(".st-word").first).to_contain_text(f"→ {told}")
    expect(page.locator(".st-text-name").nth(1)).to_contain_text("perplexity", timeout=60_000)
    text = notebook.python("print(panel.text.strip())")
    shown = page.locator(".st-text").nth(1).inner_text()
    assert " ".join(shown.split()) == " ".join(text.split())

    notebook.python("panel.strengths = {'happy minus sad': 0}")
    expect(status(page)).to_contain_text("nothing steers")
    notebook.python("panel.limit = 0.02; panel.strengths = {'happy minus sad': 4.0}")
    expect(page.locator(".st-gauge")).to_contain_text("of 0.0200 nats per token")
    notebook.settles("0 < panel.strengths['happy minus sad'] < 4", True)

    page.get_by_label("Add a target").fill("head 1.2")
    page.get_by_label("Add a target").press("Enter")
    notebook.settles("'head 1.2' in panel.strengths", True)
    expect(page.get_by_label("Strength of head 1.2", exact=True)).to_have_attribute("aria-valuetext", "1.00, neutral")

    notebook.python("panel.close()")
    notebook.settles("torch.equal(lm.trace('Mary was in the park. Mary was').logits, plain)", True)
    notebook.settles("any(m._forward_hooks or m._forward_pre_hooks for m in lm.model.modules())", False)
