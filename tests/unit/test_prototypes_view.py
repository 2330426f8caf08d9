"""PrototypeView: its traits, its answers, what it records, and the arithmetic of changed weights."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import traitlets
from PIL import Image

import interpwidgets as iw
from interpwidgets._core.wire import unpack
from interpwidgets.widgets.prototypes_weights import changed_weights
from interpwidgets.widgets.thumbnails import PART, parts, shrink, window_around
from tests.browser.fixtures_exemplars import planted as planted_exemplars
from tests.browser.fixtures_prototypes import CLASSES, Waiting, planted, why

RECORDS = [planted(i) for i in range(3)]


@pytest.fixture
def view():
    return iw.PrototypeView(RECORDS, reasons=[why(RECORDS[0], everywhere=True), why(RECORDS[0], seed=1)])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("image", 3, "expected an image from 0 to 2, got 3"),
        ("other_image", -1, "expected an image from 0 to 2, got -1"),
        ("prototype", 12, "expected a prototype from 0 to 11, got 12"),
        ("class_", "dodo", "a name among"),
        ("class_", 4, "expected a class from 0 to 3"),
        ("weights", {"12": 0}, "prototypes from 0 to 11"),
        ("weights", {"0:4": 1}, "classes from 0 to 3"),
        ("weights", {"a": 0}, "got 'a'"),
        ("weights", {"0": float("nan")}, "expected a finite number for '0', got nan"),
        ("weights", {"0": "off"}, "got 'off'"),
        ("show", "everything", "expected show to be one of"),
        ("show", "models", "Give the second network as compare="),
        ("show", "gallery", "Give exemplars="),
        ("opacity", 1.5, "expected an opacity from 0 to 1, got 1.5"),
    ],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda view, name, value: iw.PrototypeView(RECORDS, **{name: value}),
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


def test_a_keyword_that_is_none_is_refused():
    with pytest.raises(iw.InputError, match="Did you mean 'prototype'"):
        iw.PrototypeView(RECORDS, prototyp=1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: iw.PrototypeView("birds"), "a prototype network, or a PrototypeComparison"),
        (lambda: iw.PrototypeView([]), "got list"),
        (lambda: iw.PrototypeView(RECORDS, RECORDS[0].image), "no images beside comparisons"),
        (lambda: iw.PrototypeView([RECORDS[0], planted(1, per_class=2)]), "comparisons of one network"),
        (lambda: iw.PrototypeView(RECORDS, compare=RECORDS[0]), "comparisons of the same 3 images"),
        (lambda: iw.PrototypeView(RECORDS, reasons=why(planted(0, per_class=2))), "reasons for 12 prototypes"),
        (lambda: iw.PrototypeView(RECORDS, reasons=[3]), "a PrototypeReasons record"),
        (lambda: iw.PrototypeView(RECORDS[0], reasons=[why(RECORDS[0])] * 2), "at most 1 images"),
        (lambda: iw.PrototypeView(RECORDS, exemplars=3), "an Exemplars record"),
        (lambda: iw.PrototypeView(RECORDS, image_labels=["one"]), "3 image labels"),
        (lambda: iw.PrototypeView(Waiting(), np.zeros((64, 64), np.uint8)), "shape \\[64, 64\\], dtype uint8"),
        (lambda: iw.PrototypeView(Waiting(), np.zeros((2, 64, 64, 3))), "dtype float64"),
        (lambda: iw.PrototypeView(Waiting(), 3.5), "an array \\[height, width, 3\\] of uint8, a PIL image or a path"),
        (lambda: iw.PrototypeView(Waiting(), "no/such/bird.png"), "an image that can be read"),
    ],
)
def test_a_source_that_is_none_is_one_sentence(make, said):
    with pytest.raises(iw.InputError, match=said):
        make()


def test_a_class_may_be_named(view):
    view.class_ = "marsh owl"
    assert view.class_ == CLASSES.index("marsh owl")
    view.class_ = None
    assert view.class_ is None


def test_weights_are_set_then_multiplied_and_logits_follow(view):
    """The closed form, written out: logit = sum over prototypes of similarity times weight."""
    record = RECORDS[0]
    view.weights = {0: 0.0, "2:1": 4.0, "3": 0.5, "3:2": 2.0}
    assert view.weights == {"0": 0.0, "2:1": 4.0, "3": 0.5, "3:2": 2.0}
    expected = record.weights.astype(np.float64)
    expected[:, 0] = 0
    expected[1, 2] = 4
    expected[2, 3] = 2
    expected[:, 3] *= 0.5
    np.testing.assert_array_equal(view.weight_matrix, expected)
    sums = [sum(float(s) * w for s, w in zip(record.similarities, row, strict=True)) for row in expected]
    np.testing.assert_allclose(view.logits, sums, rtol=1e-12)
    assert view.off == [0]
    view.weights = {}
    np.testing.assert_allclose(view.logits, record.logits, rtol=1e-12)


def test_changed_weights_leave_the_networks_own_alone():
    own = np.ones((2, 3), np.float32)
    changed_weights(own, {"0": 0.0, "1:1": 5.0})
    np.testing.assert_array_equal(own, np.ones((2, 3), np.float32))


def test_groups_that_multiply_keep_their_weights():
    record = replace(RECORDS[0], groups=np.eye(4, 12), group_weights=np.eye(4), linear=False)
    view = iw.PrototypeView(record)
    with pytest.raises(iw.InputError, match="prototypes in groups that multiply"):
        view.weights = {"0": 0.0}
    assert view.weights == {}
    np.testing.assert_array_equal(view.logits, record.logits)
    answer = view._methods["comparison"](model=0, image=0)
    np.testing.assert_array_equal(unpack(answer["contributions"]), record.contributions)
    np.testing.assert_array_equal(unpack(view._methods["weights"](model=0)["groups"]), np.eye(4, 12))


def test_answers_hold_exact_numbers(view):
    record = RECORDS[1]
    answer = view._methods["comparison"](model=0, image=1)
    np.testing.assert_array_equal(unpack(answer["similarities"]), record.similarities.astype(np.float64))
    np.testing.assert_array_equal(unpack(answer["logits"]), record.logits)
    np.testing.assert_array_equal(unpack(answer["boxes"]), record.boxes)
    assert answer["contributions"] is None
    assert answer["sum_check"]["holds"] is True
    np.testing.assert_array_equal(unpack(view._methods["weights"](model=0)["weights"]), record.weights)
    np.testing.assert_array_equal(
        unpack(view._methods["maps"](model=0, image=1, start=0)["maps"]), record.similarity_maps
    )
    np.testing.assert_array_equal(unpack(view._methods["picture"](image=1)["pixels"])[0], record.image)
    source = view._methods["sources"](model=0, start=0)
    np.testing.assert_array_equal(unpack(source["pixels"]), record.source_images)
    np.testing.assert_array_equal(unpack(source["boxes"]), record.source_boxes)
    assert source["labels"] == list(record.source_labels)


def test_prototypes_and_images_travel_in_blocks():
    record = planted(0, per_class=10)
    view = iw.PrototypeView([record] * 40)
    assert len(unpack(view._methods["maps"](model=0, image=0, start=32)["maps"])) == 8
    assert len(unpack(view._methods["sources"](model=0, start=32)["pixels"])) == 8
    assert unpack(view._methods["pictures"](start=32)["pixels"]).shape == (8, 40, 40, 3)


def test_images_of_several_sizes_stand_in_one_strip():
    view = iw.PrototypeView([planted(0), planted(1, size=(24, 48)), planted(2, size=(128, 64))])
    assert unpack(view._methods["pictures"](start=0)["pixels"]).shape == (3, 24, 24, 3)
    assert unpack(view._methods["picture"](image=1)["pixels"]).shape == (1, 24, 48, 3)


def test_a_gallery_needs_no_image():
    view = iw.PrototypeView(Waiting(), exemplars=planted_exemplars(5, 3, 9), prototype=4)
    assert view.show == "gallery"
    assert {method for method, _ in view.recordable()} == {"units", "patches", "exemplar"}
    with pytest.raises((iw.InputError, traitlets.TraitError), match="a prototype from 0 to 4"):
        view.prototype = 5


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("comparison", {"model": 1, "image": 0}, "a model from 0 to 0"),
        ("comparison", {"model": 0, "image": 3}, "an image from 0 to 2"),
        ("picture", {"image": 3}, "an image from 0 to 2"),
        ("patches", {"unit": 0, "whole": False, "every": False, "end": "strongest"}, "exemplars of each unit"),
    ],
)
def test_an_answer_that_cannot_be_says_so(view, method, params, said):
    with pytest.raises(iw.InputError, match=said):
        view._methods[method](**params)


def test_prototypes_that_were_never_pushed_have_no_sources():
    view = iw.PrototypeView(planted(0, pushed=False))
    with pytest.raises(iw.InputError, match="never pushed"):
        view._methods["sources"](model=0, start=0)
    assert not any(method == "sources" for method, _ in view.recordable())


def test_reasons_are_of_their_image_and_over_the_data(view):
    local, everywhere = why(RECORDS[0], seed=1), why(RECORDS[0], everywhere=True)
    first = view._methods["reasons"](model=0, image=0)
    np.testing.assert_array_equal(unpack(first["local"]), local.importance)
    np.testing.assert_array_equal(unpack(first["everywhere"]), everywhere.importance)
    assert first["names"] == ["hue", "saturation", "contrast", "brightness", "shape", "texture"]
    assert dict(map(tuple, first["misleading"])).keys() == {1}
    second = view._methods["reasons"](model=0, image=1)
    assert second["local"] is None
    assert second["n_images"] == 200


def test_every_recorded_answer_can_travel(view):
    view.image, view.show = 2, "images"
    item = view.static_item()
    methods = {entry["method"] for entry in item.state["_answers"]}
    assert methods == {"picture", "comparison", "weights", "maps", "sources", "reasons", "pictures"}
    seen = [e["params"]["image"] for e in item.state["_answers"] if e["method"] == "comparison"]
    assert seen[0] == 2
    assert set(seen) == {0, 1, 2}
    json.dumps(item.state["_view"], allow_nan=False)


def test_a_long_data_set_saves_a_sensible_number_of_images():
    view = iw.PrototypeView([RECORDS[0]] * 100, image=98)
    seen = {params["image"] for method, params in view.recordable() if method == "comparison"}
    assert seen == {98, 99, *range(22)}


def test_no_image_yet_is_a_state(tmp_path):
    view = iw.PrototypeView(Waiting())
    assert list(view.recordable()) == []
    view.to_html(tmp_path / "page.html")
    with pytest.raises(iw.InputError, match="an image, whose logits change"):
        view.weights = {"0": 0}


def test_a_network_compares_an_image_when_it_is_looked_at(tmp_path):
    torch = pytest.importorskip("torch")
    prototypes = pytest.importorskip("interpwidgets.prototypes")
    torch.manual_seed(0)
    backbone = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 4, 4), torch.nn.Sigmoid())
    net = prototypes.PrototypeNetwork.fresh(backbone, classes=["a", "b"], image_size=16, per_class=2)
    images = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3), dtype=np.uint8)
    Image.fromarray(images[2]).save(tmp_path / "bird.png")
    given = [images[0], Image.fromarray(images[1]), tmp_path / "bird.png"]
    view = iw.PrototypeView(net, given)
    for i in range(3):
        view.image = i
        with torch.no_grad():
            logits = net(net.prepare(images[i : i + 1]))[0].numpy()
        np.testing.assert_allclose(view.comparison.logits, logits, atol=1e-5)
    view.weights = {"1": 0.0}
    with net.switched({1: 0.0}), torch.no_grad():
        switched = net(net.prepare(images[2:3]))[0].numpy()
    np.testing.assert_allclose(view.logits, switched, atol=1e-4)
    reasons = view._methods["reasons"](model=0, image=2)
    assert unpack(reasons["local"]).shape == (4, 6)


def test_pictures_may_also_be_given_by_the_name_of_the_trait():
    assert len(iw.PrototypeView(Waiting(), image=[])._sides[0]) == 0
    assert iw.PrototypeView(RECORDS, image=1).image == 1


def test_a_part_is_a_square_around_its_box_inside_the_image():
    assert window_around((0, 0, 8, 8), 64, 64) == (0, 0, 16, 16)
    assert window_around((24, 24, 32, 32), 64, 64) == (20, 20, 36, 36)
    assert window_around((60, 60, 64, 64), 64, 64) == (48, 48, 64, 64)
    assert window_around((0, 0, 64, 64), 64, 64) == (0, 0, 64, 64)
    assert window_around((0, 0, 1, 1), 1, 1) == (0, 0, 1, 1)


def test_parts_show_the_pixels_of_the_box():
    image = np.zeros((64, 64, 3), np.uint8)
    image[24:32, 40:48] = 200
    pixels, boxes = parts([image], np.array([[24, 40, 32, 48]]))
    (top, left, bottom, right) = boxes[0].astype(int)
    assert pixels.shape == (1, 16, 16, 3)
    assert (pixels[0, top:bottom, left:right] == 200).all()
    assert pixels[0].astype(int).sum() == 200 * 3 * 64


def test_large_parts_and_images_are_made_smaller_with_their_boxes():
    image = np.full((400, 300, 3), 7, np.uint8)
    pixels, boxes = parts([image], np.array([[100, 100, 200, 200]]))
    assert pixels.shape == (1, PART, PART, 3)
    np.testing.assert_allclose(boxes[0], np.array([50, 50, 150, 150]) * PART / 200)
    assert shrink(image, 100).shape == (100, 75, 3)
    assert shrink(image, 500) is not None
    assert shrink(image, 500).shape == image.shape
