"""Neuronpedia's formats: real files of SAEDashboard, a round trip, the published schema, and hostile files."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets import InputError, Tokens
from interpwidgets.dictionaries import SparseAutoencoder, TopK
from interpwidgets.records.byte_alphabet import spelled, written
from interpwidgets.records.neuronpedia_files import feature_details
from interpwidgets.worlds import storyworld

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "reference"
REAL, SCHEMA = DATA / "saedashboard", DATA / "neuronpedia" / "feature-details-schema.json"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the reference dashboards")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An index of our own with every kind of feature: dense, rare, dead, labelled."""
    draw = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(60, 128, generator=draw), dim=1)
    labels = {0: "zero", 7: "a dog <b>barks</b> 🐶"}
    sae = SparseAutoencoder(
        directions, directions, activation=TopK(3), site_in="resid_post.1", labels=labels, name="small"
    )
    texts = [story.text for story in storyworld.generate(12, seed=21)]
    return iw.build_index(iw.load("storyworld"), sae, texts, tmp_path_factory.mktemp("i"), progress=False)


@real
def test_real_dashboards_say_what_their_json_says():
    found = iw.read_neuronpedia(REAL)
    rows = {
        row["feature_index"]: row
        for name in ("batch-0.json", "batch-1.json")
        for row in json.loads((REAL / name).read_text())["features"]
    }
    assert (found.n_features, found.n_tokens, found.card["model"], found.name) == (4, 640000, "gpt2-small", "res-jb")
    for number, row in rows.items():
        one = found.feature(number)
        assert one.density == row["frac_nonzero"]
        assert one.counts.tolist() == row["freq_hist_data_bar_heights"]
        assert one.count == sum(row["freq_hist_data_bar_heights"])
        middles = (one.edges[:-1] + one.edges[1:]) / 2
        np.testing.assert_allclose(middles, row["freq_hist_data_bar_values"], atol=2e-3)  # three digits are given
        assert list(one.promoted.texts) == row["pos_str"]
        np.testing.assert_allclose(one.promoted.values, row["pos_values"], rtol=1e-6)
        np.testing.assert_allclose(one.suppressed.values, row["neg_values"], rtol=1e-6)
        alive = [a for a in row["activations"] if max(a["values"]) > 0]
        assert len(one.examples) == len(alive)
        for example, given in zip(one.examples, alive, strict=True):
            at = given["qualifying_token_index"]
            assert (example.position, example.value) == (at, pytest.approx(given["values"][at]))
            assert example.values[example.peak] == np.float32(example.value)
            whole = found.context(example.document, 0, 1000, number)
            np.testing.assert_allclose(whole.values, given["values"], rtol=1e-6)
            assert len(whole.tokens) == len(given["tokens"])
    assert np.isnan(found.feature(1).max)
    assert found.feature(0).max == pytest.approx(2.214)
    # Characters that the file shows in GPT-2's byte alphabet are read.
    said = "".join(found.context(found.feature(0).examples[0].document, 0, 20).tokens.texts)
    glyphs = found.context(found.feature(0).examples[0].document, 0, 20).tokens.glyphs
    assert glyphs[0] == (11, 13, "’")
    assert "\\xe2\\x80\\x99s" in said


@real
def test_imported_dashboards_behave_like_an_index():
    found = iw.read_neuronpedia(REAL)
    assert found.search(sort="density")[0] == 2
    assert found.search("fires:brigade").tolist() == [0]
    assert found.search("promotes:ultrasound").tolist() == [2]
    assert found.search("3").tolist() == [3]
    found.set_label(2, "<script>x</script>")
    found.add_column("mine", [1.0, 2.0, 3.0, 4.0])
    assert found.search("label:script").tolist() == [2]
    assert found.feature(2).label == "<script>x</script>"
    assert found.feature(3).columns == {"mine": 4.0}
    with pytest.raises(InputError, match="0 to 3"):
        found.feature(4)
    with pytest.raises(InputError, match="a document from 0"):
        found.context(10**6, 0, 5)
    folder = found.temporary
    assert folder.is_dir()
    found.close()
    assert not folder.exists()


@real
def test_a_browser_shows_imported_dashboards(tmp_path):
    view = iw.FeatureBrowser(iw.read_neuronpedia(REAL))
    assert view.feature == 2
    page = view.to_html(tmp_path / "page.html")
    assert "microscope" in page or len(page) > 10_000


