import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from interpwidgets import InputError, Tokens
from interpwidgets.analyses.patterns import ArrayPatterns, ComparedPatterns, TracePatterns, as_patterns
from interpwidgets.errors import ModelError

RNG = np.random.default_rng(0)


def tokens(n):
    return Tokens.of([f"t{i}" for i in range(n)])


def arrays(pattern, **more):
    pattern = np.asarray(pattern, np.float32)
    return ArrayPatterns(pattern, tokens(pattern.shape[-2]), **more)


# What is taken as patterns.


@pytest.mark.parametrize("ndim", [2, 3, 4])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.bool_, ">f4"])
def test_numpy_of_one_head_one_layer_or_a_model(ndim, dtype):
    given = (RNG.random((2, 3, 4, 4)[-ndim:]) > 0.5).astype(dtype)
    array = as_patterns(given)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array.reshape(given.shape), given.astype(np.float64))


@pytest.mark.parametrize(("ndim", "shape"), [(2, (1, 1, 4, 5)), (3, (1, 3, 4, 5)), (4, (2, 3, 4, 5))])
def test_missing_axes_are_put_in_front(ndim, shape):
    assert as_patterns(np.zeros((2, 3, 4, 5)[-ndim:])).shape == shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_torch_of_any_precision_with_gradients(dtype):
    # Sixteenths are exact in every one of these formats.
    exact = np.arange(16).reshape(1, 1, 4, 4) / 16
    given = torch.tensor(exact, dtype=dtype, requires_grad=True)
    np.testing.assert_array_equal(as_patterns(given), exact)


def test_what_output_attentions_returns():
    layers = tuple(torch.rand(1, 2, 3, 3) for _ in range(4))
    array = as_patterns(layers)
    assert array.shape == (4, 2, 3, 3)
    for i, layer in enumerate(layers):
        np.testing.assert_array_equal(array[i], layer[0].numpy())


def test_a_list_of_layers_without_a_batch():
    layers = [RNG.random((2, 3, 3)) for _ in range(4)]
    np.testing.assert_allclose(as_patterns(layers), np.stack(layers), rtol=1e-6)


def test_nested_lists():
    np.testing.assert_array_equal(as_patterns([[1, 0], [0.25, 0.75]]), [[[[1, 0], [0.25, 0.75]]]])


def test_a_batch_of_one_is_taken_off():
    given = RNG.random((2, 1, 3, 4, 4))
    np.testing.assert_allclose(as_patterns(given), given[:, 0], rtol=1e-6)
    np.testing.assert_allclose(as_patterns(given.transpose(1, 0, 2, 3, 4)), given[:, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.zeros(4), "got shape [4]"),
        (np.float32(1), "got shape []"),
        (np.zeros((2, 2, 3, 4, 4)), "got shape [2, 2, 3, 4, 4]. Take one sequence of a batch"),
        (np.zeros((1, 1, 0, 0)), "got shape [1, 1, 0, 0]"),
        ([], "got shape [0]"),
        ([torch.zeros(2, 3, 4, 4)], "got shape [2, 3, 4, 4]. Take one sequence of a batch"),
        ([np.zeros((4, 4))], "got shape [4, 4]"),
        ([np.zeros((2, 4, 4)), np.zeros((3, 4, 4))], "got [2, 4, 4] and [3, 4, 4]"),
        ("abc", "got str"),
        (None, "got NoneType"),
        ([[1.0], [1.0, 2.0]], "got list"),
        (np.zeros((2, 2), complex), "an array of complex128"),
        ({"pattern": 1}, "got dict"),
    ],
    ids=str,
)
def test_what_is_no_pattern_is_refused_with_its_shape(bad, said):
    with pytest.raises(InputError, match=re.escape(said)):
        as_patterns(bad)


# Arrays.


def test_blocks_are_slices_of_the_array():
    given = RNG.random((2, 3, 5, 5)).astype(np.float32)
    source = arrays(given, layers=(4, 8))
    np.testing.assert_array_equal(source.block(8, 2, slice(1, 3), slice(0, 4)), given[1, 2, 1:3, 0:4])
    np.testing.assert_array_equal(source.values("pattern", 4, 0), given[0, 0])
    assert (source.layers, source.n_heads(4)) == ((4, 8), 3)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 1), (2, 2, 3, 4)])
