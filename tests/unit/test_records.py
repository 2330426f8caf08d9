import json
import math
import re
import socket
import urllib.request

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpwidgets import Attention, InputError, SumCheck, Tokens


def record(pattern, **more):
    pattern = np.asarray(pattern, dtype=np.float32)
    queries, keys = (Tokens.of([f"t{i}" for i in range(n)]) for n in pattern.shape[2:])
    return Attention(pattern, queries, keys, tuple(range(len(pattern))), causal=False, **more)


# What adds up.


def test_a_sum_within_the_tolerance_holds():
    check = SumCheck("rows sum to 1", 1.00005, 1.0)
    assert check.holds
    assert check.residual == pytest.approx(5e-5)
    assert not SumCheck("rows sum to 1", 1.0002, 1.0).holds
    assert SumCheck("rows sum to 1", 1.0002, 1.0, tolerance=1e-3).holds


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_never_holds(value):
    assert SumCheck("x", value, 1.0).holds is False


@given(st.lists(st.floats(-5, 5), min_size=1), st.floats(-5, 5))
def test_the_farthest_sum_is_kept(sums, target):
    check = SumCheck.farthest("x", np.array(sums), target=target)
    assert check.value in sums
    assert all(abs(check.residual) >= abs(s - target) for s in sums)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_sum_that_is_not_a_number_is_worse_than_any(bad):
    check = SumCheck.farthest("x", np.array([[1.0, 1e30], [bad, 1.0]]), target=1.0)
    assert not math.isfinite(check.value)
    assert not check.holds


def test_no_sums_at_all_hold():
    assert SumCheck.farthest("x", np.zeros((0, 3)), target=1.0).holds


# Attention.


def test_rows_that_sum_to_one_hold():
    assert record([[[[1, 0], [0.5, 0.5]]]]).sum_check.holds


def test_the_sum_check_finds_the_one_bad_row():
    pattern = np.full((2, 3, 4, 4), 0.25)
    pattern[1, 2, 3, 0] += 0.125
    check = record(pattern).sum_check
    assert (check.value, check.residual, check.holds) == (1.125, 0.125, False)


def test_a_sink_counts():
    sink = np.array([[[0.5, 0.0]]], np.float32)
    assert record([[[[0.5, 0], [0.5, 0.5]]]], sink=sink).sum_check.holds
    assert not record([[[[0.5, 0], [0.5, 0.5]]]]).sum_check.holds


@pytest.mark.parametrize("row", [[math.nan, 1], [math.inf, 0], [math.inf, -math.inf]])
def test_rows_with_no_number_do_not_hold(row):
    assert not record([[[[1, 0], row]]]).sum_check.holds


@pytest.mark.parametrize("shape", [(2, 2), (1, 2, 2), (2, 1, 2, 2), (1, 1, 3, 2), (1, 1, 2, 3), (1, 1, 1, 2, 2)])
def test_every_axis_must_fit(shape):
    two = Tokens.of(["a", "b"])
    message = re.escape(f"got shape {list(shape)}. Give one token for every query and key, and one number")
    with pytest.raises(InputError, match=message):
        Attention(np.zeros(shape, np.float32), two, two, (0,), causal=False)


@pytest.mark.parametrize("shape", [(2,), (1, 1), (1, 1, 3), (1, 2, 2), (1, 1, 2, 2)])
def test_a_sink_must_fit(shape):
    with pytest.raises(InputError, match=re.escape("expected a sink of shape [layer, head, query] = [1, 1, 2]")):
        record(np.zeros((1, 1, 2, 2)), sink=np.zeros(shape, np.float32))


# The same record drawn by CircuitsVis.


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError(f"asked the network: {args}")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def drawn(attention, layer=0, **options):
    """The HTML, and the properties that CircuitsVis gets."""
    html = attention.to_circuitsvis(layer, **options)._repr_html_()
    props = html[html.rindex("CircuitsVis.AttentionHeads,") + len("CircuitsVis.AttentionHeads,") :]
    return html, json.JSONDecoder().raw_decode(props.strip())[0]


HOSTILE = ["</script><img src=x onerror=alert(1)>", "<!--<script>", "a\\b\"'\n", " plain", "\u2028", "日本"]


def test_circuitsvis_draws_the_same_numbers_and_tokens(offline):
    pattern = np.random.default_rng(0).dirichlet(np.ones(6), size=(2, 3, 6))
    tokens = Tokens.of(HOSTILE)
    attention = Attention(pattern.astype(np.float32), tokens, tokens, (4, 9), causal=False)
    html, props = drawn(attention, 9)
    np.testing.assert_array_equal(np.array(props["attention"], np.float32), attention.pattern[1])
    assert props["tokens"] == HOSTILE
    assert props["maskUpperTri"] is False
    assert len(re.findall(r"</script", html, re.I)) == 1, "a token ended the script element"
    assert "<img" not in html
    assert "<!--" not in html
    assert 'from "https://' not in html, "the script comes from a CDN"


def test_circuitsvis_gets_the_mask_and_options(offline):
    two = Tokens.of(["a", "b"])
    attention = Attention(np.eye(2, dtype=np.float32)[None, None], two, two, (0,), causal=True)
    _, props = drawn(attention, attention_head_names=["L0H0"])
    assert props["maskUpperTri"] is True
    assert props["attentionHeadNames"] == ["L0H0"]


def test_circuitsvis_needs_a_layer_of_the_record():
    with pytest.raises(InputError, match=re.escape("expected a layer of [0, 1], got layer 2")):
        record(np.full((2, 1, 2, 2), 0.5)).to_circuitsvis(2)
