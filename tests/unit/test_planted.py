"""Planted data: the truth a generator holds is the truth of what it samples, and scores know right from wrong."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from interpwidgets.dictionaries import Matryoshka, SparseAutoencoder, SupervisedCodes, winner_take_all
from interpwidgets.errors import InputError
from interpwidgets.worlds import planted
from interpwidgets.worlds.planted.recovery import Recovery

torch.set_num_threads(1)

WORLDS = {
    "dictionary": planted.dictionary,
    "factors": planted.factors,
    "hierarchy": planted.hierarchy,
    "attributes": planted.attributes,
    "subspaces": planted.subspaces,
    "mlp": planted.mlp,
}


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    return a == b


@pytest.mark.parametrize("name", WORLDS)
def test_the_same_seed_gives_the_same_world_and_another_seed_another(name):
    first, again, other = WORLDS[name](seed=3), WORLDS[name](seed=3), WORLDS[name](seed=4)
    assert all(same(a, b) for a, b in zip(first.sample(20, seed=1), again.sample(20, seed=1), strict=True))
    assert not same(first.sample(20, seed=1)[0], first.sample(20, seed=2)[0])
    assert not same(first.sample(20, seed=1)[0], other.sample(20, seed=1)[0])


@pytest.mark.parametrize("name", WORLDS)
def test_making_and_sampling_leave_the_global_random_state_alone(name):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    WORLDS[name]().sample(5, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one_example(name, n):
    x, _ = WORLDS[name](noise=0.1).sample(n, seed=0)
    assert x.shape[0] == n
    assert repr(WORLDS[name]()).startswith("Planted")


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("wrong", [{"noise": -1.0}, {"noise": math.nan}, {"seed": -1}, {"seed": 0.5}])
def test_wrong_numbers_are_refused(name, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        WORLDS[name](**wrong)


def test_importing_the_package_needs_no_torch():
    code = "import sys; from interpwidgets.worlds import planted; dir(planted); assert 'torch' not in sys.modules"
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_the_lists_of_names_agree():
    assert set(planted._HOMES) == set(planted.__all__)
    assert planted.__all__ == sorted(planted.__all__)
    for name in planted.__all__:
        value = getattr(planted, name)
        assert getattr(value, "__name__", name) == name, "a module must not hide behind a public name"
    with pytest.raises(AttributeError, match="no attribute 'dictionaries'"):
        planted.dictionaries  # noqa: B018


# Scores


def test_mean_max_cosine_written_out():
    planted_directions = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    found = torch.tensor([[3.0, 0.0], [1.0, 1.0], [0.0, -5.0], [0.0, 0.0]])
    score = planted.match(found, planted_directions)
    assert score.cosines == pytest.approx([1.0, math.sqrt(0.5)])
    assert list(score.matches) == [0, 1]
    assert score.mean == float(score) == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert planted.mean_max_cosine(found, planted_directions) == score.mean
    assert score.min == pytest.approx(math.sqrt(0.5))
    assert score.found(above=0.9) == 0.5


def test_random_directions_score_what_chance_gives():
    """The largest of n cosines of random unit vectors in d dimensions, against a draw of numpy's own."""
    random = np.random.default_rng(0)
    draws = random.normal(size=(200, 64, 32))
    draws /= np.linalg.norm(draws, axis=-1, keepdims=True)
    expected = draws[:, :, 0].max(1).mean()
    world = planted.dictionary()
    score = planted.mean_max_cosine(torch.tensor(random.normal(size=(64, 32))), world.atoms)
    assert score == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (torch.zeros(3, 5), "width 32"),
        (torch.full((2, 32), math.nan), "NaN"),
        (torch.zeros(32), "finite numbers"),
        (torch.zeros(0, 32), "finite numbers"),
        ("sae", "a dictionary or an array"),
    ],
)
def test_scores_refuse_what_cannot_be_compared(found, text):
    with pytest.raises(InputError, match=text):
        planted.dictionary().recovery(found)


