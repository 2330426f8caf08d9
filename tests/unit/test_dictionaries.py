"""Every kind of dictionary against its equation, written out here in numpy float64."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from interpwidgets import InputError
from interpwidgets.dictionaries import (
    NMF,
    SNMF,
    BatchTopK,
    DifferenceOfMeans,
    Gated,
    GroupMax,
    Identity,
    JumpReLU,
    MatchingPursuit,
    Matryoshka,
    Normalisation,
    SparseAutoencoder,
    SparseCodes,
    SupervisedCodes,
    TopK,
    Transcoder,
    check_fits,
    mutual_coherence,
    unique_below,
    winner_take_all,
)

N, D, ROWS = 30, 10, 17
RNG = np.random.default_rng(0)
ENC, DEC, B_ENC, B_DEC = (RNG.normal(size=s) for s in ((N, D), (N, D), N, D))
THETA = np.abs(RNG.normal(size=N))
X = RNG.normal(size=(ROWS, D)) * 2
PRE = X @ ENC.T + B_ENC


def auto(rule=None, kind=SparseAutoencoder, **more):
    return kind(ENC, DEC, encoder_bias=B_ENC, decoder_bias=B_DEC, activation=rule, **more)


def tensor(array):
    return torch.from_numpy(np.asarray(array))


def keep_largest(pre, k, key=lambda v: v):
    out = np.zeros_like(pre)
    for row, values in enumerate(pre):
        best = np.argsort(-key(values))[:k]
        out[row, best] = values[best]
    return out


def group_max(pre, k):
    out = np.zeros_like(pre)
    for row in range(len(pre)):
        for group in np.split(np.arange(pre.shape[1]), k):
            best = group[pre[row, group].argmax()]
            out[row, best] = max(0, pre[row, best])
    return out


RULES = {
    "relu": (None, np.maximum(PRE, 0)),
    "jumprelu": (JumpReLU(THETA), np.where(PRE > THETA, PRE, 0)),
    "jumprelu, not rectified": (JumpReLU(THETA - 1, rectify=False), np.where(PRE > THETA - 1, PRE, 0)),
    "batch_topk": (BatchTopK(0.8, k=3), np.where(PRE > 0.8, PRE, 0)),
    "topk": (TopK(4), np.maximum(keep_largest(PRE, 4), 0)),
    "topk by magnitude": (TopK(4, by="magnitude"), keep_largest(PRE, 4, np.abs)),
    "gated": (
        Gated(B_ENC, B_ENC / 2, THETA / 3),
        (PRE + B_ENC > 0) * np.maximum(PRE * np.exp(THETA / 3) + B_ENC / 2, 0),
    ),
    "group_max": (GroupMax(5), group_max(PRE, 5)),
}


@pytest.mark.parametrize("name", RULES)
def test_codes_and_reconstruction_are_the_equation(name):
    rule, codes = RULES[name]
    made = auto(rule)
    np.testing.assert_allclose(made.encode(tensor(X)), codes, atol=1e-12)
    np.testing.assert_allclose(made.decode(tensor(codes)), codes @ DEC + B_DEC, atol=1e-12)
    np.testing.assert_allclose(made.reconstruct(tensor(X)), codes @ DEC + B_DEC, atol=1e-12)
    np.testing.assert_allclose(made.preactivations(tensor(X)), PRE, atol=1e-12)
    assert 0 < (codes != 0).sum() < codes.size


def kinds():
    unit = DEC / np.linalg.norm(DEC, axis=1, keepdims=True)
    attributes = {"a": ["x", "y"], "b": ["u", "v", "w"]}
    made = {name: auto(rule) for name, (rule, _) in RULES.items()}
    return {
        **made,
        "subtracts": auto(subtract_bias=True),
        "layer_norm": auto(normalisation=Normalisation("layer_norm")),
        "matryoshka": auto(BatchTopK(0.5), Matryoshka, levels=[5, 12, N]),
        "transcoder": auto(JumpReLU(THETA), Transcoder, site_in="mlp_in.0", site_out="mlp_out.0"),
        "skip": auto(TopK(3), Transcoder, skip=ENC[:D], site_in="mlp_in.0", site_out="mlp_out.0"),
        "matching_pursuit": MatchingPursuit(unit, decoder_bias=B_DEC),
        "snmf": SNMF(DEC[:6], share=0.5, groups=[np.abs(ENC[:3, :6])], steps=50),
        "nmf": NMF(np.abs(DEC[:6]), steps=50),
        "supervised": SupervisedCodes(DEC[:5], B_DEC, attributes),
        "difference": DifferenceOfMeans(DEC[0], B_DEC),
        "identity": Identity(D, dtype=torch.float64),
    }


ALL = kinds()


@pytest.mark.parametrize("name", ALL)
def test_a_token_alone_is_encoded_as_in_any_batch(name):
    made, x = ALL[name], tensor(X)
    together = made.encode(x)
    alone = torch.stack([made.encode(row) for row in x])
    torch.testing.assert_close(alone, together, atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(made.encode(x.flip(0)).flip(0), together, atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(made.encode(x[None, :, None]), together[None, :, None], atol=1e-10, rtol=1e-8)


@pytest.mark.parametrize("name", ALL)
def test_sparse_codes_are_the_dense_ones(name):
    made, x = ALL[name], tensor(X)
    dense, sparse = made.encode(x), made.encode_sparse(x, block=4)
    torch.testing.assert_close(sparse.dense(), dense, atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(made.decode(sparse, x), made.decode(dense, x), atol=1e-10, rtol=1e-8)
    assert sparse.counts.tolist() == (sparse.dense() != 0).sum(1).tolist()


@pytest.mark.parametrize("name", ALL)
def test_reconstruction_and_error_add_up_to_the_activations(name):
    """Spliced in with its error, a dictionary changes nothing."""
    made, x = ALL[name], tensor(X)
    target = torch.randn(ROWS, D, dtype=torch.float64) if made.site_in != made.site_out else None
    goal = x if target is None else target
    torch.testing.assert_close(made.reconstruct(x) + made.error(x, target), goal, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_number_format(name, dtype):
    made = kinds()[name].to(dtype)
    codes = made.encode(tensor(X).float())
    assert codes.dtype is made.dtype is dtype
    assert bool(torch.isfinite(codes).all())
    assert made.reconstruct(tensor(X).float()).dtype is torch.float32
    if dtype is torch.float32:
        torch.testing.assert_close(codes, ALL[name].encode(tensor(X)).float(), atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_a_nan_stays_visible_and_with_its_token(name):
    x = tensor(X).clone()
    x[3, 2] = torch.nan
    codes = ALL[name].encode(x)
    assert bool(codes[3].isnan().any())
    assert not bool(codes[[0, 1, 2, 4]].isnan().any())


def test_the_bias_is_taken_off_where_it_was_in_training():
    codes = np.maximum((X - B_DEC) @ ENC.T + B_ENC, 0)
    np.testing.assert_allclose(auto(subtract_bias=True).encode(tensor(X)), codes, atol=1e-12)


def test_each_normalisation_is_applied_and_undone():
    norm = np.linalg.norm(X, axis=1, keepdims=True)
    mean, std = X.mean(1, keepdims=True), X.std(1, keepdims=True, ddof=1)
    cases = {
        "expected_average_only_in": (X * 1.7, lambda y: y / 1.7),
        "constant_norm_rescale": (X * np.sqrt(D) / norm, lambda y: y * norm / np.sqrt(D)),
        "layer_norm": ((X - mean) / (std + 1e-5), lambda y: y * std + mean),
    }
    for kind, (scaled, back) in cases.items():
        made = auto(subtract_bias=True, normalisation=Normalisation(kind, 1.7 if "average" in kind else 1.0))
        codes = np.maximum((scaled - B_DEC) @ ENC.T + B_ENC, 0)
        np.testing.assert_allclose(made.encode(tensor(X)), codes, atol=1e-10)
        np.testing.assert_allclose(made.reconstruct(tensor(X)), back(codes @ DEC + B_DEC), atol=1e-10)


def test_what_needs_the_input_says_so():
    made = ALL["layer_norm"]
    with pytest.raises(InputError, match="Pass the activations"):
        made.decode(made.encode(tensor(X)))


def test_a_transcoder_adds_its_skip():
    codes = np.maximum(keep_largest(PRE, 3), 0)
    np.testing.assert_allclose(ALL["skip"].reconstruct(tensor(X)), codes @ DEC + B_DEC + X @ ENC[:D].T, atol=1e-12)
    with pytest.raises(InputError, match="as target"):
        ALL["skip"].error(tensor(X))


def test_prefixes_of_a_matryoshka():
    made, codes = ALL["matryoshka"], np.where(PRE > 0.5, PRE, 0)
    for level, size in enumerate([5, 12, N]):
        np.testing.assert_allclose(
            made.reconstructions(tensor(X))[level], codes[:, :size] @ DEC[:size] + B_DEC, atol=1e-12
        )
    assert [made.level_of(i) for i in (0, 4, 5, 29)] == [0, 0, 1, 2]
    with pytest.raises(InputError, match="ascend to 30"):
        auto(kind=Matryoshka, levels=[5, 12])


def test_matching_pursuit_finds_orthogonal_atoms_exactly():
    atoms = np.linalg.qr(RNG.normal(size=(D, D)))[0]
    planted = np.where(RNG.random((ROWS, D)) < 0.3, RNG.random((ROWS, D)) + 0.5, 0)
    made = MatchingPursuit(atoms, tolerance=1e-9, until_stable=False)
    np.testing.assert_allclose(made.encode(tensor(planted @ atoms)), planted, atol=1e-8)


def test_feature_weights_sum_to_one():
    for name in ("relu", "topk", "gated", "subtracts"):
        codes = ALL[name].encode(tensor(X)).numpy()
        written = codes @ DEC
        shares = codes * (written @ DEC.T) / (written**2).sum(1, keepdims=True)
        found = ALL[name].feature_weights(tensor(X)).numpy()
        np.testing.assert_allclose(found, shares, atol=1e-12)
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)


def planted_attributes(balanced):
    rng = np.random.default_rng(1)
    rows = 400
    a = rng.integers(0, 4, rows)
    b = rng.integers(0, 4, rows) if balanced else (a + (rng.random(rows) < 0.3)) % 4
    parts = rng.normal(size=(2, 4, 16))
    return parts[0, a] + parts[1, b] + 3, {"a": [f"a{i}" for i in a], "b": [f"b{i}" for i in b]}


def test_least_squares_codes_are_exact_and_mean_codes_only_where_attributes_are_independent():
    x, attributes = planted_attributes(balanced=False)
    solved = SupervisedCodes.fit(tensor(x), attributes)
    means = SupervisedCodes.fit(tensor(x), attributes, method="means")
    codes = solved.codes_of(attributes)
    assert float((solved.decode(codes) - tensor(x)).abs().max()) < 1e-10
    assert float((means.decode(codes) - tensor(x)).abs().max()) > 0.1
    # Every combination equally often: means are exact too.
    grid = [(i, j) for i in range(4) for j in range(4)]
    parts = np.random.default_rng(2).normal(size=(2, 4, 16))
    x = np.stack([parts[0, i] + parts[1, j] for i, j in grid])
    attributes = {"a": [str(i) for i, _ in grid], "b": [str(j) for _, j in grid]}
    means = SupervisedCodes.fit(tensor(x), attributes, method="means")
    assert float((means.decode(means.codes_of(attributes)) - tensor(x)).abs().max()) < 1e-10


def test_supervised_codes_read_the_attributes_back():
    x, attributes = planted_attributes(balanced=False)
    made = SupervisedCodes.fit(tensor(x), attributes)
    assert torch.equal(made.encode(tensor(x)), made.codes_of(attributes))
    assert made.labels[:5] == ["a=a0", "a=a1", "a=a2", "a=a3", "b=b0"]
    with pytest.raises(InputError, match="a value of 'a'"):
        made.codes_of({"a": ["zebra"], "b": ["b1"]})
    with pytest.raises(InputError, match="one value for each of 400"):
        SupervisedCodes.fit(tensor(x), {"a": ["x"]})
    assert bool(made.encode(torch.full((1, 16), torch.nan)).isnan().all())


def test_the_difference_of_means_is_half_at_each_mean():
    up, down = RNG.normal(size=(50, D)) + 1, RNG.normal(size=(40, D))
    made = DifferenceOfMeans.fit(tensor(up), tensor(down))
    np.testing.assert_allclose(made.directions[0], up.mean(0) - down.mean(0))
    means = tensor(np.stack([up.mean(0), down.mean(0)]))
    np.testing.assert_allclose(made.encode(means)[:, 0], [0.5, -0.5], atol=1e-12)
    np.testing.assert_allclose(made.reconstruct(means), means, atol=1e-12)
    with pytest.raises(InputError, match="different means"):
        DifferenceOfMeans.fit(tensor(up), tensor(up))


def test_codes_of_a_factorisation_never_raise_the_error_and_meet_the_exact_solution():
    from scipy.optimize import nnls

    parts = RNG.normal(size=(6, D))
    errors = []
    for steps in (1, 2, 5, 20, 100, 3000):
        codes = SNMF(parts, steps=steps).encode(tensor(X)).numpy()
        assert (codes >= 0).all()
        errors.append(((X - codes @ parts) ** 2).sum())
    assert all(b <= a + 1e-9 for a, b in pairwise(errors))
    best = sum(nnls(parts.T, row)[1] ** 2 for row in X)
    assert errors[-1] == pytest.approx(best, rel=1e-4)


def test_winners_take_all_and_the_hierarchy_is_a_mixture():
    parts = RNG.normal(size=(4, 20))
    kept = winner_take_all(tensor(parts), 0.1).numpy()
    assert (np.count_nonzero(kept, axis=1) == 2).all()
    assert (np.abs(kept).max(1) == np.abs(parts).max(1)).all()
    mixture = np.array([[1.0, 0.5, 0, 0], [0, 0, 2, 1]])
    made = SNMF(parts, groups=[mixture], site_in="mlp_act.1")
    np.testing.assert_allclose(made.level(1).directions, mixture @ parts)
    assert made.level(1).n_features == 2
    with pytest.raises(InputError, match="0 or more"):
        SNMF(parts, groups=[-mixture])
    with pytest.raises(InputError, match="Use SNMF"):
        NMF(parts)


def test_the_winner_take_all_pattern_of_planted_parts_reads_planted_codes():
    rng = np.random.default_rng(3)
    parts = winner_take_all(tensor(rng.normal(size=(8, 100))), 0.05).numpy()
    planted = np.where(rng.random((50, 8)) < 0.25, rng.random((50, 8)) + 0.2, 0)
    codes = SNMF(parts, steps=4000).encode(tensor(planted @ parts)).numpy()
    np.testing.assert_allclose(codes, planted, atol=5e-3)


def test_coherence_and_what_it_promises():
    assert mutual_coherence(torch.eye(7)) == 0
    assert unique_below(0.0) == float("inf")
    angle = np.deg2rad(60)
    frame = tensor(np.array([[1, 0], [np.cos(angle), np.sin(angle)]]))
    assert mutual_coherence(frame) == pytest.approx(0.5)
    assert unique_below(0.5) == pytest.approx(1.5)
    unit = DEC / np.linalg.norm(DEC, axis=1, keepdims=True)
    assert mutual_coherence(tensor(DEC)) == pytest.approx(np.abs(unit @ unit.T - np.eye(N)).max())


def test_a_long_text_is_never_a_dense_array():
    seen = []

    class Watched(SparseAutoencoder):
        def _encode(self, x):
            seen.append(len(x))
            return super()._encode(x)

    wide = Watched(RNG.normal(size=(4096, 4)), RNG.normal(size=(4096, 4)), activation=TopK(3))
    codes = wide.encode_sparse(torch.randn(9000, 4))
    assert len(codes) == 9000
    assert max(seen) * 4096 <= 2**24
    assert codes.nbytes < 9000 * 4096 * 8 / 100
    assert "3.0 active per token" in repr(codes) or float(codes.counts.float().mean()) < 3


def test_sparse_codes_by_token_and_by_feature():
    dense = torch.tensor([[0.0, 2, 0], [0, 0, 0], [1, 0, 3]])
    codes = SparseCodes.from_dense(dense)
    assert codes.offsets.tolist() == [0, 1, 1, 3]
    assert [t.tolist() for t in codes.token(-1)] == [[0, 2], [1.0, 3.0]]
    assert [t.tolist() for t in codes.feature(2)] == [[2], [3.0]]
    assert torch.equal(codes.part(1, 3).dense(), dense[1:])
    assert len(SparseCodes.from_dense(torch.zeros(0, 3))) == 0
    for wrong in (lambda: codes.token(3), lambda: codes.feature(3)):
        with pytest.raises(InputError, match="Choose one of these"):
            wrong()


def test_no_tokens_at_all():
    empty = torch.zeros(0, D, dtype=torch.float64)
    for name in ALL:
        assert ALL[name].encode(empty).shape == (0, ALL[name].n_features)
        sparse = ALL[name].encode_sparse(empty)
        assert ALL[name].decode(sparse, empty).shape == (0, D)


WRONG = {
    "another width": (lambda: auto().encode(torch.zeros(3, D + 1)), "activations of width 10"),
    "whole numbers": (lambda: auto().encode(torch.zeros(3, D, dtype=torch.long)), "floating-point"),
    "a list": (lambda: auto().encode([1.0] * D), "got list"),
    "a scalar": (lambda: auto().encode(torch.tensor(1.0)), "floating-point tensor"),
    "codes of another": (lambda: auto().decode(torch.zeros(3, N + 1)), "codes of 30 features"),
    "transposed": (lambda: SparseAutoencoder(ENC.T, DEC), r"detectors of shape \[30, any\]"),
    "two widths": (lambda: SparseAutoencoder(ENC[:, :4], DEC), "Use Transcoder"),
    "NaN": (lambda: SparseAutoencoder(np.full((N, D), np.nan), DEC), "300 of 300 that are NaN"),
    "complex": (lambda: SparseAutoencoder(ENC.astype(complex), DEC), "real numbers"),
    "no array": (lambda: SparseAutoencoder("hello", DEC), "array of numbers"),
    "empty": (lambda: SparseAutoencoder(np.zeros((0, D)), np.zeros((0, D))), "of shape"),
    "bias": (lambda: SparseAutoencoder(ENC, DEC, encoder_bias=B_DEC), r"encoder_bias of shape \[30\]"),
    "threshold": (lambda: auto(JumpReLU(B_DEC)), r"threshold of shape \[30\]"),
    "k": (lambda: auto(TopK(N + 1)), "from 1 to 30"),
    "k of 0": (lambda: TopK(0), "from 1"),
    "groups": (lambda: auto(GroupMax(7)), "divides 30"),
    "labels": (lambda: auto(labels=["a"]), "30 labels"),
    "scale": (lambda: Normalisation("expected_average_only_in", 0), "above 0"),
    "normalisation": (lambda: Normalisation("batch_norm"), "layer_norm"),
    "model": (lambda: check_fits(auto(name="mine"), 768, "resid_post.2"), "width 768 at resid_post.2, got mine"),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_clear_sentence(name):
    wrong, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        wrong()


def test_an_unknown_keyword_raises():
    with pytest.raises(TypeError, match="subtract_bais"):
        auto(subtract_bais=True)


def test_labels_and_repr_read_well():
    made = auto(TopK(2), labels={3: "<b>cats</b>"}, site_in="resid_post.2", name="toy")
    assert made.labels[3] == "<b>cats</b>"
    assert made.labels[0] == ""
    with pytest.raises(InputError, match="30 labels"):
        made.labels = ["a", "b"]
    assert made.labels[3] == "<b>cats</b>"
    assert repr(made) == ("Dictionary(autoencoder 'toy', 30 features at resid_post.2, width 10, float64 on cpu)")
    check_fits(made, D, "resid_post.2")
    assert not any(p.requires_grad for p in made.parameters())


def test_gradients_reach_the_activations():
    x = tensor(X).requires_grad_()
    auto(JumpReLU(THETA)).encode(x).sum().backward()
    np.testing.assert_allclose(x.grad, (PRE > THETA).astype(float) @ ENC, atol=1e-12)


def test_one_unit_of_a_feature_in_the_units_of_the_activations():
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(2, 6, 4, generator=draw)
    made = SparseAutoencoder(*weights, normalisation=Normalisation("expected_average_only_in", 0.25))
    one = torch.eye(6)
    torch.testing.assert_close(made.decode(one) - made.decode(torch.zeros_like(one)), made.unit_writes)
    torch.testing.assert_close(made.unit_writes, 4 * weights[1])
