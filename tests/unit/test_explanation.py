"""Rules about features: counts by hand, losses by hooks set by hand, and the identities that must hold."""

import re

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets import InputError, Rule, Tokens
from interpwidgets.analyses.quantiles import quantile_normalised
from interpwidgets.dictionaries import Identity, SparseAutoencoder, TopK
from interpwidgets.worlds import storyworld
from tests.unit.families import build, example

D, F, SITE = 32, 60, "resid_post.1"


def weights(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * shape[-1] ** -0.5


def autoencoder(site=SITE, **more):
    return SparseAutoencoder(
        weights(0, F, D), weights(1, F, D), decoder_bias=weights(2, D), activation=TopK(5), site_in=site, **more
    )


@pytest.fixture(scope="module")
def lm():
    return iw.load(build("gpt2").double(), None)


@pytest.fixture(scope="module")
def rows():
    draw = torch.Generator().manual_seed(3)
    lengths = torch.randint(2, 20, (12,), generator=draw).tolist()
    return [torch.randint(0, 50, (n,), generator=draw).tolist() for n in lengths]


@pytest.fixture(scope="module")
def dense(lm, rows):
    """A feature that fires on many tokens, and its values row by row."""
    codes = [autoencoder().encode(lm.trace(row)[SITE]) for row in rows]
    feature = int((torch.cat(codes) > 0).sum(0).argmax())
    return feature, [code[:, feature] for code in codes]


def loss_by_hand(lm, rows, change=None):
    """Mean next-token loss, with ``change[row] [token, d]`` added to the stream by a hook of our own."""
    total = count = 0.0
    for i, row in enumerate(rows):
        handle = None
        if change is not None:
            handle = lm.model.transformer.h[1].register_forward_hook(
                lambda m, a, out, i=i: out + change[i] if isinstance(out, torch.Tensor) else (out[0] + change[i],)
            )
        logits = lm.model(torch.tensor([row])).logits[0]
        if handle is not None:
            handle.remove()
        total += -torch.log_softmax(logits[:-1], -1)[torch.arange(len(row) - 1), row[1:]].sum().item()
        count += len(row) - 1
    return total / count


@torch.no_grad()
def test_counts_and_losses_are_those_worked_out_by_hand(lm, rows, dense):
    feature, values = dense
    found = iw.check_explanation(lm, autoencoder(), feature, lambda t: t.ids % 3 == 0, rows, progress=False)
    fires = torch.cat(values) > 0
    says = torch.tensor([i for row in rows for i in row]) % 3 == 0
    hits, misses, alarms = (int(x.sum()) for x in (fires & says, fires & ~says, ~fires & says))
    assert min(hits, misses, alarms) > 0
    assert (found.hits, found.misses, found.false_alarms, found.tokens) == (hits, misses, alarms, sum(map(len, rows)))
    assert found.precision == pytest.approx(hits / (hits + alarms))
    assert found.recall == pytest.approx(hits / (hits + misses))
    assert found.f1 == pytest.approx(2 / (1 / found.precision + 1 / found.recall))
    assert found.correlation == pytest.approx(np.corrcoef(says.double(), torch.cat(values))[0, 1])
    direction = autoencoder().directions[feature]
    mean = torch.cat(values).mean()
    assert found.losses["plain"] == pytest.approx(loss_by_hand(lm, rows), abs=1e-6)
    off = [-v[:, None] * direction for v in values]
    assert found.losses["zero"] == pytest.approx(loss_by_hand(lm, rows, off), abs=1e-6)
    at_mean = [(mean - v)[:, None] * direction for v in values]
    assert found.losses["mean"] == pytest.approx(loss_by_hand(lm, rows, at_mean), abs=1e-6)
    assert abs(found.losses["zero"] - found.losses["plain"]) > 1e-3
    assert found.recovered == pytest.approx(
        1 - (found.losses["simulated"] - found.losses["plain"]) / (found.losses["zero"] - found.losses["plain"])
    )
    assert found.replacement.sum_check.holds
    assert "as given" not in found.losses  # a yes is no value


def said_of(ids):
    """A number for each token that no other token has."""
    return np.sin(ids + 2**0.5 * np.arange(len(ids)) + 0.001 * (ids * ids).sum())


@torch.no_grad()
def test_numbers_take_the_features_own_values_in_their_order(lm, rows, dense):
    feature, values = dense
    found = iw.check_explanation(lm, autoencoder(), feature, lambda t: said_of(t.ids), rows, progress=False)
    said = np.concatenate([said_of(np.array(row)) for row in rows])
    assert len(set(said.tolist())) == len(said)
    true = torch.cat(values)
    new = torch.empty_like(true)
    new[torch.from_numpy(np.argsort(said))] = true.sort().values
    direction, at = autoencoder().directions[feature], 0
    normal, given = [], []
    for row, old in zip(rows, values, strict=True):
        normal.append((new[at : at + len(row)] - old)[:, None] * direction)
        given.append((torch.from_numpy(said[at : at + len(row)]) - old)[:, None] * direction)
        at += len(row)
    assert found.losses["simulated"] == pytest.approx(loss_by_hand(lm, rows, normal), abs=1e-6)
    assert found.losses["as given"] == pytest.approx(loss_by_hand(lm, rows, given), abs=1e-6)


def test_an_oracle_gives_the_loss_back_exactly(lm, rows, dense):
    feature, _ = dense

    def oracle(tokens):
        return autoencoder().encode(lm.trace(tokens.ids.tolist())[SITE])[:, feature].numpy()

    found = iw.check_explanation(lm, autoencoder(), feature, oracle, rows, progress=False)
    assert (found.precision, found.recall, found.f1) == (1, 1, 1)
    assert found.correlation == pytest.approx(1)
    assert found.losses["simulated"] == found.losses["plain"]  # bit by bit: nothing changes, so nothing runs again
    assert found.recovered == 1
    assert not found.shown("miss")
    assert not found.shown("false alarm")
    assert found.losses["shuffled"] != found.losses["plain"]


def test_a_feature_planted_on_one_token_is_that_rule(lm, rows):
    """Without positions the stream into the first block is the embedding: a detector of token 7 fires on 7 alone."""
    model = build("gpt2").double()
    with torch.no_grad():
        model.transformer.wpe.weight.zero_()
    table = model.transformer.wte.weight.detach()
    along = table @ table[7]
    others = torch.cat([along[:7], along[8:]]).max()
    assert along[7] > others
    sae = SparseAutoencoder(
        table[7:8], table[7:8], encoder_bias=-(along[7:8] + others) / 2, site_in="resid_pre.0", labels=["seven"]
    )
    here = iw.load(model, None)
    documents = [[7, 1, 2, 7], [3, 4, 5], [6, 7, 7, 7, 8]]
    right = iw.check_explanation(here, sae, 0, ["7"], documents, progress=False)
    assert (right.hits, right.misses, right.false_alarms) == (5, 0, 0)
    assert right.losses["simulated"] == right.losses["plain"] != right.losses["zero"]
    half = iw.check_explanation(here, sae, 0, re.compile("^7|8"), documents, progress=False)
    assert (half.hits, half.misses, half.false_alarms) == (1, 4, 1)
    assert (half.missed_words, half.alarm_words) == ((("7", 4),), (("8", 1),))
    assert [(e.document, e.position) for e in half.shown("false alarm")] == [(2, 4)]
    assert {(e.document, e.position) for e in half.shown("miss")} == {(0, 3), (2, 1), (2, 2), (2, 3)}
    assert {e.document for e in half.shown("miss")[:2]} == {0, 2}  # each text once before any twice
    assert "feature 0 'seven'" in str(half)
    # Tokens that change take the value of the feature: one value there is, so "simulated" is that of the wrong places.
    none = iw.check_explanation(here, sae, 0, ["9"], documents, progress=False)
    assert (none.recall, none.predicted) == (0, 0)
    assert np.isnan(none.precision)
    assert np.isnan(none.correlation)
    higher = iw.check_explanation(here, sae, 0, ["7"], documents, threshold=1e6, progress=False)
    assert (higher.fires, higher.false_alarms) == (0, 5)


def test_examples_stand_where_they_say(rows):
    lm = iw.load("storyworld")
    texts = [" ".join(w for s in storyworld.generate(3, seed=seed) for w in s.words) for seed in (1, 2)]
    sae = SparseAutoencoder(weights(5, 40, 128), weights(6, 40, 128), activation=TopK(4), site_in=SITE).float()
    found = iw.check_explanation(lm, sae, 3, re.compile(r"\b(the|a) \w+"), texts, context=50, width=9, progress=False)
    assert {e.group for e in found.examples} == {"miss", "false alarm", "hit"}
    for one in found.examples:
        ids = lm.tokenizer(texts[one.document])["input_ids"]
        assert one.tokens.ids[one.peak] == ids[one.position]
        assert len(one.tokens) == len(one.values) == 9
        assert (one.values[one.peak] > 0) == (one.group != "false alarm")
        assert one.values[one.peak] == one.value
    values = [e.value for e in found.shown("miss")]
    assert max(values) == values[0]
    # <s>, which stands in front of each window, is neither counted nor changed.
    assert found.tokens == sum(len(lm.tokenizer(text)["input_ids"]) - 1 for text in texts)
    assert found.tokens < found.replacement.predictions + len(texts) * 20


def test_the_simulation_keeps_each_marginal_exactly():
    draw = np.random.default_rng(0)
    true = np.maximum(0, draw.normal(size=(500, 3))).astype(np.float32)
    said = draw.normal(size=(500, 3)).round(1)
    got = quantile_normalised(said, true)
    assert np.array_equal(np.sort(got, 0), np.sort(true, 0))
    for j in range(3):
        order = np.argsort(said[:, j], kind="stable")
        lows = [got[said[:, j] < v, j].max() for v in np.unique(said[order, j])[1:]]
        highs = [got[said[:, j] >= v, j].min() for v in np.unique(said[order, j])[1:]]
        assert (np.array(lows) <= np.array(highs)).all()
    assert np.array_equal(quantile_normalised(true.astype(float), true), true)
    ties = quantile_normalised(np.zeros((500, 3)), true)
    assert not np.array_equal(ties, quantile_normalised(np.zeros((500, 3)), true, seed=1))
    assert abs(np.corrcoef(ties[:, 0], true[:, 0])[0, 1]) < 0.2  # a tie tells nothing of the truth
    with pytest.raises(InputError, match=r"shape \[500, 3\]"):
        quantile_normalised(said[:4], true)


def test_a_noisy_simulator_is_saved_by_the_marginal():
    """What was published: noise as given is worse than switching off, the true values dealt out by it are better."""
    story = iw.load("storyworld")
    texts = [s.text for s in storyworld.generate(5, seed=8)]
    neurons = Identity(640, site_in="mlp_act.0")
    draw = np.random.default_rng(0)
    cache = {}

    def noisy(feature, tokens):
        key = tokens.ids.tobytes()
        if key not in cache:
            true = story.trace(tokens.ids.tolist())["mlp_act.0"].numpy()
            cache[key] = true + 8 * draw.normal(size=true.shape)
        return cache[key][:, feature]

    found = iw.replacement_losses(story, neurons, noisy, texts, progress=False)
    loss = found.losses
    assert loss["plain"] < loss["simulated"] < loss["zero"] < loss["as given"]
    assert loss["simulated"] < loss["shuffled"]
    assert 0 < found.recovered < 1
    assert len(found.features) == len(found.correlation) == 640
    assert "640 features" in str(found)


@torch.no_grad()
def test_without_the_error_the_dictionary_alone_is_the_measure(lm, rows):
    sae = autoencoder()
    found = iw.replacement_losses(lm, sae, {4: ["1"], 9: re.compile("2")}, rows, error=False, progress=False)
    x = [lm.trace(row)[SITE] for row in rows]
    assert found.losses["model"] == pytest.approx(loss_by_hand(lm, rows), abs=1e-6)
    spliced = [sae.reconstruct(v) - v for v in x]
    assert found.losses["plain"] == pytest.approx(loss_by_hand(lm, rows, spliced), abs=1e-6)
    off = []
    for v in x:
        codes = sae.encode(v)
        codes[:, [4, 9]] = 0
        off.append(sae.decode(codes) - v)
    assert found.losses["zero"] == pytest.approx(loss_by_hand(lm, rows, off), abs=1e-6)
    assert found.features.tolist() == [4, 9]


def test_the_figure_draws_the_losses_and_the_line(lm, rows, dense):
    found = iw.check_explanation(lm, autoencoder(), dense[0], ["3", "4"], rows, progress=False)
    figure = found.figure()
    (bars,) = figure.data
    assert list(bars.y) == ["simulated", "shuffled", "mean"]
    assert list(bars.x) == [found.losses[way] - found.losses["plain"] for way in bars.y]
    lines = [shape.x0 for shape in figure.layout.shapes]
    assert lines == [0, found.losses["zero"] - found.losses["plain"]]
    low, high = figure.layout.xaxis.range
    assert low < min(*bars.x, *lines)
    assert high > max(*bars.x, *lines)


def test_patterns_touch_tokens():
    tokens = Tokens(
        ("<s>", "Hot", " dogs", " bark", "\\xf0\\x9f", "\\x90\\xb6", "!"),
        special=np.array([True, *[False] * 6]),
        glyphs=((4, 6, "🐶"),),
    )
    assert np.flatnonzero(Rule.of(re.compile("dog"))(tokens)).tolist() == [2]
    assert np.flatnonzero(Rule.of(re.compile("t d"))(tokens)).tolist() == [1, 2]
    assert np.flatnonzero(Rule.of(re.compile("🐶"))(tokens)).tolist() == [4, 5]
    assert np.flatnonzero(Rule.of(re.compile(""))(tokens)).tolist() == []  # nothing touches nothing
    assert np.flatnonzero(Rule.of(re.compile("<s>"))(tokens)).tolist() == []
    assert np.flatnonzero(Rule.of(["bark", "Hot", "<s>"])(tokens)).tolist() == [1, 3]
    assert np.flatnonzero(Rule.of([" Hot"])(tokens)).tolist() == []
    assert Rule.of(lambda t: np.ones(len(t)))(tokens).tolist() == [0, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("dog", "a rule as a list of tokens"),
        (7, "a rule as a list of tokens"),
        ([], "an empty list"),
        ([""], "one or more tokens"),
        ([3], "one or more tokens"),
        (re.compile(b"a"), "one for bytes"),
        (lambda t: [1], "finite numbers from the rule"),
        (lambda t: np.full(len(t), np.nan), "NaN or infinities"),
        (lambda t: 1 / 0, "ZeroDivisionError"),
        (lambda t: ["x"] * len(t), "ValueError"),
        (lambda t: None, "give a number for each token|finite numbers"),
    ],
)
def test_a_rule_that_is_none_gets_one_sentence_and_leaves_nothing(lm, rows, rule, said):
    with pytest.raises(InputError, match=said):
        iw.check_explanation(lm, autoencoder(), 3, rule, rows, progress=False)
    assert not lm._edits
    assert not lm._edit_hooks


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"feature": F}, f"features from 0 to {F - 1}"),
        ({"feature": True}, "features from 0"),
        ({"feature": -1}, "features from 0"),
        ({"dictionary": autoencoder("resid_post.9")}, "a layer from 0"),
        ({"dictionary": autoencoder(None)}, "says where it reads"),
        ({"dictionary": Identity(7, site_in=SITE)}, "a dictionary of width 32"),
        ({"dictionary": "sae"}, "a dictionary"),
        ({"corpus": []}, "one document or more"),
        ({"corpus": "text"}, "many texts"),
        ({"corpus": [[]]}, "some text"),
        ({"threshold": float("nan")}, "finite threshold"),
        ({"examples": -1}, "examples as a whole number"),
        ({"lm": None}, "a model that iw.load returned"),
    ],
)
def test_wrong_inputs_get_one_sentence(lm, rows, change, said):
    given = {"lm": lm, "dictionary": autoencoder(), "feature": 3, "rule": ["1"], "corpus": rows} | change
    more = {name: given.pop(name) for name in ("threshold", "examples") if name in given}
    with pytest.raises(InputError, match=said):
        iw.check_explanation(*given.values(), **more, progress=False)