def test_the_readers_need_no_torch(index, tmp_path):
    iw.write_neuronpedia(index, tmp_path)
    code = f"import sys, interpwidgets as iw; iw.read_neuronpedia({str(tmp_path)!r}); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_a_round_trip_keeps_every_number(index, tmp_path):
    files = iw.write_neuronpedia(index, tmp_path / "out", batch=25, dataset="stories")
    assert [file.name for file in files] == ["batch-0.json", "batch-1.json", "batch-2.json"]
    batch = json.loads(files[0].read_text("utf8"))
    assert (batch["model_id"], batch["layer"], batch["sae_set"]) == ("storyworld", 1, "small")
    back = iw.read_neuronpedia(tmp_path / "out")
    assert back.n_features == 60
    for number in range(60):
        mine, theirs = index.feature(number), back.feature(number)
        assert theirs.density == mine.density
        assert (theirs.count, theirs.counts.sum()) == (mine.count, mine.counts.sum())
        if mine.count:
            assert theirs.counts.tolist() == mine.counts.tolist()
            np.testing.assert_allclose(theirs.edges, mine.edges, rtol=1e-12)
        for name in ("promoted", "suppressed"):
            assert getattr(theirs, name).texts == getattr(mine, name).texts
            assert getattr(theirs, name).values.tolist() == getattr(mine, name).values.tolist()
        assert theirs.correlated.features.tolist() == mine.correlated.features.tolist()
        assert theirs.correlated.values.tolist() == mine.correlated.values.tolist()
        assert len(theirs.examples) == len(mine.examples)
        for a, b in zip(mine.examples, theirs.examples, strict=True):
            assert a.tokens.texts == b.tokens.texts
            assert a.values.tolist() == b.values.tolist()
            assert (a.peak, a.group == "top") == (b.peak, b.group == "top")
        top = [e.values.max() for e in mine.examples]
        assert not mine.count or theirs.max == max(top)
    # A second trip changes nothing any more.
    again = iw.write_neuronpedia(back, tmp_path / "again", batch=25, dataset="stories", model="storyworld", layer=1)
    for one, other in zip(files, again, strict=True):
        a, b = (json.loads(f.read_text("utf8"))["features"] for f in (one, other))
        for x, y in zip(a, b, strict=True):
            for name in x:
                if name not in ("activations", "n_prompts_total", "freq_hist_data_bar_values"):
                    assert x[name] == y[name], name
            assert [e["values"] for e in x["activations"]] == [e["values"] for e in y["activations"]]
            assert [e["tokens"] for e in x["activations"]] == [e["tokens"] for e in y["activations"]]


@real
def test_what_is_written_has_the_keys_and_kinds_of_a_real_file(index, tmp_path):
    (file,) = iw.write_neuronpedia(index, tmp_path, features=[3, 5])
    mine, theirs = json.loads(file.read_text("utf8")), json.loads((REAL / "batch-0.json").read_text())
    assert list(mine) == list(theirs)
    row, other = mine["features"][0], theirs["features"][0]
    assert list(row) == list(other)
    for name in other:
        number = isinstance(other[name], int | float)
        assert isinstance(row[name], int | float) if number else isinstance(row[name], type(other[name])), name
    assert list(row["activations"][0]) == list(other["activations"][0])
    with pytest.raises(InputError, match=r"batch-0.json in"):
        iw.write_neuronpedia(index, tmp_path)


@pytest.mark.skipif(not SCHEMA.is_file(), reason="needs the published schema")
def test_feature_details_follow_the_published_schema(index, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    details = [feature_details(index.feature(number)) for number in range(60)]
    for one in details:
        jsonschema.validate(one, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"index": "x"}, schema)
    path = tmp_path / "details.json"
    path.write_text(json.dumps(details))
    back = iw.read_neuronpedia(path)
    for number in range(60):
        mine, theirs = index.feature(number), back.feature(number)
        assert [e.values.max() for e in theirs.examples] == [e.values.max() for e in mine.examples]
        assert [e.group for e in theirs.examples] == [e.group for e in mine.examples]
        assert theirs.promoted.texts == mine.promoted.texts
        assert np.isnan(theirs.promoted.values).all()  # that layout names tokens and no logits


