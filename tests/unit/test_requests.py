import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpwidgets import InputError
from interpwidgets._core.requests import answer, answers, call, find_answers
from interpwidgets._core.wire import pack, unpack


def ask(method, params, content, **more):
    """One request to one method: the reply, checked to be a message that can be sent."""
    reply, buffers = answer({"rows": method}, {"type": "request", "id": 7, "method": "rows", "params": params, **more})
    assert reply["type"] == "answer"
    assert ("result" in reply) != ("error" in reply)
    assert reply["seconds"] >= 0
    assert all(isinstance(buffer, bytes) for buffer in buffers)
    assert json.loads(json.dumps(reply, allow_nan=False)) == reply
    assert content in reply
    return reply, buffers


def test_a_result_and_its_buffers():
    array = np.arange(200, dtype=np.float32)
    reply, (buffer,) = ask(lambda start: {"values": pack(array[start:])}, {"start": 3}, "result")
    values = reply["result"]["values"]
    assert values["data"] == 0
    assert unpack({**values, "data": buffer}).tolist() == list(range(3, 200))


@given(st.none() | st.integers() | st.text() | st.floats(allow_nan=False) | st.lists(st.integers()))
def test_the_id_comes_back_whatever_it_is(given_id):
    reply, _ = answer({}, {"id": given_id, "method": "x"})
    assert reply["id"] == given_id


def test_no_id_still_gets_an_answer():
    assert answer({}, {})[0]["id"] is None


def test_an_unknown_method_is_refused_with_what_exists():
    reply, _ = answer({"rows": dict, "heads": dict}, {"id": 1, "method": "rowz", "params": {}})
    assert reply["error"]["type"] == "InputError"
    assert reply["error"]["message"] == "expected one of the requests heads, rows, got 'rowz'"
    assert "Reload the page" in reply["error"]["fix"]


@pytest.mark.parametrize("params", [{}, {"layer": 1, "extra": 2}, {"lair": 1}, None, [1], "layer", 4])
def test_wrong_parameters_are_refused_with_the_right_ones(params):
    called = []
    reply, _ = ask(lambda layer: called.append(layer), params, "error")
    assert reply["error"]["type"] == "InputError"
    assert "['layer'] for 'rows'" in reply["error"]["message"]
    assert not called


def test_our_errors_bring_their_fix():
    def refuse():
        raise InputError(expected="a layer from 0 to 3", got="layer 7", fix="Choose one of them.")

    reply, _ = ask(refuse, {}, "error")
    assert reply["error"] == {
        "type": "InputError",
        "message": "expected a layer from 0 to 3, got layer 7",
        "fix": "Choose one of them.",
    }


@pytest.mark.parametrize(
    ("error", "message"),
    [(ValueError("bad <b>value</b>"), "bad <b>value</b>"), (RuntimeError(), "RuntimeError"), (KeyError("k"), "'k'"),
     (TypeError("inside"), "inside"), (MemoryError(), "MemoryError"), (StopIteration(), "StopIteration")],
)  # fmt: skip
def test_any_exception_is_an_answer(error, message):
    def fail():
        raise error

    reply, buffers = ask(fail, {}, "error")
    assert reply["error"]["type"] == type(error).__name__
    assert reply["error"]["message"] == message
    assert "traceback" in reply["error"]["fix"]
    assert buffers == []


def test_an_interrupt_is_an_answer():
    def wait():
        raise KeyboardInterrupt

    reply, _ = ask(wait, {}, "error")
    assert reply["error"]["type"] == "KeyboardInterrupt"
    assert "stopped before it finished" in reply["error"]["message"]


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object(), np.float32(1), np.zeros(2), bytearray(b"x")])
def test_a_result_that_cannot_be_sent_is_an_answer(value):
    """Otherwise sending would raise, and the page would wait for ever."""
    reply, buffers = ask(lambda: {"first": b"bytes", "value": value}, {}, "error")
    assert reply["error"]["type"] in {"TypeError", "ValueError"}
    assert buffers == []


def test_call_returns_the_bare_result():
    assert call({"double": lambda n: {"n": 2 * n}}, "double", {"n": 4}) == {"n": 8}


class Base:
    @answers("rows")
    def _rows(self):
        return {"of": "base"}

    @answers("heads")
    def _heads(self):
        return {"of": "base"}

    def _private(self):
        return {}

    @property
    def _trap(self):
        raise AssertionError("a property was read")


class Child(Base):
    @answers("rows")
    def _other_rows(self):
        return {"of": "child"}

    def _heads(self):
        return {"of": "child"}


def test_only_marked_methods_answer():
    assert set(find_answers(Base())) == {"rows", "heads"}
    assert find_answers(SimpleNamespace(x=1)) == {}


def test_a_subclass_answers_first_and_overrides_keep_the_mark():
    found = find_answers(Child())
    assert found["rows"]() == {"of": "child"}
    assert found["heads"]() == {"of": "child"}