def test_a_word_that_no_token_spells_is_named():
    story = iw.load("storyworld")
    sae = SparseAutoencoder(torch.eye(128), torch.eye(128), site_in=SITE)
    with pytest.raises(InputError, match=r"'elephantine'. A word of several tokens needs a pattern"):
        iw.check_explanation(story, sae, 3, ["park", "elephantine"], ["Mary went to the park."], progress=False)


@pytest.mark.parametrize(
    ("simulator", "more", "said"),
    [
        ({}, {}, "each once"),
        ({3: "x"}, {}, "a rule as a list"),
        ("x", {}, "a simulator"),
        ({3: ["1"]}, {"features": [3, 4]}, "a rule for feature 4"),
        (lambda f, t: [0.0], {}, "the rule for feature 0"),
        (lambda f, t: np.zeros(len(t)), {"features": [1, 1]}, "each once"),
    ],
)
def test_a_simulator_that_is_none(lm, rows, simulator, more, said):
    with pytest.raises(InputError, match=said):
        iw.replacement_losses(lm, autoencoder(), simulator, rows, **more, progress=False)


def test_one_token_the_whole_context_and_a_model_that_looks_both_ways(lm):
    one = iw.check_explanation(lm, autoencoder(), 3, ["7"], [[7], [8]], progress=False)
    assert (one.tokens, one.losses) == (2, {})
    assert "no losses" in str(one)
    with pytest.raises(InputError, match="losses to draw"):
        one.figure()
    whole = example("gpt2", lm.context)
    full = iw.check_explanation(lm, autoencoder(), 3, [str(whole[3])], [whole, whole[:1]], progress=False)
    assert full.replacement.predictions == lm.context - 1
    assert full.replacement.sum_check.holds
    bert = iw.load(build("bert"), None)
    width = bert.d_model
    sae = SparseAutoencoder(torch.eye(width), torch.eye(width), site_in="resid_post.0")
    both = iw.check_explanation(bert, sae, 0, ["5"], [example("bert")], progress=False)
    assert both.losses == {}
    assert both.tokens > 0


