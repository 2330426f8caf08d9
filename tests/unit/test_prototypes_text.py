"""Prototypes over spans of text, on the bundled story model."""

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets.errors import InputError
from interpwidgets.prototypes import TextPrototypes
from interpwidgets.prototypes.similarity import CEILING
from interpwidgets.prototypes.text import FAR, SpanFeatures

torch.set_num_threads(1)
HAPPY = ["Mary was happy.", "Tom felt very happy.", "Anna had a good day. She smiled.", "It was a great day for Max."]
SAD = ["Mary was sad.", "Tom felt very sad.", "Anna had a bad day. She cried.", "It was an awful day for Max."]


@pytest.fixture(scope="module")
def lm():
    return iw.load("storyworld")


@pytest.fixture(scope="module")
def net(lm):
    made = TextPrototypes(lm, "resid_post.1", classes=("sad", "happy"), per_class=2, longest=3, d=16)
    texts = made.read(SAD + HAPPY)
    made.standardise(texts)
    iw.fit_prototypes(made, texts, np.repeat([0, 1], 4), epochs=30, rate=1e-2, batch=8, cluster=0.2, progress=False)
    return made


def test_a_span_is_the_mean_of_its_tokens():
    torch.manual_seed(0)
    spans = SpanFeatures(4, 5, longest=3)
    x = torch.randn(2, 5, 6, 1)
    x[:, -1] = 1
    x[1, -1, 4:] = 0  # the second text has four tokens
    features = spans(x)
    assert features.shape == (2, 5, 6, 3)
    weight, bias = spans.add_on.weight[:, :, 0, 0], spans.add_on.bias
    by_hand = torch.sigmoid(weight @ x[0, :4, 2:5, 0].mean(1) + bias)
    torch.testing.assert_close(features[0, :, 2, 2], by_hand)
    exists = features[:, 0] < FAR
    assert exists[0].tolist() == [[t + n < 6 for n in range(3)] for t in range(6)]
    assert exists[1].tolist() == [[t + n < 4 for n in range(3)] for t in range(6)]


def test_each_prototype_is_a_real_span_of_a_training_text(net):
    texts = SAD + HAPPY
    for p in range(net.n_prototypes):
        start, stop = net.sources.box[p]
        assert net.place_box(net.sources.place[p]) == (start, stop)
        assert 1 <= start < stop <= start + 3
        assert "".join(net.sources.span(p)).strip() in texts[net.sources.text[p]]
        assert net.sources.text[p] // 4 == net.prototype_class[p] == net.sources.labels[p]
        with torch.no_grad():
            maps = net.similarity_maps(net.prepare(texts[net.sources.text[p]]))[0, p]
        row, column = net.sources.place[p]
        assert float(maps[row, column]) == pytest.approx(CEILING, abs=1e-3)


def test_it_classifies_and_its_evidence_adds_up(net):
    x = net.prepare(SAD + HAPPY)
    with torch.no_grad():
        logits = net(x)
        assert logits.argmax(1).tolist() == [0] * 4 + [1] * 4
        torch.testing.assert_close(net.contributions(x).sum(2), logits, atol=2e-6, rtol=2e-6)
        # Padding changes nothing: a text alone gives what it gives beside longer ones.
        torch.testing.assert_close(net(net.prepare(SAD[0]))[0], logits[0], atol=1e-4, rtol=1e-4)
        assert float(net.similarity_maps(x)[0, :, -1].max()) < 1e-3


def test_one_token_and_the_whole_context(net, lm):
    with torch.no_grad():
        assert net(net.prepare("happy")).shape == (1, 2)
        long = " ".join(["happy"] * (lm.context - 1))
        assert net.similarity_maps(net.prepare(long)).shape == (1, 4, lm.context, 3)
        with pytest.raises(InputError, match="at most"):
            net.prepare(long + " happy")


def test_what_is_no_text_is_refused(net, lm):
    with pytest.raises(InputError, match="at least one text"):
        net.prepare([])
    with pytest.raises(InputError, match="more than 1 tokens"):
        net.prepare([[1]])
    with pytest.raises(InputError, match="Prepare texts first"):
        net(torch.zeros(1, 3, 4, 4))
    with pytest.raises(InputError, match="layer from 0 to 3"):
        TextPrototypes(lm, "resid_post.9", classes=("a", "b"))
    with pytest.raises(InputError, match="longest=0"):
        TextPrototypes(lm, "resid_post.1", classes=("a", "b"), longest=0)


def test_saved_and_loaded_it_is_the_same(net, lm, tmp_path):
    read = TextPrototypes.load(net.save(tmp_path), lm=lm)
    x = net.prepare(SAD)
    with torch.no_grad():
        torch.testing.assert_close(read(x), net(x), atol=1e-5, rtol=1e-5)
    assert read.sources.tokens == net.sources.tokens
    assert read.site == net.site == "resid_post.1"
    with pytest.raises(InputError, match="backbone="):
        iw.PrototypeNetwork.load(tmp_path)
    with pytest.raises(InputError, match="were made for planted/induction"):
        TextPrototypes.load(tmp_path, lm=iw.load("planted/induction"))
