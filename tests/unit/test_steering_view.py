"""SteeringPanel: traits, exact answers, the limit, texts pulled bit by bit, and what a saved page holds."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import traitlets

import interpwidgets as iw
from interpwidgets import InputError, SteeringPanel
from interpwidgets._core.wire import unpack
from tests.browser.fixtures_steering import FROZEN, HAPPY, WORDS, PlantedModel, head, planted, target

NAME = HAPPY[0]
PLACE = {"positions": "all", "attention": "live"}


def decoded(value):
    if isinstance(value, dict):
        return unpack(value) if "codec" in value else {k: decoded(v) for k, v in value.items()}
    return [decoded(v) for v in value] if isinstance(value, list) else value


def ask(panel, method, **params):
    return decoded(panel._methods[method](**params))


def by_hand(lm, strength, share=1.0, name=NAME):
    """The planted model's next token, written out."""
    logits = lm.base + share * strength * lm.pull(name)
    return np.exp(logits) / np.exp(logits).sum()


@pytest.fixture
def panel():
    return planted(words=["smiled", "cried"])


# What it answers.


def test_the_next_token_is_the_models_own(panel):
    rows = [[NAME, "add", 2.5]]
    found = ask(panel, "steer", prompt=panel.prompt, rows=rows, words=[" cried"], limit=None, **PLACE)
    lm = panel._lm
    expected, before = by_hand(lm, 2.5), by_hand(lm, 0.0)
    np.testing.assert_allclose(found["after"][0], expected[found["ids"]], rtol=1e-5)
    np.testing.assert_allclose(found["before"], before[found["ids"]], rtol=1e-5)
    np.testing.assert_allclose(found["words"]["after"][0], expected[1:2], rtol=1e-5)
    np.testing.assert_allclose(found["kl"], [(expected * np.log(expected / before)).sum()], rtol=1e-4)
    assert found["texts"] == [WORDS[i] for i in found["ids"]]
    assert not found["limited"]


def test_live_and_frozen_attention_stand_side_by_side(panel):
    rows = [[NAME, "add", 2.0]]
    place = {"positions": "all", "attention": "both"}
    found = ask(panel, "steer", prompt=panel.prompt, rows=rows, words=[" smiled"], limit=None, **place)
    expected = [by_hand(panel._lm, 2.0)[0], by_hand(panel._lm, 2.0, FROZEN)[0]]
    np.testing.assert_allclose(found["words"]["after"][:, 0], expected, rtol=1e-5)
    assert ask(panel, "gauge", prompt=panel.prompt, rows=rows, **place)["divergence"].shape == (2,)


def test_a_curve_goes_over_the_range_and_through_neutral(panel):
    found = ask(panel, "curve", prompt=panel.prompt, rows=[], name=NAME, mode="add", words=[" smiled"], **PLACE)
    assert (found["strengths"][0], found["strengths"][-1]) == (-6.0, 6.0)
    assert 0.0 in found["strengths"]
    expected = np.log([by_hand(panel._lm, s)[0] for s in found["strengths"]])
    np.testing.assert_allclose(found["words"][0, :, 0], expected, atol=1e-4)
    held = ask(panel, "curve", prompt=panel.prompt, rows=[[NAME, "add", 1.0]], name="head 2.1", mode="scale",
               words=[" smiled"], **PLACE)  # fmt: skip
    at = list(held["strengths"]).index(1.0)
    np.testing.assert_allclose(np.exp(held["words"][0, at, 0]), by_hand(panel._lm, 1.0)[0], rtol=1e-5)


def test_with_nothing_at_work_the_divergence_is_zero_to_the_bit(panel):
    assert ask(panel, "gauge", prompt=panel.prompt, rows=[], **PLACE)["divergence"].tolist() == [0.0]


# Traits.


def test_strengths_are_checked_and_filled_in(panel):
    panel.strengths = {NAME: 2}
    assert panel.strengths == {NAME: 2.0, "head 2.1": 1.0}
    panel.strengths = {"head 2.1": None}
    assert panel.strengths == {NAME: 2.0, "head 2.1": None}
    for wrong, words in (({"nobody": 1}, "nobody"), ({NAME: float("nan")}, "nan"), ({NAME: "much"}, "much")):
        with pytest.raises(InputError, match=words):
            panel.strengths = wrong
    assert panel.strengths == {NAME: 2.0, "head 2.1": None}


