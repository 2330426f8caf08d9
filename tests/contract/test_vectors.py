"""Both sides of the wire agree: js/tests/*.json holds cases worked out by hand, read here and by vitest."""

import json
from pathlib import Path

import numpy as np
import pytest

from interpwidgets import AttentionView
from interpwidgets._core import wire
from interpwidgets.analyses import pictures

TESTS = Path(__file__).resolve().parents[2] / "js" / "tests"
VECTORS = json.loads((TESTS / "vectors.json").read_text("utf8"))
ASKED = json.loads((TESTS / "asked.json").read_text("utf8"))


def number(value: float | str) -> float:
    return float(value)  # "nan", "inf" and "-inf" are text in JSON


@pytest.mark.parametrize("case", VECTORS["encode"], ids=str)
def test_encode(case):
    code = pictures.encode(np.array([[number(case["value"])]], np.float32), case["scale"], signed=case["signed"])
    assert code[0, 0] == case["code"]


@pytest.mark.parametrize("case", VECTORS["decode"], ids=str)
def test_decode(case):
    value = pictures.decode(np.array([[case["code"]]], np.uint8), case["scale"], signed=case["signed"])
    np.testing.assert_allclose(value[0, 0], number(case["value"]), rtol=1e-6)


@pytest.mark.parametrize("case", VECTORS["wire"], ids=str)
def test_unpack_what_the_page_reads(case):
    given = {**case["wire"], "data": bytes.fromhex(case["hex"])}
    back = wire.unpack(given)
    assert (back.dtype.name, list(back.shape)) == (case["wire"]["dtype"], case["wire"]["shape"])
    assert back.reshape(-1).tolist() == case["values"]


@pytest.mark.parametrize("case", VECTORS["wire"], ids=str)
def test_pack_what_the_page_reads(case):
    array = np.array(case["values"], case["wire"]["dtype"]).reshape(case["wire"]["shape"])
    packed = wire.pack(array, deflate=False)
    assert packed == {**case["wire"], "codec": "raw", "data": array.tobytes()}
    assert wire.unpack(packed).tolist() == array.tolist()


def test_every_question_of_the_page_is_recorded():
    pattern = np.full((1, 2, 3, 3), 1 / 3)
    view = AttentionView.from_arrays(pattern, ["a", "b", "c"])
    recorded = [[method, params] for method, params in view.recordable()]
    assert all(asked in recorded for asked in ASKED["asked"])
    assert all(key in view._view for key in ASKED["info"])


def test_every_question_of_the_page_has_an_answer():
    pattern = np.full((1, 2, 3, 3), 1 / 3)
    view = AttentionView.from_arrays(pattern, ["a", "b", "c"])
    for method, params in ASKED["asked"]:
        assert view._methods[method](**params)