def test_every_query_and_key_needs_a_token(shape):
    with pytest.raises(
        InputError, match=re.escape(f"[..., query, key] of 3 x 3 for these tokens, got shape {list(shape)}")
    ):
        ArrayPatterns(np.zeros(shape), tokens(3))


def test_keys_of_their_own():
    source = ArrayPatterns(np.zeros((3, 5)), tokens(3), tokens(5))
    assert (len(source.queries), len(source.keys), source.causal) == (3, 5, False)


@pytest.mark.parametrize(
    ("pattern", "causal"),
    [
        (np.tril(np.ones((4, 4))), True),
        (np.tril(np.ones((4, 4))) + np.eye(4, k=1) * 1e-9, False),
        (np.ones((4, 4)), False),
        (np.eye(4), True),
        (np.eye(4)[::-1], False),
        (np.where(np.tri(4) > 0, 1, -np.inf), False),
        ([[1.0]], False),
        (np.stack([np.tril(np.ones((4, 4))), np.ones((4, 4))]), False),
    ],
    ids=str,
)
def test_causal_is_read_off_the_zeros_above_the_diagonal(pattern, causal):
    assert arrays(pattern).causal is causal


@pytest.mark.parametrize("said", [True, False])
def test_what_the_caller_says_wins(said):
    assert arrays(np.ones((3, 3)), causal=said).causal is said
    assert arrays(np.eye(3), causal=said).causal is said


def test_equal_lengths_do_not_make_cross_attention_causal():
    assert not ArrayPatterns(np.eye(3), tokens(3), tokens(3)).causal


def test_below_zero_needs_two_sides():
    assert not arrays([[1, 0], [0.5, 0.5]]).signed("pattern")
    assert arrays([[1, 0], [-0.5, 0.5]]).signed("pattern")
    assert not arrays([[np.nan, 0], [0, 1]]).signed("pattern")
    assert arrays([[-np.inf, 0], [0, 1]]).signed("pattern")


def test_a_sink_belongs_to_its_layer_and_head():
    sink = np.arange(8, dtype=np.float32).reshape(2, 2, 2) / 8
    source = arrays(np.zeros((2, 2, 2, 2)), layers=(3, 5), sink=sink)
    np.testing.assert_array_equal(source.sink(5, 1), sink[1, 1])
    np.testing.assert_array_equal(arrays(np.zeros((2, 2, 2, 2))).sink(1, 1), [0, 0])


@pytest.mark.parametrize("layer", [2, -1, 0, "4"])
def test_a_layer_that_does_not_exist(layer):
    source = arrays(np.zeros((2, 1, 2, 2)), layers=(4, 8))
    with pytest.raises(InputError, match=re.escape(f"a layer with attention among [4, 8], got layer {layer!r}")):
        source.check_layer(layer)
    assert source.check_layer(8) == 8


@pytest.mark.parametrize("head", [3, -1])
def test_a_head_that_does_not_exist(head):
    source = arrays(np.zeros((1, 3, 2, 2)))
    with pytest.raises(InputError, match=re.escape(f"expected a head from 0 to 2 in layer 0, got head {head}")):
        source.check_head(0, head)
    assert source.check_head(0, 2) == 2


@pytest.mark.parametrize("show", ["value_weighted", "difference", "compared", "x"])
def test_arrays_show_patterns_only(show):
    with pytest.raises(InputError, match=re.escape("show to be one of ['pattern']")):
        arrays(np.eye(2)).values(show, 0, 0)
    with pytest.raises(InputError, match="Pass a trace to weigh by values"):
        arrays(np.eye(2)).value_norms(0, 0)


# Two sources.


