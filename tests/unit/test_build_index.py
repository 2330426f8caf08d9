"""An index beside a dense table of every code, computed here in the plainest way."""

import filecmp
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets.analyses import build_index as building
from interpwidgets.dictionaries import Identity, SparseAutoencoder, TopK, save_dictionary
from interpwidgets.errors import InputError
from interpwidgets.worlds import storyworld

SITE = "resid_post.1"
FILES = ("index.json", "features.safetensors", "corpus.safetensors", "features.sqlite", "vocabulary.json")


@pytest.fixture(scope="module")
def lm():
    return iw.load("storyworld")


@pytest.fixture(scope="module")
def texts():
    return [story.text for story in storyworld.generate(40, seed=21)]


@pytest.fixture(scope="module")
def dictionary():
    draw = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(300, 128, generator=draw), dim=1)
    labels = {0: "zero", 7: "a dog <b>barks</b>"}
    return SparseAutoencoder(
        directions, directions, activation=TopK(5), site_in=SITE, labels=labels, name="random", subtract_bias=True
    )


@pytest.fixture(scope="module")
def truth(lm, texts, dictionary):
    """Codes [token, feature] of all tokens but ``<s>``, and for each token its document and position."""
    rows, places = [], []
    for number, text in enumerate(texts):
        codes = dictionary.encode(lm.trace(text)[SITE])
        rows.append(codes[1:])
        places += [(number, position) for position in range(1, len(codes))]
    return torch.cat(rows).numpy(), places


@pytest.fixture(scope="module")
def index(lm, texts, dictionary, tmp_path_factory):
    return iw.build_index(lm, dictionary, texts, tmp_path_factory.mktemp("index"), progress=False)


def test_counts_and_extremes_are_those_of_the_whole_table(index, truth):
    codes, _ = truth
    assert (index.n_tokens, index.n_features, index.card["n_documents"]) == (len(codes), 300, 40)
    fires = codes > 0
    np.testing.assert_allclose(index.column("density"), fires.mean(0), rtol=1e-6)
    top = np.where(fires.any(0), codes.max(0), np.nan)
    np.testing.assert_allclose(index.column("max"), top, rtol=1e-4)
    mean = np.where(fires.any(0), codes.sum(0) / np.maximum(1, fires.sum(0)), np.nan)
    np.testing.assert_allclose(index.column("mean"), mean, rtol=1e-4)
    assert not fires.any(0).all()  # some never fire, and say so
    never = index.feature(int(np.flatnonzero(~fires.any(0))[0]))
    assert (never.count, never.examples, int(never.counts.sum())) == (0, (), 0)
    assert np.isnan(never.max)


def test_examples_are_the_strongest_of_each_window(index, truth, lm, texts):
    codes, places = truth
    documents = np.array([document for document, _ in places])
    for feature in np.argsort(-(codes > 0).sum(0))[:25].tolist():
        found = index.feature(feature)
        column = codes[:, feature]
        best = np.array([column[documents == d].max() for d in range(40)])
        want = np.sort(best[best > 0])[::-1][:20]
        shown = [e for e in found.examples if e.group == "top"]
        np.testing.assert_allclose([e.value for e in shown], want, rtol=1e-4)
        for example in found.examples:
            at = places.index((example.document, example.position))
            assert column[at] == pytest.approx(example.value, rel=1e-4)
            said = lm.tokens(texts[example.document])
            piece = said.texts[example.start : example.start + len(example.tokens)]
            assert [t.strip() for t in example.tokens.texts] == [t.strip() for t in piece]
            assert example.tokens.ids.tolist() == said.ids[example.start : example.start + len(piece)].tolist()
            assert example.tokens.ids[example.peak] == said.ids[example.position]
            around = [
                0.0 if p == 0 else column[places.index((example.document, p))]
                for p in range(example.start, example.start + len(piece))
            ]
            np.testing.assert_allclose(example.values, around, rtol=2e-3, atol=1e-3)
        drawn = [e.value for e in found.examples if e.group != "top"]
        assert drawn == sorted(drawn, reverse=True)
        counts, _ = np.histogram(column[column > 0], found.edges)
        # A value beside an edge may fall to either side, as codes differ in their last bits.
        assert np.abs(np.cumsum(counts - found.counts)).max() <= 1
        assert int(found.counts.sum()) == found.count