def test_labels_from_any_function_are_saved_and_failures_lose_nothing(tmp_path):
    story = iw.load("storyworld")
    sae = SparseAutoencoder(weights(5, 12, 128), weights(6, 12, 128), activation=TopK(4), site_in=SITE).float()
    sae.labels = {2: "mine"}
    texts = [s.text for s in storyworld.generate(4, seed=1)]
    index = iw.build_index(story, sae, texts, tmp_path / "i", progress=False)

    def explain(feature):
        if feature.feature == 5:
            raise TimeoutError("no answer")
        if feature.feature == 6:
            return 7
        word = feature.examples[0].tokens.texts[feature.examples[0].peak]
        return f"fires on\n{word.strip()} <b>"

    with pytest.warns(UserWarning, match=r"2 of 11 features were not explained \(5: TimeoutError: no answer; 6: .*int"):
        done = iw.explain_features(index, explain, progress=False)
    assert sorted(done.failures) == [5, 6]
    assert sorted(done.labels) == [0, 1, 3, 4, 7, 8, 9, 10, 11]
    again = iw.open_index(tmp_path / "i")
    assert again.label(2) == "mine"
    assert again.label(0) == done.labels[0] == f"fires on {index.fires_on(0)[0].strip()} <b>"
    asked = []
    done = iw.explain_features(again, lambda f: asked.append(f.feature) or "later", progress=False)
    assert asked == [5, 6]  # only those that have none yet
    assert iw.explain_features(again, lambda f: "new", [2], progress=False).labels == {2: "new"}
    with pytest.raises(InputError, match="a function from a feature"):
        iw.explain_features(again, "words")
    with pytest.raises(InputError, match="a feature index"):
        iw.explain_features(sae, str)
    with pytest.raises(InputError, match="features from 0 to 11"):
        iw.explain_features(again, str, [12])


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    story = iw.load("storyworld")
    sae = SparseAutoencoder(weights(5, 12, 128), weights(6, 12, 128), activation=TopK(4), site_in=SITE).float()
    index = iw.build_index(
        story, sae, [s.text for s in storyworld.generate(3, seed=1)], tmp_path_factory.mktemp("b"), progress=False
    )
    return story, sae, index, [s.text for s in storyworld.generate(3, seed=2)]


