"""Features on a text: every number against arithmetic written out here, planted arrays and a real model."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets import InputError, ModelError
from interpwidgets.analyses.feature_values import again, feature_values, why_not_again
from interpwidgets.dictionaries import (
    Identity,
    JumpReLU,
    Matryoshka,
    Normalisation,
    ReLU,
    SparseAutoencoder,
    TopK,
    Transcoder,
)
from interpwidgets.records.feature_values import FeatureValues
from tests.browser.fixtures_feature_values import planted
from tests.unit import families as F

WIDTH = 32  # of the tiny models


@pytest.fixture(scope="module")
def lm():
    return iw.load(F.build("llama"))


@pytest.fixture(scope="module")
def trace(lm):
    return lm.trace([3, 4, 5, 6, 7])


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) / shape[-1] ** 0.5


def dictionary(n=20, seed=0, **more):
    about = {"site_in": "resid_post.1", **more}
    return SparseAutoencoder(
        random(n, WIDTH, seed=seed), random(n, WIDTH, seed=seed + 1), encoder_bias=0.05 * random(n, seed=2),
        decoder_bias=random(WIDTH, seed=3), activation=about.pop("activation", ReLU()), **about,
    )  # fmt: skip


def by_hand(x, y, codes, directions, base, scale=1.0):
    """The same numbers in numpy, dense, from their definitions."""
    x, y, codes, directions, base = (np.asarray(a.detach(), np.float64) for a in (x, y, codes, directions, base))
    written = codes[:, :, None] * directions[None] * np.asarray(scale)[..., None, None]
    made = base + written.sum(1)
    rest, whole, wrote = y - made, y - base, made - base
    length = (whole**2).sum(-1)
    return {
        "shares": (written * whole[:, None]).sum(-1) / length[:, None],
        "weights": (written * wrote[:, None]).sum(-1) / (wrote**2).sum(-1)[:, None],
        "unexplained": (rest**2).sum(-1) / length,
        "error_shares": (rest * whole).sum(-1) / length,
        "norms": np.linalg.norm(y, axis=-1),
        "unexplained_variance": (rest**2).sum() / ((y - y.mean(0)) ** 2).sum(),
    }


def dense(record, name):
    out = np.zeros((len(record), record.n_features))
    rows = np.repeat(np.arange(len(record)), record.counts)
    out[rows, record.indices] = getattr(record, name)
    return out


def agrees(record, wanted):
    for name, value in wanted.items():
        got = dense(record, name) if name in ("shares", "weights") else getattr(record, name)
        np.testing.assert_allclose(got, value, rtol=2e-4, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("rule", [ReLU(), TopK(5), JumpReLU(torch.full((20,), 0.02))], ids=lambda r: r.kind)
def test_every_number_is_what_its_definition_says(trace, rule):
    sae = dictionary(activation=rule)
    record = feature_values(trace, sae)
    x = trace["resid_post.1"]
    codes = sae.encode(x)
    agrees(record, by_hand(x, x, codes, sae.directions, sae.b_dec))
    assert np.array_equal(dense(record, "values"), codes.numpy())
    assert record.sum_check.holds
    assert record.weight_check.holds
    assert (record.site_in, record.site_out, record.n_features) == ("resid_post.1", "resid_post.1", 20)
    np.testing.assert_allclose(dense(record, "weights"), sae.feature_weights(x).numpy(), rtol=1e-4, atol=1e-6)


def test_a_transcoder_reads_one_place_and_is_held_against_another(trace):
    made = Transcoder(
        random(24, WIDTH), random(24, WIDTH, seed=1), decoder_bias=random(WIDTH, seed=3),
        skip=random(WIDTH, WIDTH, seed=4), site_in="mlp_in.1", site_out="mlp_out.1",
    )  # fmt: skip
    record = feature_values(trace, made)
    x, y = trace["mlp_in.1"], trace["mlp_out.1"]
    base = x @ made.W_skip.T + made.b_dec  # what it writes when nothing fires
    agrees(record, by_hand(x, y, made.encode(x), made.directions, base))
    assert record.sum_check.holds
    assert (record.site_in, record.site_out) == ("mlp_in.1", "mlp_out.1")


def test_a_scale_taken_from_each_token_is_in_what_a_feature_writes(trace):
    sae = dictionary(normalisation=Normalisation("layer_norm"))
    record = feature_values(trace, sae)
    x = trace["resid_post.1"]
    mean, std = x.mean(-1, keepdim=True), x.std(-1)
    base = sae.b_dec * std[:, None] + mean
    agrees(record, by_hand(x, x, sae.encode(x), sae.directions, base, scale=std.numpy()[:, None][:, 0]))
    assert record.sum_check.holds


def test_neurons_are_a_dictionary_that_misses_nothing(trace):
    record = feature_values(trace, Identity(48, site_in="mlp_act.0"))
    y = trace["mlp_act.0"].double().numpy()
    assert record.signed
    assert (record.unexplained == 0).all()
    assert (record.error_shares == 0).all()
    np.testing.assert_allclose(dense(record, "shares"), y**2 / (y**2).sum(-1, keepdims=True), rtol=1e-4)
    np.testing.assert_allclose(record.feature(7), y[:, 7], rtol=1e-6)


def test_nested_dictionaries_too(trace):
    made = Matryoshka(random(16, WIDTH), random(16, WIDTH, seed=1), levels=(4, 16), site_in="resid_post.1")
    record = feature_values(trace, made)
    assert record.sum_check.holds
    assert np.array_equal(dense(record, "values"), made.encode(trace["resid_post.1"]).numpy())


def test_where_nothing_fires_all_is_error(trace):
    silent = dictionary(activation=JumpReLU(torch.full((20,), 1e9)))
    record = feature_values(trace, silent)
    assert len(record.table) == len(record.indices) == 0
    np.testing.assert_allclose(record.unexplained, 1)
    np.testing.assert_allclose(record.error_shares, 1)
    assert record.explain(2) == []
    assert record.sum_check.holds
    assert record.weight_check.holds
    assert list(record.feature(3)) == [0] * 5
    assert record.figure().data[0].y == ("no feature fires",)


def test_an_activation_that_is_all_bias_has_nothing_to_share(trace):
    sae = dictionary(activation=JumpReLU(torch.full((20,), 1e9)))
    sae.b_dec.data = trace["resid_post.1"][2].clone()
    record = feature_values(trace, sae)
    assert record.unexplained[2] == 0
    assert np.isnan(record.error_shares[2])
    assert record.sum_check.holds  # of the other tokens


def test_a_broken_activation_stays_visible_and_spoils_no_other(lm, trace):
    sae = dictionary(activation=TopK(5))
    whole = feature_values(trace, sae)
    ruined = lm.trace([3, 4, 5, 6, 7])
    values = ruined["resid_post.1"].clone()
    values[1, 3], values[4, 0] = float("nan"), float("inf")
    ruined._kept[lm.site("resid_post.1")] = values
    record = feature_values(ruined, sae)
    assert list(record.broken) == [False, True, False, False, True]
    assert list(record.counts[[1, 4]]) == [0, 0]
    assert np.isnan(record.unexplained[[1, 4]]).all()
    for i in (0, 2, 3):
        assert record.explain(i) == whole.explain(i)
    feature = int(record.indices[0])
    assert np.isnan(record.feature(feature)[[1, 4]]).all()
    assert record.sum_check.holds
    assert np.isfinite(record.unexplained_variance)


def test_one_token_has_no_variance(lm):
    record = feature_values(lm.trace([5]), dictionary())
    assert len(record) == 1
    assert np.isnan(record.unexplained_variance)
    assert record.sum_check.holds


def test_a_wide_dictionary_over_a_long_text_stays_sparse():
    lm = iw.load("storyworld")
    count = lm.context
    trace = lm.trace((torch.arange(count) % 400 + 4).tolist(), attention=False)
    wide = SparseAutoencoder(
        random(65_536, 128), random(65_536, 128, seed=1), activation=TopK(20), site_in="resid_post.2"
    )
    record = feature_values(trace, wide)
    assert list(record.counts) == [20] * count
    arrays = (record.indices, record.values, record.shares, record.weights, record.offsets)
    assert sum(a.nbytes for a in arrays) < 20 * count * 20
    x = trace["resid_post.2"][count - 1 :]
    np.testing.assert_allclose(record.values[-20:], wide.encode(x)[0][record.indices[-20:]].numpy(), rtol=1e-5)
    assert record.sum_check.holds


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 8 * 2**-7), (torch.float16, 8 * 2**-10)])
def test_half_precision_says_how_far_its_sums_may_be_off(trace, dtype, tolerance):
    sae = dictionary()
    record, exact = feature_values(trace, sae.to(dtype)), feature_values(trace, dictionary())
    assert record.values.dtype == np.float32
    assert record.sum_check.tolerance == pytest.approx(tolerance)
    assert record.sum_check.holds
    np.testing.assert_allclose(dense(record, "shares"), dense(exact, "shares"), atol=tolerance)


def test_the_dictionary_is_left_as_it_was(trace):
    sae = dictionary()
    before = {k: v.clone() for k, v in sae.state_dict().items()}
    feature_values(trace, sae)
    assert all(torch.equal(v, before[k]) for k, v in sae.state_dict().items())
    assert all(p.grad is None for p in sae.parameters())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda t: feature_values("text", dictionary()), "expected a trace, got str"),
        (lambda t: feature_values(t, "sae"), "expected a dictionary, got str"),
        (lambda t: feature_values(t, dictionary(site_in=None)), "with site_in None"),
        (lambda t: feature_values(t, dictionary(site_in="resid_post.9")), "resid_post"),
        (lambda t: feature_values(t, dictionary(site_in="mlp_act.1")), "a dictionary of width 48 at mlp_act.1"),
    ],
)
def test_what_does_not_fit_is_named(trace, make, said):
    with pytest.raises(InputError, match=re.escape(said)):
        make(trace)


def test_another_text_runs_under_the_same_edits():
    lm = iw.load("storyworld")
    first, second = "Mary went to the park.", "Tom gave the ball to Mary."
    plain = lm.trace(second)["resid_post.2"]
    assert torch.equal(again(lm.trace(first), second)["resid_post.2"], plain)
    edit = iw.Edit("resid_post.1", scale=0.5)
    with lm.edit(edit):
        edited = lm.trace(first)
        want = lm.trace(second)["resid_post.2"]
        assert torch.equal(again(edited, second)["resid_post.2"], want)
    assert torch.equal(again(edited, second)["resid_post.2"], want)
    record = iw.Steering((iw.targets.vector("resid_post.1", torch.ones(lm.d_model)),), (2.0,))
    with lm.edit(record):
        steered, want = lm.trace(first), lm.trace(second)["resid_post.2"]
    assert torch.equal(again(steered, second)["resid_post.2"], want)
    assert not torch.equal(plain, want)
    assert not torch.equal(want, plain)
    assert torch.equal(lm.trace(second)["resid_post.2"], plain)  # nothing stays behind


def test_what_cannot_be_run_again_says_why(trace):
    assert why_not_again(None) == "a record, which has no model"
    assert why_not_again(trace) == "a model without a tokenizer"
    with pytest.raises(ModelError, match="expected a trace of a text, got a model without a tokenizer"):
        again(trace, "words")


# The record alone.


@pytest.fixture
def record():
    return planted(iw.Tokens(("a", "b", "c", "d")), n_features=9, active=3)


def test_orders_are_what_they_say(record):
    codes = np.abs(dense(record, "values"))
    shares = dense(record, "shares")
    wanted = {"max": codes.max(0), "mean": codes.mean(0), "tokens": (codes > 0).sum(0), "share": shares.mean(0)}
    for order, numbers in wanted.items():
        got = record.ranked(order)
        assert set(got) == set(np.flatnonzero(codes.any(0)))
        assert list(numbers[got]) == sorted(numbers[got], reverse=True)
        rows = [record.table.row(f) for f in got]
        np.testing.assert_allclose(np.abs(getattr(record.table, order)[rows]), np.abs(numbers[got]), rtol=1e-6)
    with pytest.raises(InputError, match="order to be one of"):
        record.ranked("size")


def test_the_code_farthest_from_zero_keeps_its_sign():
    record = planted(iw.Tokens(tuple("abcdef")), signed=True, active=20, n_features=24)
    codes = dense(record, "values")
    for feature in record.ranked("max"):
        column = codes[:, feature]
        assert record.table.max[record.table.row(int(feature))] == column[np.abs(column).argmax()]


def test_a_search_finds_labels_and_numbers(record):
    fires = set(record.ranked())
    assert set(record.ranked(find="NAMES")) == {2} & fires
    assert set(record.ranked(find="#5")) == {5} & fires
    assert list(record.ranked(find="nothing says this")) == []
    assert list(record.ranked("mean", find=" ")) == list(record.ranked("mean"))


def test_a_position_is_explained_by_size_of_share(record):
    found = record.explain(-1)
    sizes = [abs(share) for _, _, share, _ in found]
    assert sizes == sorted(sizes, reverse=True)
    total = sum(share for _, _, share, _ in found) + record.error_shares[-1]
    assert total == pytest.approx(1, abs=1e-6)
    with pytest.raises(InputError, match="a position from 0 to 3, got 4"):
        record.explain(4)


def test_a_feature_that_is_not_there_is_named(record):
    with pytest.raises(InputError, match="a feature from 0 to 8, got 9"):
        record.feature(9)
    with pytest.raises(InputError, match="a feature from 0 to 8, got True"):
        record.feature(True)


def test_a_sum_that_does_not_hold_says_so(record):
    from dataclasses import replace

    wrong = replace(record, error_shares=record.error_shares + np.float32(0.01))
    assert not wrong.sum_check.holds
    assert wrong.sum_check.value == pytest.approx(1.01, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("values", np.zeros(3), "values of shape [12]"),
        ("norms", np.zeros(3), "norms of shape [4], got shape [3]"),
        ("offsets", np.array([0, 3, 6, 9, 11]), "offsets that rise from 0 to 12"),
        ("offsets", np.array([0, 9, 6, 9, 12]), "offsets that rise"),
        ("n_features", 4, "features from 0 to 3"),
    ],
)
def test_arrays_that_do_not_fit_are_named(record, name, value, said):
    from dataclasses import replace

    with pytest.raises(InputError, match=re.escape(said)):
        replace(record, **{name: value})


def test_the_figure_shows_the_numbers(record):
    figure = record.figure(top=2, order="mean")
    first, second = record.ranked("mean")[:2]
    np.testing.assert_array_equal(figure.data[0].z, [record.feature(first), record.feature(second)])
    np.testing.assert_array_equal(figure.data[1].z[0], record.unexplained)
    assert "<b>" not in "".join(planted(iw.Tokens(("<b>x",) * 4)).figure().data[0].x)
    with pytest.raises(InputError, match="top as a whole number from 1"):
        record.figure(top=0)


def test_the_record_knows_no_torch():
    assert FeatureValues.__module__ == "interpwidgets.records.feature_values"
    assert repr(planted(iw.Tokens(("a",)), active=2)).startswith("FeatureValues(planted at resid_post.2: 1 tokens")
