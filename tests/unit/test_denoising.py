"""A denoising run: what is recorded against the model's own output, whatever the order, and the record's own laws."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

import interpwidgets as iw
from interpwidgets.dictionaries import Identity
from tests.browser.fixtures_denoising import planted

WORDS = ("the", "cat", "dog", "sat", "ran", "on", "mat", "road", "a", "big", "##s", ".")
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tokenizer() -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer as BERT has one: special tokens around every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    ids = {word: i for i, word in enumerate((*SPECIALS, *WORDS))}
    core = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    core.decoder = decoders.WordPiece()
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=core, mask_token="[MASK]", **names)


@pytest.fixture(scope="module")
def lm() -> Any:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(SPECIALS) + len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=24, initializer_range=0.6,
    )  # fmt: skip
    return iw.load(BertForMaskedLM(config), tokenizer())


TEXT = "the [MASK] sat on [MASK] [MASK] [MASK] ."


def by_hand(lm: Any, ids: list[int]) -> torch.Tensor:
    """The model's own probabilities, the mask left out and the rest scaled up to 1."""
    with torch.no_grad():
        p = lm.model.eval()(input_ids=torch.tensor([ids])).logits[0].double().softmax(-1)
    p[:, 4] = 0
    return p / p.sum(-1, keepdim=True)


def test_a_run_by_hand_gives_the_same(lm: Any) -> None:
    record = iw.denoising(lm, TEXT)
    ids = lm.tokenizer(TEXT)["input_ids"]
    assert len(record) == ids.count(4) == 4
    for step in range(1, 5):
        assert record.ids[step - 1].tolist() == ids
        p = by_hand(lm, ids)
        open_ = [i for i, token in enumerate(ids) if token == 4]
        best = max(open_, key=lambda i: float(p[i].max()))
        np.testing.assert_allclose(record.choices[step - 1].probabilities[open_, 0], p[open_].max(-1)[0], rtol=1e-5)
        np.testing.assert_allclose(record.probability[step - 1, open_], p[open_].max(-1)[0], rtol=1e-5)
        entropy = -torch.special.xlogy(p[open_], p[open_]).sum(-1)
        np.testing.assert_allclose(record.entropy[step - 1, open_], entropy, rtol=1e-5)
        ids[best] = int(p[best].argmax())
        assert record.filled[best] == step
        assert record.chance[best] == pytest.approx(float(p[best].max()), rel=1e-5)
    assert record.ids[-1].tolist() == ids
    assert record.sum_check.holds
    given = record.filled == 0
    assert np.isnan(record.chance[given]).all()
    assert np.isnan(record.entropy[:, given]).all()
    assert record.log_likelihood == pytest.approx(sum(math.log(c) for c in record.chance[~given]))


def test_masks_are_shared_out_over_the_steps(lm: Any) -> None:
    ids = [2, *[4] * 7, 3]
    for steps, expected in ((1, [7]), (3, [3, 2, 2]), (7, [1] * 7)):
        record = iw.denoising(lm, ids, steps=steps)
        assert np.bincount(record.filled, minlength=steps + 1)[1:].tolist() == expected
        assert record.open.sum(1).tolist() == [7 - sum(expected[:i]) for i in range(steps + 1)]
    # All at once is one look at the model.
    p = by_hand(lm, ids)
    assert iw.denoising(lm, ids, steps=1).ids[-1, 1:-1].tolist() == p[1:-1].argmax(-1).tolist()


def test_orders(lm: Any) -> None:
    ids = [2, *[4] * 6, 3]
    left = iw.denoising(lm, ids, order="left_to_right")
    assert left.filled.tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    one, same, other = (iw.denoising(lm, ids, order="random", seed=s) for s in (1, 1, 2))
    assert one.filled.tolist() == same.filled.tolist() != other.filled.tolist()
    assert sorted(one.filled.tolist()) == [0, 0, 1, 2, 3, 4, 5, 6]


def test_sampling_repeats_and_follows_the_model(lm: Any) -> None:
    state = torch.random.get_rng_state()
    ids = [2, 6, 4, 3]
    p = by_hand(lm, ids)[2]
    drawn = [iw.denoising(lm, ids, temperature=1.0, seed=s).ids[-1, 2] for s in range(300)]
    share = np.bincount(drawn, minlength=len(p)) / 300
    np.testing.assert_allclose(share, p, atol=0.12)  # four standard deviations of the likeliest share
    assert drawn[7] == iw.denoising(lm, ids, temperature=1.0, seed=7).ids[-1, 2]
    assert share[4] == 0, "the mask is never written"
    assert torch.equal(torch.random.get_rng_state(), state)