def test_what_the_weights_say(index, lm, dictionary, truth):
    codes, _ = truth
    found = index.feature(11)
    direction = dictionary.directions[11]
    cosines = (dictionary.directions @ direction).numpy()
    cosines[11] = -2
    assert found.neighbours.features[0] == cosines.argmax()
    np.testing.assert_allclose(found.neighbours.values, np.sort(cosines)[::-1][:10], atol=1e-3)
    norm, head = lm.model.transformer.ln_f, lm.model.lm_head.weight
    table = head * norm.weight
    logits = ((table - table.mean(1, keepdim=True)) @ direction).detach().numpy()
    np.testing.assert_allclose(found.promoted.values, np.sort(logits)[::-1][:10], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(found.suppressed.values, np.sort(logits)[:10], rtol=2e-3, atol=2e-3)
    assert found.promoted.texts[0] == lm.vocabulary.texts[int(logits.argmax())]
    embedded = (lm.model.transformer.wte.weight @ direction).detach().numpy()
    np.testing.assert_allclose(found.read.values, np.sort(embedded)[::-1][:10], rtol=2e-3, atol=2e-3)
    # Correlations: all tokens are in the sample here.
    assert index.card["correlation_tokens"] == len(codes) + 40  # <s> are tokens too, on which nothing is counted
    dense = int(np.argmax((codes > 0).sum(0)))
    table = np.concatenate([codes, np.zeros((40, 300), np.float32)])
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num(np.corrcoef(table.T)[dense])
    together = ((codes > 0) & (codes[:, [dense]] > 0)).any(0)
    correlation[~together] = -2
    correlation[dense] = -2
    got = index.feature(dense).correlated
    np.testing.assert_allclose(got.values, np.sort(correlation)[::-1][: len(got.values)], atol=2e-3)


def test_many_windows_of_long_documents(lm, dictionary, tmp_path):
    """A document longer than the context: peaks are found in each window, and named by their place in the document."""
    words = " ".join(w for s in storyworld.generate(6, seed=4) for w in s.words)
    index = iw.build_index(lm, dictionary, [words], tmp_path / "i", context=64, progress=False)
    ids = lm.tokenizer(words)["input_ids"]
    feature = int(np.nanargmax(index.column("density")))
    found = index.feature(feature)
    assert len([e for e in found.examples if e.group == "top"]) > 3
    for example in found.examples:
        assert example.tokens.ids[example.peak] == ids[example.position]
        shown = index.context(0, example.start, example.start + len(example.tokens), feature)
        assert shown.tokens.texts[: len(example.tokens)] == example.tokens.texts
    with pytest.raises(InputError, match="a document from 0 to 0"):
        index.context(3, 0, 5)


def test_search_sort_and_filters(index):
    everything = index.search()
    assert sorted(everything.tolist()) == list(range(300))
    density = index.column("density")[everything]
    assert (np.diff(density) <= 0).all()
    up = index.search(sort="max", descending=False)
    values = index.column("max")[up]
    known = ~np.isnan(values)
    assert (np.diff(values[known]) >= 0).all()
    assert not known[known.sum() :].any()  # unknown last
    assert index.search("dog bark").tolist() == [7]
    assert index.search("label:zero").tolist() == [0]
    assert index.search("fires:zero").tolist() == []
    assert 123 in index.search("123")
    low, high = 0.01, 0.02
    found = index.search(filters={"density": (low, high)})
    assert set(found) == set(np.flatnonzero((index.column("density") >= low) & (index.column("density") <= high)))
    word = index.fires_on(int(everything[0]))[0].strip()
    assert int(everything[0]) in index.search(f"fires:{word}")
    assert index.search(sort="feature", descending=False, among=[5, 3]).tolist() == [3, 5]
    for query in ('"', "'; DROP TABLE feature;--", "*", "a OR b", "label:", "(", "fires:."):
        index.search(query)  # nothing typed is an operator, or an error
    with pytest.raises(InputError, match="a column out of density, max, mean"):
        index.search(sort="f1")
    with pytest.raises(InputError, match="as \\(low, high\\)"):
        index.search(filters={"max": (2, 1)})
    with pytest.raises(InputError, match="0 to 299"):
        index.feature(300)


def test_labels_and_columns_are_saved(lm, texts, dictionary, tmp_path):
    index = iw.build_index(lm, dictionary, texts[:5], tmp_path / "i", progress=False)
    index.set_label(3, "Hunde & <i>Katzen</i>")
    index.add_column("mine", np.arange(300.0))
    index.add_column("mine", np.arange(300.0) * 2)
    again = iw.open_index(tmp_path / "i")
    assert (again.label(3), again.labels[7]) == ("Hunde & <i>Katzen</i>", "a dog <b>barks</b>")
    assert again.search("katzen").tolist() == [3]
    assert again.columns == ["density", "max", "mean", "mine"]
    assert again.feature(9).columns == {"mine": 18.0}
    assert again.search(sort="mine")[0] == 299
    with pytest.raises(InputError, match="300 numbers"):
        index.add_column("short", [1.0])
    with pytest.raises(InputError, match="a name of your own"):
        index.add_column("density", np.zeros(300))
    with pytest.raises(InputError, match="a label as text"):
        index.set_label(3, None)


def same_files(one, other):
    return [name for name in FILES if not filecmp.cmp(one / name, other / name, shallow=False)] == []


def test_a_build_that_was_killed_ends_with_the_same_bytes(lm, texts, dictionary, index, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "BLOCK", 400)
    straight = iw.build_index(lm, dictionary, texts, tmp_path / "a", progress=False)
    real, calls = building.Reader.read, []

    def dies(*given):
        calls.append(1)
        if len(calls) in (4, 9):
            raise KeyboardInterrupt
        real(*given)

    monkeypatch.setattr(building.Reader, "read", dies)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            iw.build_index(lm, dictionary, texts, tmp_path / "b", save_every=2, progress=False)
        with pytest.raises(InputError, match="not finished"):
            iw.open_index(tmp_path / "b")
    with pytest.raises(InputError, match="top=20"):
        iw.build_index(lm, dictionary, texts, tmp_path / "b", top=3, progress=False)
    iw.build_index(lm, dictionary, texts, tmp_path / "b", save_every=2, progress=False)
    assert same_files(straight.folder, tmp_path / "b")
    assert not list((tmp_path / "b").glob("*.partial"))
    before = len(calls)
    iw.build_index(lm, dictionary, texts, tmp_path / "b", progress=False)  # done already: only opened
    assert len(calls) == before
    with pytest.raises(InputError, match="overwrite=True"):
        iw.build_index(lm, dictionary, texts[:3], tmp_path / "b", progress=False)
    # Blocks of another size hold the same text.
    np.testing.assert_allclose(straight.column("max"), index.column("max"), rtol=1e-4)
    assert straight.column("density").tolist() == index.column("density").tolist()


WORKER = """
import sys, torch
import interpwidgets as iw
from interpwidgets.analyses import build_index
from interpwidgets.worlds import storyworld
torch.set_num_threads(1)
build_index.BLOCK = 400
lm, dictionary = iw.load("storyworld"), iw.load_dictionary(sys.argv[1])
texts = [story.text for story in storyworld.generate(12, seed=21)]
iw.build_index(lm, dictionary, texts, sys.argv[2], progress=False)
"""


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one(dictionary, tmp_path):
    save_dictionary(dictionary, tmp_path / "d")
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    run = {"check": True, "timeout": 300, "env": {**os.environ, "OMP_NUM_THREADS": "1"}}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*torchrun, script, tmp_path / "d", tmp_path / "two"], **run)
    subprocess.run([sys.executable, script, tmp_path / "d", tmp_path / "one"], **run)
    assert same_files(tmp_path / "one", tmp_path / "two")


