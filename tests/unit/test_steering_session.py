"""A steering session: its numbers against plain runs, its limits, and that it leaves nothing behind."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interpwidgets as iw
from interpwidgets.analyses.steering import SteeringSession, perplexity
from interpwidgets.analyses.steering.bisection import farthest
from interpwidgets.analyses.steering.targets import targets
from interpwidgets.dictionaries import SparseAutoencoder, Transcoder
from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import Edit, Model, load
from interpwidgets.records.steering import SteeringTarget
from tests.unit import families as F

VECTOR = torch.linspace(-1.0, 1.0, 32)
PROMPT = "Mary and Tom went to the park. Tom gave the ball to"


def hooks_of(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def sae() -> SparseAutoencoder:
    draw = torch.Generator().manual_seed(3)
    read, write = (torch.randn(20, 32, generator=draw) for _ in range(2))
    return SparseAutoencoder(read, write, site_in="resid_post.1", name="planted")


def mixed(lm: Model) -> list[SteeringTarget]:
    found = [targets.feature(sae(), 4, "clamp", lm), targets.vector("resid_post.0", VECTOR, lm=lm)]
    return [*found, targets.head(lm, 2, 1)] if "head_out" in lm.anatomy.blocks[2].taps else found


@pytest.fixture(scope="module")
def storyworld() -> SteeringSession:
    return SteeringSession(iw.load("storyworld"), PROMPT)


@pytest.fixture(scope="module")
def story_targets(storyworld: SteeringSession) -> list[SteeringTarget]:
    lm = storyworld.lm
    happy = targets.difference(lm, "resid_post.1", ["Mary was happy."], ["Mary was sad."])
    return [*targets.of(lm, ["head 1.2", "neuron 2.5"]), happy]


@pytest.mark.parametrize("name", F.DECODERS)
def test_the_next_token_against_a_plain_run_under_the_replayed_record(name: str) -> None:
    lm = load(F.build(name))
    session = SteeringSession(lm, F.example(name, 11))
    made = mixed(lm)
    row = [2.0, 1.5, 0.3][: len(made)]
    for positions in ("all", "prompt", 4):
        found = session.steered(made, row, positions=positions)
        with lm.edit(session.record(made, row, positions=positions)):
            plain = lm.trace(session.ids).logits
        assert plain is not None
        wanted = torch.log_softmax(plain[-1], -1).numpy()
        np.testing.assert_allclose(found.log_probability[0], wanted, atol=1e-5)
        base = session.unsteered.astype(np.float64)
        kl = (np.exp(wanted.astype(np.float64)) * (wanted - base)).sum()
        np.testing.assert_allclose(found.kl[0], kl, atol=1e-5)
        assert kl > 1e-4
    unsteered = lm.trace(session.ids).logits
    assert unsteered is not None
    np.testing.assert_allclose(session.unsteered, torch.log_softmax(unsteered[-1], -1).numpy(), atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama", "mamba", "gemma2"])
def test_a_batch_of_rows_against_each_alone(name: str) -> None:
    lm = load(F.build(name))
    session, made = SteeringSession(lm, F.example(name, 11)), None
    made = mixed(lm)
    rows = [[2.0, 1.5, 0.3], [None, 0.0, 1.0], [None, -2.0, None], [0.0, 0.0, 2.0], [2.0, 1.5, 0.3]]
    rows = [row[: len(made)] for row in rows]
    together = session.steered(made, rows)
    for i, row in enumerate(rows):
        alone = session.steered(made, row)
        np.testing.assert_allclose(together.log_probability[i], alone.log_probability[0], atol=1e-5)
        np.testing.assert_allclose(together.kl[i], alone.kl[0], atol=1e-5)
    # What changes nothing is not merely close.
    np.testing.assert_array_equal(together.log_probability[1], session.unsteered)
    assert together.kl[1] == 0.0
    several = session.divergence(made, rows)
    for i, row in enumerate(rows):
        np.testing.assert_allclose(several[i], session.divergence(made, row)[0], atol=1e-5)


@pytest.mark.parametrize("positions", ["all", "prompt", "generated", 5, 20])
def test_divergence_is_the_mean_of_kl_over_the_positions_in_reach(positions: Any) -> None:
    lm = load(F.build("llama"))
    session, made, row = SteeringSession(lm, F.example("llama", 11)), mixed(lm), [2.0, 1.5, 0.3]
    text = [*session.ids, *session.continuation]
    assert text == lm.generate(session.ids, 16).ids.tolist()
    plain = lm.trace(text).logits
    with lm.edit(session.record(made, row, positions=positions)):
        steered = lm.trace(text).logits
    assert plain is not None
    assert steered is not None
    p, q = (torch.log_softmax(x.double(), -1) for x in (steered, plain))
    each = (p.exp() * (p - q)).sum(-1).numpy()
    first = {"all": 0, "prompt": 0, "generated": 11}.get(positions, positions)
    np.testing.assert_allclose(session.divergence(made, row, positions=positions)[0], each[first:].mean(), rtol=1e-4)
    per_token = session.divergence(made, row, positions=positions, per_token=True)
    assert per_token.shape == (1, len(text))
    np.testing.assert_allclose(per_token[0], each, atol=1e-5)
    assert not per_token[0, :first].any()


def test_what_acts_on_generated_text_alone_leaves_the_next_token_to_the_bit() -> None:
    lm = load(F.build("llama"))
    session, made = SteeringSession(lm, F.example("llama", 11)), mixed(lm)
    for positions in ("generated", 11, 20):
        found = session.steered(made, [[2.0, 1.5, 0.3], [1.0, 2.0, 3.0]], positions=positions)
        assert np.array_equal(found.log_probability, np.stack([session.unsteered] * 2))
        assert found.kl.tolist() == [0.0, 0.0]
        assert (session.divergence(made, [2.0, 1.5, 0.3], positions=positions) > 0).all()


def test_two_sessions_do_not_see_each_other(storyworld: SteeringSession, story_targets: list[SteeringTarget]) -> None:
    lm = storyworld.lm
    other = SteeringSession(lm, "In the morning the")
    before = storyworld.steered(story_targets, [0.0, 5.0, 2.0]).log_probability
    mine = other.unsteered.copy()
    other.steered(story_targets, [[2.0, -5.0, -2.0], [0.0, None, 3.0]])
    assert np.array_equal(storyworld.steered(story_targets, [0.0, 5.0, 2.0]).log_probability, before)
    assert np.array_equal(other.unsteered, mine)
    assert np.array_equal(SteeringSession(lm, "In the morning the").unsteered, mine)


def test_a_thread_that_edits_and_one_that_steers_take_turns() -> None:
    lm = load(F.build("gpt2"))
    plain, before = lm.trace([5, 6, 7]).logits, hooks_of(lm.model)
    session, made = SteeringSession(lm, [5, 6, 7]), [targets.vector("resid_post.0", VECTOR, lm=lm)]
    wanted = session.steered(made, [1.0]).log_probability
    wrong: list[str] = []

    def steer() -> None:
        for _ in range(60):
            if not np.array_equal(session.steered(made, [1.0]).log_probability, wanted):
                wrong.append("another answer")

    def edit() -> None:
        try:
            for _ in range(200):
                with lm.edit(Edit("resid_post.1", ablate=True)):
                    pass
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=work) for work in (steer, edit, edit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert hooks_of(lm.model) == before
    assert lm._edit_hooks == []
    assert torch.equal(lm.trace([5, 6, 7]).logits, plain)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "mode", "runs"),
    [
        ("feature", "add", [2]),
        ("feature", "clamp", [2]),
        ("coder", "add", [1, 2]),
        ("coder", "scale", [1, 2]),
        ("head", "scale", [2]),
        ("neuron", "clamp", [1, 2]),
        ("layers", "ablate", [0, 1, 2]),
        ("embed", "add", [0, 1, 2]),
        ("logits", "add", []),
    ],
)
def test_only_the_layers_from_the_lowest_edited_one_up_run(target: str, mode: str, runs: list[int]) -> None:
    lm = load(F.build("gpt2"))
    coder = Transcoder(torch.eye(32), torch.eye(32), site_in="mlp_in.1", site_out="mlp_out.1", name="coder")
    made = {
        "feature": lambda: targets.feature(sae(), 4, lm=lm),
        "coder": lambda: targets.feature(coder, 3, lm=lm),
        "head": lambda: targets.head(lm, 2, 0),
        "neuron": lambda: targets.neuron(lm, 1, 5),
        "layers": lambda: targets.layers(lm, 0, 1),
        "embed": lambda: targets.vector("embed", VECTOR, lm=lm),
        "logits": lambda: targets.vector("logits", torch.linspace(-1, 1, 97), lm=lm),
    }[target]()
    session, ran = SteeringSession(lm, F.example("gpt2", 7)), []
    handles = [
        block.module.attn.register_forward_hook(lambda *args, i=i: ran.append(i))  # type: ignore[union-attr]
        for i, block in enumerate(lm.anatomy.blocks)
    ]
    chosen = made if made.mode == mode else made.with_mode(mode)
    found = session.steered([chosen, targets.head(lm, 0, 0)], [0.4, 1.0])
    assert ran == runs
    for handle in handles:
        handle.remove()
    with lm.edit(session.record([chosen], [0.4])):
        plain = lm.trace(session.ids).logits
    assert plain is not None
    np.testing.assert_allclose(found.log_probability[0], torch.log_softmax(plain[-1], -1).numpy(), atol=1e-5)
    assert found.kl[0] > 0


def test_chat_messages_go_through_the_template() -> None:
    lm = iw.load("storyworld")
    lm.tokenizer.chat_template = "{% for m in messages %}{{ m.content }} {% endfor %}Tom"
    chat = SteeringSession(lm, [{"role": "user", "content": "Mary went to the park."}])
    assert chat.ids == lm.tokenizer("Mary went to the park. Tom", add_special_tokens=False)["input_ids"]


def test_edits_outside_do_not_reach_in(storyworld: SteeringSession, story_targets: list[SteeringTarget]) -> None:
    lm = storyworld.lm
    wanted = storyworld.steered(story_targets, [0.0, 5.0, 2.0]).log_probability
    with lm.edit(Edit("resid_post.0", ablate=True)):
        inside = lm.trace(PROMPT).logits
        assert np.array_equal(storyworld.steered(story_targets, [0.0, 5.0, 2.0]).log_probability, wanted)
        assert np.array_equal(SteeringSession(lm, PROMPT).unsteered, storyworld.unsteered)
        # And the outer edit is in force again.
        assert torch.equal(lm.trace(PROMPT).logits, inside)  # type: ignore[arg-type]


class BoomError(Exception):
    pass


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt])
@pytest.mark.parametrize("attention", ["live", "frozen"])
def test_a_session_leaves_the_model_as_it_was(error: type[BaseException], attention: str) -> None:
    lm = load(F.build("llama"))
    plain, before = lm.trace(F.example("llama")).logits, hooks_of(lm.model)
    session, made, row = SteeringSession(lm, F.example("llama")), mixed(lm), [2.0, 1.5, 0.3]
    wanted = session.steered(made, row, attention=attention).log_probability

    def fail(*args: Any) -> None:
        raise error

    broken = lm.anatomy.blocks[-1].module.register_forward_hook(fail)
    with pytest.raises(error):
        session.steered(made, row, attention=attention)
    broken.remove()
    assert hooks_of(lm.model) == before
    assert not any("forward" in module.__dict__ for module in lm.model.modules())
    assert torch.equal(lm.trace(F.example("llama")).logits, plain)  # type: ignore[arg-type]
    assert np.array_equal(session.steered(made, row, attention=attention).log_probability, wanted)


def test_a_batch_that_does_not_fit_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    from interpwidgets.analyses.steering import given_text

    lm = load(F.build("gpt2"))
    session, made = SteeringSession(lm, F.example("gpt2", 7)), mixed(lm)
    rows = [[float(i), 0.1 * i, 1.0] for i in range(7)]
    wanted = session.steered(made, rows).log_probability
    monkeypatch.setattr(given_text, "LOGITS", 2 * 97)
    np.testing.assert_allclose(session.steered(made, rows).log_probability, wanted, atol=1e-5)
    sizes: list[int] = []
    run = lm.model.forward

    def small(*args: Any, **kwargs: Any) -> Any:
        sizes.append(len(kwargs["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0")
        return run(*args, **kwargs)

    monkeypatch.undo()
    monkeypatch.setattr(lm.model, "forward", small)
    np.testing.assert_allclose(session.steered(made, rows).log_probability, wanted, atol=1e-5)
    assert sizes[0] == 7
    assert max(sizes[-3:]) <= 2


# The limit.


def planted(shape: str, draw: np.random.Generator) -> Any:
    """A divergence of strengths that is cheap, 0 where all is neutral, and steady or not."""
    weights = draw.uniform(0.01, 0.2, 3)
    bumps = draw.uniform(0.2, 2.0, (4, 4))

    def measure(rows: list[tuple[float | None, ...]]) -> np.ndarray:
        x = np.array([[0.0 if s is None else s for s in row] for row in rows])
        x = x - np.array([0.0, 1.0, 0.0])
        found = (weights * x**2).sum(1)
        if shape == "uneven":
            for scale, *direction in bumps:
                found = found * (1 + 0.9 * np.sin(scale * 3 * (x @ np.array(direction))))
            found = np.abs(found)
        return found

    return measure


@pytest.mark.parametrize("width", [1, 9])
@pytest.mark.parametrize("shape", ["steady", "uneven"])
def test_no_random_move_ever_breaks_the_limit(shape: str, width: int) -> None:
    """20,000 moves of the sliders, each from where the last one was left."""
    draw = np.random.default_rng(0)
    lm = load(F.build("gpt2"))
    made = [targets.vector("resid_post.0", VECTOR, lm=lm), targets.head(lm, 0, 0), targets.neuron(lm, 1, 2)]
    measure = planted(shape, draw)
    here: tuple[float | None, ...] = (0.0, 1.0, 0.0)
    broken = moved = clipped = 0
    for move in range(20_000):
        if move % 100 == 0:
            measure, limit = planted(shape, draw), float(draw.choice([0.0, 0.05, 0.5, 3.0]))
        wanted = tuple(float(x) for x in draw.uniform([-9, 0, -9], [9, 3, 9]))
        there = farthest(measure, made, here, wanted, limit, width=width)
        broken += not measure([there])[0] <= limit
        broken += farthest(measure, made, here, there, limit, width=width) != there
        moved += there != here
        clipped += there != wanted
        here = there
    assert broken == 0
    assert moved > 5000
    assert clipped > 5000


@pytest.mark.parametrize("width", [1, 3, 9])
@pytest.mark.parametrize("power", [0.5, 1, 2, 6])
@pytest.mark.parametrize("limit", [0.01, 1.0, 7.9])
def test_the_step_is_as_long_as_can_be_where_divergence_rises_steadily(width: int, power: float, limit: float) -> None:
    lm = load(F.build("gpt2"))
    made, asked = [targets.vector("resid_post.0", VECTOR, lm=lm)], []

    def measure(rows: list[Any]) -> np.ndarray:
        asked.append(len(rows))
        return np.array([abs(row[0]) ** power for row in rows])

    (found,) = farthest(measure, made, (0.0,), (64.0,), limit, width=width)
    assert found is not None
    exact = limit ** (1 / power)
    assert found <= exact
    assert found >= exact - 64e-3 - 1e-9 or found**power >= 0.995 * limit
    assert len(asked) < 25


@pytest.mark.parametrize("width", [1, 9])
def test_a_start_at_the_limit_can_go_through_to_the_other_side(width: int) -> None:
    lm = load(F.build("gpt2"))
    made = [targets.vector("resid_post.0", VECTOR, lm=lm)]
    (found,) = farthest(lambda rows: np.array([row[0] ** 2 for row in rows]), made, (3.0,), (-8.0,), 9.0, width=width)
    assert found is not None
    assert -3.0 <= found <= -2.98
    (stays,) = farthest(lambda rows: np.array([row[0] ** 2 for row in rows]), made, (3.0,), (8.0,), 9.0, width=width)
    assert stays == 3.0


def test_a_start_outside_the_limit_goes_from_neutral() -> None:
    lm = load(F.build("gpt2"))
    made = [targets.vector("resid_post.0", VECTOR, lm=lm), targets.neuron(lm, 0, 1, "clamp")]

    def measure(rows: list[Any]) -> np.ndarray:
        return np.array([(row[0] or 0.0) ** 2 + (0.0 if row[1] is None else 1.0 + row[1] ** 2) for row in rows])

    assert farthest(measure, made, (9.0, None), (3.0, None), 4.0)[0] == pytest.approx(2.0, abs=0.01)
    # A clamp that breaks the limit at every value stays off.
    assert farthest(measure, made, (0.0, None), (0.0, 5.0), 0.5) == (0.0, None)
    assert farthest(measure, made, (0.0, None), (0.0, None), 0.0) == (0.0, None)


def test_no_divergence_at_all_is_no_number() -> None:
    lm = load(F.build("gpt2"))
    made = [targets.vector("resid_post.0", VECTOR, lm=lm)]
    found = farthest(
        lambda rows: np.array([np.nan if abs(row[0]) > 2 else 0.0 for row in rows]), made, (0.0,), (8.0,), 1.0
    )
    assert found[0] is not None
    assert 1.9 < found[0] <= 2


def test_random_moves_on_a_real_model_keep_the_limit(
    storyworld: SteeringSession, story_targets: list[SteeringTarget]
) -> None:
    draw = np.random.default_rng(1)
    here, clipped, limit = (1.0, 0.0, 0.0), 0, 0.1
    for move in range(200):
        wanted = list(here)
        i = int(draw.integers(3))
        wanted[i] = float(draw.uniform(story_targets[i].low, story_targets[i].high))
        positions = "generated" if move % 20 == 0 else "all"
        there = storyworld.kept(story_targets, here, wanted, limit, positions=positions)
        assert storyworld.divergence(story_targets, there, positions=positions)[0] <= limit
        if move % 10 == 0:
            assert storyworld.kept(story_targets, here, there, limit, positions=positions) == there
        clipped += there != tuple(wanted)
        here = there if positions == "all" else (1.0, 0.0, 0.0)
    assert clipped > 20


def test_limits_are_the_ends_of_what_each_target_may_do(
    storyworld: SteeringSession, story_targets: list[SteeringTarget]
) -> None:
    row, limit = [0.5, 0.5, 0.3], 0.1
    found = storyworld.limits(story_targets, row, limit)
    for i, (target, (low, high)) in enumerate(zip(story_targets, found, strict=True)):
        assert target.low <= low <= row[i] <= high <= target.high
        for end, edge in ((low, target.low), (high, target.high)):
            at = [*row[:i], end, *row[i + 1 :]]
            assert storyworld.divergence(story_targets, at)[0] <= limit
            step = 1e-2 * (edge - row[i])
            if end != edge:
                beyond = [*row[:i], end + step, *row[i + 1 :]]
                assert storyworld.divergence(story_targets, beyond)[0] > limit
    assert any(low > t.low or high < t.high for t, (low, high) in zip(story_targets, found, strict=True))
    assert storyworld.limits(story_targets, row, limit, only=[2]) == found[2:]
    nothing = storyworld.limits(story_targets, [0.0, 20.0, 4.0], 0.0)
    assert all(math.isnan(end) for pair in nothing for end in pair)


def test_the_curve_has_its_neutral_point_and_the_words_asked_for(
    storyworld: SteeringSession, story_targets: list[SteeringTarget]
) -> None:
    word = storyworld.lm.vocabulary.id("Tom")
    for index, target in enumerate(story_targets):
        row = [0.7, 1.0, 0.5]
        curve = storyworld.curve(story_targets, row, index, words=[word], top=4)
        assert len(curve.strengths) == 13
        assert target.neutral in curve.strengths
        assert (curve.strengths[0], curve.strengths[-1]) == (target.low, target.high)
        assert (np.diff(curve.strengths) > 0).all()
        assert curve.ids[0] == word
        assert len(set(curve.ids.tolist())) == len(curve.ids) == 5
        at = [*row[:index], float(curve.strengths[3]), *row[index + 1 :]]
        alone = storyworld.steered(story_targets, at)
        np.testing.assert_allclose(curve.log_probability[3], alone.log_probability[0, curve.ids], atol=1e-4)
        np.testing.assert_allclose(curve.kl[3], alone.kl[0], atol=1e-4)
        np.testing.assert_array_equal(curve.unsteered, storyworld.unsteered[curve.ids])
        assert len(curve.figure().data) == 6
    alone = storyworld.curve(story_targets[:1], [0.0], 0)
    neutral = int(np.flatnonzero(alone.strengths == 1.0)[0])
    assert alone.kl[neutral] == 0.0


def test_strengths_beyond_all_numbers_are_no_divergence_one_could_keep() -> None:
    lm = load(F.build("gpt2"))
    session, made = SteeringSession(lm, F.example("gpt2", 7)), [targets.vector("resid_post.0", VECTOR, lm=lm)]
    with np.errstate(all="ignore"):
        assert np.isnan(session.divergence(made, [1e38])).all()
        assert np.isnan(session.steered(made, [1e38]).kl).all()
        far = replace(made[0], name="far", low=0.0, high=1e38)
        curve = session.curve([far], [0.0], 0, points=3, top=3)
    assert curve.ids.tolist() == np.argsort(-session.unsteered, kind="stable")[:3].tolist()
    (kept,) = session.kept([far], [0.0], [1e38], 0.1)
    assert session.divergence([far], [kept])[0] <= 0.1
    assert np.array_equal(session.steered(made, [0.0]).log_probability[0], session.unsteered)


def test_one_token_and_a_whole_context() -> None:
    lm = load(F.build("gpt2"))
    made = [targets.vector("resid_post.0", VECTOR, lm=lm)]
    one = SteeringSession(lm, [5])
    assert one.divergence(made, [1.0]).shape == (1,)
    full = SteeringSession(lm, F.example("gpt2", 64))
    assert full.continuation == []
    assert full.divergence(made, [1.0])[0] > 0
    # Nothing is generated after a full context, so nothing there can be changed.
    assert full.divergence(made, [[1.0], [2.0]], positions="generated").tolist() == [0.0, 0.0]


def test_perplexity_by_hand() -> None:
    lm = load(F.build("llama"))
    prompt, new = F.example("llama", 5), [7, 11, 13]
    logits = lm.trace([*prompt, *new]).logits
    assert logits is not None
    p = torch.softmax(logits.double(), -1)
    product = float(p[4, 7] * p[5, 11] * p[6, 13])
    assert perplexity(lm, prompt, new) == pytest.approx(product ** (-1 / 3), rel=1e-5)
    with lm.edit(Edit("resid_post.0", ablate=True)):
        assert perplexity(lm, prompt, new) == pytest.approx(product ** (-1 / 3), rel=1e-5)
    with pytest.raises(InputError, match="at least one new token"):
        perplexity(lm, prompt, [])
    with pytest.raises(InputError, match="97"):
        perplexity(lm, prompt, [97])


@pytest.mark.parametrize("name", ["bert", "t5", "bart", "vit"])
def test_models_that_do_not_continue_their_prompt(name: str) -> None:
    with pytest.raises(ModelError, match="a causal language model"):
        SteeringSession(load(F.build(name)), F.example(name))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s, t: s.steered(t, [1.0]), "2 strengths, one for each target, got 1"),
        (lambda s, t: s.steered(t, [1.0, float("nan")]), "a finite number as the strength"),
        (lambda s, t: s.steered(t, 1.0), "a row of 2 strengths"),
        (lambda s, t: s.steered(t, ["a", 1.0]), "a finite number"),
        (lambda s, t: s.steered(["head 0.0"], [1.0]), "steering targets, got str"),
        (lambda s, t: s.steered(t, [1.0, 1.0], positions="some"), "positions out of"),
        (lambda s, t: s.steered(t, [1.0, 1.0], positions=99), "a position before 27"),
        (lambda s, t: s.steered(t, [1.0, 1.0], attention="cold"), 'attention as "live" or "frozen"'),
        (lambda s, t: s.steered([t[0], t[0]], [1.0, 1.0]), "different names"),
        (lambda s, t: s.divergence(t, [[1.0, 1.0], [1.0]]), "2 strengths"),
        (lambda s, t: s.kept(t, [0.0, 0.0], [1.0, 1.0], -1.0), "a limit in nats"),
        (lambda s, t: s.kept(t, [0.0, 0.0], [1.0, 1.0], float("nan")), "a limit in nats"),
        (lambda s, t: s.limits(t, [0.0, 0.0], "some"), "a limit in nats"),
        (lambda s, t: s.curve(t, [0.0, 0.0], 2), "a target from 0 to 1"),
        (lambda s, t: s.curve(t, [0.0, 0.0], 0, points=1), "at least 2 points"),
        (lambda s, t: s.curve(t, [0.0, 0.0], 0, words=[97]), "token ids from 0 to 96"),
        (lambda s, t: SteeringSession(s.lm, []), "at least one token"),
        (lambda s, t: SteeringSession(s.lm, [5] * 65), "at most 64 tokens"),
        (lambda s, t: SteeringSession(s.lm, "text"), "token ids"),
    ],
)
def test_questions_that_make_no_sense(ask: Any, message: str) -> None:
    lm = load(F.build("gpt2"))
    session = SteeringSession(lm, F.example("gpt2", 11))
    made = [targets.vector("resid_post.0", VECTOR, lm=lm), targets.neuron(lm, 1, 2)]
    before = session.steered(made, [1.0, 1.0]).log_probability
    with pytest.raises(InputError, match=message):
        ask(session, made)
    assert np.array_equal(session.steered(made, [1.0, 1.0]).log_probability, before)


def test_no_targets_are_no_steering() -> None:
    lm = load(F.build("gpt2"))
    session = SteeringSession(lm, F.example("gpt2", 11))
    found = session.steered([], [])
    assert np.array_equal(found.log_probability[0], session.unsteered)
    assert found.kl.tolist() == [0.0]
    assert session.divergence([], []).tolist() == [0.0]
    assert session.kept([], [], [], 0.5) == ()
