import json
import re
import warnings

import numpy as np
import pytest
import traitlets

from interpwidgets import AttentionView, InputError, TokenView
from interpwidgets._core import page
from interpwidgets._core.requests import answers, find_answers
from interpwidgets._core.widget import Widget, checks, module


class Counter(Widget):
    """A small widget with every kind of state."""

    _name = "attention"
    _esm = module("attention")

    start = traitlets.Int(0).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)

    @checks("start")
    def _check_start(self, proposal):
        if proposal.value < 0:
            raise InputError(expected="a start of 0 or more", got=str(proposal.value), fix="Count upwards.")
        return proposal.value

    @answers("count")
    def _count(self, to):
        return {"numbers": list(range(self.start, to)), "bytes": bytes(to)}

    def recordable(self):
        for to in (1, 2, 1, 3, 2):
            yield "count", {"to": to}


@pytest.fixture
def sent(monkeypatch):
    """What widgets send to their page."""
    messages = []
    monkeypatch.setattr(Widget, "send", lambda self, content, buffers=None: messages.append((content, buffers)))
    return messages


def message(method, **data):
    return {"content": {"data": {"method": method, **data}}, "buffers": []}


# Keywords.


@pytest.mark.parametrize(
    ("keyword", "fix"), [("strat", "Did you mean 'start'?"), ("lables", "Did you mean 'labels'?"),
                         ("zzzzzz", "It takes labels, start.")]
)  # fmt: skip
def test_a_misspelt_keyword_raises(keyword, fix):
    with pytest.raises(InputError, match=re.escape(f"expected a keyword of Counter, got '{keyword}'. {fix}")):
        Counter(**{keyword: 1})


def test_keywords_of_ipywidgets_still_work():
    assert Counter(start=2, layout={"width": "50%"}).layout.width == "50%"


def test_public_traits_are_its_own_only():
    assert Counter().public_traits() == ["labels", "start"]


def test_the_repr_is_short_and_says_the_state():
    assert repr(Counter(start=3, labels=["a"])) == "Counter(labels=['a'], start=3)"


def test_a_missing_front_end_says_how_to_build_it():
    with pytest.raises(InputError, match=r"static/nothing\.js, got no such file. Run `make build`"):
        module("nothing")


# Values.


def test_a_refused_value_changes_nothing():
    widget = Counter(start=3)
    with pytest.raises(InputError, match=r"expected a start of 0 or more, got -1\. Count upwards\."):
        widget.start = -1
    assert widget.start == 3


def test_a_refused_message_of_the_page_changes_nothing():
    widget, seen = Counter(start=3, labels=["old"]), []
    widget.observe(seen.append, ["start", "labels"])
    with pytest.raises(InputError, match="got -1"):
        widget.set_state({"start": -1, "labels": ["new"]})
    assert (widget.start, widget.labels) == (3, ["old"])
    assert seen == []
    widget._handle_msg(message("update", state={"start": 5}))
    assert [(c.old, c.new) for c in seen] == [(3, 5)]


def test_two_widgets_share_no_state():
    first, second = Counter(), Counter()
    first.labels = ["x"]
    first._view = {"a": 1}
    first._answers = [{"b": 2}]
    assert (second.labels, second._view, second._answers) == ([], {}, [])
    assert first.labels is not second.labels
    assert Counter().labels == []


# Requests.


def test_a_request_gets_one_answer(sent):
    widget = Counter(start=2)
    widget._handle_msg(message("custom", content={"type": "request", "id": 9, "method": "count", "params": {"to": 4}}))
    ((reply, buffers),) = sent
    assert (reply["type"], reply["id"], reply["result"]) == ("answer", 9, {"numbers": [2, 3], "bytes": 0})
    assert buffers == [bytes(4)]


def test_a_failing_request_gets_one_answer(sent):
    Counter()._handle_msg(message("custom", content={"type": "request", "id": 9, "method": "nothing"}))
    ((reply, buffers),) = sent
    assert reply["error"]["message"] == "expected one of the requests count, html, got 'nothing'"
    assert buffers == []


@pytest.mark.parametrize("content", [{"type": "other", "id": 1}, {}, {"id": 1}, "request", 5, None, ["request"]])
def test_other_messages_are_let_alone(sent, content):
    Counter()._handle_msg(message("custom", content=content))
    assert sent == []


def test_the_answer_goes_to_the_widget_that_was_asked(sent, monkeypatch):
    asked = []
    monkeypatch.setattr(Widget, "send", lambda self, content, buffers=None: asked.append((self, content["result"])))
    first, second = Counter(start=1), Counter(start=3)
    request = message("custom", content={"type": "request", "id": 1, "method": "count", "params": {"to": 4}})
    second._handle_msg(request)
    first._handle_msg(request)
    assert [(who is second, result["numbers"]) for who, result in asked] == [(True, [3]), (False, [1, 2, 3])]


def test_the_page_can_ask_for_itself(sent):
    Counter()._handle_msg(message("custom", content={"type": "request", "id": 1, "method": "html", "params": {}}))
    assert sent[0][0]["result"]["html"].startswith("<!doctype html>")


def test_looking_for_answers_wakes_no_deprecated_property():
    class Trapped(Counter):
        @property
        def old(self):
            warnings.warn("nobody asked for this", DeprecationWarning, stacklevel=2)
            return 1

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = find_answers(Trapped())
    assert [str(w.message) for w in heard] == []
    assert sorted(found) == ["count", "html"]


# The static page.


def test_each_answer_is_recorded_once():
    item = Counter(start=1).static_item()
    assert item.name == "attention"
    assert [entry["params"]["to"] for entry in item.state["_answers"]] == [1, 2, 3]
    assert item.state["_answers"][1]["result"]["numbers"] == [1]
    assert set(item.state) == {"start", "labels", "_view", "_answers"}


def test_recording_stops_at_the_limit():
    widget = Counter()
    sizes = [page.size(entry) for entry in widget.static_item().state["_answers"]]

    def kept(limit):
        return len(widget.static_item(max_bytes=limit).state["_answers"])

    assert [kept(0), kept(sizes[0] - 1), kept(sizes[0])] == [0, 0, 1]
    assert [kept(sum(sizes) - 1), kept(sum(sizes))] == [2, 3]


def test_recording_leaves_the_live_widget_alone():
    widget = Counter()
    widget.to_html()
    assert widget._answers == []


def test_to_html_writes_what_it_returns(tmp_path):
    widget = Counter()
    text = widget.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes().decode("utf8") == text == widget.to_html()


def test_static_is_a_frame_around_the_same_page():
    from html.parser import HTMLParser

    frames = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag == "iframe":
                frames.append(dict(attrs))

    widget = Counter()
    widget._view = {"height": 321}
    Reader().feed(widget.static().data)
    (attributes,) = frames
    assert attributes["srcdoc"] == widget.to_html()
    assert set(attributes["sandbox"].split()) == {"allow-scripts", "allow-downloads"}
    assert "height:321px" in attributes["style"]


def test_state_is_plain_json():
    def plain(value):
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(inner) for key, inner in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (str, int, float, bool)

    for view in (
        Counter(start=3, labels=["a"]),
        AttentionView.from_arrays(np.eye(3), list("abc"), query=1),
        TokenView(list("abc"), [1.0, np.nan, np.inf], span=(1, 3), low=0.5),
    ):
        state = {name: getattr(view, name) for name in view.public_traits()}
        assert plain(state), state
        assert json.loads(json.dumps(state, allow_nan=False)) == state
