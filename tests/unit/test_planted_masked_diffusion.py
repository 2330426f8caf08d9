"""The planted masked-diffusion model: its loss beside the floor, one feature for each topic, and steering by it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets.worlds import planted


@pytest.fixture(scope="module")
def world() -> Any:
    return planted.masked_diffusion()


@pytest.fixture(scope="module")
def lm(world: Any) -> Any:
    return world.load()


@pytest.fixture(scope="module")
def topics(world: Any, lm: Any) -> Any:
    return world.dictionary(lm)


def test_every_text_has_one_topic(world: Any) -> None:
    ids, topic = world.sample(300, seed=3)
    names = list(world.topics)
    for row, at in zip(ids, topic.tolist(), strict=True):
        assert {world.tokenizer.convert_ids_to_tokens(int(i)) for i in row} <= set(world.topics[names[at]])
    assert torch.equal(world.sample(300, seed=3)[0], ids)
    assert set(topic.tolist()) == {0, 1, 2}
    words = torch.bincount(ids.flatten(), minlength=27)[3:] / ids.numel()
    assert float(words.min()) > 0.03, "all 24 words are alike: 1/24 = 0.042"


def test_the_loss_is_within_five_percent_of_the_floor(world: Any) -> None:
    assert world.floor == pytest.approx(math.log(8))
    # Our own measure, with masks drawn by numpy.
    ids, _ = world.sample(1500, seed=77)
    hidden = np.random.default_rng(0).random(ids.shape) < 0.5
    hidden[:, 0], hidden[:, 1] = True, False
    shown = np.where(hidden, world.tokenizer.mask_token_id, ids.numpy())
    with torch.no_grad():
        logits = world.model(input_ids=torch.tensor(shown)).logits.log_softmax(-1)
    found = -logits.gather(-1, ids[..., None])[..., 0].numpy()[hidden].mean()
    assert math.log(8) * 0.99 < found < math.log(8) * 1.05
    assert world.loss == pytest.approx(found, rel=0.03)


def test_each_topic_has_a_feature_and_steering_by_it_flips_what_is_written(world: Any, lm: Any, topics: Any) -> None:
    scores = world.topic_features(topics, lm)
    assert len({score.feature for score in scores.values()}) == 3
    assert all(score.precision > 0.95 and score.recall > 0.95 for score in scores.values()), scores
    assert {topics.labels[score.feature] for score in scores.values()} == set(world.topics)
    start = world.prompt("kitchen", words=2, seed=1)
    plain = iw.denoising(lm, start)
    assert world.topic_share(plain.ids[-1, 2:], "kitchen") == 1.0
    direction, deviation = world.spread(topics, scores["sea"].feature, lm)
    assert float(direction.norm()) == pytest.approx(1, abs=1e-5)
    before = lm.trace(start).logits
    with lm.edit(iw.Edit("resid_post.1", add=direction, strength=8 * deviation)):
        steered = iw.denoising(lm, start)
    assert world.topic_share(steered.ids[-1, 2:], "sea") > 0.9
    assert torch.equal(lm.trace(start).logits, before)


def test_the_topic_feature_is_on_along_the_whole_run(world: Any, lm: Any, topics: Any) -> None:
    sea = world.topic_features(topics, lm)["sea"].feature
    record = iw.denoising(lm, world.prompt("sea", words=1), dictionary=topics)
    assert (record.feature(sea) > 0).mean() > 0.9
    assert record.labels[sea] == "sea"
    other = iw.denoising(lm, world.prompt("garden", words=1), dictionary=topics, features=[sea])
    assert (other.feature(sea) > 0).mean() < 0.1


def test_it_is_the_same_again_and_leaves_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, two = (planted.masked_diffusion(length=4, steps=3, seed=8) for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, two.model.state_dict()[name]), name
    other = planted.masked_diffusion(length=4, steps=3, seed=9)
    name = "bert.embeddings.word_embeddings.weight"
    assert not torch.equal(one.model.state_dict()[name], other.model.state_dict()[name])


@pytest.mark.parametrize("wrong", [{"length": 1}, {"length": 2.5}, {"steps": 0}, {"seed": -1}])
def test_wrong_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(iw.InputError, match=next(iter(wrong))):
        planted.masked_diffusion(**wrong)


def test_an_unknown_topic_is_refused(world: Any) -> None:
    with pytest.raises(iw.InputError, match="kitchen, sea, garden"):
        world.prompt("football")
    with pytest.raises(iw.InputError, match="kitchen, sea, garden"):
        world.topic_share([3, 4], "football")
