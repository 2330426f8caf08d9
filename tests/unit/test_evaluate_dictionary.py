"""Evaluating dictionaries: closed forms in numpy, planted models whose answer is known, and storyworld."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import transformers as tf

import interpwidgets as iw
from interpwidgets import InputError
from interpwidgets.analyses.atoms import atom_report, nearest
from interpwidgets.analyses.control import control
from interpwidgets.analyses.feature_edits import exchange
from interpwidgets.analyses.readout import best_threshold, readout_f1
from interpwidgets.dictionaries import Identity, Normalisation, SparseAutoencoder, TopK, Transcoder, mutual_coherence
from interpwidgets.worlds import storyworld
from tests.unit.families import build

D, F = 32, 80


def tensor(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def autoencoder(site="resid_post.1", **more):
    return SparseAutoencoder(
        tensor(0, F, D), tensor(1, F, D) / 8, decoder_bias=tensor(2, D) / 8, activation=TopK(5), site_in=site, **more
    )


# The plain measures -------------------------------------------------------------------------------------------------


def test_plain_measures_are_their_definitions():
    sae, x = autoencoder(), tensor(3, 300, D)
    x[17, 4] = torch.nan
    found = iw.evaluate_dictionary(sae, activations=x.reshape(3, 100, D))
    good = np.delete(x.numpy(), 17, 0)
    pre = good @ tensor(0, F, D).numpy().T
    codes = np.zeros_like(pre)
    for row, best in enumerate(np.argsort(-pre, 1)[:, :5]):
        codes[row, best] = np.maximum(pre[row, best], 0)
    made = codes @ (tensor(1, F, D) / 8).numpy() + (tensor(2, D) / 8).numpy()
    assert (found.tokens, found.skipped) == (299, 1)
    assert found.l0 == pytest.approx((codes != 0).sum(1).mean())
    assert np.array_equal(found.l0_counts, np.bincount((codes != 0).sum(1)))
    assert found.l0_quantile(0.5) == np.median((codes != 0).sum(1))
    assert np.allclose(found.density, (codes != 0).mean(0))
    assert found.dead_share == ((codes != 0).sum(0) == 0).mean()
    assert found.fvu == pytest.approx(((good - made) ** 2).sum() / ((good - good.mean(0)) ** 2).sum())
    lengths = np.linalg.norm(good, axis=1), np.linalg.norm(made, axis=1)
    assert found.cosine == pytest.approx(((good * made).sum(1) / lengths[0] / lengths[1]).mean())
    assert found.norm_ratio == pytest.approx((lengths[1] / lengths[0]).mean())
    assert found.losses == {}
    assert np.isnan(found.loss_recovered)


def test_blocks_give_the_same(monkeypatch):
    sae, x = autoencoder(), tensor(3, 300, D)
    whole = iw.evaluate_dictionary(sae, activations=x)
    monkeypatch.setattr("interpwidgets.analyses.dictionary_measures.BLOCK", 7 * F)
    parts = iw.evaluate_dictionary(sae, activations=x)
    assert parts.numbers() == pytest.approx(whole.numbers(), rel=1e-12)
    assert np.array_equal(parts.density, whole.density)


def test_a_transcoder_is_held_to_what_it_should_write():
    x = tensor(4, 50, D)
    wide = Transcoder(tensor(0, F, D), tensor(1, F, 12), site_in="mlp_in.0", site_out="mlp_out.0")
    exact = (x @ tensor(0, F, D).T).relu() @ tensor(1, F, 12)
    assert iw.evaluate_dictionary(wide, activations=x, targets=exact).fvu < 1e-24
    with pytest.raises(InputError, match="targets too"):
        iw.evaluate_dictionary(wide, activations=x)
    with pytest.raises(InputError, match=r"targets of shape \[50, 12\]"):
        iw.evaluate_dictionary(wide, activations=x, targets=x)


def test_one_token_and_nothing_that_varies():
    found = iw.evaluate_dictionary(autoencoder(), activations=tensor(5, 1, D))
    assert found.tokens == 1
    assert np.isnan(found.fvu), "one token has no variance to explain"
    assert "variance unexplained" in found.summary()


# The losses ---------------------------------------------------------------------------------------------------------

DOCUMENTS = [[5, 6, 7, 8], [9, 10, 11, 12, 13, 14, 15], [16, 17, 18, 19], [20, 21], [22]]


def by_hand(model, change, block=1):
    """Mean next-token loss with a hook of our own on one block."""
    total = count = 0
    for ids in DOCUMENTS:
        handle = model.transformer.h[block].register_forward_hook(lambda m, a, out: change(out))
        logits = model(torch.tensor([ids])).logits[0]
        handle.remove()
        for at in range(len(ids) - 1):
            total -= float(logits[at].log_softmax(-1)[ids[at + 1]])
            count += 1
    return total / count


@torch.no_grad()
def test_losses_are_those_of_hooks_set_by_hand():
    model = build("gpt2").double()
    lm, sae = iw.load(model), autoencoder()
    found = iw.evaluate_dictionary(sae, lm, DOCUMENTS, progress=False)
    x = torch.cat([lm.trace(ids)["resid_post.1"] for ids in DOCUMENTS])
    assert found.predictions == sum(len(ids) - 1 for ids in DOCUMENTS)
    assert found.tokens == len(x) == 18
    assert found.losses["plain"] == pytest.approx(by_hand(model, lambda x: None), abs=1e-6)
    assert found.losses["spliced"] == pytest.approx(by_hand(model, sae.reconstruct), abs=1e-6)
    assert found.losses["zero"] == pytest.approx(by_hand(model, torch.zeros_like), abs=1e-6)
    assert found.losses["mean"] == pytest.approx(by_hand(model, lambda out: x.mean(0).expand_as(out)), abs=1e-6)
    loss = found.losses
    assert found.loss_recovered == (loss["zero"] - loss["spliced"]) / (loss["zero"] - loss["plain"])
    assert found.fvu == pytest.approx(iw.evaluate_dictionary(sae, activations=x).fvu)
    assert found.sum_check is not None
    assert found.sum_check.holds
    assert abs(found.sum_check.residual) < 1e-6


def test_the_identity_recovers_all_and_batches_do_not_matter():
    lm = iw.load(build("gpt2"))
    one = Identity(D, site_in="resid_post.1")
    found = iw.evaluate_dictionary(one, lm, DOCUMENTS, progress=False)
    assert found.loss_recovered == pytest.approx(1.0, abs=1e-6)
    assert found.fvu < 1e-12
    assert found.l0 == D
    sae = autoencoder().float()
    wide = iw.evaluate_dictionary(sae, lm, DOCUMENTS, progress=False)
    narrow = iw.evaluate_dictionary(sae, lm, DOCUMENTS, progress=False, batch_tokens=1)
    assert narrow.numbers() == pytest.approx(wide.numbers(), rel=1e-5)


def test_probes_fall_on_their_tokens_whatever_the_batches():
    lm = iw.load(build("gpt2"))
    x = torch.cat([lm.trace(ids)["resid_post.1"] for ids in DOCUMENTS])
    probes = {f"coordinate={i}": (x[:, i] > 0).numpy() for i in range(6)}
    found = iw.evaluate_dictionary(
        Identity(D, site_in="resid_post.1"), lm, DOCUMENTS, probes=probes, progress=False, batch_tokens=5
    ).detections
    assert found is not None
    assert not found.held_out, "too few tokens to hold some out"
    assert np.allclose(found.best_f1, 1.0)
    wrong = {"coordinate=0": np.ones(3, bool)}
    with pytest.raises(InputError, match=r"for each of 18 tokens.*got shape \[3\]"):
        iw.evaluate_dictionary(Identity(D, site_in="resid_post.1"), lm, DOCUMENTS, probes=wrong, progress=False)


def test_a_model_that_sees_the_next_token_has_no_next_token_loss():
    found = iw.evaluate_dictionary(autoencoder().float(), iw.load(build("bert")), DOCUMENTS, progress=False)
    assert found.losses == {}
    assert found.tokens == 18


@pytest.mark.parametrize("family", ["llama", "gpt_neox", "mamba"])
def test_other_families(family):
    found = iw.evaluate_dictionary(autoencoder().float(), iw.load(build(family)), DOCUMENTS, progress=False)
    assert found.predictions == 13
    assert found.sum_check is not None
    assert found.sum_check.holds


def test_one_token_has_no_next_and_so_no_loss():
    found = iw.evaluate_dictionary(autoencoder().float(), iw.load(build("gpt2")), [[7]], progress=False)
    assert (found.tokens, found.losses) == (1, {})


# Detectors ----------------------------------------------------------------------------------------------------------


def planted_attributes(n, seed):
    """x = u(a) + v(b) / 10: the second attribute is ten times smaller."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(D, D)))[0]
    a, b = rng.integers(0, 4, n), rng.integers(0, 4, n)
    return torch.from_numpy(basis[a] + basis[4 + b] / 10), a, b, torch.from_numpy(basis)


