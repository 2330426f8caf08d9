import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from interpwidgets import Tokens
from interpwidgets.analyses import pictures
from interpwidgets.analyses.patterns import ArrayPatterns, ComparedPatterns
from interpwidgets.analyses.pictures import decode, encode, error_bound, natural_scale, picture, pool, starts

scales = st.floats(1e-6, 1e6)
finite = st.floats(-1, 1, width=32)
matrices = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=finite)


def source(array, **more):
    array = np.asarray(array, np.float32)
    queries = Tokens.of(["q"] * array.shape[-2])
    keys = None if array.shape[-1] == array.shape[-2] else Tokens.of(["k"] * array.shape[-1])
    return ArrayPatterns(array, queries, keys, **more)


# One value.


@given(matrices, scales)
def test_a_code_is_within_the_error_bound(shares, scale):
    values = np.abs(shares) * np.float32(scale)
    back = decode(encode(values, scale), scale)
    assert np.abs(back.astype(np.float64) - values).max() <= error_bound(scale) * (1 + 1e-5)


@given(matrices, scales)
def test_a_signed_code_is_within_its_error_bound(shares, scale):
    values = shares * np.float32(scale)
    back = decode(encode(values, scale, signed=True), scale, signed=True)
    assert np.abs(back.astype(np.float64) - values).max() <= error_bound(scale, signed=True) * (1 + 1e-5)


@pytest.mark.parametrize("signed", [False, True])
def test_the_worst_values_are_within_the_error_bound(signed):
    """Midway between two codes, a hair to either side, from the smallest step to the top of the scale."""
    steps = 125 if signed else 250
    middle = ((np.arange(steps) + 0.5) / steps) ** 2
    values = np.concatenate([middle, middle * (1 - 1e-6), middle * (1 + 1e-6), [0, 1, 1e-45, 1 - 1e-7]])
    values = np.concatenate([values, -values]) if signed else values
    values = values.astype(np.float32)[None]
    errors = np.abs(decode(encode(values, 1.0, signed=signed), 1.0, signed=signed).astype(np.float64) - values)
    assert errors.max() <= error_bound(1.0, signed=signed)
    assert errors.max() > 0.9 * error_bound(1.0, signed=signed), "the bound is not tight"


def test_error_bound_in_numbers():
    assert error_bound(1.0) == pytest.approx(0.004, rel=0.01)
    assert error_bound(10.0, signed=True) == pytest.approx(0.08, rel=0.01)


@pytest.mark.parametrize(("signed", "codes"), [(False, range(1, 252)), (True, range(1, 252))])
def test_every_code_comes_back(signed, codes):
    codes = np.array([codes], np.uint8)
    np.testing.assert_array_equal(encode(decode(codes, 3.0, signed=signed), 3.0, signed=signed), codes)


@given(st.lists(finite, min_size=2))
def test_codes_keep_the_order(values):
    values = np.sort(np.array(values, np.float32))
    assert (np.diff(encode(values, 1.0, signed=True).astype(int)) >= 0).all()
    assert (np.diff(encode(np.sort(np.abs(values)), 1.0).astype(int)) >= 0).all()


@given(matrices)
def test_signed_codes_mirror(values):
    codes = encode(values, 0.5, signed=True).astype(int)
    np.testing.assert_array_equal(encode(-values, 0.5, signed=True), 252 - codes)


@pytest.mark.parametrize("signed", [False, True])
def test_marks(signed):
    values = np.array([[np.nan, np.inf, -np.inf, 0.5, np.nan]], np.float32)
    masked = np.array([[False, False, False, True, True]])
    codes = encode(values, 1.0, signed=signed, masked=masked)
    assert codes.tolist() == [[255, 254, 253, 0, 0]]
    np.testing.assert_array_equal(decode(codes, 1.0, signed=signed), [[np.nan, np.inf, -np.inf, 0, 0]])


@given(hnp.arrays(np.float32, 20, elements=st.floats(width=32)), scales, st.booleans())
def test_no_value_looks_like_another_mark(values, scale, signed):
    codes = encode(values, scale, signed=signed)
    assert ((codes == 255) == np.isnan(values)).all()
    assert ((codes == 254) == np.isposinf(values)).all()
    assert ((codes == 253) == np.isneginf(values)).all()
    ordinary = codes[np.isfinite(values)]
    assert ((ordinary >= 1) & (ordinary <= 251)).all()


@pytest.mark.parametrize(("signed", "end", "below"), [(False, 251, 1), (True, 251, 1)])
def test_beyond_the_scale_is_the_end_of_it(signed, end, below):
    assert encode(np.array([[7.0, -7.0]]), 2.0, signed=signed).tolist() == [[end, below]]


def test_a_scale_of_zero_shows_zeros():
    assert encode(np.array([[0.0, 0.0]]), 0.0).tolist() == [[1, 1]]
    assert encode(np.array([[0.0, 0.0]]), 0.0, signed=True).tolist() == [[126, 126]]


# Many values as one.


