"""The hand-written induction transformer: it does what its weights say, with nothing but those two heads."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import transformers

import interpwidgets as iw
from interpwidgets.errors import InputError
from interpwidgets.worlds import planted

torch.set_num_threads(1)

HEADS = [(0, 1), (1, 2)]
OTHERS = [(layer, head) for layer in range(2) for head in range(4) if (layer, head) not in HEADS]


@pytest.fixture(scope="module")
def world():
    return planted.induction()


@pytest.fixture(scope="module")
def lm(world):
    return world.load()


@pytest.fixture(scope="module")
def quiet():
    """Without noise every number has a closed form."""
    return planted.induction(noise=0.0)


def right_word(model, ids: torch.Tensor, length: int) -> torch.Tensor:
    """The probability of each token that is a repetition, by transformers' own forward pass."""
    with torch.no_grad():
        chances = model(ids).logits.softmax(-1)
    return chances[:, length + 1 : -1].gather(-1, ids[:, length + 2 :, None])[..., 0]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("length", [2, 20, 31])
def test_the_repetition_is_predicted(world, attention, length):
    world.model.set_attn_implementation(attention)
    ids = world.sample(8, length=length, seed=1)
    assert right_word(world.model, ids, length).min() > 0.99
    # Before anything repeats there is nothing to go by.
    with torch.no_grad():
        assert world.model(ids[:, : length + 1]).logits.softmax(-1).max() < 0.5


@pytest.mark.parametrize("seed", range(1, 4))
def test_it_works_whatever_the_idle_parts_say(seed):
    other = planted.induction(seed=seed)
    assert right_word(other.model, other.sample(8, length=30), 30).min() > 0.99
    effects = planted.node_effects(other)
    assert [effects[head] for head in HEADS] == pytest.approx([1, 1], abs=0.02)
    assert max(abs(effects[head]) for head in OTHERS) <= 0.01


def test_attention_is_the_softmax_of_the_scores_that_were_written(quiet):
    """Head 0.1: 24 on the previous token, else 0. Head 1.2: 24 on a match, 12 on <s>, else 0."""
    length = 10
    trace = quiet.load().trace(quiet.sample(1, length=length, seed=0)[0])
    first, second = iw.attention(trace).pattern[[0, 1], [1, 2]]
    for q in (5, 14, 20):
        others = q  # keys that score 0, the query's own among them
        assert first[q, q - 1] == pytest.approx(math.exp(24) / (math.exp(24) + others), abs=1e-3)
    for q in range(1, length + 1):
        assert second[q, 0] == pytest.approx(math.exp(12) / (math.exp(12) + q), abs=1e-3)
    for q in range(length + 1, 2 * length):
        match = q - length + 1
        assert second[q, match] == pytest.approx(math.exp(24) / (math.exp(24) + math.exp(12) + q - 1), abs=1e-3)


def test_the_stream_means_what_it_says(quiet):
    lm = quiet.load()
    length = 10
    ids = quiet.sample(1, length=length, seed=0)[0]
    stream = lm.trace(ids)["resid_post.1"]
    one_hot = torch.nn.functional.one_hot
    at = torch.arange(length + 1, 2 * length)
    assert torch.equal(stream[:, quiet.slots["token"]], one_hot(ids, 64).float())
    assert torch.equal(stream[:, quiet.slots["position"]], one_hot(torch.arange(2 * length + 1), 64).float())
    assert torch.allclose(stream[at][:, quiet.slots["previous"]], one_hot(ids[at - 1], 64).float(), atol=1e-3)
    assert torch.allclose(stream[at][:, quiet.slots["next"]], one_hot(ids[at + 1], 64).float(), atol=1e-3)
    assert stream.sum(-1).abs().max() < 1e-4
    assert torch.equal(stream[:, quiet.slots["anchor"]], torch.tensor([[8.0, -8.0]]).expand(2 * length + 1, 2))
    # Two anchors of 8, a one for each slot that is filled, and the balance of them.
    filled = [2, 2, *[3] * (length - 1), *[4] * length]
    assert stream.norm(dim=-1).numpy() == pytest.approx([math.sqrt(2 * 64 + n + n * n) for n in filled], rel=1e-3)


