"""The planted recommender: its loss beside Bayes' rule, a feature for each genre, and what switching one off does."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets.worlds import planted


@pytest.fixture(scope="module")
def world() -> Any:
    return planted.recommender()


@pytest.fixture(scope="module")
def lm(world: Any) -> Any:
    return world.load()


@pytest.fixture(scope="module")
def genres(world: Any, lm: Any) -> Any:
    return world.dictionary(lm)


def test_users_watch_what_they_like(world: Any) -> None:
    ids, likes = world.sample(2000, seed=3)
    assert (ids.shape, likes.sum(1).unique().tolist()) == ((2000, 24), [2])
    own = likes.gather(1, ids // 20).double().mean()
    # Nine in ten by taste, and of the rest a third by chance.
    assert float(own) == pytest.approx(0.9 + 0.1 / 3, abs=0.01)
    assert torch.equal(world.sample(2000, seed=3)[0], ids)
    titles = [title for genre in world.genres.values() for title in genre]
    assert (len(titles), len(set(titles))) == (120, 120)


def test_the_ideal_is_bayes_rule_by_hand(world: Any) -> None:
    ids, _ = world.sample(3, seed=5)
    for user in ids.tolist():
        belief = dict.fromkeys(combinations(range(6), 2), 1 / 15)
        for at, film in enumerate(user):
            for pair in belief:
                belief[pair] *= 0.1 / 6 + (0.45 if film // 20 in pair else 0)
            total = sum(belief.values())
            expected = [
                sum(b * (0.1 / 6 + (0.45 if g in p else 0)) for p, b in belief.items()) / total for g in range(6)
            ]
            np.testing.assert_allclose(world.ideal(torch.tensor([user]))[0, at], expected, rtol=1e-4)


def test_the_model_predicts_almost_as_well_as_can_be(world: Any, lm: Any) -> None:
    assert world.floor * 0.995 < world.loss < world.floor * 1.02
    ids, _ = world.sample(200, seed=9)
    logits = lm.run(ids)[0].logits.softmax(-1).reshape(200, 24, 6, 20).sum(-1)
    assert float((logits - world.ideal(ids))[:, 4:].abs().mean()) < 0.04


def test_every_genre_has_a_feature_and_switching_it_off_removes_the_genre(world: Any, lm: Any, genres: Any) -> None:
    scores = world.genre_features(genres, lm)
    assert len({score.feature for score in scores.values()}) == 6
    for genre, (feature, precision, recall) in scores.items():
        assert precision > 0.9, (genre, precision)
        assert recall > 0.7, (genre, recall)
        before = world.genre_mass(genre, lm=lm)

        def without(codes: torch.Tensor, feature: int = feature) -> None:
            codes[..., feature] = 0

        with iw.splice(lm, genres, error=True, edit=without):
            after = world.genre_mass(genre, lm=lm)
        assert before > 0.4
        assert after < 0.15, (genre, before, after)
        assert world.genre_mass(genre, lm=lm) == before
        assert world.genre_mass(genre) == pytest.approx(before, abs=1e-6)


def test_precision_and_recall_are_what_counting_gives(world: Any, lm: Any, genres: Any) -> None:
    ids, likes = world.sample(1000, seed=21)
    found = world.genre_features(genres, lm)["sea"]
    x = lm.run(ids, sites=["resid_post.0"])[1][lm.site("resid_post.0")]
    counts: Counter[tuple[bool, bool]] = Counter()
    fires = (genres.encode(x)[..., found.feature] > 0).tolist()
    for user, row in enumerate(fires):
        for fire in row[4:]:
            counts[fire, bool(likes[user, 5])] += 1
    assert found.precision == pytest.approx(counts[True, True] / (counts[True, True] + counts[True, False]))
    assert found.recall == pytest.approx(counts[True, True] / (counts[True, True] + counts[False, True]))


def test_tokens_are_titles(world: Any, lm: Any) -> None:
    trace = lm.trace("Starfall, Moonbase Kiss")
    assert trace.tokens.texts == ("Starfall", "Moonbase", "Kiss")
    assert trace.ids.tolist() == [0, 1, 68]
    assert lm.trace([0, 1, 68]).text == "Starfall Moonbase Kiss"
    assert lm.vocabulary.id("Kiss") == 68
    with pytest.raises(iw.InputError, match="Starfall"):
        lm.trace("Starfal")


def test_the_index_and_both_feature_views_take_items(world: Any, lm: Any, genres: Any, tmp_path: Path) -> None:
    index = iw.build_index(lm, genres, world.sequences(60, seed=51), tmp_path / "index", progress=False)
    feature = world.genre_features(genres, lm)["sea"].feature
    assert index.n_tokens == 60 * 24
    assert index.label(feature) == "sea"
    found = index.feature(feature)
    assert {e.tokens.texts[e.peak] for e in found.examples[:3]} <= {t for g in world.genres.values() for t in g}
    assert found.promoted is not None
    assert set(found.promoted.texts[:10]) <= set(world.genres["sea"]), "what the feature promotes are films of the sea"
    assert iw.FeatureBrowser(index, feature=feature).feature == feature
    sailor = lm.trace("Harbour Whaler Coral Anchor Mutiny Lagoon Kiss Waltz Sailor")
    view = iw.FeatureView(sailor, genres, feature=feature)
    assert (view.values.feature(feature)[3:6] > 0).all()
    attention = iw.AttentionView(sailor)
    assert len(attention.to_html()) > 10_000


def test_it_is_the_same_again_and_leaves_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, two = (planted.recommender(steps=3, seed=8) for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, two.model.state_dict()[name]), name


@pytest.mark.parametrize("wrong", [{"share": 1.5}, {"steps": 0}, {"seed": -1}])
def test_wrong_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(iw.InputError, match=next(iter(wrong))):
        planted.recommender(**wrong)


def test_unknown_genres_and_too_long_histories_are_refused(world: Any, lm: Any) -> None:
    with pytest.raises(iw.InputError, match="space, western"):
        world.genre_mass("opera")
    with pytest.raises(iw.InputError, match="length"):
        world.sample(2, length=25)
    with pytest.raises(iw.InputError, match="at most 24 tokens"):
        lm.trace([0] * 25)