@given(st.integers(1, 300), st.data())
def test_parts_cover_everything_and_differ_by_one(length, data):
    cells = data.draw(st.integers(1, length))
    sizes = np.diff(np.append(starts(length, cells), length))
    assert starts(length, cells)[0] == 0
    assert sizes.sum() == length
    assert sizes.min() >= 1
    assert sizes.max() - sizes.min() <= 1


@given(st.integers(1, 300), st.data())
def test_a_position_lies_in_the_part_the_page_reads(length, data):
    """js/src/widgets/attention/data.ts looks for position i in cell floor(i * cells / length)."""
    cells = data.draw(st.integers(1, length))
    ours = np.searchsorted(starts(length, cells), np.arange(length), side="right") - 1
    assert ours.tolist() == [i * cells // length for i in range(length)]


def windows(values, rows, columns):
    """Every output cell's window, one by one."""
    tops, lefts = [*rows, values.shape[0]], [*columns, values.shape[1]]
    for i in range(len(rows)):
        for j in range(len(columns)):
            yield i, j, values[tops[i] : tops[i + 1], lefts[j] : lefts[j + 1]]


parts = st.tuples(matrices, st.integers(1, 12), st.integers(1, 12))


def cut(values, rows, columns):
    return starts(values.shape[0], min(rows, values.shape[0])), starts(values.shape[1], min(columns, values.shape[1]))


@given(parts)
@example((np.array([[-0.5, 0.5]], np.float32), 1, 1))
def test_pooling_keeps_the_one_farthest_from_zero(given_parts):
    values, *sizes = given_parts
    rows, columns = cut(values, *sizes)
    pooled = pool(values, rows, columns)
    for i, j, window in windows(values, rows, columns):
        assert pooled[i, j] in window
        assert abs(pooled[i, j]) == np.abs(window).max()


@given(parts)
def test_pooling_probabilities_keeps_the_maximum(given_parts):
    values, *sizes = given_parts
    values = np.abs(values)
    rows, columns = cut(values, *sizes)
    pooled = pool(values, rows, columns)
    assert all(pooled[i, j] == window.max() for i, j, window in windows(values, rows, columns))


@given(parts)
def test_the_mean_keeps_the_mass(given_parts):
    values, *sizes = given_parts
    rows, columns = cut(values, *sizes)
    pooled = pool(values, rows, columns, how="mean")
    for i, j, window in windows(values, rows, columns):
        assert pooled[i, j] == pytest.approx(window.mean(dtype=np.float64), abs=1e-5)
    area = np.outer(np.diff(np.append(rows, values.shape[0])), np.diff(np.append(columns, values.shape[1])))
    assert (pooled * area).sum() == pytest.approx(values.sum(dtype=np.float64), abs=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("others", [0.5, -0.5])
def test_a_cell_that_is_no_number_stays_visible(bad, others):
    values = np.full((4, 4), others, np.float32)
    values[1, 2] = bad
    pooled = pool(values, np.array([0, 2]), np.array([0, 2]))
    want = np.full((2, 2), others, np.float32)
    want[0, 1] = bad
    np.testing.assert_array_equal(pooled, want)


# A picture.


@given(matrices, st.integers(1, 12), st.integers(1, 12))
def test_the_brightest_cell_survives_any_zoom(values, rows, columns):
    values = np.abs(values)
    result = picture(source(values, causal=False), "pattern", 0, 0, size=(rows, columns))
    assert result.codes.shape == (min(rows, values.shape[0]), min(columns, values.shape[1]))
    assert result.codes.max() == encode(values, 1.0).max()


def test_full_size_is_one_cell_each():
    values = np.random.default_rng(0).random((5, 7)).astype(np.float32)
    result = picture(source(values), "pattern", 0, 0)
    np.testing.assert_array_equal(result.codes, encode(values, 1.0))
    assert np.abs(decode(result.codes, 1.0) - values).max() <= error_bound(1.0)


def test_a_window_is_a_picture_of_the_slice():
    values = np.random.default_rng(0).random((9, 9)).astype(np.float32)
    window = picture(source(values), "pattern", 0, 0, window=(2, 8, 3, 7), size=(3, 2))
    np.testing.assert_array_equal(window.codes, picture(source(values[2:8, 3:7]), "pattern", 0, 0, size=(3, 2)).codes)
    assert window.sum_check is None


@pytest.mark.parametrize("block", [1, 7, 40, 10_000])
@pytest.mark.parametrize("size", [None, (5, 4), (1, 1), (13, 11)])
@pytest.mark.parametrize("causal", [True, False])
def test_blocks_make_the_same_picture(monkeypatch, block, size, causal):
    values = np.random.default_rng(1).normal(size=(13, 13)).astype(np.float32)
    values = np.tril(values) if causal else values
    values[7, 2] = np.nan
    for given_source in (source(values), source(np.abs(values))):
        whole = picture(given_source, "pattern", 0, 0, size=size, scale=2.0)
        scale = natural_scale(given_source, "pattern", 0, 0)
        with monkeypatch.context() as m:
            m.setattr(pictures, "BLOCK_CELLS", block)
            again = picture(given_source, "pattern", 0, 0, size=size, scale=2.0)
            assert natural_scale(given_source, "pattern", 0, 0) == scale
        np.testing.assert_array_equal(again.codes, whole.codes)
        assert (again.signed, again.scale) == (whole.signed, whole.scale)
        assert repr(again.sum_check) == repr(whole.sum_check)


def test_blocks_bound_what_is_asked_for(monkeypatch):
    asked = []

    class Watched(ArrayPatterns):
        def block(self, layer, head, q=slice(None), k=slice(None)):
            asked.append((q.stop - q.start) * (k.stop - k.start))
            return super().block(layer, head, q, k)

    monkeypatch.setattr(pictures, "BLOCK_CELLS", 100)
    tokens = Tokens.of(["t"] * 40)
    picture(Watched(np.ones((40, 40)), tokens), "pattern", 0, 0, size=(20, 20))
    assert max(asked) <= 100
    assert sum(asked) == 1600


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_only_what_no_query_sees_is_masked(size):
    n = 8
    codes = picture(source(np.tril(np.full((n, n), 0.5))), "pattern", 0, 0, size=(size, size)).codes
    seen = {(q * size // n, k * size // n) for q in range(n) for k in range(q + 1)}
    assert {(i, j) for i in range(size) for j in range(size) if codes[i, j] != 0} == seen


def test_a_masked_window_knows_where_it_lies():
    values = np.tril(np.ones((6, 6)))
    codes = picture(source(values), "pattern", 0, 0, window=(2, 4, 1, 5)).codes
    assert (codes == 0).tolist() == [[False, False, True, True], [False, False, False, True]]


def test_a_zero_that_can_be_seen_is_not_masked():
    codes = picture(source(np.eye(3)), "pattern", 0, 0).codes
    assert codes.tolist() == [[251, 0, 0], [1, 251, 0], [1, 1, 251]]


def test_a_difference_has_two_sides():
    pair = ComparedPatterns(source([[1, 0], [0.25, 0.75]]), source([[1, 0], [0.75, 0.25]]))
    result = picture(pair, "difference", 0, 0, scale=0.5)
    assert (result.signed, result.sum_check) == (True, None)
    assert result.codes.tolist() == [[126, 0], [1, 251]]


# What adds up.


def test_the_picture_carries_the_sum_of_whole_rows():
    values = np.full((4, 4), 0.25)
    values[2, 1] = 0.5
    result = picture(source(values), "pattern", 0, 0, size=(2, 2))
    assert (result.sum_check.value, result.sum_check.holds) == (1.25, False)
    assert picture(source(np.full((4, 4), 0.25)), "pattern", 0, 0).sum_check.holds


def test_a_sink_is_part_of_the_sum():
    half = source(np.full((2, 2), 0.25), sink=np.full((1, 1, 2), 0.5, np.float32))
    assert picture(half, "pattern", 0, 0).sum_check.holds
    assert picture(half, "pattern", 0, 0, window=(1, 2, 0, 2)).sum_check.holds
    assert not picture(source(np.full((2, 2), 0.25)), "pattern", 0, 0).sum_check.holds


@pytest.mark.parametrize("row", [[np.nan, 1], [np.inf, 0], [np.inf, -np.inf]])
def test_rows_that_are_no_numbers_do_not_hold(row):
    assert not picture(source([row, [0.5, 0.5]], causal=False), "pattern", 0, 0).sum_check.holds


@pytest.mark.parametrize(
    ("values", "scale"),
    [([[0, 0], [0, 0]], 1.0), ([[0.25, 0], [0, 0]], 0.25), ([[3, -7], [0, 0]], 7.0), ([[np.inf, 2], [np.nan, 0]], 2.0),
     ([[np.nan, np.nan], [np.inf, -np.inf]], 1.0)],
)  # fmt: skip
def test_the_natural_scale_is_the_largest_finite_magnitude(values, scale):
    assert natural_scale(source(values, causal=False), "pattern", 0, 0) == scale
    assert math.isfinite(scale)


# A glance at a long text.


@pytest.mark.parametrize(("n", "most"), [(20, 5), (23, 5), (9, 4), (7, 7), (5, 100)])
def test_a_glance_looks_at_evenly_spaced_queries(n, most):
    values = np.random.default_rng(2).random((n, 6)).astype(np.float32)
    stride = max(1, n // most)
    glance = picture(source(values), "pattern", 0, 0, most_queries=most)
    np.testing.assert_array_equal(glance.codes, encode(values[::stride], 1.0))
    assert (glance.sum_check is None) == (stride > 1), "rows were left out: nothing can be said of all"


def test_a_glance_masks_only_what_no_query_sees():
    codes = picture(source(np.tril(np.ones((12, 12)))), "pattern", 0, 0, most_queries=3, size=(3, 12)).codes
    # Queries 0, 4 and 8 stand for rows 0-3, 4-7 and 8-11.
    assert [(row != 0).sum() for row in codes] == [4, 8, 12]
    assert [(row == 251).sum() for row in codes] == [1, 5, 9]
