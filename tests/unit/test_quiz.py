"""The quiz against planted units: a clean one is always understood, a random one half of the time."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from interpwidgets import InputError
from interpwidgets.analyses.exemplars import exemplars
from interpwidgets.analyses.quiz import machine_observer, simple_embedding, two_afc
from interpwidgets.records.quiz import Quiz
from interpwidgets.records.quiz_result import QuizResult, wilson


def pictures(n, side=4, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def latents(n=400, d=8, seed=1):
    return np.random.default_rng(seed).normal(size=(n, d))


def observed(values, embedding, trials=1, **options):
    """The machine's result where the embedding of an image is known."""
    quiz = two_afc(values, pictures(len(values)), trials=trials, **options)
    return machine_observer(quiz, embedding[quiz.indices])


def test_a_clean_unit_is_understood_always_and_a_random_one_half_of_the_time():
    z = latents(600)
    clean = observed(z[:, :1], z, trials=40)
    assert clean.count == 40
    assert clean.accuracy == 1.0
    # 200 units that have nothing to do with the images.
    random = observed(np.random.default_rng(2).normal(size=(600, 200)), z)
    assert random.count == 200
    low, high = random.interval
    assert low < 0.5 < high


def test_a_unit_of_many_directions_is_hard():
    """|max| of eight directions: strong images point everywhere, so no single direction explains them."""
    z = latents(600)
    found = observed(np.abs(z).max(1, keepdims=True), z, trials=60)
    assert found.interval[1] < 0.8
    assert observed(z[:, :1], z, trials=60).interval[0] > found.interval[1]


def test_the_default_embedding_sees_colour_and_edges():
    """Images that really show it: one unit is redness, one the direction of stripes; both need no network."""
    rng = np.random.default_rng(3)
    redness, tilt = rng.random(300), rng.integers(0, 2, 300)
    images = np.zeros((300, 16, 16, 3), np.uint8)
    for i in range(300):
        image = np.full((16, 16, 3), 60.0)
        image[..., 0] += 150 * redness[i]
        stripes = (np.arange(16) + rng.integers(0, 4)) // 2 % 2 * 40
        image += (stripes[:, None] if tilt[i] else stripes[None, :])[..., None]
        images[i] = image.clip(0, 255)
    quiz = two_afc(np.stack([redness, tilt + 0.01 * rng.random(300)], 1), images, trials=10, names=["red", "tilt"])
    assert [row["accuracy"] for row in machine_observer(quiz).table()] == [1.0, 1.0]
    assert simple_embedding(images[:3]).shape == (3, 200)
    assert np.isfinite(simple_embedding(np.zeros((2, 1, 1, 3), np.uint8))).all()


def test_a_trial_shows_the_extremes_and_asks_about_the_next():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(80, 3))
    quiz = two_afc(values, pictures(80), trials=2, exemplars=9, seed=5)
    assert len(quiz) == 6
    seen = {}
    for t in range(len(quiz)):
        unit = int(quiz.units[t])
        order = np.argsort(-values[:, unit])
        np.testing.assert_array_equal(quiz.indices[quiz.strong[t]], order[:9])
        np.testing.assert_array_equal(quiz.indices[quiz.weak[t]], order[::-1][:9])
        right, wrong = quiz.queries[t, quiz.answers[t]], quiz.queries[t, 1 - quiz.answers[t]]
        rank = list(order).index(quiz.indices[right])
        assert rank in (9, 10)
        assert list(order[::-1]).index(quiz.indices[wrong]) == rank
        shown = {*quiz.strong[t].tolist(), *quiz.weak[t].tolist()}
        assert len(shown) == 18
        assert not shown & set(quiz.queries[t].tolist())
        np.testing.assert_allclose(quiz.query_values[t], values[quiz.indices[quiz.queries[t]], unit], rtol=1e-6)
        seen.setdefault(unit, set()).add(rank)
    assert all(ranks == {9, 10} for ranks in seen.values())


def test_the_right_one_stands_first_half_of_the_time_and_the_draw_repeats():
    values = latents(400, 300)
    quiz, again = (two_afc(values, pictures(400), seed=1) for _ in range(2))
    np.testing.assert_array_equal(quiz.queries, again.queries)
    assert (quiz.queries != two_afc(values, pictures(400), seed=2).queries).any()
    assert binomtest(int(quiz.answers.sum()), 300).pvalue > 1e-4
    assert sorted(quiz.units.tolist()) == list(range(300))
    assert quiz.units.tolist() != list(range(300))


def test_from_a_record_and_from_its_values_alike():
    values, images = latents(60, 4), pictures(60)
    record = exemplars(values, images, 11, weakest=True, labels=["a", "b", "", "d"])
    one, two = two_afc(record, trials=2), two_afc(values, images, trials=2)
    for field in ("units", "answers"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))
    np.testing.assert_array_equal(one.indices[one.queries], two.indices[two.queries])
    assert one.names == ("unit 0", "unit 1", "unit 2", "unit 3")  # a label would tell the answer


def test_units_without_an_answer_are_left_out_unless_asked_for():
    values = latents(60, 3)
    values[:, 1] = 0  # dead
    values[:, 2] = np.nan
    assert set(two_afc(values, pictures(60)).units.tolist()) == {0}
    with pytest.raises(InputError, match="unit 1"):
        two_afc(values, pictures(60), units=[1])
    with pytest.raises(InputError, match="fewer than 10 images"):
        two_afc(values, pictures(60), units=[2])
    with pytest.raises(InputError, match="overlap"):
        two_afc(values[:15], pictures(15), units=[0])


