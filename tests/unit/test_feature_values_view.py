"""FeatureView without a page: traits, answers, texts run again, and what a static page holds."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
import traitlets

import interpwidgets as iw
from interpwidgets import FeatureView, InputError, ModelError
from interpwidgets._core import requests
from interpwidgets._core.page import size
from interpwidgets._core.wire import split_buffers, unpack
from interpwidgets.dictionaries import SparseAutoencoder, TopK
from interpwidgets.widgets.feature_values import LISTED, ROWS, SPAN
from tests.browser.fixtures_feature_values import long_text, planted, views
from tests.browser.test_token_page import HOSTILE

FIRST = "Mary and Tom went to the park. Tom gave the ball to"


def sae(n=300, k=20):
    made = torch.Generator().manual_seed(0)
    weights = torch.randn(n, 128, generator=made)
    labels = {i: f"label of {i}" for i in range(0, n, 3)}
    return SparseAutoencoder(weights, weights / 128, activation=TopK(k), site_in="resid_post.2", labels=labels)


@pytest.fixture(scope="module")
def lm():
    return iw.load("storyworld")


@pytest.fixture
def view(lm):
    return FeatureView(lm.trace(FIRST), sae())


@pytest.fixture
def still():
    return FeatureView(planted(long_text(150), n_features=90), position=3)


def ask(view, method, **params):
    """An answer as the page gets it, its arrays unpacked."""
    answer = view._methods[method](**params)
    return {name: unpack(v) if isinstance(v, dict) and "codec" in v else v for name, v in answer.items()}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("position", 150, "a position from 0 to 149, got 150. Or None"),
        ("position", -151, "a position from 0 to 149"),
        ("feature", 90, "a feature from 0 to 89, got 90"),
        ("feature", -1, "a feature from 0 to 89, got -1"),
        ("pinned", [3, 90], "a feature from 0 to 89, got 90"),
    ],
)
def test_a_wrong_value_says_what_would_fit_and_changes_nothing(still, name, value, said):
    before = getattr(still, name)
    with pytest.raises(InputError, match=re.escape(said)):
        setattr(still, name, value)
    assert getattr(still, name) == before
    still.position = 1  # the view stays usable


def test_selections_are_read_and_set(still):
    still.position, still.feature, still.pinned = -1, 4, [7, 4, 7]
    assert (still.position, still.feature, still.pinned) == (149, 4, [7, 4])
    with pytest.raises(traitlets.TraitError):
        still.order = "size"
    other = FeatureView(planted(long_text(150), n_features=90), feature=2)
    iw.link(other, still)
    assert (still.feature, still.position) == (2, None)
    still.position = 12
    assert other.position == 12


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FeatureView(["a", "b"]), "expected a trace and a dictionary, or a FeatureValues, got list alone"),
        (lambda: FeatureView(planted(long_text(3)), sae()), "a FeatureValues alone, got a dictionary beside it"),
        (lambda: FeatureView("text", sae()), "expected a trace, got str"),
        (lambda: FeatureView(planted(long_text(3)), positon=1), "Did you mean 'position'?"),
    ],
)
def test_what_cannot_be_shown_is_named(make, said):
    with pytest.raises(InputError, match=re.escape(said)):
        make()


def test_rows_carry_exact_codes_and_summaries(still):
    record = still.values
    for order in ("max", "mean", "tokens", "share"):
        ranked = record.ranked(order)
        for start in range(0, len(ranked), ROWS):
            block = ask(still, "rows", run=0, order=order, find="", start=start)
            assert block["total"] == len(ranked)
            assert list(block["features"]) == list(ranked[start : start + ROWS])
            for i, feature in enumerate(block["features"]):
                part = slice(block["starts"][i], block["starts"][i + 1])
                row = np.zeros(len(record))
                row[block["positions"][part]] = block["values"][part]
                np.testing.assert_array_equal(row, record.feature(int(feature)))
                assert block[order][i] == getattr(record.table, order)[record.table.row(int(feature))]


def test_a_search_and_a_single_feature(view):
    found = ask(view, "rows", run=0, order="max", find="label of", start=0)
    assert all(f % 3 == 0 for f in found["features"])
    assert dict(found["labels"]) == {int(f): f"label of {f}" for f in found["features"]}
    silent = next(f for f in range(300) if view.values.table.row(f) is None)
    one = ask(view, "feature", run=0, feature=silent)
    assert (list(one["features"]), list(one["tokens"]), len(one["positions"])) == ([silent], [0], 0)
    with pytest.raises(InputError, match="a feature from 0 to 299"):
        view._methods["feature"](run=0, feature=300)


def test_positions_are_explained_by_their_largest_shares_and_the_rest(view):
    record = view.values
    block = ask(view, "explain", run=0, start=0)
    for i in range(len(record)):
        part = slice(block["starts"][i], block["starts"][i + 1])
        want = record.explain(i)
        got = zip(*(block[k][part] for k in ("features", "values", "shares", "weights")), strict=True)
        assert [tuple(map(float, row)) for row in got] == [tuple(map(float, row)) for row in want[:LISTED]]
        rest = sum(share for _, _, share, _ in want[LISTED:])
        assert block["rests"][i] == pytest.approx(rest, abs=1e-9)
        assert block["sums"][i] + record.error_shares[i] == pytest.approx(1, abs=1e-5)
    with pytest.raises(InputError, match="a start from 0 to"):
        view._methods["explain"](run=0, start=99)


def test_a_text_set_from_python_is_run(view, lm):
    view.position, view.feature, view.pinned = 13, 3, [3]
    second = "Lily was sad."
    view.text = second
    record = iw.feature_values(lm.trace(second), sae())
    np.testing.assert_array_equal(view.values.values, record.values)
    assert view._view["run"] == 1
    assert view._view["tokens"]["texts"] == list(record.tokens.texts)
    assert {entry["params"]["run"] for entry in view._answers} == {1}
    assert (view.position, view.feature, view.pinned) == (None, 3, [3])  # a place that is gone is let go
    assert ask(view, "rows", run=0, order="max", find="", start=0) == {"stale": True}
    assert len(ask(view, "tokens", run=1)["norms"]) == len(record)
    view.position = 2
    view.text = FIRST
    assert view.position == 2
    assert view._view["run"] == 2


def test_a_text_typed_in_the_page_is_run_and_errors_are_its_answer(view):
    sent = []
    view.send = lambda content, buffers=None: sent.append(content)

    def type_in(text, turn):
        params = {"text": text, "turn": turn}
        view._on_request(view, {"type": "request", "id": str(turn), "method": "run", "params": params}, [])
        return sent[-1]

    assert type_in("Tom ran home.", 1)["result"] == {"run": 1}
    assert view.text == "Tom ran home."
    before = view._view
    answer = type_in("", 2)
    assert answer["error"]["type"] == "InputError"
    assert (view.text, view._view) == ("Tom ran home.", before)
    answer = type_in("park " * 5000, 3)
    assert "5001 tokens" in answer["error"]["message"] or "context" in answer["error"]["message"]
    assert view.text == "Tom ran home."
    assert type_in(FIRST, 4)["result"] == {"run": 2}


def test_a_record_cannot_run_another_text(still):
    with pytest.raises(ModelError, match="got a record, which has no model"):
        still.text = "other words"
    assert still.text.startswith("the cat saw")
    assert still._view["fixed"] == "a record, which has no model"


def test_an_edited_trace_stays_edited(lm):
    with lm.edit(iw.Edit("resid_post.1", scale=0.5)):
        view = FeatureView(lm.trace(FIRST), sae())
        want = iw.feature_values(lm.trace("Tom ran home."), sae())
    view.text = "Tom ran home."
    np.testing.assert_array_equal(view.values.values, want.values)


def test_two_hundred_tokens_travel_in_a_hundred_kilobytes(lm):
    text = " ".join(["Mary and Tom went to the park . Tom gave the ball to Mary ."] * 13)
    view = FeatureView(lm.trace(text), sae(n=2048, k=32))
    assert len(view.values) >= 180
    first = size(view._answers) + size(view._view)
    assert first < 60_000
    others = [("explain", {"run": 0, "start": at}) for at in range(0, len(view.values), SPAN)]
    assert first + size(view._recorded(others)) < 100_000


def test_what_the_page_gets_is_plain_json_and_binary(still):
    content, buffers = split_buffers({"view": still._view, "answers": still._answers})
    json.dumps(content, allow_nan=False)
    assert buffers


@pytest.mark.parametrize("name", views())
def test_every_hard_state_can_be_saved_whole(name, tmp_path):
    _, view = views()[name]
    item = view.static_item()
    for method, params in view.recordable():
        assert any(e["method"] == method and e["params"] == params for e in item.state["_answers"])
        requests.call(view._methods, method, params)
    view.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < 3_000_000


def test_hostile_text_stays_text():
    record = planted(iw.Tokens(tuple(HOSTILE)), labels=dict(enumerate(HOSTILE)), n_features=8, active=4)
    html = FeatureView(record).to_html()
    for text in HOSTILE[:3]:
        assert text not in html


def test_an_unknown_request_is_refused(still):
    with pytest.raises(InputError, match="one of the requests"):
        requests.call(still._methods, "everything", {})