def test_a_small_attribute_is_occluded_and_the_read_out_knows_it():
    x, a, b, basis = planted_attributes(2000, 0)
    small = SparseAutoencoder(basis[:4], basis[:4], activation=TopK(1))
    probes = {f"a={i}": a == i for i in range(4)} | {f"b={i}": b == i for i in range(4)}
    found = iw.evaluate_dictionary(small, activations=x, probes=probes)
    assert found.detections is not None
    assert found.detections.held_out
    assert found.detections.missed() == found.occluded == [f"b={i}" for i in range(4)]
    assert min(found.supervised_f1.values()) > 0.99
    assert found.detections.labels() == {i: f"a={i} (F1 1.00)" for i in range(4)}
    whole = SparseAutoencoder(basis[:8], basis[:8], activation=TopK(2))
    assert iw.evaluate_dictionary(whole, activations=x, probes=probes).occluded == []
    assert "occluded values                    4" in found.summary()


def test_the_best_threshold_is_the_best():
    rng = np.random.default_rng(1)
    scores, truth = np.round(rng.normal(size=60), 1), rng.random(60) < 0.3

    def f1(threshold):
        said = scores >= threshold
        return 2 * (said & truth).sum() / (said.sum() + truth.sum())

    assert f1(best_threshold(scores, truth)) == max(f1(t) for t in np.unique(scores))