def test_the_difference_is_antisymmetric_and_the_second_is_itself():
    a, b = (RNG.random((2, 2, 4, 4)).astype(np.float32) for _ in range(2))
    forward, back = ComparedPatterns(arrays(a), arrays(b)), ComparedPatterns(arrays(b), arrays(a))
    window = (slice(1, 4), slice(0, 2))
    difference = forward.values("difference", 1, 0, *window)
    np.testing.assert_array_equal(difference, a[1, 0][window] - b[1, 0][window])
    np.testing.assert_array_equal(back.values("difference", 1, 0, *window), -difference)
    np.testing.assert_array_equal(forward.values("compared", 1, 0), b[1, 0])
    np.testing.assert_array_equal(forward.values("pattern", 1, 0), a[1, 0])
    assert list(forward.shows) == ["pattern", "compared", "difference"]
    assert [forward.signed(show) for show in forward.shows] == [False, False, True]


def test_the_difference_with_itself_is_zero():
    source = arrays(RNG.random((1, 1, 3, 3)))
    assert not ComparedPatterns(source, source).values("difference", 0, 0).any()


def test_infinities_that_cancel_are_not_a_number_and_no_warning():
    source = arrays([[np.inf, 3e38], [0, 1]])
    other = arrays([[np.inf, -3e38], [0, 1]])
    difference = ComparedPatterns(source, other).values("difference", 0, 0)
    np.testing.assert_array_equal(difference, [[np.nan, np.inf], [0, 0]])


@pytest.mark.parametrize(
    ("second", "said"), [((2, 3), "number of queries, got 3 and 2"), ((3, 2), "keys, got 3 and 2")]
)
def test_other_lengths_cannot_be_compared(second, said):
    other = ArrayPatterns(np.zeros(second), tokens(second[0]), tokens(second[1]))
    with pytest.raises(InputError, match=said):
        ComparedPatterns(ArrayPatterns(np.zeros((3, 3)), tokens(3), tokens(3)), other)


def test_only_layers_of_equally_many_heads_are_compared():
    both = ComparedPatterns(
        arrays(np.zeros((3, 2, 2, 2)), layers=(0, 2, 4)), arrays(np.zeros((2, 2, 2, 2)), layers=(2, 3))
    )
    assert both.layers == (2,)
    with pytest.raises(InputError, match="a layer of equally many heads in common"):
        ComparedPatterns(arrays(np.zeros((1, 2, 2, 2))), arrays(np.zeros((1, 3, 2, 2))))
    with pytest.raises(InputError, match=re.escape("got layers 0 to 0 and [5]")):
        ComparedPatterns(arrays(np.zeros((1, 2, 2, 2))), arrays(np.zeros((1, 2, 2, 2)), layers=(5,)))


def test_two_sources_are_causal_only_together():
    causal, full = arrays(np.eye(2)), arrays(np.ones((2, 2)))
    assert ComparedPatterns(causal, causal).causal
    assert not ComparedPatterns(causal, full).causal


def test_below_zero_in_either_needs_two_sides():
    plain, below = arrays(np.eye(2)), arrays(-np.eye(2))
    assert ComparedPatterns(plain, below).signed("compared")
    assert ComparedPatterns(below, plain).signed("pattern")


# A trace.


class Layer:
    """An attention layer with planted numbers."""

    def __init__(self, layer, pattern, *, causal=True, sink=None, norms=None):
        self.layer, self._pattern, self.causal = layer, torch.tensor(pattern), causal
        self.n_heads, self.window = len(pattern), None
        self._sink, self._norms = sink, norms

    def pattern(self, head, query=slice(None), key=slice(None)):
        return self._pattern[head][query, key]

    def sink(self, head):
        return None if self._sink is None else torch.tensor(self._sink[head])

    def check_output(self):
        if self._norms is None:
            raise ModelError(expected="an output projection", got="a Mystery in layer 3", fix="Use attn_out.")

    def value_norms(self, head):
        return torch.tensor(self._norms[head])


def trace(*layers, kind="self", n=3, source=None):
    return SimpleNamespace(attention={kind: list(layers)}, tokens=tokens(n), source_tokens=source)


