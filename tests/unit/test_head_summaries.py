"""Head summaries on planted heads, closed forms and a definition written out as loops."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpwidgets.analyses import pictures
from interpwidgets.analyses.head_summaries import head_summaries
from interpwidgets.analyses.likeness import LIKENESS_SIDE, order_by_likeness
from interpwidgets.analyses.patterns import ArrayPatterns, ComparedPatterns, TracePatterns
from interpwidgets.errors import InputError
from interpwidgets.records import HeadSummaries, Tokens
from interpwidgets.records.head_summaries import MASSES, NAMES

PERIOD = 30
REPEATED = [f"w{i}" for i in np.random.default_rng(3).permutation(PERIOD)] * 2


def looks_at(n, where):
    """A head whose query q puts everything on key ``where(q)``."""
    head = np.zeros((n, n), np.float32)
    head[np.arange(n), [where(q) for q in range(n)]] = 1
    return head


def previous(n):
    return looks_at(n, lambda q: max(0, q - 1))


def uniform(n):
    return (np.tri(n) / np.arange(1, n + 1)[:, None]).astype(np.float32)


def induction(texts):
    """Looks right after the earlier occurrence, and at the first position where there is none."""
    return looks_at(len(texts), lambda q: max((k + 1 for k in range(q) if texts[k] == texts[q]), default=0))


def duplicate(texts):
    return looks_at(len(texts), lambda q: max((k for k in range(q) if texts[k] == texts[q]), default=q))


def summarise(heads, texts, *, causal=True, **options):
    array = np.stack(heads)[None] if isinstance(heads, list) else heads
    return head_summaries(ArrayPatterns(array, Tokens.of(texts), causal=causal), **options)


def random_heads(shape, n, *, causal=True, seed=0):
    scores = np.exp(np.random.default_rng(seed).normal(size=(*shape, n, n)) * 2)
    scores = np.tril(scores) if causal else scores
    return (scores / scores.sum(-1, keepdims=True)).astype(np.float32)


# Planted heads.


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("previous_token", previous(2 * PERIOD)),
        ("first_token", looks_at(2 * PERIOD, lambda q: 0)),
        ("current_token", np.eye(2 * PERIOD, dtype=np.float32)),
        ("duplicate_token", duplicate(REPEATED)),
        ("induction", looks_at(2 * PERIOD, lambda q: q - PERIOD + 1 if q >= PERIOD else q // 2)),
    ],
)
def test_a_planted_head_scores_one_and_nothing_else_fires(name, head):
    summary = summarise([head], REPEATED)
    assert summary.get(name)[0, 0] == 1.0
    others = set(MASSES) - {name}
    limit = {"current_token": 0.6} if name == "duplicate_token" else {}  # it looks at itself in the first half
    assert all(summary.get(other)[0, 0] <= limit.get(other, 0.05) for other in others)
    assert name in summary.labels()[0, 0]
    if name != "duplicate_token":
        assert summary.labels() == {(0, 0): (name,)}


def test_a_previous_token_head_on_repeated_text_is_no_induction_head():
    for texts in (REPEATED, list("ab") * 20, list("a") * 40, list("aab") * 15, list("abc") * 14):
        summary = summarise([previous(len(texts))], texts)
        assert summary.labels() == {(0, 0): ("previous_token",)}


@pytest.mark.parametrize("texts", [list("ab") * 20, list("a") * 40, REPEATED, list("aab") * 14])
@pytest.mark.parametrize("where", [lambda q: 0, lambda q: q])
def test_first_and_current_token_heads_are_neither_duplicate_nor_induction(texts, where):
    summary = summarise([looks_at(len(texts), where)], texts)
    for name in ("duplicate_token", "induction"):
        assert not summary.get(name)[0, 0] > 0


def test_an_induction_head_needs_no_single_target():
    texts = ["x", "a", "1", "y", "a", "2", "z", "a", "3"]
    head = uniform(9)
    head[4] = np.eye(9)[2]
    head[7] = (np.eye(9)[2] + np.eye(9)[5]) / 2
    summary = summarise([head], texts)
    assert summary.get("induction")[0, 0] == 1.0
    assert summary.counts[NAMES.index("induction"), 0] == 2
    assert summary.labels() == {}, "two queries are an anecdote"
    assert summary.labels(min_queries=2) == {(0, 0): ("induction",)}


# Where there is nothing to find.


def test_without_repeats_there_is_no_induction():
    texts = [f"t{i}" for i in range(12)]
    summary = summarise([induction(texts), previous(12)], texts)
    for name in ("induction", "duplicate_token"):
        assert np.isnan(summary.get(name)).all()
        assert summary.notes[name] == "no token occurs twice"
        assert summary.top(name) == []
    assert "induction          undefined: no token occurs twice" in repr(summary)
    assert not {"induction", "duplicate_token"} & {n for names in summary.labels().values() for n in names}


@pytest.mark.parametrize("texts", ["aaaa", "abab", "abac"])
def test_repeats_at_which_other_heads_score_do_not_count(texts):
    summary = summarise([uniform(4)], list(texts))
    assert np.isnan(summary.get("induction")).all() or texts == "abac"
    assert np.isnan(summary.get("duplicate_token")[0, 0]) == (texts != "abab")


def test_special_tokens_repeat_nothing():
    texts = ("<s>", "a", "<pad>", "<pad>", "<pad>", "b", "<pad>")
    special = np.array([t.startswith("<") for t in texts])
    patterns = ArrayPatterns(uniform(7), Tokens(texts, special=special))
    assert head_summaries(patterns).notes["induction"] == "no token occurs twice"


@pytest.mark.parametrize("n", [0, 1])
def test_one_token_or_none(n):
    source = ArrayPatterns(np.ones((2, 3, 1, 1)), Tokens.of(["a"]))
    if n == 0:
        source.queries = source.keys = Tokens.of([])
        source.pattern = np.zeros((2, 3, 0, 0), np.float32)
    summary = head_summaries(source)
    assert summary.values.shape == (len(NAMES), 2, 3)
    assert np.isnan(summary.values).all()
    assert set(summary.notes) == set(NAMES)
    assert ("one token", "no token")[n == 0] in summary.notes["entropy"]
    assert summary.labels() == {}


# Chance and closed forms.


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=40), st.booleans())
def test_a_uniform_head_scores_chance(texts, causal):
    n = len(texts)
    head = uniform(n) if causal else np.full((n, n), 1 / n, np.float32)
    summary = summarise([head], texts, causal=causal)
    np.testing.assert_allclose(summary.values[:, 0, 0], summary.chance[:, 0], rtol=1e-5)
    assert summary.labels(min_queries=1, threshold=0.01) == {}


@pytest.mark.parametrize("n", [2, 7, 100])
def test_entropy_and_distance_of_a_uniform_head(n):
    everywhere = summarise([np.full((n, n), 1 / n, np.float32)], [str(i) for i in range(n)], causal=False)
    assert everywhere.get("entropy")[0, 0] == pytest.approx(math.log(n), rel=1e-6)
    assert everywhere.get("normalised_entropy")[0, 0] == pytest.approx(1, rel=1e-6)
    assert everywhere.get("mean_distance")[0, 0] == pytest.approx((n * n - 1) / (3 * n), rel=1e-5)
    causal = summarise([uniform(n)], [str(i) for i in range(n)])
    assert causal.get("entropy")[0, 0] == pytest.approx(math.lgamma(n + 1) / (n - 1), rel=1e-5)
    assert causal.get("mean_distance")[0, 0] == pytest.approx(n / 4, rel=1e-5)


@pytest.mark.parametrize("back", [0, 1, 5])
def test_a_head_that_looks_a_fixed_way_back(back):
    n = 50
    summary = summarise([looks_at(n, lambda q: max(0, q - back))], REPEATED[:n])
    want = np.minimum(np.arange(1, n), back).mean()
    assert summary.get("mean_distance")[0, 0] == pytest.approx(want, rel=1e-6)
    assert summary.get("entropy")[0, 0] == pytest.approx(0, abs=1e-6)


def test_a_sink_takes_no_part_in_entropy_and_distance():
    n = 20
    whole, half = (summarise([share * uniform(n)], REPEATED[:n]) for share in (1, np.float32(0.5)))
    for name in ("entropy", "normalised_entropy", "mean_distance"):
        assert half.get(name)[0, 0] == pytest.approx(whole.get(name)[0, 0], rel=1e-5)
    assert half.get("previous_token")[0, 0] == pytest.approx(whole.get("previous_token")[0, 0] / 2, rel=1e-5)


def test_a_row_that_looks_nowhere_has_no_entropy():
    head = uniform(6)
    head[3] = 0
    rows = [q for q in range(1, 6) if q != 3]
    summary = summarise([head], list("abcdef"))
    assert summary.get("entropy")[0, 0] == pytest.approx(np.mean([math.log(q + 1) for q in rows]), rel=1e-6)


# The definition, as loops.


def by_the_definition(head, texts, *, causal, window=None):
    """Every score and its chance, one query after the other."""
    n = len(texts)
    found = {name: [] for name in NAMES}
    for q in range(n):
        first = max(0, q - window + 1) if window else 0
        seen = range(first, q + 1) if causal else range(n)
        if len(seen) < 2:
            continue
        old = [k for k in seen if k < q - 1 and k > 0]
        same = {k for k in old if texts[k] == texts[q]}
        after = {k for k in old if texts[k - 1] == texts[q]}
        marked = {
            "previous_token": {q - 1} & set(seen),
            "first_token": {0} & set(seen) - {q},
            "current_token": {q},
            "duplicate_token": same - after,
            "induction": after - same,
        }
        for name, keys in marked.items():
            if keys:
                found[name].append((sum(head[q, k] for k in keys), len(keys) / len(seen)))
        p = head[q].astype(float)
        entropy = -sum(x * math.log(x) for x in p if x > 0)
        found["entropy"].append((entropy, math.log(len(seen))))
        found["normalised_entropy"].append((entropy / math.log(len(seen)), 1))
        found["mean_distance"].append((sum(p[k] * abs(q - k) for k in range(n)), np.mean([abs(q - k) for k in seen])))
    pairs = [np.mean(found[name], axis=0) if found[name] else (np.nan, np.nan) for name in NAMES]
    return np.array(pairs).T, [len(found[name]) for name in NAMES]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=24),
    st.booleans(),
    st.integers(1, 60),
    st.integers(0, 1000),
)
def test_any_text_any_block_size(texts, causal, block, seed):
    heads = random_heads((2, 3), len(texts), causal=causal, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "BLOCK_CELLS", block)
        summary = summarise(heads, texts, causal=causal)
    for i, head in np.ndindex(2, 3):
        (values, chance), counts = by_the_definition(heads[i, head], texts, causal=causal)
        np.testing.assert_allclose(summary.values[:, i, head], values, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(summary.chance[:, i], chance, rtol=1e-5)
        assert summary.counts[:, i].tolist() == counts
    undefined = {name for k, name in enumerate(NAMES) if np.isnan(summary.values[k]).all()}
    assert undefined == set(summary.notes)


def attends(layer, heads, n, *, window=None, queries=None, keys=None):
    """A layer of a trace; without queries it looks at every key it can see alike."""
    import torch

    from interpwidgets.models import AttentionLayer

    queries = torch.zeros(heads, n, 4) if queries is None else queries
    keys = torch.zeros(heads, n, 4) if keys is None else keys
    return AttentionLayer(
        layer=layer, query=queries, key=keys, value=keys, scale=1.0, window=window, causal=len(keys[0]) == n
    )


@pytest.mark.parametrize("window", [1, 2, 3, 7, 100])
def test_chance_knows_the_sliding_window(window):
    texts = list("abcadbcabdacbd")
    n = len(texts)
    seen = np.tri(n) - np.tri(n, k=-window)
    local = seen / seen.sum(1, keepdims=True)
    layers = [attends(0, 2, n), attends(5, 1, n, window=window)]
    trace = SimpleNamespace(attention={"self": layers}, tokens=Tokens.of(texts), source_tokens=None)
    summary = head_summaries(trace)
    (values, chance), counts = by_the_definition(local, texts, causal=True, window=window)
    np.testing.assert_allclose(summary.values[:, 1, 0], values, rtol=1e-5)
    np.testing.assert_allclose(summary.chance[:, 1], chance, rtol=1e-5)
    assert summary.counts[:, 1].tolist() == counts
    assert np.isfinite(summary.values[:, 0]).all()
    assert np.isnan(summary.values[:, 1, 1]).all(), "layer 5 has one head"
    assert (summary.heads, summary.layers, len(summary.table())) == ((2, 1), (0, 5), 3)
    if window == 1:
        assert all(note.endswith("in layers 5") for note in summary.notes.values())


def test_a_real_trace_agrees_with_its_arrays():
    import torch
    import transformers

    import interpwidgets as iw

    torch.manual_seed(0)
    config = transformers.GPT2Config(n_layer=2, n_head=3, n_embd=24, vocab_size=20, n_positions=64)
    trace = iw.load(transformers.GPT2LMHeadModel(config).eval()).trace(np.random.default_rng(0).integers(0, 20, 48))
    record = iw.attention(trace)
    a = head_summaries(trace)
    b = head_summaries(ArrayPatterns(record.pattern, record.queries, causal=True))
    np.testing.assert_allclose(a.values, b.values, rtol=1e-4)
    c = head_summaries(trace, tokens=trace.ids, layers=[1])
    np.testing.assert_array_equal(c.values[:, 0], a.values[:, 1])


def test_no_block_is_larger_than_the_bound(monkeypatch):
    asked = []

    class Watched(ArrayPatterns):
        def block(self, layer, head, q=slice(None), k=slice(None)):
            block = super().block(layer, head, q, k)
            asked.append(block.size)
            return block

    monkeypatch.setattr(pictures, "BLOCK_CELLS", 200)
    head_summaries(Watched(random_heads((1, 2), 40), Tokens.of(["t"] * 40), causal=True))
    assert max(asked) <= 200
    assert sum(asked) == 2 * 1600


# What is given.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_head_that_is_no_number_is_named_and_the_others_stay(bad):
    heads = random_heads((2, 2), 20)
    clean = summarise(heads, REPEATED[:20])
    heads[1, 0, 7, 2] = bad
    source = ArrayPatterns(heads, Tokens.of(REPEATED[:20]), causal=True)
    source._bound = 1.0
    summary = head_summaries(source)
    assert np.isnan(summary.values[:, 1, 0]).all()
    assert summary.notes["pattern"] == "not finite in layer.head 1.0"
    np.testing.assert_array_equal(summary.values[:, 0], clean.values[:, 0])
    np.testing.assert_array_equal(summary.values[:, 1, 1], clean.values[:, 1, 1])


def test_tokens_may_be_told_apart_by_something_else():
    texts = [f"t{i}" for i in range(2 * PERIOD)]
    head = looks_at(2 * PERIOD, lambda q: q - PERIOD + 1 if q >= PERIOD else 0)
    assert np.isnan(summarise([head], texts).get("induction")).all()
    for tokens in (REPEATED, np.arange(2 * PERIOD) % PERIOD, Tokens.of(REPEATED)):
        assert summarise([head], texts, tokens=tokens).get("induction")[0, 0] == 1.0


def test_ids_tell_tokens_apart_where_texts_do_not():
    tokens = Tokens(("a",) * 6, ids=np.array([5, 6, 7, 6, 8, 9]))
    summary = head_summaries(ArrayPatterns(uniform(6), tokens))
    assert summary.counts[NAMES.index("duplicate_token"), 0] == 1


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (ArrayPatterns(np.ones((2, 3)) / 3, Tokens.of(["a", "b"]), Tokens.of(["x", "y", "z"])), {},
         "2 queries that look at 3 other positions"),
        (ArrayPatterns([[1, 0], [-1, 2]], Tokens.of(["a", "b"])), {}, "values below 0 or above 1"),
        (ArrayPatterns([[3, 0], [5, 2]], Tokens.of(["a", "b"])), {}, "values below 0 or above 1"),
        (ArrayPatterns(uniform(3), Tokens.of(list("abc"))), {"tokens": ["a"]}, "one token for each of the 3 positions"),
        (ArrayPatterns(uniform(3), Tokens.of(list("abc"))), {"layers": [4]}, "got layer 4"),
        ("a text", {}, "expected a trace or patterns, got str"),
    ],
    ids=["cross", "negative", "scores", "tokens", "layer", "text"],
)  # fmt: skip
def test_what_does_not_fit_is_refused(source, options, said):
    with pytest.raises(InputError, match=re.escape(said)):
        head_summaries(source, **options)


def test_two_runs_compared_summarise_the_first():
    first, second = (ArrayPatterns(random_heads((1, 2), 12, seed=s), Tokens.of(REPEATED[:12])) for s in (0, 1))
    np.testing.assert_array_equal(head_summaries(ComparedPatterns(first, second)).values, head_summaries(first).values)


def test_an_encoder_decoder_means_the_decoder():
    import torch

    torch.manual_seed(0)
    decoder = attends(0, 2, 5, queries=torch.randn(2, 5, 4), keys=torch.randn(2, 5, 4))
    cross = attends(0, 2, 5, keys=torch.randn(2, 3, 4))
    trace = SimpleNamespace(
        attention={"cross": [cross], "decoder": [decoder]},
        tokens=Tokens.of(list("abcde")),
        source_tokens=Tokens.of(list("xyz")),
    )
    want = head_summaries(TracePatterns(trace, "decoder")).values
    np.testing.assert_array_equal(head_summaries(trace).values, want)


# The record.


def record(**changed):
    values = np.array([[[0.9, 0.2], [0.5, np.nan]]], np.float32)
    given = {
        "names": ("induction",),
        "values": values,
        "chance": np.array([[0.1, 0.4]], np.float32),
        "counts": np.array([[9, 9]]),
        "layers": (3, 7),
        "heads": (2, 1),
    }
    return HeadSummaries(**{**given, **changed})


def test_top_leaves_out_what_is_undefined():
    best = record().top("induction", 10)
    assert [(layer, head) for layer, head, _ in best] == [(3, 0), (7, 0), (3, 1)]
    assert record().top("induction", 0) == []


def test_a_label_needs_more_than_chance():
    assert record().labels() == {(3, 0): ("induction",)}
    assert record().labels(0.15) == {(3, 0): ("induction",), (7, 0): ("induction",)}
    assert record(chance=np.array([[1.0, 1.0]])).labels() == {}
    assert record(counts=np.array([[3, 3]])).labels() == {}
    assert record(names=("entropy",)).labels() == {}
    for threshold in (0, -1, 1.1, float("nan")):
        with pytest.raises(InputError, match="above 0 and at most 1"):
            record().labels(threshold)


def test_the_table_has_a_row_for_each_head():
    rows = record().table()
    assert [(row["layer"], row["head"], row["labels"]) for row in rows] == [
        (3, 0, ("induction",)),
        (3, 1, ()),
        (7, 0, ()),
    ]


def test_a_record_checks_itself():
    with pytest.raises(
        InputError, match=re.escape("expected chance [summary, layer] of shape [1, 2], got shape [1, 3]")
    ):
        record(chance=np.zeros((1, 3)))
    with pytest.raises(InputError, match=re.escape("a summary among ['induction'], got 'inducton'")):
        record().get("inducton")


def test_the_repr_says_what_was_found():
    text = repr(record())
    assert text.splitlines() == [
        "HeadSummaries(2 layers, 3 heads)",
        "  induction          largest 0.9 in layer 3 head 0; uniform 0.1; 9 queries",
    ]


# Likeness.


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("side", [4, 16, 64])
def test_like_heads_stand_side_by_side(dtype, side):
    random = np.random.default_rng(0)
    kinds = random.permutation(np.repeat(np.arange(4), 9))
    prototypes = random.integers(0, 200, (4, side, side))
    pictured = (prototypes[kinds] + random.integers(0, 30, (36, side, side))).astype(dtype)
    order = order_by_likeness(pictured)
    assert sorted(order) == list(range(36))
    assert (np.diff(kinds[order]) != 0).sum() == 3


def test_a_row_of_shades_is_put_in_order():
    shades = np.random.default_rng(1).permutation(20)
    order = order_by_likeness(np.broadcast_to(shades[:, None, None], (20, 8, 8)).astype(np.uint8))
    assert abs(np.diff(shades[order])).tolist() == [1] * 19


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_few_heads_and_equal_heads(n):
    assert sorted(order_by_likeness(np.zeros((n, 4, 4)))) == list(range(n))


def test_what_is_not_finite_does_not_stop_the_ordering():
    pictured = np.random.default_rng(0).random((6, 5, 7)).astype(np.float32)
    pictured[2, 3] = np.nan
    pictured[4, 1, 1] = np.inf
    assert sorted(order_by_likeness(pictured)) == list(range(6))


@pytest.mark.parametrize("shape", [(4, 4), (2, 0, 3), (1, 2, 3, 4)])
def test_pictures_have_three_axes(shape):
    with pytest.raises(InputError, match=re.escape(f"[head, row, column], got shape {list(shape)}")):
        order_by_likeness(np.zeros(shape))


def test_more_heads_than_the_cap_are_still_ordered(monkeypatch):
    from interpwidgets.analyses import likeness

    monkeypatch.setattr(likeness, "MOST_ORDERED", 10)
    kinds = np.arange(40) % 2
    pictured = kinds[:, None, None] * np.ones((40, LIKENESS_SIDE + 3, 20))
    assert (np.diff(kinds[order_by_likeness(pictured)]) != 0).sum() == 1
