"""Detections against every threshold tried one by one, and storyworld's named attributes against its labels."""

import numpy as np
import pytest
import torch

from interpwidgets import InputError
from interpwidgets.analyses.detections import detections
from interpwidgets.dictionaries import SparseCodes
from interpwidgets.worlds import storyworld
from interpwidgets.worlds.storyworld import probes

N, F, A = 120, 9, 7


def f1(said, truth):
    hits = (said & truth).sum()
    return 2 * hits / (said.sum() + truth.sum()) if said.sum() + truth.sum() else 0.0


def planted(seed, signed=False, ties=True):
    rng = np.random.default_rng(seed)
    codes = rng.exponential(size=(N, F)) * (rng.random((N, F)) < 0.4)
    if ties:
        codes = np.round(codes * 2) / 2
    if signed:
        codes *= rng.choice([-1, 1], size=(N, F))
    codes[:, 3] = 0  # never fires
    truth = rng.random((A, N)) < rng.uniform(0.02, 0.6, size=(A, 1))
    truth[:, 0] = True
    return codes.astype(np.float32), {f"value={i}": row for i, row in enumerate(truth)}


def table(codes, truth):
    """Best F1 [feature, attribute] by trying every threshold on both sides, in a plain loop."""
    out = np.zeros((F, len(truth)))
    for j in range(F):
        for side in (1, -1):
            values = side * codes[:, j]
            for threshold in np.unique(values[values > 0]):
                for a, mark in enumerate(truth.values()):
                    out[j, a] = max(out[j, a], f1(values >= threshold, mark))
    return out


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_feature_and_value_has_the_best_f1_that_any_threshold_gives(seed, signed):
    codes, truth = planted(seed, signed)
    wanted = table(codes, truth)
    found = detections(SparseCodes.from_dense(torch.from_numpy(codes)), truth)
    fires = wanted.max(1) > 0
    assert fires.sum() == F - 1
    assert np.allclose(found.f1[fires], wanted.max(1)[fires])
    assert found.attribute[3] == -1
    assert np.isnan(found.f1[3])
    assert np.allclose(found.best_f1, wanted.max(0))
    for j in np.flatnonzero(fires):
        mark = truth[found.attributes[found.attribute[j]]]
        said = found.sign[j] * codes[:, j] >= found.threshold[j]
        assert found.f1[j] == pytest.approx(f1(said, mark))
        assert found.precision[j] == pytest.approx((said & mark).sum() / said.sum())
        assert found.recall[j] == pytest.approx((said & mark).sum() / mark.sum())
    for a, name in enumerate(found.attributes):
        j = found.best_feature[a]
        said = found.best_sign[a] * codes[:, j] >= found.best_threshold[a]
        assert found.best_f1[a] == pytest.approx(f1(said, truth[name]))
        assert found.best_precision[a] == pytest.approx((said & truth[name]).sum() / said.sum())
        assert found.best_recall[a] == pytest.approx((said & truth[name]).sum() / truth[name].sum())
        assert found.positives[a] == truth[name].sum()


def test_blocks_give_the_same(monkeypatch):
    codes, truth = planted(2, signed=True)
    sparse = SparseCodes.from_dense(torch.from_numpy(codes))
    whole = detections(sparse, truth)
    monkeypatch.setattr("interpwidgets.analyses.detections.BLOCK", 40)
    parts = detections(sparse, truth)
    for name in ("attribute", "f1", "threshold", "sign", "best_feature", "best_f1", "best_threshold"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name), equal_nan=True), name


def test_held_out_tokens_score_what_the_others_chose():
    codes, truth = planted(3)
    test = np.arange(N) % 2 == 0
    found = detections(SparseCodes.from_dense(torch.from_numpy(codes)), truth, held_out=test)
    chosen = detections(
        SparseCodes.from_dense(torch.from_numpy(codes[~test])), {name: mark[~test] for name, mark in truth.items()}
    )
    assert found.held_out
    assert found.tokens == test.sum()
    assert np.array_equal(found.attribute, chosen.attribute)
    assert np.array_equal(found.threshold, chosen.threshold, equal_nan=True)
    for j in np.flatnonzero(found.attribute >= 0):
        mark = truth[found.attributes[found.attribute[j]]]
        said = found.sign[j] * codes[:, j] >= found.threshold[j]
        assert found.f1[j] == pytest.approx(f1(said & test, mark & test))
    for a, name in enumerate(found.attributes):
        said = found.best_sign[a] * codes[:, found.best_feature[a]] >= found.best_threshold[a]
        assert found.best_f1[a] == pytest.approx(f1(said & test, truth[name] & test))
    # Chance does not survive: the codes know nothing of the values, so the rare ones are not found again.
    rare = [a for a, name in enumerate(found.attributes) if truth[name].mean() < 0.2]
    assert found.best_f1[rare].mean() < chosen.best_f1[rare].mean()