def test_labels_go_out_and_come_back(index, tmp_path):
    path = tmp_path / "labels.jsonl"
    assert iw.write_labels(index, path, author="someone") == 2
    lines = [json.loads(line) for line in path.read_text("utf8").splitlines()]
    assert lines[1] == {
        "modelId": "storyworld", "layer": "1-small", "index": "7", "description": "a dog <b>barks</b> 🐶",
        "explanationModelName": "someone", "typeName": "",
    }  # fmt: skip
    iw.write_neuronpedia(index, tmp_path / "out")
    other = iw.read_neuronpedia(tmp_path / "out")
    other.set_label(0, "mine")
    assert iw.read_labels(other, path) == 1
    assert (other.label(0), other.label(7)) == ("mine", "a dog <b>barks</b> 🐶")
    assert iw.read_labels(other, path, overwrite=True) == 2
    assert other.label(0) == "zero"
    packed = tmp_path / "batch-0.jsonl.gz"
    rows = [{"index": "3", "description": " first\n of two "}, {"index": 3, "description": "second"}]
    packed.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    assert iw.read_labels(other, packed) == 1
    assert other.label(3) == "first of two"
    annotations = tmp_path / "a.json"
    annotations.write_text(json.dumps([{"Feature": "5", "Annotation": "plural nouns"}, {"Feature": "6"}]))
    assert iw.read_labels(other, annotations) == 1
    assert other.label(5) == "plural nouns"


def test_a_bad_line_among_labels_writes_none(index, tmp_path):
    iw.write_neuronpedia(index, tmp_path / "out")
    other = iw.read_neuronpedia(tmp_path / "out")
    path = tmp_path / "x.jsonl"
    good = json.dumps({"index": 3, "description": "fine"})
    for line, said in (
        ('{"index": 60, "description": "x"}', "a whole number from 0 to 59"),
        ('{"index": -1, "description": "x"}', "a whole number from 0 to 59"),
        ('{"description": "x"}', "the number of a feature"),
        ('{"index": 1, "description": ["x"]}', "a text"),
        ('{"index": 1, "description": "%s"}' % ("x" * 10_001), "at most 10,000"),
        ("[1]", "a JSON object in x.jsonl, line 2"),
        ("{", "JSON in x.jsonl, line 2"),
    ):
        path.write_text(f"{good}\n{line}\n")
        with pytest.raises(InputError, match=said):
            iw.read_labels(other, path)
        assert other.label(3) == ""
    with pytest.raises(InputError, match="no file"):
        iw.read_labels(other, tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="a feature index"):
        iw.read_labels("index", path)