def test_the_figure_shows_every_cosine_worst_first():
    figure: Any = Recovery(np.array([0.9, 0.2, 1.0]), np.array([4, 5, 6])).figure()
    assert list(figure.data[0].y) == [0.2, 0.9, 1.0]
    assert "mean 0.700" in figure.layout.title.text
    assert figure.layout.yaxis.title.text == "largest cosine"


# A dictionary


def test_activations_are_the_sums_they_say():
    world = planted.dictionary(d=16, n_atoms=40, active=5, shift=2.0, seed=1)
    x, codes = world.sample(200, seed=0)
    assert world.atoms.norm(dim=1).numpy() == pytest.approx(1.0)
    assert world.shift.norm().item() == pytest.approx(2.0)
    assert set((codes != 0).sum(1).tolist()) == {5}
    assert codes[codes != 0].min() >= 0.5
    assert codes.max() <= 1.5
    for i in (0, 7):
        by_hand = world.shift.clone()
        for j in codes[i].nonzero()[:, 0]:
            by_hand = by_hand + codes[i, j] * world.atoms[j]
        assert torch.allclose(x[i], by_hand, atol=1e-6)


def test_every_atom_is_active_as_often():
    _, codes = planted.dictionary().sample(20_000, seed=0)
    often = (codes > 0).float().mean(0)
    spread = 5 * math.sqrt(3 / 64 * (1 - 3 / 64) / 20_000)
    assert (often - 3 / 64).abs().max() < spread


def test_noise_and_magnitudes_are_what_was_asked():
    magnitudes = [1.0] * 63 + [0.1]
    world = planted.dictionary(noise=0.05, magnitudes=magnitudes)
    x, codes = world.sample(5000, seed=0)
    assert (x - codes @ world.atoms).std().item() == pytest.approx(0.05, rel=0.02)
    small = codes[:, 63]
    assert small[small > 0].min() >= 0.05
    assert small.max() <= 0.15


def test_the_oracle_finds_the_planted_codes():
    world = planted.dictionary(shift=1.0)
    x, codes = world.sample(1000, seed=5)
    oracle = world.oracle(site="resid_post.1")
    found = oracle.encode(x)
    right = ((found > 0) == (codes > 0)).all(1)
    assert right.float().mean() >= 0.999
    assert (found - codes)[right].abs().max() < 1e-5
    assert world.recovery(oracle).min == pytest.approx(1.0)
    assert oracle.site_in == "resid_post.1"
    assert oracle.labels[3] == "atom 3"
    assert torch.allclose(oracle.encode(x[:1]), found[:1], atol=1e-5)


def test_the_oracle_agrees_with_a_search_through_every_support():
    world = planted.dictionary(d=6, n_atoms=12, active=2, noise=0.02, seed=2)
    x, _ = world.sample(60, seed=0)
    found = world.oracle().reconstruct(x)
    best = torch.full((60,), math.inf)
    for pair in itertools.combinations(range(12), 2):
        atoms = world.atoms[list(pair)].double()
        solved = np.linalg.lstsq(atoms.T.numpy(), x.double().T.numpy(), rcond=None)[0]
        positive = torch.tensor((solved >= 0).all(0))
        left = (x.double() - torch.tensor(solved.T) @ atoms).norm(dim=1).float()
        best = torch.where(positive & (left < best), left, best)
    assert (((x - found).norm(dim=1) - best) < 1e-5).float().mean() >= 0.95


def test_the_oracle_says_nothing_of_nothing_and_keeps_a_nan_visible():
    oracle = planted.dictionary(shift=1.0).oracle()
    x = torch.stack([oracle.b_dec, oracle.b_dec, oracle.b_dec + oracle.W_dec[4]])
    x[1, 0] = math.nan
    codes = oracle.encode(x)
    assert (codes[0] == 0).all()
    assert codes[1].isnan().all()
    assert codes[2].nonzero().flatten().tolist() == [4]
    assert oracle.encode(x[:0]).shape == (0, 64)
    again = type(oracle).build(oracle.config(), oracle.state_dict())
    assert torch.allclose(again.encode(x[2:]), codes[2:], atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"active": 65}, "active"),
        ({"d": 0}, "d as a whole number"),
        ({"magnitudes": [1.0]}, "magnitudes as 64"),
        ({"magnitudes": [0.0] * 64}, "above 0"),
        ({"shift": [1.0, 2.0]}, "shift as 32"),
        ({"shift": -1.0}, "shift"),
    ],
)
def test_a_dictionary_that_cannot_be(wrong, text):
    with pytest.raises(InputError, match=text):
        planted.dictionary(**wrong)