def test_planted_detectors_splits_and_what_is_missed():
    truth = {"colour=red": np.zeros(24, bool), "colour=blue": np.zeros(24, bool), "truth=false": np.zeros(24, bool)}
    truth["colour=red"][:6] = True
    truth["colour=blue"][6:12] = True
    truth["truth=false"][[1, 4, 7]] = True
    codes = torch.zeros(24, 4)
    codes[:3, 0] = 1.0  # half of the red ones
    codes[3:6, 1] = 1.0  # the other half
    codes[6:12, 2] = 2.0
    codes[:6, 2] = 0.5  # weakly everywhere else: the threshold must part them
    codes[0, 3] = torch.nan
    found = detections(SparseCodes.from_dense(codes), truth)
    assert found.labels() == {0: "colour=red (F1 0.67)", 1: "colour=red (F1 0.67)", 2: "colour=blue (F1 1.00)"}
    assert found.threshold[2] == 2.0
    assert found.split() == {"colour=red": 2}
    assert found.detectors("colour=red") == [(0, 2 / 3), (1, 2 / 3)]
    assert found.missed() == ["truth=false"]
    assert found.occluded({"truth=false": 0.9}) == ["truth=false"]
    assert found.occluded({"truth=false": 0.3}) == []
    assert np.allclose(found.always_yes, [12 / 30, 12 / 30, 6 / 27])
    assert found.attribute[3] == -1, "a NaN says yes to nothing"
    assert "2 values have such a feature" in repr(found)
    assert found.top(1) == [(2, "colour=blue", 1.0)]
    assert [bar.y[-1] for bar in found.figure().data] == ["colour=blue"]


def test_one_token_and_a_dictionary_that_never_fires():
    one = detections(SparseCodes.from_dense(torch.tensor([[0.0, 3.0]])), {"a=b": [True]})
    assert (one.f1[1], one.tokens) == (1.0, 1)
    one = detections(SparseCodes.from_dense(torch.tensor([[0.0, 3.0], [0.0, 0.0]])), {"a=b": [True, False]})
    assert one.label(1) == "a=b (F1 1.00)"
    assert one.label(0) == ""
    none = detections(SparseCodes.from_dense(torch.zeros(4, 3)), {"a=b": [True, False, False, True]})
    assert none.missed() == ["a=b"]
    assert np.isnan(none.f1).all()
    assert none.labels() == {}
    assert none.best_feature[0] == -1


def test_wrong_input_gets_one_sentence():
    codes = SparseCodes.from_dense(torch.ones(4, 3))
    with pytest.raises(InputError, match=r"as 4 truth values.* got bool of shape \[3\]"):
        detections(codes, {"a=b": np.ones(3, bool)})
    with pytest.raises(InputError, match="got float64"):
        detections(codes, {"a=b": np.ones(4)})
    with pytest.raises(InputError, match="expected labels, got none"):
        detections(codes, {})
    with pytest.raises(InputError, match="all of them rarer"):
        detections(codes, {"a=b": np.ones(4, bool)}, least=5)
    with pytest.raises(InputError, match="a feature from 0 to 2"):
        detections(codes, {"a=b": np.ones(4, bool)}).label(3)
    with pytest.raises(InputError, match=r"Choose one of \.attributes"):
        detections(codes, {"a=b": np.ones(4, bool)}).detectors("a=c")


def test_attributes_name_the_labels_of_every_token():
    stories = storyworld.generate(60, seed=3)
    found = probes.attributes(stories, words=20)
    lengths = [len(story.words) + 1 for story in stories]
    assert {mark.shape for mark in found.values()} == {(sum(lengths),)}
    at = 0
    for story, length in zip(stories, lengths, strict=True):
        true_of_start = [name for name, mark in found.items() if mark[at]]
        assert true_of_start == ["word=<s>"]
        for i, word in enumerate(story.words):
            token = at + 1 + i
            label = {name: int(values[i]) for name, values in story.labels.items()}
            assert found["gender=feminine"][token] == (label["gender"] == 1)
            assert found["story sentiment=sad"][token] == (label["sentiment"] == -1)
            assert found["truth=false"][token] == (label["truth"] == -1)
            assert found["repeat=second"][token] == (label["repeat"] == 2)
            assert found["role=io"][token] == (storyworld.ROLES[label["role"]] == "io")
            assert found[f"kind={storyworld.KINDS[label['kind']]}"][token]
            if "word=the" in found:
                assert found["word=the"][token] == (word == "the")
            if label["year"] >= 0:
                assert found[f"year={label['year'] // 10}0 to {label['year'] // 10}9"][token]
        at += length
    assert sum(name.startswith("word=") for name in found) == 21
    with pytest.raises(InputError, match="at least one story"):
        probes.attributes([])


@pytest.mark.parametrize("attribute", list(probes.PAIRS))
def test_pairs_differ_where_they_say_and_have_other_answers(attribute):
    made = probes.pairs(attribute, n=20, seed=5)
    assert made == probes.pairs(attribute, n=20, seed=5)
    for pair in made:
        one, other = ["<s>", *_words(pair.clean)], ["<s>", *_words(pair.counterfactual)]
        assert len(one) == len(other)
        assert tuple(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b) == pair.changed
        assert pair.changed
        assert not set(pair.answers) & set(pair.counterfactual_answers)
        assert pair.value != pair.counterfactual_value


def _words(text):
    for mark in ".,:?":
        text = text.replace(mark, f" {mark}")
    return [part for word in text.split() for part in ([word[:2], word[2:]] if word.isdigit() else [word])]


def test_pairs_of_an_unknown_attribute():
    with pytest.raises(InputError, match="receiver, giver, gender"):
        probes.pairs("mood", n=1, seed=0)


def test_a_feature_that_always_fires_detects_nothing_however_common_the_value():
    common = np.arange(20) < 14
    found = detections(SparseCodes.from_dense(torch.ones(20, 1)), {"a=b": common})
    assert found.f1[0] == pytest.approx(28 / 34)
    assert found.label(0) == ""
    assert found.missed() == ["a=b"]