def test_features_are_those_of_each_state(lm: Any) -> None:
    neurons = Identity(lm.width("mlp_act.1"), site_in="mlp_act.1")
    record = iw.denoising(lm, TEXT, dictionary=neurons, features=[3, 17])
    assert record.values is not None
    for state, ids in enumerate(record.ids):
        seen = lm.trace(ids.tolist(), sites=["mlp_act.1"])["mlp_act.1"]
        np.testing.assert_allclose(record.values[state], seen[:, [3, 17]], atol=1e-5)
        np.testing.assert_allclose(record.feature(17)[state], seen[:, 17], atol=1e-5)
    strongest = iw.denoising(lm, TEXT, dictionary=neurons, features=5)
    every = iw.denoising(lm, TEXT, dictionary=neurons, features=range(neurons.n_features))
    assert every.values is not None
    order = np.argsort(-np.abs(every.values).max((0, 1)), kind="stable")[:5]
    assert strongest.features.tolist() == order.tolist()
    assert (strongest.dictionary, strongest.site) == (neurons.name, "mlp_act.1")


def test_edits_act_at_every_step(lm: Any) -> None:
    push = torch.randn(16, generator=torch.Generator().manual_seed(3)) * 30
    plain = iw.denoising(lm, TEXT)
    with lm.edit(iw.Edit("resid_post.0", add=push)):
        edited = iw.denoising(lm, TEXT)
        again = by_hand(lm, edited.ids[3].tolist())
    last = int(np.flatnonzero(edited.filled == 4)[0])
    assert edited.chance[last] == pytest.approx(float(again[last].max()), rel=1e-5)
    assert not np.allclose(plain.probability[0], edited.probability[0], equal_nan=True)
    after = iw.denoising(lm, TEXT)
    np.testing.assert_array_equal(after.probability, plain.probability)


def test_one_token_and_the_whole_context(lm: Any) -> None:
    one = iw.denoising(lm, [4])
    assert (len(one), one.open.tolist()) == (1, [[True], [False]])
    whole = iw.denoising(lm, [4] * 24, steps=2)
    assert whole.filled.tolist().count(1) == 12
    with pytest.raises(iw.InputError, match="at most 24 tokens"):
        iw.denoising(lm, [4] * 25)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"input": "the cat sat"}, r"a text with masks, \[MASK\]"),
        ({"input": ""}, "at least one token"),
        ({"steps": 0}, "steps as a whole number from 1 to 4"),
        ({"steps": 5}, "steps as a whole number from 1 to 4"),
        ({"order": "alphabetical"}, "an order out of confidence"),
        ({"temperature": -1}, "a temperature from 0"),
        ({"top": 0}, "top as a whole number"),
        ({"mask": 99}, "mask as a whole number"),
        ({"mask": "house"}, "one token of this model"),
        ({"dictionary": "sae"}, "a dictionary"),
        ({"features": 0}, "features as a whole number"),
        ({"features": [24]}, "features as a whole number from 0 to 23"),
        ({"features": "all"}, "features as"),
    ],
)
def test_wrong_inputs_say_what_to_do(lm: Any, wrong: dict[str, Any], says: str) -> None:
    if "features" in wrong:
        wrong = {**wrong, "dictionary": Identity(24, site_in="mlp_act.0")}
    with pytest.raises(iw.InputError, match=says):
        iw.denoising(lm, wrong.pop("input", TEXT), **wrong)
    assert len(iw.denoising(lm, TEXT)) == 4, "the session goes on"


def test_models_that_cannot(lm: Any) -> None:
    with pytest.raises(iw.ModelError, match="a mask token"):
        iw.denoising(iw.load("planted/induction"), [5, 6, 7])
    with pytest.raises(iw.InputError, match=r"iw\.load"):
        iw.denoising(lm.model, TEXT)
    bare = iw.load(lm.model.bert, lm.tokenizer, check=False)
    with pytest.raises(iw.ModelError, match="with logits"):
        iw.denoising(bare, TEXT)


def test_the_law_is_read_from_the_states() -> None:
    record = planted()
    assert record.sum_check.holds
    states = list(record.tokens)
    states[5] = iw.Tokens(states[5].texts, ids=record.ids[5] + np.eye(len(states[5]), dtype=int)[0])
    broken = iw.Denoising(tuple(states), record.filled, record.chance, record.entropy, record.choices)
    assert (broken.sum_check.value, broken.sum_check.holds) == (3.0, False), "it changes, changes back, and was given"


def test_a_record_that_does_not_fit_is_refused() -> None:
    record = planted()
    good: tuple[Any, ...] = (record.tokens, record.filled, record.chance, record.entropy, record.choices)
    for at, value, says in (
        (0, record.tokens[:1], "two states or more"),
        (1, record.filled[:-1], "filled of shape"),
        (1, record.filled + 1, "steps from 0 to 10"),
        (2, record.chance[:-1], "chance of shape"),
        (3, record.entropy.T, "entropy of shape"),
        (4, record.choices[:-1], "choices at 12 positions"),
    ):
        with pytest.raises(iw.InputError, match=says):
            iw.Denoising(*cast(Any, [value if i == at else part for i, part in enumerate(good)]))
    with pytest.raises(iw.InputError, match="whose values were kept"):
        record.feature(3)


def test_figures_show_the_numbers() -> None:
    record = planted(features=3)
    shown = record.figure().data[0]
    np.testing.assert_array_equal(np.array(shown.z, float), record.probability)
    assert shown.customdata[0][2] == " [MASK]"
    assert record.values is not None
    np.testing.assert_array_equal(np.array(record.figure(feature=7).data[0].z, float), record.values[..., 0])
