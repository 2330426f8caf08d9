"""Dictionaries learnt from activations whose true features are known."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import interpwidgets as iw
from interpwidgets.dictionaries import Identity, save_dictionary
from interpwidgets.errors import InputError
from interpwidgets.worlds import storyworld

# Mean max cosine that published reports of each kind reach on this problem: 32 dimensions, 64 atoms, 3 active.
REPORTED = {"topk": 0.995, "batch_topk": 0.955, "matryoshka": 0.954, "jumprelu": 0.948, "gated": 0.95, "relu": 0.81}


def planted(tokens, seed, *, d=32, atoms=64, active=3):
    """Directions [atom, d] of length 1, and activations that are sums of a few of them."""
    draw = torch.Generator().manual_seed(0)
    directions = nn.functional.normalize(torch.randn(atoms, d, generator=draw), dim=1)
    draw = torch.Generator().manual_seed(seed)
    chosen = torch.rand(tokens, atoms, generator=draw).topk(active, dim=1).indices
    sizes = 0.5 + torch.rand(tokens, active, generator=draw)
    return directions, torch.zeros(tokens, atoms).scatter(1, chosen, sizes) @ directions


def recovery(found, directions):
    return float((directions @ nn.functional.normalize(found, dim=1).T).max(1).values.mean())


def fit(kind, x, **rest):
    return iw.fit_dictionary(kind, x, **{"n_features": 64, "k": 3, "progress": False, **rest})


@pytest.mark.slow
@pytest.mark.parametrize("kind", REPORTED)
def test_planted_directions_are_found(kind):
    directions, x = planted(100_000, 1)
    made = fit(kind, x)
    assert recovery(made.directions, directions) >= REPORTED[kind]
    fresh = planted(2_000, 2)[1]
    assert float((made.encode(fresh) > 0).sum(1).float().mean()) == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("kind", REPORTED)
def test_a_finished_dictionary_does_not_look_at_neighbours_and_is_saved_whole(kind, tmp_path):
    _, x = planted(4_000, 1)
    made = fit(kind, x, steps=60, batch=512)
    alone = torch.cat([made.encode(row[None]) for row in x[:20]])
    torch.testing.assert_close(alone, made.encode(x)[:20], rtol=1e-4, atol=1e-5)
    again = iw.load_dictionary(save_dictionary(made, tmp_path / "d"))
    assert torch.equal(again.encode(x[:50]), made.encode(x[:50]))
    assert torch.equal(again.decode(again.encode(x[:50])), made.decode(made.encode(x[:50])))
    assert again.history is not None
    assert again.history.step.tolist() == list(range(10, 61, 10))


def test_scales_are_undone():
    """Activations a thousand times as large give the same codes, and directions a thousand times as long."""
    _, x = planted(8_000, 1)
    small, large = (fit("topk", x * size, steps=150, batch=512) for size in (1.0, 1000.0))
    torch.testing.assert_close(large.directions / 1000, small.directions, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(large.encode(x[:50] * 1000), small.encode(x[:50]), rtol=1e-2, atol=1e-2)
    one = torch.zeros(64)
    one[5] = 1.0
    torch.testing.assert_close(small.decode(one) - small.decode(0 * one), small.unit_writes[5])
    torch.testing.assert_close(large.reconstruct(x * 1000), 1000 * small.reconstruct(x), rtol=1e-2, atol=2.0)
    unexplained = small.error(x).square().sum() / (x - x.mean(0)).square().sum()
    assert float(unexplained) == pytest.approx(float(small.history.fvu[-1]), rel=0.1)


@pytest.mark.slow
def test_a_transcoder_finds_the_neurons_of_a_planted_mlp():
    draw = torch.Generator().manual_seed(3)
    read = nn.functional.normalize(torch.randn(64, 32, generator=draw), dim=1)
    write = nn.functional.normalize(torch.randn(64, 24, generator=draw), dim=1)
    x = torch.randn(60_000, 32, generator=draw)
    hidden = (x @ read.T - 1.4).relu()
    y = hidden @ write
    active = float((hidden > 0).sum(1).float().mean())
    made = fit("batch_topk", (x, y), n_features=96, k=active, steps=1500, batch=1024, rate=1e-2)
    assert recovery(made.directions, write) > 0.95
    assert recovery(made.detectors, read) > 0.95
    error = made.error(x[:4000], y[:4000]).square().sum() / (y[:4000] - y.mean(0)).square().sum()
    assert float(error) < 0.05


def test_a_skip_connection_takes_over_what_is_linear():
    draw = torch.Generator().manual_seed(4)
    x = torch.randn(20_000, 16, generator=draw)
    y = 5 * x @ torch.randn(16, 12, generator=draw) + 2
    plain, skip = (fit("topk", (x, y), n_features=32, k=2, steps=800, batch=512, skip=s) for s in (False, True))
    left = [float(d.error(x, y).square().sum() / (y - y.mean(0)).square().sum()) for d in (plain, skip)]
    assert left[1] < 0.01 < left[0]


def test_a_run_that_was_stopped_ends_with_the_same_weights(tmp_path):
    _, x = planted(3_000, 1)
    straight = fit("batch_topk", x, steps=60, batch=256)

    class KilledError(Exception):
        pass

    class Stops:
        """The same rows, until they are asked for the third time."""

        site_in = site_out = None
        whole, about = True, {"tokens": len(x)}
        calls = 0

        def chunk(self, number):
            Stops.calls += 1
            if Stops.calls > 3:
                raise KilledError
            return rows.chunk(number)

    from interpwidgets.dictionaries.training import Rows

    rows = Rows(x)
    with pytest.raises(KilledError):
        fit("batch_topk", Stops(), steps=60, batch=256, checkpoint=tmp_path, save_every=7)
    resumed = fit("batch_topk", x, steps=60, batch=256, checkpoint=tmp_path, save_every=7)
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert straight.history.fvu.tolist() == resumed.history.fvu.tolist()
    with pytest.raises(InputError, match="saved with n_features=32"):
        fit("batch_topk", x, n_features=32, steps=60, batch=256, checkpoint=tmp_path)
    (tmp_path / "training.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="Delete the file"):
        fit("batch_topk", x, steps=60, batch=256, checkpoint=tmp_path)


WORKER = """
import json, sys, torch
import interpwidgets as iw
torch.set_num_threads(1)
x = torch.load(sys.argv[1], weights_only=True)
made = iw.fit_dictionary("topk", x, n_features=48, k=3, steps=40, batch=256, progress=False)
torch.save(made.state_dict(), f"{sys.argv[2]}/{__import__('os').environ.get('RANK', 'one')}.pt")
"""


@pytest.mark.slow
def test_two_ranks_learn_what_one_does(tmp_path):
    torch.save(planted(2_000, 1)[1], tmp_path / "x.pt")
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = {"check": True, "capture_output": True, "timeout": 300, "env": environment}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*torchrun, script, tmp_path / "x.pt", tmp_path], **run)
    subprocess.run([sys.executable, script, tmp_path / "x.pt", tmp_path], **run)
    one, first, second = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("one", "0", "1"))
    for name in one:
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], one[name], rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def lm():
    return iw.load("storyworld")


@pytest.fixture(scope="module")
def texts():
    return [story.text for story in storyworld.generate(30, seed=11)]


def test_a_model_and_its_texts_are_read_in_a_stream(lm, texts):
    made = iw.fit_dictionary(
        "topk", (lm, "resid_post.-1", texts), n_features=64, k=4, steps=20, batch=256, progress=False
    )
    assert (made.site_in, made.site_out) == ("resid_post.3", "resid_post.3")
    assert made.source["model"] == "storyworld"
    both = iw.fit_dictionary(
        "topk", (lm, ("mlp_in.1", "mlp_out.1"), texts), n_features=64, k=4, steps=20, batch=256, progress=False
    )
    assert (both.kind, both.site_in, both.site_out) == ("transcoder", "mlp_in.1", "mlp_out.1")
    names = [type(m).__name__ for m in lm.model.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert names == []


def test_the_stream_holds_what_a_trace_shows(lm, texts):
    from interpwidgets.analyses.activation_source import ActivationSource
    from interpwidgets.analyses.corpus import Corpus

    source = ActivationSource(lm, Corpus(lm, texts), site_in="resid_post.1", tokens=900)
    seen, number = [], 0
    while sum(map(len, seen)) < sum(len(lm.tokens(t)) - 1 for t in texts):
        seen.append(source.chunk(number).read)
        number += 1
    assert number > 1
    want = torch.cat([lm.trace(text)["resid_post.1"][1:] for text in texts])
    got = torch.cat(seen)
    assert got.shape == want.shape
    # Rows come in another order: each is compared with the nearest.
    assert float(torch.cdist(got.double(), want.double()).min(1).values.max()) < 0.01
    assert torch.equal(source.chunk(1).read, seen[1])  # going back reads anew
    halves = [
        ActivationSource(lm, Corpus(lm, texts), site_in="resid_post.1", tokens=10**6, rank=r, ranks=2) for r in (0, 1)
    ]
    assert sum(len(half.chunk(0).read) for half in halves) == len(want)


def test_a_corpus_cuts_long_documents_and_reads_every_form(lm, tmp_path):
    from interpwidgets.analyses.corpus import Corpus

    words = storyworld.generate(1, seed=3)[0].words
    long = " ".join((words * 40)[:700])
    windows = list(Corpus(lm, [long, words[0]], context=100).windows())
    start = lm.tokens(words[0]).ids[0]
    assert all(w.ids[0] == start and len(w.ids) <= 100 for w in windows)
    assert [i for w in windows if w.document == 0 for i in w.ids[1:]] == lm.tokenizer(long)["input_ids"][1:]
    assert list(Corpus(lm, [long, words[0]], context=100).windows(0, 3)) == windows[3:]
    (tmp_path / "a.txt").write_text(long)
    ids = np.array([lm.tokens(words[0]).ids.tolist()])
    forms = [tmp_path, tmp_path / "a.txt", [{"text": long}], (t for t in [long]), [lm.tokenizer(long)["input_ids"][1:]]]
    counts = [sum(len(w.ids) for w in Corpus(lm, form).windows()) for form in forms]
    assert counts[:4] == [700 + 3] * 4
    assert counts[4] == 700  # ids are taken as they are
    assert [w.ids for w in Corpus(lm, ids).windows()] == ids.tolist()
    assert list(Corpus(lm, [""]).windows()) == []


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ("one text", "Pass a list of texts"),
        ([], "one document or more"),
        (5, "Pass a list of texts"),
        ([{"body": "x"}], "column 'text'"),
        (torch.zeros(3), r"\[document, token\]"),
    ],
)
def test_no_corpus(lm, documents, said):
    with pytest.raises(InputError, match=said):
        iw.fit_dictionary("topk", (lm, "resid_post.1", documents), progress=False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "sparse"}, "a kind out of relu"),
        ({"n_features": 1}, "n_features"),
        ({"k": 0}, "k above 0"),
        ({"k": 100}, "k above 0, up to 64"),
        ({"kind": "topk", "k": 2.5}, "k as a whole number"),
        ({"kind": "matryoshka", "levels": [8, 32]}, "ascend to 64"),
        ({"rate": -1.0}, "a rate above 0"),
        ({"batch": 1}, "batch"),
        ({"skip": True}, "a pair of sites"),
        ({"x": torch.full((4, 8), torch.nan)}, "4 of 4 tokens with NaN"),
        ({"x": torch.zeros(4, 8, dtype=torch.long)}, "floating-point"),
        ({"x": (torch.zeros(4, 8), torch.zeros(5, 8))}, "4 and 5"),
        ({"x": [1.0]}, "or \\(model, site, documents\\)"),
        ({"kind": "nmf", "x": -torch.ones(20, 8)}, "0 or more for nmf"),
    ],
)
def test_what_cannot_be_learnt_is_said(given, said):
    given = {"kind": "topk", "x": torch.randn(200, 16), "steps": 5, **given}
    kind, x = given.pop("kind"), given.pop("x")
    with pytest.raises(InputError, match=said):
        fit(kind, x, **given)


def test_a_text_that_ends_is_said(lm, texts):
    from interpwidgets.analyses.activation_source import ActivationSource
    from interpwidgets.analyses.corpus import Corpus

    once = ActivationSource(lm, Corpus(lm, iter(texts)), site_in="resid_post.1", tokens=500)
    with pytest.raises(InputError, match="ended after"):
        iw.fit_dictionary("topk", once, batch=64, steps=500, progress=False)


def factors(seed=0):
    draw = torch.Generator().manual_seed(seed)
    parts = torch.zeros(10, 200)
    for row in parts:
        row[torch.randperm(200, generator=draw)[:10]] = torch.randn(10, generator=draw)
    parts = nn.functional.normalize(parts, dim=1)
    weights = torch.rand(600, 10, generator=draw) * (torch.rand(600, 10, generator=draw) < 0.25)
    return parts, weights @ parts + 0.01 * torch.randn(600, 200, generator=draw)


def test_winner_take_all_finds_planted_factors_and_without_it_they_are_not_identifiable():
    parts, x = factors()
    made, loose = (
        iw.fit_dictionary("snmf", x, n_features=10, share=share, restarts=1, progress=False) for share in (0.05, None)
    )
    best = (parts @ nn.functional.normalize(made.directions, dim=1).T).max(1).values
    assert float(best.min()) > 0.99
    assert float(((made.directions != 0).sum(1)).max()) == 10
    other = (parts @ nn.functional.normalize(loose.directions, dim=1).T).max(1).values
    assert float(other.mean()) < 0.9
    assert loose.history.fvu[-1] < made.history.fvu[-1] * 1.05  # the error does not tell them apart
    assert np.all(np.diff(loose.history.fvu) <= 1e-6)


def test_parts_of_parts():
    """Nine fine parts are three coarse ones with small changes; the hierarchy finds the three."""
    from interpwidgets.dictionaries.training.factorise import coarser

    draw = torch.Generator().manual_seed(1)
    coarse = nn.functional.normalize(torch.randn(3, 40, generator=draw), dim=1)
    fine = coarse.repeat_interleave(3, 0) + 0.03 * torch.randn(9, 40, generator=draw)
    mixture = coarser(fine, 3, steps=300, seed=0)
    assert bool((mixture >= 0).all())
    made = nn.functional.normalize(mixture @ fine, dim=1)
    assert float((coarse @ made.T).max(1).values.min()) > 0.99


def test_history_as_a_figure():
    made = fit("topk", planted(2_000, 1)[1], steps=30, batch=256)
    figure = made.history.figure()
    assert [trace.name for trace in figure.data] == ["variance unexplained", "features per token (L0)", "dead features"]
    assert list(figure.data[1].y) == [3.0, 3.0, 3.0]
    assert json.loads(figure.to_json())
    assert Identity(4).history is None


def test_a_plain_module_is_read_in_batches():
    """Rows of different lengths through a module that takes no mask."""
    embedding = nn.Embedding(20, 8)
    lm = iw.load(nn.Sequential(embedding, nn.Linear(8, 8)), sites={"embed": "0", "resid_post.0": "1"})
    rows = [[1, 2, 3], [4, 5], [6, 7, 8], [9]] * 8
    made = iw.fit_dictionary("topk", (lm, "embed", rows), n_features=16, k=1, steps=20, batch=32, progress=False)
    assert made.site_in == "embed"
    assert made.encode(embedding.weight.detach()).shape == (20, 16)


@pytest.mark.slow
def test_parents_come_before_their_children_in_a_matryoshka():
    from interpwidgets.worlds import planted

    world = planted.hierarchy()
    x, _ = world.sample(40_000, seed=1)
    made = fit("matryoshka", x, n_features=40, k=4, levels=[8, 40], steps=1000, batch=1024)
    assert world.parents_first(made) >= 0.9
    errors = (made.reconstructions(x[:4000]) - x[:4000]).square().sum((1, 2))
    assert bool((errors.diff() <= 0).all())