# Factors


def test_factors_are_sparse_signed_and_add_up():
    world = planted.factors()
    assert world.x.shape == (600, 200)
    assert world.codes.shape == (600, 10)
    assert set((world.factors != 0).sum(1).tolist()) == {10}
    assert world.factors.norm(dim=1).numpy() == pytest.approx(1.0)
    assert (world.factors < 0).any()
    assert (world.factors > 0).any()
    assert world.codes.min() == 0
    assert (world.codes > 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert (world.x - world.codes @ world.factors).std().item() == pytest.approx(0.01, rel=0.02)
    assert world.share == pytest.approx(0.05)
    assert torch.equal(world.sample(600, seed=0)[0], world.x)
    assert world.recovery(world.oracle()).min == pytest.approx(1.0)


def test_the_oracle_of_factors_solves_for_their_codes():
    world = planted.factors(noise=0.0, n=100)
    assert (world.oracle().encode(world.x) - world.codes).abs().max() < 1e-3


def factorise(x: torch.Tensor, k: int, share: float | None, seed: int) -> tuple[torch.Tensor, float]:
    """Semi-non-negative factors by the textbook's rule (Ding et al. 2010), written out here."""
    codes = torch.rand(len(x), k, generator=torch.Generator().manual_seed(seed))
    parts = x[:k]
    for _ in range(400):
        parts = torch.linalg.solve(codes.T @ codes + 1e-6 * torch.eye(k), codes.T @ x)
        parts = parts if share is None else winner_take_all(parts, share)
        length = codes.norm(dim=0).clamp_min(1e-9)
        codes, parts = codes / length, parts * length[:, None]
        match, gram = x @ parts.T, parts @ parts.T
        up, down = match.relu() + codes @ (-gram).relu(), (-match).relu() + codes @ gram.relu()
        codes = codes * (up / (down + 1e-9)).sqrt()
    return parts, float((x - codes @ parts).norm() / x.norm())


def test_sparse_factors_can_be_found_and_others_fit_as_well():
    """The best of three restarts finds them all; without sparsity the error is no larger and the factors are wrong."""
    world = planted.factors()
    sparse = [factorise(world.x, 10, world.share, seed) for seed in range(3)]
    best, error = min(sparse, key=lambda found: found[1])
    assert world.recovery(best).min >= 0.99
    free, other = min((factorise(world.x, 10, None, seed) for seed in range(3)), key=lambda found: found[1])
    assert other <= error
    assert world.recovery(free).mean < 0.8


@pytest.mark.parametrize("wrong", [{"neurons": 201}, {"density": 0.0}, {"density": 1.5}, {"n_factors": 0}])
def test_factors_that_cannot_be(wrong):
    with pytest.raises(InputError, match=next(iter(wrong)).replace("n_factors", "n_factors as")):
        planted.factors(**wrong)


# A hierarchy


def test_no_child_is_without_its_parent():
    world = planted.hierarchy()
    x, codes = world.sample(4000, seed=0)
    parents, children = codes[:, :8] > 0, codes[:, 8:] > 0
    assert not (children & ~parents[:, world.parent_of]).any()
    assert set(parents.sum(1).tolist()) == {2}
    per_parent = children.reshape(-1, 8, 4).sum(2)
    assert per_parent.max() == 1
    assert (per_parent[parents].float().mean() - 0.7).abs() < 0.02
    assert torch.allclose(x, codes @ torch.cat([world.parents, world.children]), atol=1e-5)
    assert world.parent_of.tolist() == [i // 4 for i in range(32)]


def test_the_oracle_of_a_hierarchy_finds_parents_and_children():
    world = planted.hierarchy()
    x, codes = world.sample(300, seed=0)
    assert ((world.oracle().encode(x) > 0) == (codes > 0)).all(1).float().mean() >= 0.99
    assert world.oracle().labels[9] == "child 1 of parent 0"


def test_parents_first_counts_pairs():
    world = planted.hierarchy(n_parents=2, n_children=2, active=1)
    ordered = world.atoms
    assert world.parents_first(ordered, sizes=[2, 6]) == 1.0
    assert world.parents_first(ordered.flip(0), sizes=[4, 6]) == 0.0
    assert world.parents_first(ordered, sizes=[6]) == 0.0
    # Parent 1 and child 0 exchanged: only parent 0 and its child 1 are still in order.
    swapped = ordered[[0, 2, 1, 3, 4, 5]]
    assert list(world.levels(swapped, sizes=[2, 6])) == [0, 1, 0, 1, 1, 1]
    assert world.parents_first(swapped, sizes=[2, 6]) == 0.25
    nested = Matryoshka(ordered, ordered, levels=[2, 4, 6])
    assert list(world.levels(nested)) == [0, 0, 1, 1, 2, 2]
    assert world.parents_first(nested) == 1.0


@pytest.mark.parametrize("sizes", [None, [], [4, 2, 40], [8], [0, 40]])
def test_levels_need_prefixes_that_ascend(sizes):
    world = planted.hierarchy()
    with pytest.raises(InputError, match="ascend to 40"):
        world.levels(SparseAutoencoder(world.atoms, world.atoms), sizes=sizes)


# Attributes


def test_attributes_add_up():
    world = planted.attributes({"colour": ["red", "blue"], "size": ["small", "big", "huge"]}, sizes={"size": 0.1})
    x, labels = world.sample(50, seed=0)
    for i in range(50):
        by_hand = (
            world.mean + world.direction("colour", labels["colour"][i]) + world.direction("size", labels["size"][i])
        )
        assert torch.allclose(x[i], by_hand, atol=1e-6)
    assert world.directions[:2].norm(dim=1).mean().item() == pytest.approx(1.0)
    assert world.directions[2:].norm(dim=1).mean().item() == pytest.approx(0.1)
    assert world.directions[:2].sum(0).abs().max() < 1e-6
    assert torch.equal(world.oracle().encode(x), world.codes(labels))


def worst(x, labels, method) -> float:
    fitted = SupervisedCodes.fit(x, labels, method=method)
    return float((fitted.decode(fitted.codes_of(labels)) - x).abs().max())


def test_least_squares_is_exact_and_means_need_balance():
    correlated = planted.attributes(correlation=0.6).sample(500, seed=0)
    assert worst(*correlated, "least_squares") < 1e-5
    assert worst(*correlated, "means") > 0.1
    balanced = planted.attributes().grid()
    assert len(balanced[0]) == 4 * 4 * 2
    assert worst(*balanced, "least_squares") < 1e-5
    assert worst(*balanced, "means") < 1e-5


def test_correlation_is_the_chance_to_repeat():
    _, labels = planted.attributes(correlation=0.6).sample(20_000, seed=0)
    same_name = np.mean(np.array(labels["giver"]) == np.array(labels["receiver"]))
    assert same_name == pytest.approx(0.6 + 0.4 / 4, abs=0.02)
    _, labels = planted.attributes().sample(20_000, seed=0)
    assert np.mean(np.array(labels["giver"]) == np.array(labels["receiver"])) == pytest.approx(0.25, abs=0.02)


def test_an_edit_gives_the_counterfactual():
    world = planted.attributes()
    x, labels = world.sample(30, seed=0)
    edited = world.edited(x, labels, "receiver", "Ben")
    assert torch.allclose(edited, world.activations({**labels, "receiver": ["Ben"] * 30}), atol=1e-5)
    assert world.edited(x[:0], {a: [] for a in labels}, "receiver", "Ben").shape == (0, 32)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: planted.attributes({}), "no attributes"),
        (lambda: planted.attributes({"colour": ["red"]}), "two or more different values"),
        (lambda: planted.attributes({"colour": ["red", "red"]}), "two or more different values"),
        (lambda: planted.attributes(sizes={"weight": 1.0}), "'weight'"),
        (lambda: planted.attributes(correlation=2), "correlation"),
        (lambda: planted.attributes().direction("giver", "Zoe"), "'Zoe'"),
        (lambda: planted.attributes().direction("taker", "Ben"), "'taker'"),
        (lambda: planted.attributes().activations({"giver": ["Ben"]}), "receiver"),
    ],
)
def test_attributes_that_cannot_be(make, text):
    with pytest.raises(InputError, match=text):
        make()