def test_another_mode_begins_at_its_neutral_strength(panel):
    panel.strengths = {NAME: 2.0, "head 2.1": 0.5}
    panel.modes = {NAME: "scale"}
    assert panel.modes == {NAME: "scale", "head 2.1": "scale"}
    assert panel.strengths == {NAME: 1.0, "head 2.1": 0.5}
    panel.modes = {NAME: "clamp"}
    assert panel.strengths[NAME] is None
    with pytest.raises(InputError, match="add"):
        panel.modes = {"head 2.1": "add"}


def test_a_page_that_sends_both_is_understood_as_it_meant(panel):
    panel.set_state({"modes": {NAME: "scale", "head 2.1": "scale"}, "strengths": {NAME: 1.0, "head 2.1": 1.0}})
    assert panel.modes[NAME] == "scale"
    assert panel.strengths[NAME] == 1.0


@pytest.mark.parametrize(
    ("trait", "wrong"),
    [
        *(
            ("positions", "sometimes"),
            ("positions", -1),
            ("positions", 99),
            ("words", ["no such token"]),
            ("limit", -1.0),
            ("top_p", 0.0),
        ),
        *(("max_new_tokens", 0), ("temperature", -0.5), ("target", "nobody"), ("attention", "thawed"), ("prompt", "")),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(panel, trait, wrong):
    before = {name: getattr(panel, name) for name in panel.public_traits()}
    with pytest.raises((InputError, traitlets.TraitError)):
        setattr(panel, trait, wrong)
    assert {name: getattr(panel, name) for name in panel.public_traits()} == before


def test_frozen_attention_is_refused_with_the_reason():
    panel = planted(lm=PlantedModel(WORDS, "this family computes its attention elsewhere"))
    with pytest.raises(InputError, match="computes its attention elsewhere"):
        panel.attention = "frozen"
    assert panel._view["frozen"] == "this family computes its attention elsewhere"


def test_keywords_and_prompts_that_mean_nothing_are_refused():
    with pytest.raises(InputError, match="strengths"):
        planted(strenghts={})
    with pytest.raises(InputError, match="prompt"):
        planted(prompt=3.5)


def test_words_are_the_likeliest_unless_chosen():
    panel = planted()
    best = np.argsort(-panel._lm.base)[:3]
    assert panel.words == [WORDS[i] for i in best]
    panel.words = ["smiled", " smiled", "Tom"]
    assert panel.words == [" smiled", " Tom"]


def test_no_word_need_be_watched():
    panel = planted(words=[])
    found = ask(panel, "steer", prompt=panel.prompt, rows=[], words=[], limit=None, **PLACE)
    assert found["words"]["after"].shape == (1, 0)


def test_a_shorter_prompt_keeps_the_positions_within_it(panel):
    panel.positions = 8
    panel.prompt = "A dog ran"
    assert panel.positions == 3


# The limit.


def divergence(lm, strength):
    """Half the KL of the planted next token: what its session measures."""
    p, q = by_hand(lm, strength), by_hand(lm, 0.0)
    return 0.5 * (p * np.log(p / q)).sum()


def test_no_move_passes_the_limit(panel):
    panel.limit = 0.1
    random = np.random.default_rng(0)
    held_back = 0
    for wanted in random.uniform(-6, 6, 200):
        panel.strengths = {NAME: wanted}
        assert divergence(panel._lm, panel.strengths[NAME]) <= 0.1 * (1 + 1e-5)
        held_back += panel.strengths[NAME] != wanted
    assert 0 < held_back < 200


def test_what_is_held_back_ends_at_the_limit_and_stays(panel):
    panel.limit = 0.1
    panel.strengths = {NAME: 6.0}
    kept = panel.strengths[NAME]
    assert divergence(panel._lm, kept) == pytest.approx(0.1, rel=1e-3)
    panel.strengths = {NAME: kept}
    assert panel.strengths[NAME] == pytest.approx(kept, rel=1e-6)
    found = ask(panel, "steer", prompt=panel.prompt, rows=[[NAME, "add", 6.0]], words=[], limit=0.1, **PLACE)
    assert found["limited"]
    assert found["applied"][0][1] == pytest.approx(kept, rel=1e-4)
    reach = ask(panel, "reach", prompt=panel.prompt, rows=[], name=NAME, mode="add", limit=0.1, **PLACE)
    assert reach["high"] == pytest.approx(kept, rel=1e-4)
    assert reach["low"] < 0 < reach["high"]


def test_a_tighter_limit_brings_the_strengths_back():
    panel = planted(strengths={NAME: 4.0})
    panel.limit = 0.05
    assert divergence(panel._lm, panel.strengths[NAME]) <= 0.05 * (1 + 1e-5)
    panel.limit = None
    panel.strengths = {NAME: 4.0}
    assert panel.strengths[NAME] == 4.0


# Targets come and go.


def test_targets_are_added_and_removed(panel):
    more = target("resid_post.2/9", "nine")
    assert panel.add(more) == ("resid_post.2/9",)
    assert panel.strengths["resid_post.2/9"] == 0.0
    assert panel.target == "resid_post.2/9"
    with pytest.raises(InputError, match="has"):
        panel.add(more)
    panel.strengths = {"resid_post.2/9": 3.0}
    edition = panel._view["edition"]
    panel.remove(NAME)
    assert list(panel.strengths) == ["head 2.1", "resid_post.2/9"] == list(panel.modes)
    assert panel._view["edition"] > edition
    with pytest.raises(InputError, match=NAME):
        panel.remove(NAME)
    assert [t.name for t in panel.record().targets] == ["head 2.1", "resid_post.2/9"]


def test_an_empty_panel_is_the_model_as_it_is():
    panel = planted([])
    assert panel.record().idle
    found = ask(panel, "steer", prompt=panel.prompt, rows=[], words=[], limit=0.1, **PLACE)
    np.testing.assert_array_equal(found["before"], found["after"][0])


# Texts.


def pull(panel, rows, at, column="live"):
    sampling = {"max_new_tokens": 8, "temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    return ask(panel, "write", column=column, prompt=panel.prompt, rows=rows, at=at, **PLACE, **sampling)


def test_a_text_is_pulled_bit_by_bit(panel):
    panel.strengths = {NAME: 2.0}
    rows = [[NAME, "add", 2.0]]
    first = pull(panel, rows, 0)
    assert (len(first["ids"]), first["done"], first["perplexity"]) == (3, False, None)
    assert panel.text == "".join(first["texts"])
    again = pull(panel, rows, 0)
    assert again["ids"] == first["ids"], "asked twice, nothing new is written"
    rest = pull(panel, rows, 3)
    last = pull(panel, rows, 6)
    assert last["done"]
    ids = first["ids"] + rest["ids"] + last["ids"]
    assert len(ids) == 8
    surprise = -np.log([by_hand(panel._lm, 0.0)[i] for i in ids])
    assert last["perplexity"] == pytest.approx(np.exp(surprise.mean()), rel=1e-5)
    np.testing.assert_allclose(first["probability"], by_hand(panel._lm, 2.0)[first["ids"]], rtol=1e-5)


def test_a_newer_text_replaces_an_older_one(panel):
    panel.strengths = {NAME: 2.0}
    pull(panel, [[NAME, "add", 2.0]], 0)
    new = pull(panel, [[NAME, "add", -2.0]], 0)
    assert panel.text == "".join(new["texts"])
    default = pull(panel, [], 0, "default")
    assert panel.default_text == "".join(default["texts"])


# Saved pages.


def test_a_page_with_two_sliders_holds_every_combination(panel):
    item = panel.static_item()
    grid = item.state["_view"]["grid"]
    assert grid["product"]
    points = grid["points"]
    assert len(points[NAME]) * len(points["head 2.1"]) <= 128
    recorded = {(a["method"], json.dumps(a["params"]["rows"])) for a in item.state["_answers"] if "rows" in a["params"]}
    for a in points[NAME]:
        for b in points["head 2.1"]:
            rows = [row for row in ([NAME, "add", a], ["head 2.1", "scale", b]) if row[2] != (row[1] == "scale")]
            for method in ("steer", "gauge", "write"):
                assert (method, json.dumps(rows)) in recorded
    texts = [a["result"] for a in item.state["_answers"] if a["method"] == "write"]
    assert all(text["done"] and len(text["ids"]) == panel.max_new_tokens for text in texts)
    assert panel._view["grid"] is None


def test_eight_sliders_are_recorded_one_at_a_time_and_the_saved_strength_is_a_point():
    panel = planted([target(f"f/{i}") for i in range(8)], strengths={"f/3": 1.2345})
    grid = panel.static_item(max_bytes=100_000).state["_view"]["grid"]
    assert not grid["product"]
    assert 1.2345 in grid["points"]["f/3"]
    assert all(0.0 in points and len(points) == 13 for points in grid["points"].values())


def test_a_clamp_is_recorded_at_off_too():
    panel = planted([target("f/1")], modes={"f/1": "clamp"})
    rows = [a["params"]["rows"] for a in panel.static_item().state["_answers"] if a["method"] == "steer"]
    assert [] in rows
    assert len(rows) == 14


# On a real model.


@pytest.fixture(scope="module")
def lm():
    return iw.load("storyworld")


@pytest.fixture(scope="module")
def sae():
    return iw.load_dictionary("storyworld/resid_post.2")


PROMPT = "Mary and Tom went to the park. Tom was"


def happy(lm):
    return iw.targets.difference(
        lm, "resid_post.2", ["Tom was happy . Tom smiled"], ["Tom was sad . Tom cried"], name="happy"
    )


def test_the_record_does_in_plain_code_what_the_panel_shows(lm, sae):
    panel = SteeringPanel(lm, PROMPT, [happy(lm), sae, "head 1.2"], strengths={"happy": 1.5, "head 1.2": 0.2})
    rows = panel._active()
    assert [row[0] for row in rows] == ["happy", "head 1.2"]
    found = ask(panel, "steer", prompt=PROMPT, rows=rows, words=panel.words, limit=None, **PLACE)
    with lm.edit(panel.record()):
        logits = lm.trace(PROMPT).logits[-1]
    expected = torch.softmax(logits.double(), -1).numpy()
    np.testing.assert_allclose(found["after"][0], expected[found["ids"]], rtol=1e-4, atol=1e-7)
    assert np.abs(found["after"][0] - found["before"]).max() > 0.01


def test_neutral_closing_and_a_second_panel_leave_the_model_bit_identical(lm):
    before = lm.trace(PROMPT).logits
    panel = SteeringPanel(lm, PROMPT, [happy(lm)], strengths={"happy": 3.0})
    other = SteeringPanel(lm, PROMPT, [happy(lm)])
    found = ask(other, "steer", prompt=PROMPT, rows=[], words=[], limit=None, **PLACE)
    expected = torch.softmax(before[-1].double(), -1).numpy()[found["ids"]]
    np.testing.assert_allclose(found["after"][0], expected, rtol=1e-4, atol=1e-7)
    pull(panel, panel._active(), 0)
    panel.close()
    assert panel._sessions == {}
    assert torch.equal(lm.trace(PROMPT).logits, before)
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in lm.model.modules())


def test_the_limit_holds_for_what_the_model_does(lm):
    panel = SteeringPanel(lm, PROMPT, [happy(lm)], limit=0.05)
    panel.strengths = {"happy": 4.0}
    assert 0 < panel.strengths["happy"] < 4.0
    gauge = ask(panel, "gauge", prompt=PROMPT, rows=panel._active(), **PLACE)
    assert gauge["divergence"][0] <= 0.05
    kept = dict(panel.strengths)
    panel.strengths = kept
    assert panel.strengths == kept


def test_the_texts_are_the_models_own_greedy_continuations(lm):
    panel = SteeringPanel(lm, PROMPT, [happy(lm)], strengths={"happy": 1.0})
    at, ids = 0, []
    while True:
        found = pull(panel, panel._active(), at)
        ids += found["ids"]
        at = len(ids)
        if found["done"]:
            break
    with lm.edit(panel.record()):
        expected = lm.generate(PROMPT, 8).new_ids.tolist()
    assert ids == expected


def test_a_saved_page_of_the_world_stays_small(lm, sae, tmp_path):
    panel = SteeringPanel(lm, PROMPT, [happy(lm), sae], strengths={"happy": 1.0}, max_new_tokens=6)
    assert len(panel.to_html(tmp_path / "page.html").encode()) < 1_000_000
    assert panel.attention == "live"


def test_frozen_and_live_attention_differ_in_a_real_model(lm):
    panel = SteeringPanel(lm, PROMPT, [happy(lm)], attention="both", strengths={"happy": 3.0}, limit=0.3)
    gauge = ask(panel, "gauge", prompt=PROMPT, rows=panel._active(), positions="all", attention="both")["divergence"]
    assert 0 < gauge.max() <= 0.3, "the limit holds for both"
    assert gauge[0] != gauge[1]


def test_targets_are_any_mix(lm, sae):
    vector = torch.ones(lm.d_model)
    several = ["head 2.1", ("resid_post.1", vector), happy(lm), sae, f"{sae.name}/7"]
    panel = SteeringPanel(lm, PROMPT, several)
    kinds = [target.kind for target in panel.targets]
    assert kinds[:3] == ["head", "vector", "difference"]
    assert kinds[-1] == "feature"
    for one, kind in (
        (iw.targets.head(lm, 0, 0), "head"),
        (("resid_post.1", vector), "vector"),
        ("layers 1-2", "layers"),
    ):
        assert [target.kind for target in SteeringPanel(lm, PROMPT, one).targets] == [kind]
    assert all(target.kind == "feature" for target in SteeringPanel(lm, PROMPT, sae).targets)
    for wrong in (3.5, ["head 99.1"], [f"{sae.name}/7"]):
        with pytest.raises(InputError):
            SteeringPanel(lm, PROMPT, wrong)


def test_chat_messages_go_through_the_template(lm):
    template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    before = lm.tokenizer.chat_template
    lm.tokenizer.chat_template = template
    try:
        panel = SteeringPanel(lm, [{"role": "user", "content": "Mary was happy."}], ["head 1.2"])
    finally:
        lm.tokenizer.chat_template = before
    assert "Mary" in "".join(panel._view["tokens"]["texts"])


def test_search_finds_numbers_labels_parts_and_promoted_words(lm, sae):
    panel = SteeringPanel(lm, PROMPT, [sae])
    found = panel._search("12", 1)["found"]
    assert found[0]["text"] == f"{sae.name}/12"
    assert panel._search("head 1.3", 1)["found"][0]["text"] == "head 1.3"
    j = next(j for j, label in enumerate(sae.labels) if label)
    assert any(one["text"] == f"{sae.name}/{j}" for one in panel._search(sae.labels[j], 1)["found"])
    assert any("promotes" in one["why"] for one in panel._search("smiled", 1)["found"])
    nothing = SteeringPanel(lm, PROMPT, [])._search("happy", 0)["found"]
    assert "no dictionary" in nothing[0]["why"]
    added = panel._add("head 1.3", act="1")["names"]
    assert added == ["head 1.3"]


def test_a_sweep_comes_in_blocks_with_every_target_once(lm, sae):
    panel = SteeringPanel(lm, PROMPT, [sae], words=["happy"])
    panel.sweep_targets = [iw.targets.feature(sae, j, lm=lm) for j in range(5)]
    start, rows = 0, []
    while start is not None:
        block = ask(panel, "sweep", prompt=PROMPT, words=panel.words, start=start, act="x")
        rows += block["rows"]
        start = block["next"]
    assert [row["name"] for row in rows] == [f"{sae.name}/{j}" for j in range(5)]
    one = panel.sweep_targets[3]
    session = iw.SteeringSession(lm, PROMPT)
    word = lm.vocabulary.id("happy")
    dose = session.steered([one], [[s] for s in rows[3]["strengths"].tolist()]).probability_of([word])[:, 0]
    change = dose - np.exp(session.unsteered[word])
    np.testing.assert_allclose(rows[3]["curve"], dose, rtol=1e-4, atol=1e-7)
    assert rows[3]["effect"] == pytest.approx(change[np.abs(change).argmax()], rel=1e-3, abs=1e-7)
    name = panel._add_swept(rows[3]["name"], act="y")["names"]
    assert name == [one.name]


def test_a_difference_made_in_the_page_is_a_target(lm):
    panel = SteeringPanel(lm, PROMPT, [])
    made = panel._difference("resid_post.2", ["Tom was happy"], ["Tom was sad"], "glad", "mean", act="1")
    assert made == {"names": ["glad"]}
    with pytest.raises(InputError):
        panel._difference("resid_post.2", [], ["Tom was sad"], "glad too", "mean", act="2")
    assert list(panel.strengths) == ["glad"]


@pytest.mark.parametrize("count", [1, "all"])
def test_the_shortest_and_the_longest_prompt(lm, count):
    ids = lm.tokens(PROMPT).ids.tolist()
    ids = ids[:1] if count == 1 else (ids * lm.context)[: lm.context - 20]
    panel = SteeringPanel(lm, ids, [happy(lm)], strengths={"happy": 1.0})
    assert len(panel._view["tokens"]["texts"]) == len(ids)
    found = ask(panel, "steer", prompt=ids, rows=panel._active(), words=[], limit=None, **PLACE)
    assert np.isfinite(found["after"]).all()


def test_heads_of_the_planted_panel_can_only_be_scaled():
    assert head().modes == ("scale", "ablate")
