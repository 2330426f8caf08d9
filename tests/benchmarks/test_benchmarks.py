"""The parts of the benchmarks that are plain functions. No timing is asserted anywhere."""

import numpy as np
import pytest

import interpwidgets as iw
from tests.benchmarks import clock, table, wire
from tests.benchmarks.clock import Spread
from tests.benchmarks.table import Row


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(43_000_000, "bytes", "43 MB"), (1_500, "bytes", "1.5 kB"), (12, "bytes", "12 B"), (2.5e9, "bytes", "2.5 GB"),
     (0.0127, "s", "12.7 ms"), (76.04, "s", "76 s"), (1.0, "s", "1 s"), (1.127, "x", "1.13 x"),
     (59.6, "frames/s", "60 frames/s"), (1234, "", "1,234"), (0, "bytes", "0 B")],
)  # fmt: skip
def test_numbers_as_people_read_them(value, unit, said):
    assert table.quantity(value, unit) == said


def test_a_cell_shows_its_spread_or_the_reason():
    assert table.cell(Spread((0.1, 0.3, 0.2)), "s") == "200 ms (100 ms to 300 ms)"
    assert table.cell(Spread((0.1,)), "s") == "100 ms"
    assert table.cell("not installed: a | b", "s") == "not installed: a / b"
    assert table.cell(None, "s") == "–"


def test_ratios_to_the_budget_and_to_the_best_peer():
    row = Row("w", "bytes", 100.0, 200.0, {"CircuitsVis": 4000.0, "BertViz": 900.0, "inspectus": "not installed"})
    assert table.to_budget(row) == "0.50 met"
    assert table.to_best_peer(row) == "9 x (BertViz)"
    assert table.to_budget(Row("w", "s", 3.0, 2.0)) == "1.50 **missed**"
    assert table.to_budget(Row("w", "frames/s", 60.0, 30.0, more_is_better=True)) == "2.00 met"
    assert table.to_budget(Row("w", "frames/s", 15.0, 30.0, more_is_better=True)) == "0.50 **missed**"
    assert table.to_budget(Row("w", "s", "no Chromium", 2.0)) == "–"
    assert table.to_best_peer(Row("w", "s", 3.0, peers={"BertViz": "> 120 s"})) == "–"


def test_the_table_is_markdown():
    text = table.markdown([Row("draw", "s", 1.0, 2.0), Row("size", "bytes", None)], "How fast", ["words"])
    lines = text.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert lines[0] == "## How fast"
    assert {line.count("|") for line in rows} == {6 + len(table.PEERS)}
    assert rows[2].startswith("| draw | 1 s | ≤ 2 s | 0.50 met |")


def test_work_is_taken_in_turns():
    done = []
    ticks = iter(np.arange(0.0, 100.0))
    works = {"a": lambda: done.append("a"), "b": lambda: done.append("b")}
    found = clock.interleaved(works, repeats=3, warm=1, clock=lambda: float(next(ticks)))
    assert "".join(done) == "ababbaab"
    assert found["a"].values == (1.0, 1.0, 1.0)


def test_repeats_end_early_where_they_are_slow():
    assert len(clock.repeated(lambda: 1.0, most=4).values) == 4
    assert len(clock.repeated(lambda: 1.0, most=4, seconds=0).values) == 1


def test_ratios_pair_the_turns():
    assert clock.ratios(Spread((2.0, 9.0)), Spread((1.0, 3.0))).values == (2.0, 3.0)


def test_bytes_of_a_view_of_32_tokens():
    n = 32
    pattern = np.tril(np.random.default_rng(0).random((12, n, n))).astype(np.float32)
    view = iw.AttentionView.from_arrays(pattern / pattern.sum(-1, keepdims=True), [f"w{i}" for i in range(n)])
    data, module = wire.state_bytes(view)
    asked = dict(reversed(list(view.recordable())))  # the first request of each kind
    picture = wire.answer_bytes(view, "picture", **{**asked["picture"], "head": 3})
    heads = wire.answer_bytes(view, "heads", **asked["heads"])
    assert n * n // 2 < picture < n * n + 500, "one byte for a cell, deflated, and a few words"
    assert heads > 6 * picture, "twelve of them"
    assert picture + heads < data < 4 * heads, "the state carries the first paint's two answers"
    assert module > 10_000
    with pytest.raises(RuntimeError, match="head 12"):
        wire.answer_bytes(view, "picture", **{**asked["picture"], "head": 12})


def test_bytes_of_a_message_count_its_buffers_once():
    assert wire.message_bytes({"a": b"12345678", "b": [b"12"]}) == len('{"a": 0, "b": [1]}') + 10