# Subspaces


def test_points_lie_in_their_subspace_and_in_no_other():
    world = planted.subspaces()
    x, labels = world.sample(300, seed=0)
    assert x.shape == (300, 16)
    for s in range(3):
        own = x[labels == s].double()
        assert torch.linalg.matrix_rank(own, atol=1e-4) == 3
    # Three random subspaces of dimension 3 in 16 are independent.
    assert torch.linalg.matrix_rank(x.double(), atol=1e-4) == 9
    distances = world.distances(x)
    assert distances.gather(1, labels[:, None]).max() < 1e-5
    assert torch.equal(world.assign(x), labels)
    assert torch.allclose(world.projectors @ world.projectors, world.projectors, atol=1e-5)


def test_the_inner_product_undoes_the_map_and_cosines_do_not():
    world = planted.subspaces(condition=8.0)
    x, _ = world.sample(100, seed=0)
    y, _ = world.sample(100, seed=0, mapped=True)
    assert torch.allclose(y, torch.stack([world.A @ point for point in x]), atol=1e-5)
    assert np.linalg.cond(world.A.double().numpy()) == pytest.approx(8.0, rel=1e-4)
    gram = x @ x.T
    assert (y @ world.metric @ y.T - gram).abs().max() < 1e-3
    assert (y @ y.T - gram).abs().max() > 0.5


