"""ExemplarView: its traits, its answers, and what a saved page holds."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import traitlets

import interpwidgets as iw
from interpwidgets._core.wire import unpack
from interpwidgets.widgets.exemplars_answers import ROW, SAVED
from interpwidgets.widgets.thumbnails import WHOLE
from tests.browser.fixtures_exemplars import planted

RECORD = planted()


@pytest.fixture
def view():
    return iw.ExemplarView(RECORD)


def patches(view, unit, **changed):
    return view._methods["patches"](**{"unit": unit, "whole": False, "every": False, "end": "strongest", **changed})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("unit", 24, "expected a feature from 0 to 23, got 24"),
        ("image", 4, "the number of an image that is some unit's exemplar"),
        ("sort", "size", "expected sort to be one of ['number', 'strongest', 'mean', 'label']"),
        ("end", "weakest", "the end that was kept: 'strongest'"),
        ("context", "much", "context"),
    ],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda view, name, value: iw.ExemplarView(RECORD, **{name: value}),
        lambda view, name, value: setattr(view, name, value),
        lambda view, name, value: view.set_state({name: value}),
    ],
    ids=["made", "set", "sent by the page"],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(view, act, name, value, said):
    before = {n: getattr(view, n) for n in view.public_traits()}
    with pytest.raises((iw.InputError, traitlets.TraitError)) as caught:
        act(view, name, value)
    assert said in str(caught.value)
    assert {n: getattr(view, n) for n in view.public_traits()} == before


def test_a_source_that_is_none_is_one_sentence():
    with pytest.raises(iw.InputError, match="an Exemplars record"):
        iw.ExemplarView(np.zeros((2, 3)))
    with pytest.raises(iw.InputError, match="Did you mean 'unit'"):
        iw.ExemplarView(RECORD, units=1)


def test_a_patch_shows_the_pixels_of_its_box(view):
    answer = patches(view, 5)
    pixels, boxes = unpack(answer["pixels"]), unpack(answer["boxes"]).astype(int)
    for at, true in enumerate(RECORD.patches(5)):
        top, left, bottom, right = boxes[at]
        np.testing.assert_array_equal(pixels[at, top:bottom, left:right], true)
    np.testing.assert_array_equal(unpack(answer["values"]), RECORD.values[5])
    np.testing.assert_array_equal(unpack(answer["indices"]), RECORD.indices[RECORD.rows[5]])
    assert answer["labels"] == [RECORD.image_labels[row] for row in RECORD.rows[5]]
    assert answer["own"] is None


def test_whole_images_come_with_their_boxes():
    record = planted(2, 3, 5, height=128, width=192, side=16)
    view = iw.ExemplarView(record)
    answer = patches(view, 1, whole=True)
    assert unpack(answer["pixels"]).shape == (3, WHOLE * 128 // 192, WHOLE, 3)
    np.testing.assert_allclose(unpack(answer["boxes"]), record.boxes[1] / 2)
    large = view._methods["exemplar"](unit=1, at=2, end="strongest")
    np.testing.assert_array_equal(unpack(large["pixels"])[0], record.images[record.rows[1, 2]])
    np.testing.assert_array_equal(unpack(large["boxes"])[0], record.boxes[1, 2])


def test_a_row_holds_the_first_and_a_unit_holds_all():
    view = iw.ExemplarView(planted(2, 30, 40))
    assert len(unpack(patches(view, 0)["values"])) == ROW
    assert len(unpack(patches(view, 0, every=True)["values"])) == 30


def test_units_are_told_by_their_first_and_mean_value():
    rows, values = RECORD.rows.copy(), RECORD.values.copy()
    rows[0], values[0] = -1, np.nan
    rows[1, 4:], values[1, 4:] = -1, np.nan
    view = iw.ExemplarView(replace(RECORD, rows=rows, values=values))
    numbers = {name: unpack(wire) for name, wire in view._methods["units"]().items()}
    assert numbers["count"][:3].tolist() == [0, 4, 12]
    assert np.isnan(numbers["first"][0])
    assert np.isnan(numbers["mean"][0])
    np.testing.assert_allclose(numbers["mean"][1], RECORD.values[1, :4].mean(), rtol=1e-6)
    np.testing.assert_array_equal(numbers["first"][1:], RECORD.values[1:, 0])
    assert len(unpack(patches(view, 0)["values"])) == 0
    with pytest.raises(iw.InputError, match="an exemplar from 0 to 3"):
        view._methods["exemplar"](unit=1, at=4, end="strongest")


def test_the_other_end_is_another_record():
    weakest = replace(RECORD, end="weakest", values=-RECORD.values)
    view = iw.ExemplarView(replace(RECORD, weakest=weakest), end="weakest")
    assert view._view["ends"] == ["strongest", "weakest"]
    np.testing.assert_array_equal(unpack(patches(view, 3, end="weakest")["values"]), -RECORD.values[3])


def test_a_unit_brings_its_own_patch():
    own = np.random.default_rng(0).integers(0, 255, (24, 32, 32, 3), dtype=np.uint8)
    boxes = np.tile(np.array([8, 8, 16, 16]), (24, 1))
    view = iw.ExemplarView(replace(RECORD, own_images=own, own_boxes=boxes))
    found = patches(view, 7)["own"]
    top, left, bottom, right = unpack(found["boxes"])[0].astype(int)
    np.testing.assert_array_equal(unpack(found["pixels"])[0, top:bottom, left:right], own[7, 8:16, 8:16])


def test_a_saved_page_holds_every_row_first():
    record = planted(100, 4, 30)
    view = iw.ExemplarView(record, unit=90)
    wanted = list(view.recordable())
    rows = {p["unit"] for m, p in wanted if m == "patches" and not p["whole"] and not p["every"]}
    large = {p["unit"] for m, p in wanted if m == "exemplar"}
    assert wanted.index(("patches", {"unit": 99, "whole": False, "every": False, "end": "strongest"})) < 120
    assert rows == set(range(100))
    assert 90 in large
    assert len(large) == SAVED
    item = view.static_item()
    json.dumps(item.state["_view"], allow_nan=False)


def test_the_list_begins_with_what_it_is_sorted_by():
    view = iw.ExemplarView(RECORD, sort="mean")
    order = np.argsort(-RECORD.values.mean(axis=1), kind="stable")
    asked = [e["params"]["unit"] for e in view._answers if e["method"] == "patches"]
    assert asked[:8] == order[:8].tolist()


def test_no_unit_at_all_is_a_state(tmp_path):
    view = iw.ExemplarView(RECORD.take([]))
    assert view.unit is None
    view.to_html(tmp_path / "page.html")


def test_one_image_of_one_pixel(tmp_path):
    one = replace(
        planted(1, 1, 1, height=4, width=4, side=4),
        images=np.full((1, 1, 1, 3), 9, np.uint8),
        boxes=np.array([[[0, 0, 1, 1]]], np.int32),
    )
    view = iw.ExemplarView(one)
    assert unpack(patches(view, 0)["pixels"]).tolist() == [[[[9, 9, 9]]]]
