"""Prototypes over text: the comparison against the network's own maps, and how the view tells it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import interpwidgets as iw
from interpwidgets._core.wire import unpack
from interpwidgets.records.text_prototypes import TextPrototypeComparison
from tests.browser.fixtures_prototypes import planted, planted_text

torch = pytest.importorskip("torch")
SAD = ["Mary was sad.", "Tom felt very sad."]
HAPPY = ["Mary was happy.", "Tom felt very happy."]


@pytest.fixture(scope="module")
def net():
    from interpwidgets.prototypes import TextPrototypes, push

    torch.set_num_threads(1)
    lm = iw.load("storyworld")
    made = TextPrototypes(lm, "resid_post.1", classes=("sad", "happy"), per_class=2, longest=3, d=8)
    texts = made.read(SAD + HAPPY)
    made.standardise(texts)
    push(made, texts, np.array([0, 0, 1, 1]))
    return made


def test_the_best_span_is_the_largest_of_the_networks_map(net):
    from interpwidgets.analyses.text_prototypes import compare_text_prototypes

    text = "Anna felt very happy."
    record = compare_text_prototypes(net, text, label="happy")
    with torch.no_grad():
        x = net.prepare(text)
        maps = net.similarity_maps(x)[0].numpy()
        logits = net(x)[0].numpy()
    np.testing.assert_allclose(record.logits, logits, atol=1e-5)
    np.testing.assert_allclose(record.similarities, maps.reshape(4, -1).max(1), atol=1e-5)
    assert record.label == 1
    assert record.sum_check.holds
    for p in range(4):
        start, stop = record.spans[p]
        assert maps[p, start, stop - start - 1] == pytest.approx(record.similarities[p], abs=1e-5)
        # The similarity of a token is that of the best span that holds it, found here by trying each.
        for t in range(1, len(record.tokens)):
            spans = [
                maps[p, a, n - 1] for n in (1, 2, 3) for a in range(1, len(record.tokens) - n + 1) if a <= t < a + n
            ]
            assert record.token_similarities[p, t] == pytest.approx(max(spans), abs=1e-5)
    assert np.isnan(record.token_similarities[:, 0]).all()  # no span may cover the first token


def test_a_prototype_reads_its_own_training_text_as_itself(net):
    from interpwidgets.analyses.text_prototypes import compare_text_prototypes

    for p in range(net.n_prototypes):
        record = compare_text_prototypes(net, (SAD + HAPPY)[net.sources.text[p]])
        assert record.similarities[p] == pytest.approx(9.2103, abs=1e-3)
        assert record.span(p) == record.source_span(p)


def test_the_view_reads_texts_when_they_are_looked_at(net, tmp_path):
    view = iw.PrototypeView(net, [*SAD, "Anna had a happy day."])
    view.image = 2
    assert "Anna" in "".join(view.comparison.tokens.texts)
    view.weights = {"0": 0.0}
    with net.switched({0: 0.0}), torch.no_grad():
        switched = net(net.prepare("Anna had a happy day."))[0].numpy()
    np.testing.assert_allclose(view.logits, switched, atol=1e-4)
    source = view._methods["sources"](model=0, start=0)
    assert source["texts"][0] == list(net.sources.tokens[0])
    np.testing.assert_array_equal(unpack(source["boxes"]), net.sources.box)
    assert "pictures" not in {method for method, _ in view.recordable()}
    view.to_html(tmp_path / "page.html")


def test_maps_travel_as_one_row_of_tokens():
    record = planted_text()
    view = iw.PrototypeView(record)
    maps = unpack(view._methods["maps"](model=0, image=0, start=0)["maps"])
    np.testing.assert_array_equal(maps[:, 0], record.token_similarities)
    answer = view._methods["comparison"](model=0, image=0)
    assert answer["size"] == [1, len(record.tokens)]
    np.testing.assert_array_equal(unpack(answer["boxes"]), record.spans)
    assert view._view["shows"][0]["label"] == "one text"


def test_what_does_not_fit_is_one_sentence(net):
    from interpwidgets.analyses.text_prototypes import compare_text_prototypes

    with pytest.raises(iw.InputError, match="one text"):
        compare_text_prototypes(net, SAD)
    with pytest.raises(iw.InputError, match="a network of prototypes over text"):
        compare_text_prototypes(object(), SAD[0])  # pyright: ignore[reportArgumentType]
    with pytest.raises(iw.InputError, match="a text or several"):
        iw.PrototypeView(net, [3])
    with pytest.raises(iw.InputError, match="comparisons of one network"):
        iw.PrototypeView([planted_text(), planted(0)])
    with pytest.raises(iw.InputError, match="spans of shape"):
        replace(planted_text(), spans=np.zeros((2, 2)))
    with pytest.raises(iw.InputError, match="not pushed"):
        replace(planted_text(), source_spans=None).source_span(0)


def test_a_text_that_was_not_pushed_and_a_figure():
    record = replace(planted_text(), source_spans=None, source_tokens=(), source_labels=())
    assert not record.pushed
    assert isinstance(record, TextPrototypeComparison)
    figure = planted_text().figure("happy", 3)
    assert len(figure.data[0].x) == 3
