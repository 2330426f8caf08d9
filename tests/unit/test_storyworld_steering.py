"""Steering against the world's own truth: every factor follows a direction, and random directions do not do it."""

import numpy as np
import pytest

import interpwidgets as iw
from interpwidgets.analyses.steering.effect import steering_effect
from interpwidgets.analyses.steering.sweep import steering_sweep
from interpwidgets.analyses.steering.targets import targets
from interpwidgets.analyses.steering.writer import Writer
from interpwidgets.worlds import storyworld

SITE = "resid_post.2"
# How far each difference of means is to be pushed; where nothing is said, as far as it is long.
STRENGTH = {"gender": 8.0, "number": 4.0, "colour": 4.0, "favourite": 4.0, "receiver": 4.0}
# One feature of the shipped dictionary each, found by a sweep over the first prompts learnt from.
FEATURES = {"gender": 871, "truth": 224, "year": 594}


@pytest.fixture(scope="module")
def lm():
    return iw.load("storyworld")


@pytest.mark.parametrize("factor", storyworld.STEERABLE)
def test_each_factor_follows_its_difference_of_means_and_no_random_direction(lm, factor):
    asked = storyworld.steering_question(factor, prompts=30, seed=3)
    target = targets.difference(lm, SITE, asked.positive, asked.negative, at=asked.at)
    found = steering_effect(
        lm, target, asked.prompts, toward=asked.toward_words, away=asked.away_words,
        strengths=(0.0, STRENGTH.get(factor, 1.0)), controls=3, progress=False,
    )  # fmt: skip
    assert found.kl[0] == 0
    # An early start year leaves most end years open, so there the words are likely without steering too.
    assert found.share[0] == 0 or factor == "year"
    assert found.share[1] >= 0.8
    assert found.away[1] < 0.25 < found.away[0] or factor == "year"
    assert (found.control_share[:, 1] <= max(0.3, found.share[0])).all()


@pytest.mark.parametrize("factor", FEATURES)
def test_one_feature_is_enough_for_some(lm, factor):
    dictionary = iw.load_dictionary("storyworld/resid_post.2")
    asked = storyworld.steering_question(factor, prompts=30, seed=3)
    found = steering_effect(
        lm, targets.feature(dictionary, FEATURES[factor], lm=lm), asked.prompts, toward=asked.toward_words,
        strengths=(0.0, 5.0), controls=3, progress=False,
    )  # fmt: skip
    assert found.share[1] >= 0.9
    assert found.control_share[:, 1].max() <= max(0.4, found.share[0])


def test_a_feature_steered_up_brightens_whole_stories(lm):
    """The share of continuations with more good than bad feeling, sampled, beside a random direction of equal norm."""
    asked = storyworld.steering_question("sentiment", prompts=30, seed=5)
    target = targets.difference(lm, SITE, asked.positive, asked.negative, at=asked.at)
    texts = {
        name: [written(lm, prompt, one, strength) for prompt in asked.prompts]
        for name, one, strength in (
            ("plain", target, 0.0),
            ("steered", target, 1.0),
            ("random", targets.random(target, seed=1), 1.0),
        )
    }
    happy = {name: np.mean([storyworld.mood(words) > 0 for words in found]) for name, found in texts.items()}
    assert happy["steered"] >= 0.9
    assert happy["plain"] <= 0.2
    assert happy["random"] <= 0.4


def written(lm, prompt, target, strength):
    ids = lm.tokenizer(prompt)["input_ids"]
    record = iw.Steering((target,), (strength,), positions="all", prompt_tokens=len(ids))
    writer = Writer(lm, ids, record, max_new_tokens=10, temperature=1.0, seed=0)
    words = []
    while not writer.done:
        words += [token.text.strip() for token in writer.more()]
    return words


def test_a_sweep_finds_the_feature_and_agrees_with_plain_edits(lm):
    dictionary = iw.load_dictionary("storyworld/resid_post.2")
    asked = storyworld.steering_question("gender", prompts=2, seed=3)
    some = [targets.feature(dictionary, j, lm=lm) for j in (5, 871, 40)]
    swept = steering_sweep(lm, asked.prompts[0], some, words=asked.toward_words, points=5, progress=False)
    assert swept.names[swept.order()[0]] == some[1].name
    ids = [lm.vocabulary.id(word) for word in asked.toward_words]
    plain = lm.trace(asked.prompts[0]).logits[-1].softmax(-1)[ids].sum()
    assert swept.unsteered == pytest.approx(float(plain), abs=1e-6)
    for target, (low, *_, high), curve in zip(some, swept.strengths, swept.curve, strict=True):
        assert (low, high) == (target.low, target.high)
        edit = iw.Edit(SITE, add=dictionary.unit_writes[target.feature], strength=high)
        with lm.edit(edit):
            steered = lm.trace(asked.prompts[0]).logits[-1].softmax(-1)[ids].sum()
        assert curve[-1] == pytest.approx(float(steered), abs=1e-5)
    np.testing.assert_allclose(swept.effect, swept.curve[range(3), swept.strongest] - swept.unsteered)
    assert "steered" not in repr(swept)
    assert len(swept.figure(top=2).data) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompts": []}, "expected a list of prompts, got none"),
        ({"prompts": "one text"}, "expected a list of prompts, got one text"),
        ({"toward": []}, "a list of tokens to steer toward"),
        ({"toward": ["notaword"]}, "the text of one token of this model"),
        ({"target": 871}, "a steering target"),
        ({"strengths": [float("nan")]}, "a finite number as the strength"),
        ({"target": "head"}, "controls=0 for head 1.1"),
    ],
)
def test_bad_questions_get_one_sentence(lm, change, said):
    dictionary = iw.load_dictionary("storyworld/resid_post.2")
    given = {
        "target": targets.feature(dictionary, 871), "prompts": ["Mary met Tom ."], "toward": ["She"],
        "progress": False, **change,
    }  # fmt: skip
    if given["target"] == "head":
        given["target"] = targets.head(lm, 1, 1)
    with pytest.raises(iw.InputError, match=said):
        steering_effect(lm, given.pop("target"), given.pop("prompts"), **given)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"targets": []}, "at least one target"), ({"words": []}, "tokens to watch"), ({"points": 1}, "two points")],
)
def test_bad_sweeps_get_one_sentence(lm, change, said):
    given = {"targets": iw.load_dictionary("storyworld/resid_post.2"), "words": ["She"], "progress": False, **change}
    with pytest.raises(iw.InputError, match=said):
        steering_sweep(lm, "Mary met Tom .", given.pop("targets"), **given)


def test_prompts_to_measure_on_are_not_those_learnt_from():
    for factor in storyworld.STEERABLE:
        asked = storyworld.steering_question(factor, n=20, prompts=10, seed=1)
        learnt = {*asked.positive, *asked.negative}
        assert (len(asked.positive), len(asked.negative), len(asked.prompts)) == (20, 20, 10)
        assert len(learnt) == 40
        assert not learnt & {*asked.prompts}
        assert not {*asked.toward_words} & {*asked.away_words}
    with pytest.raises(iw.InputError, match="a factor of gender"):
        storyworld.steering_question("weather")


def test_mood_counts_words_of_feeling():
    assert storyworld.mood(["Anna", "smiled", "and", "was", "happy"]) == 2
    assert storyworld.mood(["a", "terrible", "day"]) == -1
