"""DenoisingView: its traits, and the numbers it gives the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from interpwidgets._core.wire import unpack
from tests.browser.fixtures_denoising import planted, views


def test_it_starts_at_the_end_and_takes_steps_and_positions() -> None:
    view = iw.DenoisingView(planted(features=3))
    assert (view.step, view.position, view.feature, view.show) == (10, None, 7, "filled")
    view.step = -11
    view.position = -1
    assert (view.step, view.position) == (0, 11)
    view.feature, view.show = 21, "feature"
    view.feature = None
    assert view.feature is None


@pytest.mark.parametrize(
    ("trait", "value", "says"),
    [
        ("step", 11, "a step from 0 to 10"),
        ("position", 12, "a position from 0 to 11"),
        ("feature", 8, "whose values were kept"),
        ("show", "colour", "show to be one of"),
    ],
)
def test_wrong_values_are_refused_and_change_nothing(trait: str, value: Any, says: str) -> None:
    view = iw.DenoisingView(planted(features=3), step=4)
    before = getattr(view, trait)
    with pytest.raises(iw.InputError, match=says):
        setattr(view, trait, value)
    assert getattr(view, trait) == before
    with pytest.raises(iw.InputError, match=says):
        iw.DenoisingView(planted(features=3), **{trait: value})


def test_wrong_sources_and_keywords_are_refused() -> None:
    with pytest.raises(iw.InputError, match=r"denoising\(lm, text\)"):
        iw.DenoisingView("text")  # type: ignore[arg-type]
    with pytest.raises(iw.InputError, match="'step'"):
        iw.DenoisingView(planted(), stpe=3)
    with pytest.raises(iw.InputError, match="dictionary="):
        iw.DenoisingView(planted(), show="feature")


def test_the_page_gets_the_records_own_numbers() -> None:
    record = planted(features=3)
    view = iw.DenoisingView(record)
    numbers, values, guesses = view._numbers(), view._values(), view._guesses(0)
    np.testing.assert_array_equal(unpack(numbers["probability"]), record.probability)
    np.testing.assert_array_equal(unpack(numbers["entropy"]), record.entropy)
    assert record.values is not None
    np.testing.assert_array_equal(unpack(values["values"]), record.values.transpose(2, 0, 1))
    places = np.argwhere(record.open[:-1])
    shown = unpack(guesses["probabilities"])
    assert len(shown) == len(places) == record.filled.sum()
    for row, (step, position) in zip(shown, places, strict=True):
        np.testing.assert_array_equal(row, record.choices[step].probabilities[position])
    assert unpack(guesses["own"])[0] == record.ids[-1, places[0, 1]]


def test_a_long_run_travels_in_blocks_and_a_static_page_holds_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interpwidgets.widgets.denoising.BLOCK", 16)
    view = iw.DenoisingView(planted(features=2))
    wanted = [params["start"] for method, params in view.recordable() if method == "guesses"]
    assert sorted(set(wanted)) == list(range(0, 55, 16)), "1 + 2 + ... + 10 open places"
    recorded = view.static_item().state["_answers"]
    assert {entry["method"] for entry in recorded} == {"numbers", "guesses", "values"}
    assert sum(entry["method"] == "guesses" for entry in recorded) == 4


def test_linked_views_share_the_position() -> None:
    record = planted()
    first, second = iw.DenoisingView(record, position=3), iw.DenoisingView(record)
    iw.link(first, second)
    second.position = 5
    assert (first.position, second.position) == (5, 5)


def test_every_fixture_makes_a_page() -> None:
    for name, (note, view) in views().items():
        assert note
        assert "<b>bold</b>" not in view.to_html(), name
