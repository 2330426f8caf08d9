"""QuizView: its traits, its answers, and a static page that holds what it needs."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import traitlets

import interpwidgets as iw
from interpwidgets._core.wire import unpack

COUNT = 80


@pytest.fixture(scope="module")
def quiz():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (COUNT, 12, 16, 3), dtype=np.uint8)
    return iw.two_afc(random.normal(size=(COUNT, 3)), images, trials=2, names=["red", "<i>blue</i>", "\ud800"])


@pytest.fixture
def view(quiz):
    return iw.QuizView(quiz)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("trial", 6, "expected a trial from 0 to 5, got 6"),
        ("trial", -1, "expected a trial from 0 to 5, got -1"),
        ("answers", [0, 1], "expected 6 answers, each 0, 1 or None"),
        ("answers", [0, 1, 2, None, None, None], "expected 6 answers, each 0, 1 or None"),
        ("answers", [True] * 6, "expected 6 answers, each 0, 1 or None"),
        ("seconds", [1.0], "expected seconds for 6 trials"),
        ("seconds", [float("nan")] * 6, "expected seconds for 6 trials"),
        ("seconds", [-1] * 6, "expected seconds for 6 trials"),
        ("show", "all", "expected show as one of trial, results"),
        ("feedback", "maybe", "feedback"),
    ],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda quiz, view, name, value: iw.QuizView(quiz, **{name: value}),
        lambda quiz, view, name, value: setattr(view, name, value),
        lambda quiz, view, name, value: view.set_state({name: value}),
    ],
    ids=["made", "set", "sent by the page"],
)
def test_a_trait_that_does_not_fit_is_refused_and_changes_nothing(quiz, view, name, value, said, act):
    with pytest.raises((iw.InputError, traitlets.TraitError), match=re.escape(said)):
        act(quiz, view, name, value)
    assert repr(view) == repr(iw.QuizView(quiz))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda quiz: iw.QuizView([1, 2]), "expected a Quiz, got list"),
        (lambda quiz: iw.QuizView(quiz, trail=2), "Did you mean 'trial'"),
        (lambda quiz: iw.QuizView(quiz, machine=3), "a machine's result of this quiz"),
    ],
)
def test_wrong_input_says_what_to_do(quiz, call, said):
    with pytest.raises(iw.InputError, match=re.escape(said)):
        call(quiz)


def shown(view, row):
    """The image that the page draws for a row of `quiz`."""
    start = row - row % view._view["block"]
    return unpack(view._methods["images"](start=start)["pixels"])[row - start]


def test_the_page_gets_the_images_of_its_trials_and_what_is_right(quiz, view):
    sent = view._methods["quiz"]()
    for name, rows in (("strong", quiz.strong), ("weak", quiz.weak), ("queries", quiz.queries)):
        arrived = unpack(sent[name])
        assert arrived.shape == rows.shape
        for mine, theirs in zip(arrived.ravel()[::7], rows.ravel()[::7], strict=True):
            np.testing.assert_array_equal(shown(view, mine), quiz.images[theirs])
            assert unpack(sent["indices"])[mine] == quiz.indices[theirs]
    np.testing.assert_array_equal(unpack(sent["answers"]), quiz.answers)
    np.testing.assert_array_equal(unpack(sent["machine"]), iw.machine_observer(quiz).choices)
    np.testing.assert_allclose(unpack(sent["values"]), quiz.query_values, rtol=1e-6)
    assert iw.QuizView(quiz, machine=False)._methods["quiz"]()["machine"] is None
    json.dumps(view._view, allow_nan=False)
    assert view._view["names"][2] == "\ufffd"  # half of a surrogate pair cannot travel


def test_the_first_blocks_hold_the_first_trials(quiz, view):
    first = unpack(view._methods["quiz"]()["queries"])[0]
    assert first.tolist() == [0, 1]
    start = {entry["params"].get("start") for entry in view._answers if entry["method"] == "images"}
    assert 0 in start
    with pytest.raises(iw.InputError, match="a block from 0"):
        view._methods["images"](start=10_000)


def test_large_images_travel_a_few_at_a_time():
    images = np.zeros((30, 400, 400, 3), np.uint8)
    quiz = iw.two_afc(np.arange(30.0)[:, None], images, thumbnail=400)
    view = iw.QuizView(quiz)
    assert view._view["block"] == 4
    assert sum(method == "images" for method, _ in view.recordable()) >= 5


def test_the_result_follows_the_answers(quiz, view):
    assert view.result.count == 0
    view.answers = [int(quiz.answers[0]), 1 - int(quiz.answers[1]), None, None, None, None]
    view.seconds = [2.0, 3.5, None, None, None, None]
    view.reader = "Ada"
    found = view.result
    assert (found.count, int(found.correct.sum())) == (2, 1)
    assert found.readers[0] == "Ada"
    assert found.seconds[1] == 3.5
    assert view.machine.readers[0] == "machine"


def test_the_static_page_holds_every_trial(quiz, view):
    item = view.static_item()
    starts = {e["params"]["start"] for e in item.state["_answers"] if e["method"] == "images"}
    assert starts == set(range(0, view._view["images"], view._view["block"]))
    html = view.to_html()
    assert "<i>blue</i>" not in html
