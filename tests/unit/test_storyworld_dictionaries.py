"""The shipped dictionaries are what their card says, on stories that neither learning nor measuring saw."""

import json
import re

import pytest
import torch

import interpwidgets as iw
from interpwidgets.dictionaries import Matryoshka, Transcoder
from interpwidgets.errors import InputError
from interpwidgets.worlds import storyworld
from interpwidgets.worlds.storyworld.dictionaries import RECIPES
from interpwidgets.worlds.storyworld.dictionary_card import write_dictionary_card
from interpwidgets.worlds.storyworld.shipped import dictionary_folder

NAMES = [recipe.name for recipe in RECIPES]


@pytest.fixture(scope="module")
def lm():
    return iw.load("storyworld")


@pytest.fixture(scope="module")
def stories():
    return storyworld.generate(120, seed=8_000_009)


@pytest.fixture(scope="module")
def measures():
    return json.loads((dictionary_folder() / "measures.json").read_text())


def values(lm, stories, site):
    return torch.cat([lm.trace(story.text)[site] for story in stories])


def test_three_kinds_at_two_sites_and_a_transcoder():
    found = {name: iw.load_dictionary(f"storyworld/{name}") for name in NAMES}
    at = {}
    for dictionary in found.values():
        assert dictionary.dtype == torch.float32
        if not isinstance(dictionary, Transcoder):
            at.setdefault(dictionary.site_in, set()).add(dictionary.source["kind"])
    assert at == {site: {"batch_topk", "matryoshka", "jumprelu"} for site in ("resid_post.1", "resid_post.2")}
    assert isinstance(found["mlp.3-transcoder"], Transcoder)
    assert isinstance(found["resid_post.2-matryoshka"], Matryoshka)
    assert iw.load_dictionary("storyworld/resid_post.2", dtype="float16").dtype == torch.float16
    with pytest.raises(InputError, match=re.escape("resid_post.1-jumprelu")):
        iw.load_dictionary("storyworld/none")


@pytest.mark.parametrize("name", NAMES)
def test_each_does_what_its_card_says(lm, stories, measures, name):
    dictionary, said = iw.load_dictionary(f"storyworld/{name}"), measures["dictionaries"][name]
    x, y = (values(lm, stories, site) for site in (dictionary.site_in, dictionary.site_out))
    text = torch.cat([torch.arange(len(lm.tokens(story.text))) > 0 for story in stories])  # all but <s>
    error = dictionary.error(x, y)[text].square().sum() / (y[text] - y[text].mean(0)).square().sum()
    assert float(error) == pytest.approx(said["fvu"], rel=0.15)
    codes = dictionary.encode_sparse(x[text])
    assert float(codes.counts.float().mean()) == pytest.approx(said["l0"], rel=0.1)

    found = iw.detections(dictionary.encode_sparse(x), storyworld.attributes(stories, words=300), least=20)
    claims = [
        (feature, *re.fullmatch(r"(.+) \(F1 ([\d.]+)\)", label).groups())
        for feature, label in enumerate(dictionary.labels)
        if label and not label.startswith(("word=", "low codes"))
    ]
    assert len(claims) == pytest.approx(said["labelled_factor"], abs=2)
    clear = [(feature, value, float(f1)) for feature, value, f1 in claims if float(f1) >= 0.8]
    for feature, value, f1 in clear:
        if value in found.attributes and found.attributes[found.attribute[feature]] == value:
            assert float(found.f1[feature]) >= f1 - 0.2, (feature, value)
    named = [found.attributes[found.attribute[f]] == value for f, value, _ in clear if value in found.attributes]
    assert sum(named) >= 0.8 * len(named)


def test_columns_and_history_came_along():
    dictionary = iw.load_dictionary("storyworld/resid_post.2")
    assert len(dictionary.source["columns"]["f1"]) == dictionary.n_features
    assert dictionary.history.fvu[-1] < dictionary.history.fvu[0]


def test_the_cards_are_written_from_the_measures(measures, tmp_path):
    write_dictionary_card(measures, tmp_path)
    assert (tmp_path / "README.md").read_text() == (dictionary_folder() / "README.md").read_text()
    card = (storyworld.folder() / "README.md").read_text()
    for name in NAMES:
        assert f"| {name} |" in card