def test_a_map_of_condition_one_is_a_rotation():
    A = planted.subspaces(condition=1.0).A
    assert torch.allclose(A @ A.T, torch.eye(16), atol=1e-5)


@pytest.mark.parametrize("wrong", [{"dimension": 16}, {"condition": 0.5}, {"n_subspaces": 0}, {"d": 1}])
def test_subspaces_that_cannot_be(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        planted.subspaces(**wrong)


# An MLP


def test_a_planted_mlp_has_few_units_active_and_computes_what_it_says():
    world = planted.mlp()
    x, y = world.sample(400, seed=0)
    plain = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64))
    plain.load_state_dict(
        {"0.weight": world.W_in, "0.bias": world.b_in, "2.weight": world.W_out.T, "2.bias": world.b_out}
    )
    assert torch.allclose(plain(x), y, atol=1e-5)
    hidden = world.hidden(x)
    assert set((hidden > 1e-3).sum(1).tolist()) == {4}
    assert hidden.max() <= 1.5 + 1e-5
    assert (x.abs() > 1e-3).float().mean() > 0.9
    assert torch.allclose(world.oracle().reconstruct(x), y, atol=1e-5)
    assert torch.allclose(world.oracle().encode(x), hidden, atol=1e-5)


def test_a_transcoder_must_read_and_write_like_a_unit():
    world = planted.mlp()
    assert world.recovery(world.oracle()).min == pytest.approx(1.0)
    oracle = world.oracle()
    oracle.W_dec.data = oracle.W_dec.data.roll(1, 0)  # every unit reads right and writes what another should
    assert world.recovery(oracle).mean < 0.8
    with pytest.raises(InputError, match="a transcoder"):
        world.recovery(world.W_in)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("wrong", [{"d_in": 32}, {"active": 65}, {"hidden": 0}])
def test_an_mlp_that_cannot_be(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        planted.mlp(**wrong)