def test_an_index_opens_without_torch(index):
    code = f"import sys, interpwidgets as iw; i = iw.open_index({str(index.folder)!r}); i.feature(3); i.search('a')"
    out = subprocess.run(
        [sys.executable, "-c", code + "; print('torch' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "False"


def test_neurons_and_a_temporary_folder(lm, texts):
    index = iw.build_index(lm, Identity(640, site_in="mlp_act.2"), texts[:4], progress=False)
    folder = index.folder
    assert index.feature(5).promoted is not None  # through the output weights
    assert index.feature(5).read is None
    assert folder.is_dir()
    index.close()
    del index
    assert not folder.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"site_in": None}, "says which site it reads"),
        ({"site_in": "resid_post.9"}, "a layer from 0 to 3"),
        ({"site_in": "mlp_act.1"}, "a dictionary of width 640"),
    ],
)
def test_a_dictionary_of_another_place_is_refused(lm, texts, change, said):
    other = SparseAutoencoder(torch.eye(128), torch.eye(128), **change)
    with pytest.raises(InputError, match=said):
        iw.build_index(lm, other, texts, progress=False)


def test_no_index(lm, dictionary, tmp_path):
    with pytest.raises(InputError, match="nothing of the kind"):
        iw.open_index(tmp_path)
    (tmp_path / "index.json").write_text("[1]")
    with pytest.raises(InputError, match="version 1"):
        iw.open_index(tmp_path)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(InputError, match="JSON"):
        iw.open_index(tmp_path)
    (tmp_path / "index.json").write_text('{"version": 1, "dictionary": "x"}')
    (tmp_path / "features.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="Build it again"):
        iw.open_index(tmp_path)
    with pytest.raises(InputError, match="some text"):
        iw.build_index(lm, dictionary, [""], tmp_path / "empty", progress=False)


def test_a_transcoder_reads_one_place_and_writes_another_and_a_matryoshka_has_levels(lm, texts):
    transcoder = iw.load_dictionary("storyworld/mlp.3-transcoder")
    index = iw.build_index(lm, transcoder, texts[:10], progress=False)
    assert (index.card["site_in"], index.card["site_out"]) == ("mlp_in.3", "mlp_out.3")
    found = index.feature(int(index.search()[0]))
    norm, block = lm.model.transformer.ln_f.weight, lm.model.transformer.h[3]
    table = lm.model.lm_head.weight * norm
    writes = (table - table.mean(1, keepdim=True)) @ transcoder.directions[found.feature]
    np.testing.assert_allclose(found.promoted.values, writes.detach().topk(10).values, rtol=2e-3)
    reads = block.ln_2(lm.model.transformer.wte.weight) @ transcoder.detectors[found.feature]
    np.testing.assert_allclose(found.read.values, reads.detach().topk(10).values, rtol=2e-3)
    nested = iw.build_index(lm, iw.load_dictionary("storyworld/resid_post.1-matryoshka"), texts[:10], progress=False)
    assert (nested.feature(0).level, nested.feature(511).level) == (0, len(nested.card["levels"]) - 1)
    assert len(nested.search(filters={"level": (0, 0)})) == nested.card["levels"][0]
