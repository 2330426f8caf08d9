"""The view in a real notebook: what is clicked comes back to Python, what Python sets is seen."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLANTED = """
import numpy as np, interpwidgets as iw
pattern = np.tril(np.ones((3, 4, 6, 6))) / np.arange(1, 7)[:, None]
view = iw.AttentionView.from_arrays(pattern, list("abcdef"))
view
"""


def status(page: Any) -> Any:
    """The first view's status line."""
    return page.locator(".iw-words").first


def chosen(page: Any, control: str) -> str:
    """The pressed segment of a control of the first view."""
    return page.locator(".iw-control", has_text=control).first.locator("[aria-pressed=true]").inner_text()


def click_share(canvas: Any, x: float, y: float) -> None:
    """Click at shares of a canvas' width and height."""
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * x, "y": box["height"] * y})


def test_a_click_reaches_python_and_a_trait_reaches_the_page(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("two_way.ipynb", PLANTED)
    page = new_page()
    notebook = lab.open(page, "two_way.ipynb")
    notebook.run_all()
    expect(status(page)).to_contain_text("layer 0 · head 0")

    click_share(page.locator(".att-grid canvas"), 0.75, 0.2)  # the second small picture
    expect(status(page)).to_contain_text("head 1")
    notebook.settles("view.head", 1)

    page.locator(".iw-token[data-i='4']").click()
    notebook.settles("view.query", 4)

    page.mouse.move(0, 0)  # what is under the pointer is shown before what is pinned
    notebook.python("view.layer = 2; view.head = 3; view.query = 5; view.key = 1")
    expect(status(page)).to_contain_text("layer 2 · head 3 · query 5 “f” → key 1 “b” · 0.167")
    assert chosen(page, "layer") == "2"
    assert page.locator(".iw-token[data-pinned]").get_attribute("data-i") == "5"

    page.get_by_role("button", name="all", exact=True).click()
    notebook.settles("view.overview", True)


def test_keys_move_the_pinned_cell(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("keys.ipynb", PLANTED, "view.query, view.key = 3, 1")
    page = new_page()
    notebook = lab.open(page, "keys.ipynb")
    notebook.run_all()
    expect(status(page)).to_contain_text("query 3 “d” → key 1 “b” · 0.250")
    page.locator(".att-matrix canvas:not(.att-map)").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(status(page)).to_contain_text("query 4 “e” → key 2 “c” · 0.200")
    page.keyboard.press("]")
    page.keyboard.press("}")
    expect(status(page)).to_contain_text("layer 1 · head 1")
    notebook.settles("(view.layer, view.head, view.query, view.key)", (1, 1, 4, 2))
    page.keyboard.press("Escape")
    expect(status(page)).not_to_contain_text("query")
    notebook.settles("(view.query, view.key)", (None, None))


def test_two_views_of_one_widget_agree_and_one_may_be_closed(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("twice.ipynb", PLANTED, "view")
    page = new_page(height=1500)
    notebook = lab.open(page, "twice.ipynb")
    notebook.run_all()
    views = page.locator(".iw")
    expect(views).to_have_count(2)
    views.nth(1).locator(".iw-token[data-i='3']").click()
    for i in range(2):
        expect(views.nth(i).locator(".iw-token[data-pinned]")).to_have_attribute("data-i", "3")
    # Clearing one output takes its view away and leaves the other alive.
    notebook.command("notebook:move-cursor-down")
    page.evaluate("""() => {
      const cells = window.jupyterapp.shell.currentWidget.content.widgets;
      cells[1].model.sharedModel.outputs = [];
    }""")
    expect(views).to_have_count(1)
    notebook.python("view.query = 5")
    expect(page.locator(".iw-token[data-pinned]")).to_have_attribute("data-i", "5")


def test_a_rerun_and_a_restart_leave_a_working_view(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("again.ipynb", PLANTED)
    page = new_page()
    notebook = lab.open(page, "again.ipynb")
    notebook.run_all()
    expect(status(page)).to_contain_text("layer 0")
    notebook.run_all()
    expect(page.locator(".iw")).to_have_count(1)
    page.locator(".iw-token[data-i='2']").click()
    notebook.settles("view.query", 2)

    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    notebook.wait_for_kernel()
    notebook.run_all()
    expect(page.locator(".iw")).to_have_count(1)
    page.locator(".iw-token[data-i='1']").click()
    notebook.settles("view.query", 1)


def test_an_error_in_python_is_shown_with_its_fix_and_the_view_lives_on(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    breaking = """
def broken(*_, **__):
    raise iw.ModelError(expected="room", got="<b>none</b>", fix="Close another notebook.")
kept = view._methods["exact"]
view._methods["exact"] = broken
"""
    lab.write("error.ipynb", PLANTED)
    page = new_page()
    notebook = lab.open(page, "error.ipynb")
    notebook.run_all()
    notebook.python(breaking)
    notebook.python("view.layer = 1")
    problem = page.locator(".iw-problem")
    expect(problem).to_contain_text("ModelError: expected room, got <b>none</b>. Close another notebook.")
    assert problem.locator("b").count() == 1  # the type alone is bold: what came from Python is text
    notebook.python("view._methods['exact'] = kept; view.layer = 2")
    expect(problem).to_be_hidden()
    expect(page.locator(".iw-value").first).to_have_text("0.167")


def test_the_host_theme_is_followed(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("theme.ipynb", PLANTED)
    page = new_page()
    notebook = lab.open(page, "theme.ipynb")
    notebook.run_all()
    expect(status(page)).to_contain_text("layer 0")
    root, canvas = page.locator(".iw"), page.locator(".att-matrix canvas:not(.att-map)")

    def brightness(of: str) -> int:
        """Red, green and blue of the view's letters or ground, added up: 765 is white."""
        red, green, blue = re.findall(r"[0-9.]+", root.evaluate("(el, of) => getComputedStyle(el)[of]", of))[:3]
        return int(red) + int(green) + int(blue)

    expect(root).to_have_attribute("data-theme", "light")
    assert brightness("color") < 200 < 650 < brightness("backgroundColor")
    light = canvas.evaluate("(c) => c.toDataURL()")
    drawn = [canvas.element_handle(), light]
    notebook.command("apputils:change-theme", {"theme": "JupyterLab Dark"})
    expect(root).to_have_attribute("data-theme", "dark")
    assert brightness("backgroundColor") < 200 < 550 < brightness("color")
    page.wait_for_function("([c, light]) => c.toDataURL() !== light", arg=drawn)  # in the ramp of the dark theme
    notebook.command("apputils:change-theme", {"theme": "JupyterLab Light"})
    expect(root).to_have_attribute("data-theme", "light")
    page.wait_for_function("([c, light]) => c.toDataURL() === light", arg=drawn)


def test_the_quickstart_runs_and_answers(lab: Any, new_page: Callable[..., Any]) -> None:
    pytest.importorskip("transformers")
    from playwright.sync_api import expect

    shutil.copy(ROOT / "notebooks" / "00_quickstart.ipynb", lab.folder / "00_quickstart.ipynb")
    page = new_page(height=1400)
    notebook = lab.open(page, "00_quickstart.ipynb")
    notebook.run_all()
    expect(status(page)).to_contain_text("layer 3 · head 0")  # the notebook set it after the view was shown
    page.locator(".iw-token[data-i='1']").first.click()
    notebook.settles("view.query", 1)
    click_share(page.locator(".att-grid canvas").first, 0.75, 0.2)
    notebook.settles("view.head", 1)
