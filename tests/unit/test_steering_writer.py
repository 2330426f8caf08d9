"""Writing piece by piece: the same text as `generate`, seeds, sampling, and nothing left on the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interpwidgets as iw
from interpwidgets.analyses.steering import Writer
from interpwidgets.analyses.steering.targets import targets
from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import Edit, Model, load
from interpwidgets.records.steering import Steering
from interpwidgets.records.written import Written
from tests.unit import families as F

VECTOR = torch.linspace(-1.0, 1.0, 32)


def hooks_of(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def write(lm: Model, prompt: Any, steering: Steering | None = None, seconds: float = 0.0, **more: Any) -> list[Written]:
    writer, found = Writer(lm, prompt, steering, **more), []
    while not writer.done:
        part = writer.more(seconds)
        assert part
        found += part
    assert [w.id for w in found] == writer.ids[len(writer.ids) - len(found) :]
    assert writer.more() == []
    return found


def ids(written: list[Written]) -> list[int]:
    return [w.id for w in written]


@pytest.mark.parametrize("name", F.DECODERS)
@pytest.mark.parametrize("positions", ["all", "prompt", "generated", 8, None])
def test_greedy_writes_what_generate_writes(name: str, positions: Any) -> None:
    lm = load(F.build(name))
    prompt, before = F.example(name, 6), hooks_of(lm.model)
    made = (
        targets.vector("resid_post.1", VECTOR, lm=lm),
        targets.vector("resid_pre.1", VECTOR.flip(0), name="b", lm=lm),
    )
    record = None if positions is None else Steering(made, (6.0, 3.0), positions, 6)
    found = write(lm, prompt, record, max_new_tokens=12)
    assert hooks_of(lm.model) == before
    with lm.edit(*([] if record is None else [record])):
        wanted = lm.generate(prompt, 12)
        logits = lm.trace(wanted.ids[:-1]).logits
    assert ids(found) == wanted.new_ids.tolist()
    assert logits is not None
    p = torch.softmax(logits[5:].float(), -1)
    for i, written in enumerate(found):
        assert written.probability == pytest.approx(float(p[i, written.id]), abs=1e-4)


def test_the_text_is_the_text() -> None:
    lm = iw.load("storyworld")
    prompt = "Mary and Tom went to the park. Tom gave the ball to"
    found = write(lm, prompt, max_new_tokens=10)
    written = lm.generate(prompt, 10)
    whole = lm.tokenizer.decode(written.ids.tolist(), skip_special_tokens=True)
    assert prompt + "".join(w.text for w in found) == whole
    head = Steering((targets.head(lm, 2, 1),), (0.0,))
    with lm.edit(head):
        wanted = lm.generate(prompt, 10).new_ids.tolist()
    assert ids(write(lm, prompt, head, max_new_tokens=10)) == wanted


def test_a_real_tokenizer_of_sentence_pieces() -> None:
    lm = load(F.data("models/stories260K"))
    record = Steering((targets.head(lm, 2, 1), targets.neuron(lm, 3, 5)), (2.0, 3.0), "generated", 5)
    for steering in (None, record):
        found = write(lm, "Once upon a time", steering, max_new_tokens=40)
        with lm.edit(*([] if steering is None else [steering])):
            written = lm.generate("Once upon a time", 40)
        assert ids(found) == written.new_ids.tolist()
        assert "Once upon a time" + "".join(w.text for w in found) == "".join(written.tokens.texts[1:]).lstrip()


def test_pieces_join_however_they_are_asked_for() -> None:
    lm = load(F.build("llama"))
    record = Steering((targets.vector("resid_post.1", VECTOR, lm=lm),), (6.0,), "generated", 6)
    one = write(lm, F.example("llama", 6), record, seconds=0.0, max_new_tokens=14, temperature=0.8)
    all_at_once = write(lm, F.example("llama", 6), record, seconds=1e9, max_new_tokens=14, temperature=0.8)
    assert one == all_at_once
    assert len(one) == 14


def test_one_seed_one_text_and_neutral_steering_is_none() -> None:
    lm = load(F.build("gpt2"))
    prompt, made = F.example("gpt2", 6), (targets.vector("resid_post.1", VECTOR, lm=lm), targets.head(lm, 0, 1))
    texts = [
        write(lm, prompt, record, max_new_tokens=20, temperature=1.0, seed=seed)
        for record, seed in (
            (None, 4),
            (None, 4),
            (Steering(made, (0.0, 1.0)), 4),
            (Steering(made, (None, None)), 4),
            (None, 5),
            (Steering(made, (5.0, 1.0)), 4),
        )
    ]
    assert texts[0] == texts[1] == texts[2] == texts[3]
    assert ids(texts[0]) != ids(texts[4])
    assert ids(texts[0]) != ids(texts[5])
    state = torch.random.get_rng_state()
    write(lm, prompt, max_new_tokens=3, temperature=1.0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_close_distributions_mostly_write_the_same_with_one_seed() -> None:
    """The same noise for every token of the vocabulary: texts part only where the distributions do."""
    lm = load(F.build("gpt2"))
    small = Steering((targets.vector("resid_post.1", VECTOR, lm=lm),), (0.02,))
    same = []
    for seed in range(60):
        plain, steered = (
            ids(write(lm, F.example("gpt2", 6), record, max_new_tokens=1, temperature=1.0, seed=seed))
            for record in (None, small)
        )
        same.append(plain == steered)
    first = lm.trace(F.example("gpt2", 6)).logits
    assert first is not None
    # Two independent samples would agree this often.
    chance = float(torch.softmax(first[-1], -1).pow(2).sum())
    assert np.mean(same) > max(0.9, chance + 0.05)


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(1.0, 0, 1.0), (0.6, 0, 1.0), (1.7, 5, 1.0), (1.0, 0, 0.7)]
)
def test_sampling_has_the_frequencies_of_the_softmax(temperature: float, top_k: int, top_p: float) -> None:
    lm = load(F.build("gpt2"))
    record = Steering((targets.vector("resid_post.1", VECTOR, lm=lm),), (0.5,))
    with lm.edit(record):
        logits = lm.trace([5, 6, 7]).logits
    assert logits is not None
    p = torch.softmax(logits[-1].double() / temperature, -1)
    order = p.argsort(descending=True)
    if top_k:
        p[order[top_k:]] = 0
    if top_p < 1:
        # The smallest set of the likeliest whose share reaches top_p.
        before = p[order].cumsum(0) - p[order]
        p[order[before >= top_p]] = 0
    p = (p / p.sum()).numpy()
    draws = 700
    counts = np.zeros(97)
    for seed in range(draws):
        writer = Writer(
            lm, [5, 6, 7], record, max_new_tokens=1, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
        )
        counts[writer.more(0.0)[0].id] += 1
    assert counts[p == 0].sum() == 0
    often = p * draws >= 5
    observed = np.append(counts[often], counts[~often].sum())
    expected = np.append(p[often], p[~often].sum()) * draws
    kept = expected > 0
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    free = kept.sum() - 1
    # Chi-square: mean k, variance 2k; four deviations are far out (about one in ten thousand).
    assert statistic < free + 4 * np.sqrt(2 * free) + 4


def test_it_ends_at_the_end_token_and_at_the_context() -> None:
    lm = load(F.build("gpt2"))
    assert len(write(lm, F.example("gpt2", 60), max_new_tokens=40)) == 4
    assert Writer(lm, F.example("gpt2", 64)).done
    assert Writer(lm, F.example("gpt2", 5), max_new_tokens=0).done
    plain = ids(write(lm, F.example("gpt2", 6), max_new_tokens=10))
    lm.model.generation_config.eos_token_id = [plain[4], 96]
    found = ids(write(lm, F.example("gpt2", 6), max_new_tokens=10))
    assert found == plain[: plain.index(plain[4]) + 1]


class BoomError(Exception):
    pass


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["gpt2", "llama", "mamba", "gptj", "bloom"])
@pytest.mark.parametrize("attention", ["live", "frozen"])
def test_a_step_cut_short_leaves_nothing_and_can_go_on(name: str, error: type[BaseException], attention: str) -> None:
    if attention == "frozen" and name == "mamba":
        pytest.skip("a state-space model has no attention patterns to hold")
    lm = load(F.build(name))
    prompt, before = F.example(name, 6), hooks_of(lm.model)
    record = Steering((targets.vector("resid_post.1", VECTOR, lm=lm),), (6.0,), "generated", 6)
    wanted = ids(write(lm, prompt, record, max_new_tokens=8, attention=attention))
    plain = lm.trace(prompt).logits

    def fail(*args: Any) -> None:
        raise error

    writer = Writer(lm, prompt, record, max_new_tokens=8, attention=attention)
    writer.more(0.0)
    writer.more(0.0)
    broken = lm.anatomy.blocks[1].module.register_forward_hook(fail)
    with pytest.raises(error):
        writer.more()
    broken.remove()
    assert hooks_of(lm.model) == before
    assert torch.equal(lm.trace(prompt).logits, plain)  # type: ignore[arg-type]
    while not writer.done:
        writer.more()
    assert writer.ids[6:] == wanted


def test_nothing_is_attached_between_calls_and_edits_outside_do_not_reach_in() -> None:
    lm = load(F.build("gpt2"))
    prompt, before = F.example("gpt2", 6), hooks_of(lm.model)
    record = Steering((targets.vector("resid_post.1", VECTOR, lm=lm),), (6.0,))
    wanted = ids(write(lm, prompt, record, max_new_tokens=6))
    writers = [Writer(lm, prompt, record, max_new_tokens=6), Writer(lm, prompt, None, max_new_tokens=6)]
    plain = ids(write(lm, prompt, None, max_new_tokens=6))
    for _ in range(6):
        with lm.edit(Edit("resid_post.0", ablate=True)):
            writers[0].more(0.0)
        writers[1].more(0.0)
        assert hooks_of(lm.model) == before
    assert (writers[0].ids[6:], writers[1].ids[6:]) == (wanted, plain)


def test_chat_messages_go_through_the_template() -> None:
    lm = iw.load("storyworld")
    messages = [{"role": "user", "content": "Mary went to the park."}]
    with pytest.raises(InputError, match="a chat template"):
        Writer(lm, messages)
    lm.tokenizer.chat_template = "{% for m in messages %}{{ m.content }} {% endfor %}Tom"
    assert Writer(lm, messages).ids == lm.tokenizer("Mary went to the park. Tom", add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"temperature": -1.0}, "temperature from 0 up"),
        ({"temperature": float("nan")}, "temperature from 0 up"),
        ({"top_k": -2}, "top_k from 0 up"),
        ({"top_p": 1.5}, "top_p from 0 to 1"),
        ({"max_new_tokens": -1}, "max_new_tokens from 0 up"),
        ({"attention": "cold"}, "attention as"),
        ({"ids": []}, "at least one token"),
        ({"ids": [5] * 65}, "at most 64 tokens"),
    ],
)
def test_settings_that_cannot_be(more: dict[str, Any], message: str) -> None:
    lm = load(F.build("gpt2"))
    with pytest.raises(InputError, match=message):
        Writer(lm, more.pop("ids", [5, 6]), **more)


def test_steering_that_cannot_be() -> None:
    lm = load(F.build("gpt2"))
    vector = targets.vector("resid_post.1", VECTOR, lm=lm)
    with pytest.raises(InputError, match="one strength for each target, got a batch"):
        Writer(lm, [5, 6], Steering((vector,), ((1.0, 2.0),)))
    far = Writer(lm, [5, 6], Steering((vector,), (1e38,)))
    with pytest.raises(InputError, match="smaller strength"):
        far.more()
    with pytest.raises(ModelError, match="a causal language model"):
        Writer(load(F.build("t5")), [5, 6])