def test_a_trace_keeps_its_layer_numbers_and_ragged_heads():
    a, b = RNG.random((2, 3, 3)), RNG.random((4, 3, 3))
    source = TracePatterns(trace(Layer(1, a), Layer(5, b)), "self")
    assert (source.layers, source.n_heads(1), source.n_heads(5), source.causal) == ((1, 5), 2, 4, True)
    block = source.block(5, 3, slice(1, 3), slice(0, 2))
    assert (block.dtype, block.shape) == (np.float32, (2, 2))
    np.testing.assert_array_equal(block, b[3, 1:3, 0:2].astype(np.float32))


def test_value_weighted_is_probability_times_norm_of_the_key():
    pattern, norms = RNG.random((2, 3, 3)), RNG.random((2, 3))
    source = TracePatterns(trace(Layer(0, pattern, norms=norms)), "self")
    got = source.values("value_weighted", 0, 1, slice(1, 3), slice(1, 3))
    want = [[pattern[1, q, k] * norms[1, k] for k in (1, 2)] for q in (1, 2)]
    np.testing.assert_allclose(got, want, rtol=1e-6)
    assert not source.signed("value_weighted")


def test_a_model_without_an_output_matrix_says_why():
    source = TracePatterns(trace(Layer(3, np.ones((1, 3, 3)))), "self")
    assert source.shows == {"pattern": None, "value_weighted": "a Mystery in layer 3"}
    with pytest.raises(InputError, match=r"got a Mystery in layer 3\. Use show='pattern'"):
        source.values("value_weighted", 3, 0)


def test_sinks_of_a_trace():
    with_sink = TracePatterns(trace(Layer(0, np.ones((1, 3, 3)), sink=[[0.5, 0.25, 0]])), "self")
    np.testing.assert_array_equal(with_sink.sink(0, 0), [0.5, 0.25, 0])
    without = TracePatterns(trace(Layer(0, np.ones((1, 3, 3)))), "self")
    np.testing.assert_array_equal(without.sink(0, 0), [0, 0, 0])


@pytest.mark.parametrize(
    ("kind", "lengths"), [("encoder", (5, 5)), ("decoder", (3, 3)), ("cross", (3, 5)), ("self", (3, 3))]
)
def test_each_kind_has_its_own_positions(kind, lengths):
    layer = Layer(0, np.ones((1, *lengths)), causal=False)
    source = TracePatterns(trace(layer, kind=kind, source=tokens(5)), kind)
    assert (len(source.queries), len(source.keys)) == lengths


# How large a magnitude can be, without looking at every pattern.


@pytest.mark.parametrize("below_zero", [False, True])
@pytest.mark.parametrize("show", ["pattern", "compared", "difference"])
def test_no_magnitude_exceeds_the_limit(below_zero, show):
    rng = np.random.default_rng(5)
    a, b = (rng.random((2, 2, 4, 4)).astype(np.float32) * size for size in (3, 5))
    a, b = (a, -b) if below_zero else (a, b)
    a[0, 0, 0, 0] = np.nan
    b[1, 1, 0, 0] = np.inf
    both = ComparedPatterns(arrays(a), arrays(b))
    for layer in (0, 1):
        shown = np.stack([both.values(show, layer, head) for head in (0, 1)])
        largest = np.abs(shown[np.isfinite(shown)]).max()
        assert largest <= both.limit(show, layer) <= 8
        bound = both.bound(show)
        assert bound is None or largest <= bound


def test_value_weighted_is_limited_by_the_largest_norm():
    norms = np.array([[0.5, np.nan, 2.0], [np.inf, 1.0, 1.5]])
    source = TracePatterns(trace(Layer(0, np.eye(3)[None].repeat(2, 0), norms=norms)), "self")
    assert source.limit("value_weighted", 0) == 2.0
    assert source.limit("pattern", 0) == source.bound("pattern") == 1.0
    assert source.bound("value_weighted") is None


def test_probabilities_are_bounded_by_one_and_other_numbers_are_not():
    assert arrays([[0.5, 0.5], [0, 1.0005]]).bound("pattern") == 1.0
    assert arrays([[0.5, 0.5], [0, 1.5]]).bound("pattern") is None
    assert arrays([[0.5, -0.5], [0, 1]]).bound("pattern") is None
    assert arrays(np.zeros((2, 2))).limit("pattern", 0) == 1.0