ROW = {"feature_index": 3, "pos_str": ["a"], "pos_values": [1.0], "frac_nonzero": 0.5}
PIECE = {"tokens": ["<b>x</b>", "y"], "values": [0.0, 2.0], "qualifying_token_index": 1, "bin_min": -1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "JSON in x.json"),
        ("{", "JSON in x.json"),
        ("[" * 100_000, "JSON in x.json"),
        ("null", "JSON objects"),
        ("[]", "a feature in"),
        ('{"features": []}', "a feature in"),
        ('{"features": {"a": 1}}', "'features' of x.json as a list"),
        ('{"features": [3]}', "a JSON object in x.json, entry 0"),
        ("{}", "'index' of x.json as a whole number"),
        (json.dumps({**ROW, "feature_index": 2**40}), "a whole number from 0 to 1048575"),
        (json.dumps({**ROW, "feature_index": True}), "a whole number"),
        (json.dumps({**ROW, "feature_index": "٣"}), "a whole number"),
        ('{"index": 3, "frac_nonzero": NaN}', "NaN, which is no JSON"),
        ('{"index": 3, "frac_nonzero": 1e999}', "a finite number"),
        ('{"index": 3, "pos_str": ["a"], "pos_values": [-Infinity]}', "-Infinity, which is no JSON"),
        (json.dumps({**ROW, "pos_values": [1, 2]}), "a list of 1 entries"),
        (json.dumps({**ROW, "pos_values": ["1"]}), "'1' among them"),
        (json.dumps({**ROW, "pos_values": [10**400]}), "a list of finite numbers"),
        (json.dumps({**ROW, "pos_str": [1]}), "a list of texts"),
        (json.dumps({**ROW, "pos_str": [None]}), "None among them"),
        (json.dumps({**ROW, "pos_str": "a"}), "as a list, got str"),
        (json.dumps({**ROW, "activations": [[1]]}), "a JSON object in feature 3 in x.json"),
        (json.dumps({**ROW, "activations": [{**PIECE, "values": [1.0]}]}), "a list of 2 entries"),
        (json.dumps({**ROW, "activations": [{**PIECE, "qualifying_token_index": 2}]}), "a position from 0 to 1"),
        (json.dumps({**ROW, "activations": [PIECE] * 5001}), "at most 5,000 entries"),
        (json.dumps({**ROW, "activations": [{**PIECE, "tokens": ["x"] * 70_000}]}), "at most 65,536"),
        (json.dumps({**ROW, "freq_hist_data_bar_heights": [-1], "freq_hist_data_bar_values": [1]}), "a negative one"),
        (json.dumps({**ROW, "correlated_features_indices": [1.5], "correlated_features_pearson": [1]}), "0 to 1048575"),
        (json.dumps([ROW, ROW]), "each feature once"),
    ],
)
def test_a_broken_or_hostile_file_gets_one_sentence(tmp_path, text, said):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf8")
    with pytest.raises(InputError, match=said):
        iw.read_neuronpedia(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="no file"):
        iw.read_neuronpedia(tmp_path / "x.json")
    with pytest.raises(InputError, match="none in"):
        iw.read_neuronpedia(tmp_path)
    (tmp_path / "x.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="text in UTF-8"):
        iw.read_neuronpedia(tmp_path)
    (tmp_path / "x.json").unlink()
    (tmp_path / "x.json.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="BadGzipFile"):
        iw.read_neuronpedia(tmp_path)


def test_a_feature_of_the_site_and_markup_in_tokens(tmp_path):
    """The site's own layout: index as text, explanations, the largest value's place."""
    row = {
        "modelId": "m", "layer": "2-res", "index": "5", "frac_nonzero": 0.25, "maxActApprox": 9.5,
        "explanations": [{"description": ""}, {"description": "<img src=x onerror=alert(1)>"}],
        "pos_str": ["<i>"], "pos_values": [2], "neg_str": [], "neg_values": [],
        "activations": [{"tokens": ["\ud800", "</script>"], "values": [0, 7.25], "maxValueTokenIndex": 1}],
    }  # fmt: skip
    path = tmp_path / "features.jsonl"
    path.write_text(json.dumps(row) + "\n\n")
    found = iw.read_neuronpedia(path)
    one = found.feature(5)
    assert (one.label, one.density, one.max) == ("<img src=x onerror=alert(1)>", 0.25, 9.5)
    assert (one.examples[0].tokens.texts, one.examples[0].value) == (("?", "</script>"), 7.25)
    assert (found.card["model"], found.card["site_in"], found.n_features) == ("m", "2-res", 6)
    # The numbers between are no features of the file.
    assert found.search().tolist() == [5]
    assert found.search("fires:script").tolist() == [5]
    assert found.search("0").tolist() == []
    assert (found.feature(0).count, found.feature(0).examples) == (0, ())
    page = iw.FeatureBrowser(found).to_html()
    assert "<img src=x" not in page


def test_the_byte_alphabet_of_gpt2():
    given = ["\n", "âĢ", "Ļ", "s", " âĢľ", "cafÃ©", "é", "naïve", "ðŁ", "Ĳ", "¶", "!"]
    got = spelled(given)
    assert got.texts[:3] == ("\n", "\\xe2\\x80", "\\x99")
    assert (got.texts[4], got.texts[5]) == (" “", "café") or (4, 6, " “café") in got.glyphs
    assert got.texts[6] == "é"  # a character of its own, not a byte
    assert got.texts[7] == "naïve"
    assert "🐶" in [text for _, _, text in got.glyphs]
    assert (1, 3, "’") in got.glyphs
    back = written(got)
    assert [back[i] for i in (1, 2, 8, 9, 10)] == ["âĢ", "Ļ", "ðŁ", "Ĳ", "¶"]
    plain = Tokens(("a", "\\x", "é"))
    assert written(plain) == list(plain.texts)