def test_layernorm_is_a_constant(quiet):
    """Each norm, which is code of transformers, returns the stream as it is to within 6 %, and at layer 0 exactly."""
    stack = quiet.model.transformer
    kept = []
    hooks = [
        module.register_forward_hook(lambda _m, given, out: kept.append((given[0], out)))
        for module in (stack.h[0].ln_1, stack.h[1].ln_1, stack.ln_f)
    ]
    with torch.no_grad():
        quiet.model(quiet.sample(4, length=20))
    for hook in hooks:
        hook.remove()
    assert torch.allclose(kept[0][1], kept[0][0], atol=1e-4)
    for given, out in kept:
        assert (out - given).norm() / given.norm() < 0.06


def test_our_summaries_name_both_heads_and_no_other(world, lm):
    named = iw.head_summaries(lm.trace(world.text(length=20))).labels()
    assert set(named) == set(HEADS)
    assert named[0, 1][0] == "previous_token"
    assert named[1, 2][0] == "induction"
    assert world.heads == {"previous_token": (0, 1), "induction": (1, 2)}


def test_only_two_heads_matter(world):
    effects = planted.node_effects(world)
    assert effects.shape == (2, 4)
    assert [effects[head] for head in HEADS] == pytest.approx([1, 1], abs=0.01)
    assert max(abs(effects[head]) for head in OTHERS) <= 0.01


def test_only_one_edge_matters(world):
    effects = planted.edge_effects(world)
    assert effects.shape == (4, 4, 3)
    (_, writer), (_, reader), part = world.edge
    at = (writer, reader, "qkv".index(part))
    assert at == (1, 2, 1)
    assert effects[at] == pytest.approx(1, abs=0.02)
    effects[at] = 0
    assert np.abs(effects).max() <= 0.01


def test_the_circuit_is_faithful_and_its_complement_is_not(world):
    assert planted.faithfulness(world, HEADS) == pytest.approx(1, abs=0.01)
    assert planted.faithfulness(world, OTHERS) == pytest.approx(0, abs=0.01)
    every = [*HEADS, *OTHERS]
    assert planted.faithfulness(world, every) == 1
    assert planted.faithfulness(world, []) == 0
    for one in HEADS:
        assert planted.faithfulness(world, [one]) < 0.1
    with pytest.raises(InputError, match=r"\(2, 0\)"):
        planted.faithfulness(world, [(2, 0)])
    with pytest.raises(InputError, match="length"):
        planted.node_effects(world, length=1)


def test_mean_ablation_equals_one_written_with_torch_alone(world):
    """The effect of 0.1 again, by a hook on the output projection and nothing of ours."""
    length = 12
    ids = world.sample(6, length=length, seed=4)
    projection = world.model.transformer.h[0].attn.c_proj
    d_head = world.model.config.n_embd // 4
    mine = slice(d_head, 2 * d_head)

    def replace(_module, given):
        changed = given[0].clone()
        changed[..., mine] = changed[..., mine].mean((0, 1))
        return (changed,)

    def answer() -> float:
        with torch.no_grad():
            logits = world.model(ids).logits[:, length + 1 : -1]
        right = logits.gather(-1, ids[:, length + 2 :, None])[..., 0]
        return float((right - logits.mean(-1)).mean())

    whole = answer()
    hook = projection.register_forward_pre_hook(replace)
    without = answer()
    hook.remove()
    # One head gone takes it all, so the share is this to within what the others write.
    share = (whole - without) / whole
    effects = planted.node_effects(world, n=6, length=length, seed=4)
    assert effects[0, 1] == pytest.approx(share, abs=0.02)
    assert answer() == whole