def test_the_browser_answers_with_the_numbers_of_the_check(browsed):
    story, sae, index, held_out = browsed
    view = iw.FeatureBrowser(index, lm=story, dictionary=sae, held_out=held_out, feature=3)
    assert view._view["rules"]
    for typed, rule in (("park, the", ["park", "the"]), ("/\\bT\\w+/i", re.compile(r"\bT\w+", re.IGNORECASE))):
        said = view._rule(feature=3, rule=typed)
        found = iw.check_explanation(story, sae, 3, rule, held_out, progress=False)
        assert (said["hits"], said["misses"], said["false_alarms"]) == (found.hits, found.misses, found.false_alarms)
        assert said["precision"] == found.precision
        assert dict(map(tuple, said["added"])) == {
            way: found.replacement.added(way) for way in ("simulated", "shuffled", "mean", "zero")
        }
        assert said["missed_words"][0] == list(found.missed_words[0])
    assert view._rule(feature=3, rule="Athens, Berlin")["correlation"] is not None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "a rule of 1 to 1000 characters"),
        (" , ", "an empty list"),
        ("/(/", "a regular expression between the slashes"),
        ("elephantine", "tokens of the vocabulary"),
        (None, "a rule of 1 to 1000"),
        ("x" * 1001, "a rule of 1 to 1000"),
    ],
)
def test_a_typed_rule_that_is_none_gets_one_sentence(browsed, typed, said):
    story, sae, index, held_out = browsed
    view = iw.FeatureBrowser(index, lm=story, dictionary=sae, held_out=held_out)
    with pytest.raises(InputError, match=said):
        view._rule(feature=3, rule=typed)


def test_a_browser_tests_rules_only_with_all_it_needs(browsed):
    story, _, index, held_out = browsed
    assert not iw.FeatureBrowser(index)._view["rules"]
    with pytest.raises(InputError, match="a browser that was given a model"):
        iw.FeatureBrowser(index)._rule(feature=3, rule="a")
    with pytest.raises(InputError, match="no dictionary and no held_out"):
        iw.FeatureBrowser(index, lm=story)
    other = Identity(7, site_in=SITE)
    with pytest.raises(InputError, match="with 12 features, got one with 7"):
        iw.FeatureBrowser(index, lm=story, dictionary=other, held_out=held_out)
