"""The page of QuizView in a real browser: a whole quiz with no kernel, and live with one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from interpwidgets.records.quiz_result import wilson
from tests.browser.fixtures_quiz import quiz, started, views
from tests.browser.gallery import write
from tests.browser.live_host import LivePage

READY = ".quiz-strip button"


@pytest.fixture
def open_quiz(new_page: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """A view as a saved page, the network cut off."""

    def open_it(view: iw.QuizView, **options: Any) -> Any:
        page = new_page(offline=True, **options)
        view.to_html(tmp_path / "quiz.html")
        page.goto((tmp_path / "quiz.html").as_uri())
        page.wait_for_selector(READY)
        return page

    return open_it


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quiz") / "quiz.html"
    write(path, views())
    return path


def answer(page: Any, choice: int) -> None:
    page.locator(".quiz-query").nth(choice).click()


def test_a_whole_quiz_without_a_kernel(open_quiz: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = quiz(2)
    page = open_quiz(iw.QuizView(record), width=1180)
    expect(page.locator(".quiz-place")).to_have_text("trial 1 of 6")
    right = record.answers.tolist()
    choices = [right[0], 1 - right[1], right[2], right[3], 1 - right[4], right[5]]

    answer(page, choices[0])
    expect(page.locator(".quiz-said")).to_have_text(f"Right: image {right[0] + 1} activates it.")
    expect(page.locator(f".quiz-query >> nth={right[0]}")).to_have_attribute("data-verdict", "right")
    page.locator(".quiz-query").nth(1 - choices[0]).dispatch_event("click")  # told is told: it stays
    expect(page.locator(".quiz-of").first).to_have_text("1 of 1")
    page.keyboard.press("Enter")
    expect(page.locator(".quiz-place")).to_have_text("trial 2 of 6")

    for t, key in ((1, "12"), (2, ["ArrowLeft", "ArrowRight"]), (3, "12")):
        page.keyboard.press(key[choices[t]])
        verdict = "Right" if choices[t] == right[t] else "Wrong"
        expect(page.locator(".quiz-said")).to_contain_text(verdict)
        page.keyboard.press("Enter")
    low, high = wilson(3, 4)
    expect(page.locator(".iw-words")).to_have_text(f"3 of 4 right · 0.750, 95 % interval {low:.2f} to {high:.2f}")
    bar = page.locator(".quiz-rows .quiz-track i").first
    assert float(bar.evaluate("el => parseFloat(el.style.left)")) == pytest.approx(100 * low, abs=0.01)

    page.locator(".quiz-strip button").nth(5).click()
    answer(page, choices[5])
    page.locator(".quiz-next").click()  # back to the one that was left out
    expect(page.locator(".quiz-place")).to_have_text("trial 5 of 6")
    answer(page, choices[4])
    expect(page.locator(".quiz-next")).to_have_text("Results")
    page.locator(".quiz-next").click()
    expect(page.locator(".quiz-table tbody tr")).to_have_count(3)

    page.get_by_label("Who answers").fill("Ada <b>")
    page.get_by_label("Who answers").press("Tab")
    page.get_by_role("button", name="Copy answers").click()
    text = page.get_by_label("Answers", exact=True).input_value()
    found = iw.QuizResult.from_json(text)
    expected = record.result(choices, seconds=found.seconds.tolist(), reader="Ada <b>")
    for field in ("units", "choices", "answers"):
        np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))
    assert found.names == expected.names
    assert found.readers == expected.readers
    assert np.isfinite(found.seconds).all()
    cells = page.locator(".quiz-table tbody tr")
    for i, row in enumerate(sorted(expected.table(), key=lambda r: expected.names.index(r["unit"]))):
        expect(cells.nth(i)).to_contain_text(row["unit"])
        expect(cells.nth(i)).to_contain_text(f"{row['correct']}/{row['count']}")
    # Several readers, each from a page of their own.
    assert iw.QuizResult.join([found, record.result(right, reader="Bob")]).count == 12

    page.get_by_role("button", name="Start again").click()
    expect(page.locator(".quiz-of").first).to_have_text("not started")
    expect(page.locator(".quiz-place")).to_have_text("trial 1 of 6")


def test_without_feedback_nothing_is_told_before_the_end(open_quiz: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = quiz(1)
    page = open_quiz(iw.QuizView(record, feedback=False))
    page.locator(".quiz-main").focus()
    page.keyboard.press("1")  # goes on by itself
    expect(page.locator(".quiz-place")).to_have_text("trial 2 of 3")
    expect(page.locator(".quiz-of").first).to_have_text("1 answered")
    assert (
        page.locator("[data-verdict=right], [data-verdict=wrong], [data-state=right], [data-state=wrong]").count() == 0
    )
    page.keyboard.press("[")
    expect(page.locator(".quiz-query").first).to_have_attribute("data-verdict", "chosen")
    page.keyboard.press("2")  # an answer may be changed
    expect(page.locator(".quiz-place")).to_have_text("trial 2 of 3")
    page.keyboard.press("2")
    page.keyboard.press("2")
    expect(page.locator(".quiz-table")).to_be_visible()
    right = sum(int(a == 1) for a in record.answers)
    expect(page.locator(".quiz-of").first).to_have_text(f"{right} of 3")
    page.keyboard.press("Escape")
    expect(page.locator(".quiz-trial")).to_be_visible()


def test_the_pictures_are_the_images_of_the_record(open_quiz: Callable[..., Any]) -> None:
    record = quiz(1)
    page = open_quiz(iw.QuizView(record), width=1180)
    for i in (0, 1):
        image = record.images[record.queries[0, i]].astype(float)
        got = (
            page.locator(".quiz-query canvas")
            .nth(i)
            .evaluate(
                """(el) => {
              const d = el.getContext("2d").getImageData(0, 0, el.width, el.height).data;
              let sum = [0, 0, 0];
              for (let p = 0; p < d.length; p += 4) for (let k = 0; k < 3; k++) sum[k] += d[p + k];
              return sum.map((v) => v / (d.length / 4));
            }"""
            )
        )
        np.testing.assert_allclose(got, image.mean((0, 1)), atol=2)


def test_hovering_an_exemplar_names_it(open_quiz: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = quiz(1)
    page = open_quiz(iw.QuizView(record), width=1180)
    canvas = page.locator(".quiz-side canvas").last
    canvas.hover(position={"x": 10, "y": 10})
    first = record.indices[record.strong[0, 0]]
    expect(page.locator(".iw-words")).to_have_text(f"strongly active, number 1 · image {first}")
    page.mouse.move(2, 2)
    expect(page.locator(".iw-words")).to_have_text("0 of 3 answered")


@pytest.mark.parametrize("width", [380, 720, 1180])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_overflows_and_names_are_text(
    new_page: Callable[..., Any], gallery: Path, width: int, dark: bool
) -> None:
    page = new_page(offline=True, width=width, dark=dark)
    page.goto(gallery.as_uri())
    page.wait_for_function(f"document.querySelectorAll('.widget').length === {len(views())}")
    page.locator(READY).last.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert page.locator(".quiz-question b *").count() == 0
    for box in page.locator(".quiz-query, .quiz-side canvas").evaluate_all(
        "all => all.map((el) => el.getBoundingClientRect()).map(({ left, right }) => [left, right])"
    ):
        assert box[0] >= 0
        assert box[1] <= width


def test_the_picture_is_saved(open_quiz: Callable[..., Any], tmp_path: Path) -> None:
    record = quiz(1)
    page = open_quiz(iw.QuizView(record, **started(record, (), 1)), width=1180)
    with page.expect_download() as made:
        page.get_by_role("button", name="SVG").click()
    made.value.save_as(tmp_path / "quiz.svg")
    text = (tmp_path / "quiz.svg").read_text("utf8")
    assert text.count("<image") == 20
    assert "strongly active" in text


def test_live_answers_reach_python_and_come_from_it(new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    record = quiz(2)
    view = iw.QuizView(record)
    live = LivePage(new_page(), view)
    page = live.page
    page.wait_for_selector(READY)
    answer(page, 1)
    expect(page.locator(".quiz-of").first).to_contain_text("of 1")
    assert view.answers[0] == 1
    assert view.seconds[0] > 0
    assert view.result.count == 1
    assert live.asked == [] or {method for method, *_ in live.asked} == {"images"}
    view.trial, view.reader = 4, "Bob"
    view.answers = [int(a) for a in record.answers]
    live.push()
    expect(page.locator(".quiz-place")).to_have_text("trial 5 of 6")
    expect(page.locator(".quiz-of").first).to_have_text("6 of 6")
    expect(page.locator(".quiz-who").first).to_have_text("Bob")
    assert json.loads(view.result.to_json())["readers"][0] == "Bob"


NOTEBOOK = """
import numpy as np
import interpwidgets as iw
random = np.random.default_rng(0)
images = random.integers(0, 256, (60, 16, 16, 3), dtype=np.uint8)
view = iw.QuizView(iw.two_afc(random.normal(size=(60, 2)), images, trials=2))
view
"""


def test_in_jupyterlab_an_answer_reaches_python_with_its_time(lab: Any, new_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    lab.write("quiz.ipynb", NOTEBOOK)
    page = new_page(width=1400)
    notebook = lab.open(page, "quiz.ipynb")
    notebook.run_all()
    answer(page, 0)
    notebook.settles("view.answers", [0, None, None, None])
    notebook.settles("(view.seconds[0] > 0, view.result.count)", (True, 1))
    notebook.python("view.trial = 3")
    expect(page.locator(".quiz-place")).to_have_text("trial 4 of 4")
    notebook.python("view.feedback = False; view.answers = [0, 1, 0, None]")
    expect(page.locator(".quiz-of").first).to_have_text("3 answered")