def test_idle_heads_whisper(world, lm):
    trace = lm.trace(world.text())
    for layer in range(2):
        written = trace[f"head_out.{layer}"].norm(dim=-1).mean(0)
        for head in range(4):
            if (layer, head) in HEADS:
                assert written[head] > 0.6
            else:
                assert 0.02 < written[head] < 0.3


def test_one_name_loads_it(world):
    lm = iw.load("planted/induction")
    assert repr(lm).startswith("Model('planted/induction', gpt2: 2 layers x 4 heads")
    ids = world.sample(2, length=9)
    assert torch.equal(lm.model(ids).logits, world.model(ids).logits)
    assert type(lm.model) is transformers.GPT2LMHeadModel
    eager = iw.load("planted/induction", attn_implementation="eager", dtype=torch.float64)
    assert eager.dtype == torch.float64
    assert torch.allclose(eager.model(ids).logits.float(), world.model(ids).logits, atol=1e-3)
    with pytest.raises(InputError, match="planted/induction"):
        iw.load("planted/reduction")


def test_it_is_a_folder_that_transformers_reads(world, tmp_path):
    folder = world.save(tmp_path / "made")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("apple bear boat apple", return_tensors="pt").input_ids
    assert ids[0, 0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids[0], skip_special_tokens=True) == "apple bear boat apple"
    assert tokenizer.decode(model(ids).logits[0, -1].argmax()) == "bear"


def test_the_same_seed_gives_the_same_weights_and_leaves_the_random_state_alone(world):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    again, other = planted.induction(), planted.induction(seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    weights, known = again.model.state_dict(), world.model.state_dict()
    assert all(torch.equal(weights[name], known[name]) for name in known)
    assert any(not torch.equal(value, known[name]) for name, value in other.model.state_dict().items())


def test_samples_repeat_different_words(world):
    ids = world.sample(5, length=30, seed=2)
    assert ids.shape == (5, 61)
    assert (ids[:, 0] == world.tokenizer.bos_token_id).all()
    assert torch.equal(ids[:, 1:31], ids[:, 31:])
    assert all(len(set(row.tolist())) == 30 for row in ids[:, 1:31])
    assert ids[:, 1:].min() >= 4
    assert torch.equal(ids, world.sample(5, length=30, seed=2))
    assert not torch.equal(ids, world.sample(5, length=30, seed=3))
    words = world.text(length=6).split()
    assert words[:6] == words[6:]
    assert set(words) <= set(world.words)


def test_the_whole_context_and_one_token(world, lm):
    full = torch.cat([world.sample(1, length=31)[0], torch.tensor([5])])
    assert len(lm.trace(full)) == world.context == 64
    assert lm.trace("apple").logits.shape == (2, 64)
    assert lm.trace([5]).logits.shape == (1, 64)


def test_a_smaller_and_a_longer_one():
    small = planted.induction(n_words=5, context=12, noise=0.0)
    assert right_word(small.model, small.sample(4, length=5), 5).min() > 0.99
    longer = planted.induction(n_words=20, context=130)
    texts = longer.sample(4, length=20)
    assert right_word(longer.model, torch.cat([texts, texts[:, 1:]], dim=1)[:, : longer.context], 20).min() > 0.99


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"n_words": 61}, "n_words"),
        ({"n_words": 1}, "n_words"),
        ({"context": 2}, "context"),
        ({"noise": -0.1}, "noise"),
        ({"noise": 2.0}, "noise"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be(wrong, text):
    with pytest.raises(InputError, match=text):
        planted.induction(**wrong)


@pytest.mark.parametrize("length", [0, 32, 2.5])
def test_texts_that_do_not_fit(world, length):
    with pytest.raises(InputError, match="length as a whole number from 1 to 31"):
        world.sample(1, length=length)


def test_a_view_of_it_makes_a_page_for_no_kernel(world, lm, tmp_path):
    view = iw.AttentionView(lm.trace(world.text()), layer=1, head=2, query=-1)
    view.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf8")
    assert all(word in text for word in world.text().split())