def test_a_read_out_of_noise_does_not_pass_held_out_tokens():
    rng = np.random.default_rng(2)
    held_out = np.arange(400) % 2 == 1
    found = readout_f1(torch.from_numpy(rng.normal(size=(400, 20))), {"a=b": rng.random(400) < 0.1}, held_out=held_out)
    assert found["a=b"] < 0.4


# Control ------------------------------------------------------------------------------------------------------------

COLOURS, SHAPES = 3, 4


@dataclass
class Pair:
    clean: list
    counterfactual: list
    answers: list
    counterfactual_answers: list
    value: str = ""
    counterfactual_value: str = ""
    attribute: str = "colour"


@pytest.fixture(scope="module")
def additive():
    """A model whose stream is u(colour) + v(shape) of its last token, and which names the colour; and its atoms."""
    tokens = COLOURS * SHAPES
    config = tf.GPT2Config(
        vocab_size=tokens + COLOURS, n_embd=16, n_layer=1, n_head=2, n_positions=8, tie_word_embeddings=False,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = tf.GPT2LMHeadModel(config).eval()
    # Orthonormal and without a mean, so that the last norm only scales.
    q = torch.linalg.qr(torch.cat([torch.ones(16, 1), torch.randn(16, 15)], 1))[0].T[1:]
    atoms = q[: COLOURS + SHAPES]
    with torch.no_grad():
        for weight in (model.transformer.wpe.weight, model.lm_head.weight, model.transformer.wte.weight):
            weight.zero_()
        block = model.transformer.h[0]
        for part in (block.attn.c_proj, block.mlp.c_proj):
            part.weight.zero_()
            part.bias.zero_()
        for colour, shape in itertools.product(range(COLOURS), range(SHAPES)):
            model.transformer.wte.weight[colour * SHAPES + shape] = atoms[colour] + atoms[COLOURS + shape]
        model.lm_head.weight[tokens:] = atoms[:COLOURS]
    pairs = [
        Pair([1, c * SHAPES + s], [1, o * SHAPES + s], [tokens + c], [tokens + o], str(c), str(o))
        for c, o, s in itertools.product(range(COLOURS), range(COLOURS), range(SHAPES))
        if c != o
    ]
    return iw.load(model), atoms, pairs


@pytest.mark.parametrize("at", ["all", "changed", "last"])
def test_on_an_additive_model_true_atoms_and_supervised_codes_control_the_answer(additive, at):
    lm, atoms, pairs = additive
    true = SparseAutoencoder(atoms, atoms, activation=TopK(2), site_in="resid_post.0", name="true atoms")
    found = control(true, lm, pairs, at=at, budgets=(1, 2, 3))
    assert (found.known, found.asked) == (24, 24)
    assert (found.floor, found.ceiling, found.supervised) == (0.0, 1.0, 1.0)
    assert found.supervised_pairs == 24
    # One colour out and the other in are two features; after them nothing is left to do.
    assert found.success.tolist()[1:] == [1.0, 1.0]
    assert found.distance[0] == pytest.approx(2**-0.5, abs=1e-5)
    assert found.distance[1:] == pytest.approx([0, 0], abs=1e-5)
    # Each of two equal atoms is half of what fires; half a weight leaves, and half a weight comes.
    assert found.weight == pytest.approx([0.25, 0.5, 0.5], abs=1e-5)
    assert found.random[0] < 1
    assert found.approximation == pytest.approx(1.0, abs=1e-4)
    assert found.logit_difference["plain"] > 1


def test_a_dictionary_without_the_attribute_controls_nothing(additive):
    lm, atoms, pairs = additive
    shapes = SparseAutoencoder(atoms[COLOURS:], atoms[COLOURS:], activation=TopK(1), site_in="resid_post.0")
    found = control(shapes, lm, pairs, budgets=(1, 4))
    assert found.success.tolist() == [0.0, 0.0]
    assert found.supervised == 1.0
    assert found.approximation == pytest.approx(0.0, abs=1e-4)


def test_pairs_the_model_does_not_know_are_left_out(additive):
    lm, atoms, pairs = additive
    wrong = [Pair(p.clean, p.counterfactual, p.counterfactual_answers, p.answers) for p in pairs[:3]]
    true = SparseAutoencoder(atoms, atoms, activation=TopK(2), site_in="resid_post.0")
    found = control(true, lm, [*pairs[:5], *wrong], budgets=(2,))
    assert (found.known, found.asked) == (5, 8)
    none = control(true, lm, wrong, budgets=(2,))
    assert none.known == 0
    assert np.isnan(none.success).all()
    assert "0/3 pairs known" in repr(none)


def test_the_greedy_exchange_takes_the_best_step_each_time():
    x, y = tensor(7, 6, D), tensor(8, 6, D)
    for sae in (autoencoder(), autoencoder(normalisation=Normalisation("constant_norm_rescale"))):
        found = exchange(sae, x, x, y, y, (1, 2, 4))
        scale = x.norm(dim=1) / D**0.5 if sae.normalisation.per_token else torch.ones(6)
        move = (sae.encode(y) - sae.encode(x)) * scale[:, None]
        for row in range(6):
            left, used, steps = (y - x)[row], set(), []
            for _ in range(4):
                after = [(left - move[row, j] * sae.directions[j]).norm() for j in range(F)]
                best = min((j for j in range(F) if j not in used), key=lambda j: after[j])
                if after[best] < left.norm():
                    left = left - move[row, best] * sae.directions[best]
                    used.add(best)
                steps.append(y[row] - left)
            for number, k in enumerate((1, 2, 4)):
                assert torch.allclose(found.activations[number, row].double(), steps[k - 1], atol=1e-4)


def test_wrong_pairs_get_one_sentence(additive):
    lm, atoms, pairs = additive
    true = SparseAutoencoder(atoms, atoms, activation=TopK(2), site_in="resid_post.0")
    for bad, said in (
        ([], "at least one pair"),
        ([Pair([1, 2], [1, 2, 3], [12], [13])], "equally many tokens, got 2 and 3"),
        ([Pair([1, 2], [1, 2], [12], [13])], "got the same prompt"),
        ([Pair([1, 2], [1, 3], [], [13])], "an answer for each prompt"),
        ([Pair([1, 2], [1, 3], [99], [13])], "a token id from 0 to 14"),
    ):
        with pytest.raises(InputError, match=said):
            control(true, lm, bad)
    with pytest.raises(InputError, match="at out of all, changed, last"):
        control(true, lm, pairs, at="first")
    with pytest.raises(InputError, match="rising budgets"):
        control(true, lm, pairs, budgets=(4, 2))
    with pytest.raises(InputError, match="a model for the pairs"):
        iw.evaluate_dictionary(true, activations=tensor(0, 4, 16), pairs=pairs)


# Atoms --------------------------------------------------------------------------------------------------------------


def test_atoms_against_every_pair_of_directions():
    directions = tensor(9, 40, 10)
    unit = directions.numpy() / np.linalg.norm(directions.numpy(), axis=1, keepdims=True)
    cosines = np.abs(unit @ unit.T)
    np.fill_diagonal(cosines, 0)
    assert np.allclose(nearest(directions), cosines.max(1))
    counts = np.array([5, 10, 20, 40])
    found = atom_report(directions, counts, r2=0.9)
    mu = cosines.max()
    assert found.coherence == pytest.approx(mutual_coherence(directions)) == pytest.approx(mu)
    assert found.unique_below == pytest.approx((1 + 1 / mu) / 2)
    assert found.unique_share == 15 / 75, "only codes of no or one feature are below 1.5"


def test_an_orthonormal_basis_is_unique_however_dense():
    found = iw.evaluate_dictionary(Identity(8), activations=tensor(10, 20, 8).float())
    assert found.atoms is not None
    assert (found.atoms.coherence, found.atoms.unique_below, found.atoms.unique_share) == (0, float("inf"), 1)
    assert any("atomic" in caveat for caveat in found.caveats)
    assert iw.evaluate_dictionary(Identity(8), activations=tensor(10, 20, 8).float(), atoms=False).atoms is None


# The report ---------------------------------------------------------------------------------------------------------


def test_storyworld_whole():
    lm = iw.load("storyworld")
    stories = storyworld.generate(15, seed=9)
    pairs = storyworld.pairs("gender", n=10, seed=4)
    found = iw.evaluate_dictionary(
        Identity(128, site_in="resid_post.2"),
        lm,
        [story.text for story in stories],
        probes=storyworld.attributes(stories, words=10),
        pairs=pairs,
        progress=False,
    )
    assert found.skipped == 15, "one <s> for each story"
    assert found.tokens == found.predictions == sum(len(story.words) for story in stories)
    # The mean surprisal under the generator bounds what the model can reach; here it is a little above.
    entropy = np.concatenate([story.surprisal for story in stories]).mean()
    assert entropy - 0.05 < found.losses["plain"] < entropy + 0.4
    assert found.loss_recovered == pytest.approx(1.0, abs=1e-4)
    assert found.losses["mean"] > found.losses["plain"] + 3
    (gender,) = found.control
    assert gender.known >= 8
    assert (gender.floor, gender.ceiling) == (0.0, 1.0)
    assert np.all(np.diff(gender.weight) >= 0)
    assert found.supervised_f1["gender=feminine"] > 0.5
    text = str(found)
    for part in ("Approximation", "Interpretability", "Control", "Atoms", "check holds", "Read with care"):
        assert part in text
    for source in ("Paulo and Belrose 2025", "Gao et al. 2024", "Makelov et al. 2024", "Chanin et al. 2024"):
        assert source in text.replace("\n   ", "")
    assert len(found.figure().data) == 2
    assert len(found.control[0].figure().data) == 2
    assert set(found.numbers()) >= {"l0", "fvu", "loss_recovered", "values_detected", "coherence", "dead_share"}


def test_wrong_input_gets_one_sentence():
    lm, sae = iw.load(build("gpt2")), autoencoder().float()
    for given, more, said in (
        ((sae,), {}, "a model and a corpus, or activations, got neither"),
        ((sae, None, ["a"]), {}, "got a corpus alone"),
        ((sae, lm, [[1, 2]]), {"activations": tensor(0, 4, D)}, "got both"),
        (("sae", lm, [[1, 2]]), {}, "a dictionary, got str"),
        ((Identity(31, site_in="resid_post.1"), lm, [[1, 2]]), {}, "a dictionary of width 32"),
        ((sae,), {"activations": tensor(0, 4, 31)}, "activations of width 32"),
        ((sae,), {"activations": tensor(0, 4, D) * torch.nan}, "at least one token to measure"),
        ((sae,), {"activations": tensor(0, 4, D), "probes": {}}, "got none"),
    ):
        with pytest.raises(InputError, match=said):
            iw.evaluate_dictionary(*given, progress=False, **more)
    assert iw.evaluate_dictionary(sae, lm, [[1, 2, 3]], progress=False).tokens == 3, "the session goes on"
