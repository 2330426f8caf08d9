"""FeatureBrowser: its traits, its answers, their size, its static page's data."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import traitlets

import interpwidgets as iw
from interpwidgets._core import requests, wire
from interpwidgets._core.wire import unpack
from interpwidgets.records.feature import Example
from interpwidgets.records.features import FeatureOverview, Places
from interpwidgets.widgets import features_answers as answers
from interpwidgets.widgets import features_packing as packing
from tests.browser.fixtures_features import WORDS, HardIndex, PlantedIndex


@pytest.fixture
def index():
    return PlantedIndex(named={3: "a royal person", 40: "weather"})


@pytest.fixture
def browser(index):
    return iw.FeatureBrowser(index)


def ask(browser, method, **params):
    reply, buffers = requests.answer(browser._methods, {"id": "1", "method": method, "params": params})
    assert "error" not in reply, reply["error"]

    def fill(node):
        if isinstance(node, dict):
            if "codec" in node:
                return unpack({**node, "data": buffers[node["data"]]})
            return {key: fill(child) for key, child in node.items()}
        return [fill(child) for child in node] if isinstance(node, list) else node

    return fill(reply["result"])


def size(browser, method, **params):
    """Bytes of one answer as a kernel sends it: its JSON and its buffers."""
    reply, buffers = requests.answer(browser._methods, {"id": "1", "method": method, "params": params})
    return len(json.dumps(reply).encode()) + sum(map(len, buffers))


def listing(browser, **changed):
    return {**browser._listed, "start": 0, **changed}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("feature", 300, "expected a feature from 0 to 299, got 300"),
        ("feature", -1, "expected a feature from 0 to 299, got -1"),
        ("sort", "f2", "expected one of the columns density, max, mean, f1, got 'f2'"),
        ("x", "feature", "expected one of the columns density, max, mean, f1, got 'feature'"),
        ("filters", {"f2": [0, 1]}, "expected one of the columns"),
        ("filters", {"f1": [0.5]}, "expected a range [low, high] of 'f1', got [0.5]"),
        ("filters", {"f1": ["a", None]}, "expected a range [low, high] of 'f1'"),
        ("filters", {"f1": [float("nan"), None]}, "expected a range [low, high] of 'f1'"),
        ("filters", {"f1": [0.9, 0.1]}, "expected a range of 'f1' whose low end comes first"),
    ],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda index, browser, name, value: iw.FeatureBrowser(index, **{name: value}),
        lambda index, browser, name, value: setattr(browser, name, value),
        lambda index, browser, name, value: browser.set_state({name: value}),
    ],
    ids=["made", "set", "sent by the page"],
)
def test_a_trait_that_does_not_fit_is_refused_and_changes_nothing(index, browser, name, value, said, act):
    with pytest.raises((iw.InputError, traitlets.TraitError), match=re.escape(said)):
        act(index, browser, name, value)
    assert repr(browser) == repr(iw.FeatureBrowser(index))


def test_what_is_no_index_is_refused(tmp_path):
    with pytest.raises(iw.InputError, match="expected a feature index or the path of its folder, got dict"):
        iw.FeatureBrowser({})  # pyright: ignore[reportArgumentType]
    with pytest.raises(iw.InputError, match="expected a feature index"):
        iw.FeatureBrowser(tmp_path / "none")
    with pytest.raises(iw.InputError, match=r"'sorted'.*Did you mean 'sort'"):
        iw.FeatureBrowser(PlantedIndex(), sorted="max")


def test_the_list_is_in_the_order_of_the_column(index, browser):
    for name, descending in (("density", True), ("max", False), ("f1", True), ("f1", False)):
        got = ask(browser, "rows", **listing(browser, sort=name, descending=descending))
        values = index.column(name).astype(float)
        known = np.flatnonzero(~np.isnan(values))
        expected = sorted(known, key=lambda i: (-values[i] if descending else values[i], i))[: answers.ROWS]
        assert got["ids"].tolist() == expected
        assert got["total"] == 300
        np.testing.assert_array_equal(got["density"], index.column("density")[expected])
        np.testing.assert_array_equal(got["max"], index.column("max")[expected])
        if name == "f1":
            np.testing.assert_array_equal(got["value"], index.column("f1")[expected])
    by_number = ask(browser, "rows", **listing(browser, sort="feature", descending=False, start=100))
    assert by_number["ids"].tolist() == list(range(100, 200))
    assert by_number["labels"][0] == ""
    assert by_number["fires"][5] == [WORDS[105 % len(WORDS)]] or index.column("density")[105] == 0


def test_a_query_and_filters_leave_what_they_say(index, browser):
    browser.filters = {"density": [0.001, 0.05], "max": [None, 12]}
    density, largest = index.column("density"), index.column("max")
    expected = set(np.flatnonzero((density >= 0.001) & (density <= 0.05) & (largest <= 12)).tolist())
    assert set(browser.matches.tolist()) == expected
    browser.search = "royal"
    assert set(browser.matches.tolist()) == expected & {3}
    browser.filters = {}
    assert browser.matches.tolist() == [3]
    place = ask(browser, "place", **browser._listed, feature=3)
    assert place == {"row": 0}
    assert ask(browser, "place", **browser._listed, feature=4) == {"row": None}
    browser.search = "fires:dog"
    dog = WORDS.index(" dog")
    assert sorted(browser.matches.tolist()) == list(range(dog, 300, len(WORDS)))
    matched = ask(browser, "matched", query="fires:dog", filters={}, version=0)
    bits = np.unpackbits(matched["bits"], bitorder="little")[:300]
    assert np.flatnonzero(bits).tolist() == sorted(browser.matches.tolist())
    assert matched["count"] == bits.sum()


def test_a_feature_arrives_with_the_numbers_of_the_index(index, browser):
    feature = index.feature(7)
    got = ask(browser, "feature", feature=7, version=0)
    assert (got["density"], got["max"], got["count"]) == (feature.density, feature.max, feature.count)
    np.testing.assert_array_equal(got["counts"], feature.counts)
    assert got["sum_check"] == {"law": "bars hold every firing", "value": 0, "holds": True}
    assert got["totals"] == [["top", 8], *([f"quantile {q} of 4", 3] for q in (4, 3, 2, 1))]
    assert_same_examples(got["examples"], feature.examples)
    assert got["promoted"]["texts"] == [WORDS[(8 + i) % len(WORDS)] for i in range(10)]
    np.testing.assert_array_equal(got["suppressed"]["values"], feature.suppressed.values)
    assert got["neighbours"]["features"] == feature.neighbours.features.tolist()
    assert got["columns"] == [["f1", "nan" if np.isnan(index.column("f1")[7]) else index.column("f1")[7].item()]]


def assert_same_examples(packed, examples):
    texts = json.loads(bytes(packed["texts"]))
    assert len(set(texts)) == len(texts)
    ends = packed["table"][:, 5].cumsum()
    assert len(ends) == len(examples)
    for i, (example, end) in enumerate(zip(examples, ends, strict=True)):
        group, document, position, start, peak, count = packed["table"][i].tolist()
        here = slice(end - count, end)
        assert packed["groups"][group] == example.group
        assert (document, position, start, peak) == (example.document, example.position, example.start, example.peak)
        assert tuple(texts[code] for code in packed["tokens"][here]) == example.tokens.texts
        np.testing.assert_array_equal(packed["values"][here], example.values)
        assert packed["value"][i] == np.float32(example.value)


def test_what_does_not_fit_in_comes_by_the_group():
    index = PlantedIndex(groups=(("top", 20), ("quantile 1 of 1", 9)))
    browser = iw.FeatureBrowser(index)
    got = ask(browser, "feature", feature=3, version=0)
    shown = got["examples"]["table"]
    assert shown[:, 5].sum() <= packing.EXAMPLE_TOKENS
    assert set(shown[:, 0].tolist()) == {0, 1}
    assert got["totals"] == [["top", 20], ["quantile 1 of 1", 9]]
    whole = ask(browser, "examples", feature=3, group="top", version=0)
    assert_same_examples(whole, index.examples(3)[:20])
    with pytest.raises(iw.InputError, match="expected one of the groups"):
        browser._methods["examples"](feature=3, group="middle", version=0)


class Wordy(PlantedIndex):
    """20 examples of 32 tokens, every token another word and every value another number: nothing can be shared."""

    def examples(self, feature):
        random = np.random.default_rng(feature)
        letters = np.array(list("etaoinshrdlcumwfgypb"))
        words = [" " + "".join(random.choice(letters, random.integers(2, 9))) for _ in range(640)]
        values = random.gamma(2.0, size=(20, 32)).astype(np.float32)
        return tuple(
            Example("top", i, 500 + i, 480, 20, iw.Tokens(tuple(words[32 * i : 32 * i + 32])), v, float(v[20]))
            for i, v in enumerate(values)
        )


def test_a_dashboard_of_20_examples_of_32_tokens_takes_at_most_10_kilobytes():
    index = Wordy(named=dict.fromkeys(range(300), "a label that says in some words what it is about"))
    browser = iw.FeatureBrowser(index)
    assert len(ask(browser, "feature", feature=0, version=0)["examples"]["table"]) == 20
    sizes = [size(browser, "feature", feature=i, version=0) for i in range(20)]
    assert max(sizes) <= 10_000
    plain = iw.FeatureBrowser(PlantedIndex(groups=(("top", 20),)))
    assert max(size(plain, "feature", feature=i, version=0) for i in range(20)) <= 6_000


def test_131072_features_make_a_small_first_paint_and_picture():
    browser = iw.FeatureBrowser(PlantedIndex(131_072))
    first = len(json.dumps(wire.to_text([browser._answers, browser._view])))
    assert first <= 150_000
    assert sum(size(browser, "column", name=name, version=0) for name in ("density", "max")) <= 600_000
    browser.filters = {"density": [0.001, 0.01]}
    assert size(browser, "matched", query="", filters=dict(browser.filters), version=0) <= 20_000
    assert size(browser, "rows", **listing(browser)) <= 20_000


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        (np.geomspace(1e-6, 0.5, 900), True),
        (np.linspace(0.0, 1.0, 900), False),
        (np.linspace(-4.0, 9.0, 900), False),
        (np.append(np.geomspace(1e-6, 0.5, 900), 0), True),
        (np.full(5, 2.0), False),
        (np.zeros(0), False),
    ],
)
def test_places_of_a_column_are_its_values_to_the_precision_of_a_picture(values, logarithmic):
    random = np.random.default_rng(0)
    values = random.permutation(np.concatenate([values, [np.nan, np.inf, -np.inf]]))
    got = Places.of(values)
    codes = got.codes.astype(np.int64)
    assert got.logarithmic == logarithmic
    for special, code in ((np.isnan(values), 0), (values == np.inf, 65535), (values == -np.inf, 65534)):
        assert (codes[special] == code).all()
    placed = np.isfinite(values) & ((values > 0) | (not logarithmic))
    assert (codes[np.isfinite(values) & ~placed] == 1).all()
    share = (codes[placed] - 2) / 65531
    low, high = got.low, got.high
    back = low * (high / low) ** share if logarithmic else low + share * (high - low)
    np.testing.assert_allclose(back, values[placed], rtol=3e-4, atol=(high - low) / 60_000)


def test_a_label_is_saved_and_every_view_of_it_is_a_new_question(index, browser):
    before = browser._view["version"]
    assert ask(browser, "set_label", feature=9, label="  a river ", turn="1") == {"label": "a river"}
    assert index.saved == [(9, "a river")]
    assert browser._view["version"] == before + 1
    assert ask(browser, "feature", feature=9, version=before + 1)["label"] == "a river"
    browser.search = "river"
    assert 9 in browser.matches
    # The same words again after others: each act reaches the index.
    ask(browser, "set_label", feature=9, label="sea", turn="2")
    ask(browser, "set_label", feature=9, label="a river", turn="3")
    assert [text for _, text in index.saved] == ["a river", "sea", "a river"]


@pytest.mark.parametrize("label", ["x" * 401, "two\nlines", None, "not this one!"])
def test_a_label_that_cannot_be_saved_says_why_and_changes_nothing(index, browser, label):
    reply, _ = requests.answer(
        browser._methods, {"id": "1", "method": "set_label", "params": {"feature": 9, "label": label, "turn": "1"}}
    )
    assert reply["error"]["type"] == "InputError"
    assert reply["error"]["fix"]
    assert index.saved == []
    assert browser._view["version"] == 0


def test_more_context_keeps_what_is_known_apart_from_what_is_not(index, browser):
    example = index.examples(5)[0]
    got = ask(browser, "context", feature=5, document=example.document, start=example.start - 500, stop=500)
    assert got["start"] == 0
    assert len(got["texts"]) == len(index.corpus[0])
    np.testing.assert_array_equal(got["values"][example.start : example.start + len(example.values)], example.values)
    known = ~np.isnan(got["values"])
    places = [e for e in index.examples(5) if e.document == example.document]
    inside = np.zeros(len(known), bool)
    for place in places:
        inside[place.start : place.start + len(place.values)] = True
    np.testing.assert_array_equal(known, inside)
    with pytest.raises(iw.InputError, match="a stop after the start"):
        browser._methods["context"](feature=5, document=0, start=9, stop=9)


def test_a_column_of_ones_own_sorts_and_is_seen_after_refresh(index, browser):
    index.add_column("mine", np.arange(300.0))
    browser.refresh()
    assert "mine" in browser._view["columns"]
    browser.sort = "mine"
    assert browser.matches[:3].tolist() == [299, 298, 297]


def test_the_first_feature_of_the_order_is_open_unless_told(index):
    assert iw.FeatureBrowser(index, sort="max").feature == int(np.nanargmax(index.column("max")))
    assert iw.FeatureBrowser(index, feature=None).feature is None
    assert iw.FeatureBrowser(index, search="no such word").feature is None
    assert iw.FeatureBrowser(PlantedIndex(1)).feature == 0


def test_linked_browsers_show_the_same_feature(index):
    first, second = iw.FeatureBrowser(index, feature=4), iw.FeatureBrowser(index)
    iw.link(first, second)
    assert second.feature == 4
    second.feature = 11
    assert first.feature == 11


def test_a_static_page_holds_the_start_of_every_order_and_the_first_dashboards(index, browser):
    browser.to_html(features=5)
    browser._saved = 5
    state = browser.static_item().state
    held = [(e["method"], e["params"]) for e in state["_answers"]]
    dashboards = [params["feature"] for method, params in held if method == "feature"]
    assert dashboards == browser.matches[:5].tolist()
    orders = {(p["sort"], p["descending"]) for method, p in held if method == "rows"}
    assert orders == {(sort, d) for sort in ("feature", "density", "max", "mean", "f1") for d in (True, False)}
    assert {p["name"] for method, p in held if method == "column"} == set(index.columns)
    # What the page asks is what was recorded: the parameters that index.ts sends.
    assert set(next(p for method, p in held if method == "rows")) == {
        *("query", "sort", "descending", "filters", "start", "version")
    }
    with pytest.raises(iw.InputError, match="at least 1 feature"):
        browser.to_html(features=0)


def test_the_text_of_a_page_cannot_end_its_script():
    index = HardIndex(n_features=40, named={0: "</script><script>alert(1)</script>"})
    text = iw.FeatureBrowser(index).to_html(features=3)
    assert "<script>alert" not in text


def test_the_figure_shows_all_features(index, browser):
    pytest.importorskip("plotly")
    figure = browser.figure()
    (all_of_them,) = figure.data
    np.testing.assert_array_equal(np.asarray(all_of_them.x, np.float32), index.column("density"))
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.yaxis.type == "linear"
    browser.search = "royal"
    others, own = browser.figure().data
    assert (len(others.x), len(own.x)) == (299, 1)


def test_an_overview_of_unequal_lengths_is_refused():
    with pytest.raises(iw.InputError, match="expected x, y, listed and labels with one entry for each feature"):
        FeatureOverview(("a", "b"), np.zeros(2), np.zeros(3), np.ones(2, bool), ("", ""))


def test_an_index_on_disk_is_browsed_from_its_folder(tmp_path):
    build = pytest.importorskip("interpwidgets.analyses.build_index").build_index
    from interpwidgets.dictionaries import Identity

    lm = iw.load("storyworld")
    dictionary = Identity(640, site_in="mlp_act.1")
    texts = ["Mary and Tom went to the park . Tom gave the ball to Mary ."] * 4
    build(lm, dictionary, texts, tmp_path / "index", progress=False).close()
    browser = iw.FeatureBrowser(str(tmp_path / "index"))
    assert browser._view["n_features"] == 640
    ask(browser, "set_label", feature=browser.feature, label="found", turn="1")
    again = iw.FeatureBrowser(tmp_path / "index", search="label:found")
    assert again.matches.tolist() == [browser.feature]
    got = ask(again, "feature", feature=again.feature, version=0)
    assert got["label"] == "found"
    assert got["sum_check"]["holds"]