@pytest.mark.parametrize(("right", "count"), [(0, 5), (5, 5), (7, 10), (50, 100), (1, 1), (767, 767)])
def test_wilson_is_scipys(right, count):
    expected = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson(right, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_of_nothing_is_everything():
    assert wilson(0, 0) == (0, 1)
    with pytest.raises(InputError):
        wilson(3, 2)


def small_quiz():
    return two_afc(latents(60, 2), pictures(60), trials=3, names=["redness", "size"])


def test_results_count_only_what_was_answered():
    quiz = small_quiz()
    right = quiz.answers.tolist()
    choices = [right[0], 1 - right[1], None, right[3], None, right[5]]
    found = quiz.result(choices, seconds=[1.0, 2.0, None, 4.0, None, 3.0], reader="Ada")
    assert found.count == 4
    assert found.accuracy == 0.75
    assert found.interval == wilson(3, 4)
    rows = {row["unit"]: row for row in found.table()}
    assert sum(row["count"] for row in rows.values()) == 4
    for unit, name in enumerate(quiz.names):
        mine = [t for t in range(6) if quiz.units[t] == unit and choices[t] is not None]
        if mine:
            assert rows[name]["correct"] == sum(choices[t] == right[t] for t in mine)
            assert rows[name]["seconds"] == np.median([[1.0, 2.0, 0, 4.0, 0, 3.0][t] for t in mine])
    nothing = quiz.result([None] * 6)
    assert np.isnan(nothing.accuracy)
    assert nothing.interval == (0, 1)
    assert "nothing answered" in repr(nothing)


def test_several_readers_join_and_part_again():
    quiz = small_quiz()
    ada = quiz.result(quiz.answers.tolist(), seconds=[2.0] * 6, reader="Ada")
    bob = quiz.result((1 - quiz.answers).tolist(), reader="Bob")
    both = QuizResult.join([ada, bob])
    assert both.count == 12
    assert both.accuracy == 0.5
    assert {who: part.accuracy for who, part in both.by_reader().items()} == {"Ada": 1.0, "Bob": 0.0}
    other = two_afc(latents(60, 2), pictures(60), names=["size", "shape"])
    mixed = QuizResult.join([ada, other.result(other.answers.tolist())])
    assert mixed.names == ("redness", "size", "shape")
    assert {row["unit"]: row["count"] for row in mixed.table()} == {"redness": 3, "size": 4, "shape": 1}


def test_json_there_and_back():
    found = small_quiz().result([0, 1, None, 0, 1, 1], seconds=[1.25, None, None, 0.5, 3, 2], reader="Åsa <b>")
    again = QuizResult.from_json(found.to_json())
    for field in ("units", "choices", "answers", "seconds"):
        np.testing.assert_array_equal(getattr(again, field), getattr(found, field))
    assert (again.names, again.readers, again.name) == (found.names, found.readers, found.name)
    for broken in ("", "{", "[]", "{}", json.dumps({**json.loads(found.to_json()), "units": [9] * 6})):
        with pytest.raises(InputError, match="as JSON"):
            QuizResult.from_json(broken)


def test_figure_has_a_point_for_each_unit():
    figure = small_quiz().result([0, 1, 0, 0, 1, 1]).figure()
    assert sorted(figure.data[0].x) == ["redness", "size"]


def parts(**changes):
    quiz = small_quiz()
    return Quiz(**{**quiz.__dict__, **changes})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: two_afc(latents(60)), "images"),
        (lambda: two_afc(latents(60), pictures(60), trials=0), "trials"),
        (lambda: two_afc(latents(60), pictures(60), units=[99]), "unit from 0 to 7"),
        (lambda: two_afc(latents(5), pictures(5)), "at least one unit"),
        (lambda: two_afc(exemplars(latents(60), pictures(60), 9)), "both ends"),
        (lambda: two_afc(exemplars(latents(60), pictures(60), 9, weakest=True)), "10 images at each end"),
        (lambda: two_afc(exemplars(latents(60), pictures(60), 10, weakest=True), pictures(60)), "alone"),
        (lambda: machine_observer(small_quiz(), np.zeros((3, 2))), "one for each image"),
        (lambda: machine_observer(small_quiz(), lambda images: np.full((len(images), 2), np.nan)), "finite"),
        (lambda: small_quiz().result([0, 1]), "6 choices"),
        (lambda: small_quiz().result([0, 1, 2, 0, 1, 0]), "0, 1 or None"),
        (lambda: small_quiz().result([0] * 6, seconds=[1.0]), "seconds for 6"),
        (lambda: QuizResult.join([]), "one or more"),
        (
            lambda: QuizResult.from_json(
                small_quiz().result([0] * 6).to_json().replace('"choices": [0', '"choices": [7')
            ),
            "0, 1 or -1",
        ),
        (lambda: parts(answers=np.full(6, 2)), "0 or 1"),
        (lambda: parts(queries=small_quiz().strong[:, :2]), "no exemplars"),
    ],
)
def test_wrong_input_says_what_to_do(call, words):
    with pytest.raises(InputError, match=words):
        call()
