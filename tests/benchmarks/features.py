"""The index of all features against its floor, and what one viewed feature costs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.benchmarks import subjects, wire
from tests.benchmarks.clock import interleaved, ratios, repeated
from tests.benchmarks.table import Row

ACTIVE = 32


def features(n_features: int, documents: int, tokens: int, repeats: int) -> Iterator[Row]:
    """Stream a corpus through GPT-2 small's shape and a TopK dictionary in its middle, with and without an index."""
    import numpy as np
    import torch

    import interpwidgets as iw
    from interpwidgets.analyses import build_index as building
    from interpwidgets.analyses.activations import activations, in_batches
    from interpwidgets.analyses.corpus import Corpus
    from interpwidgets.analyses.feature_state import Size, State
    from interpwidgets.dictionaries import SparseAutoencoder, TopK

    lm = subjects.model(12, vocabulary=50257)
    site = "resid_post.5"
    draw = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(n_features, lm.d_model, generator=draw), dim=1)
    dictionary = SparseAutoencoder(directions, directions, activation=TopK(ACTIVE), site_in=site)
    ids = np.random.default_rng(0).integers(0, 50257, (documents, tokens))
    corpus, size = Corpus(lm, ids), Size(n_features)
    nothing = torch.zeros(0, dtype=torch.long)

    def floor() -> None:
        for batch in in_batches(corpus.windows()):
            (values,), _ = activations(lm, [window.ids for window in batch], [site])
            dictionary.encode_sparse(values)

    def stream() -> None:
        state, first = State.empty(size), 0
        for block in building._blocks(corpus.windows()):
            building._read(lm, dictionary, site, size, state, block, first, nothing, corpus)
            first += len(block)

    found = interleaved({"floor": floor, "stream": stream}, repeats=repeats)
    what = f"{n_features:,} features over {documents * tokens:,} tokens"
    words = f"{what}: index against forward to the site and encode ({found['floor'].median:.1f} s)"
    yield Row(words, "x", ratios(found["stream"], found["floor"]), 1.5)

    start = time.perf_counter()
    index = iw.build_index(lm, dictionary, ids, progress=False)
    whole = time.perf_counter() - start
    words = f"{what}: the whole call, with logits, neighbours and correlations of every feature"
    yield Row(words, "s", whole)
    browser = iw.FeatureBrowser(index)
    order = index.search()[:20].tolist()
    sizes = [payload(browser, feature) for feature in order]
    yield Row(f"{what}: bytes of one viewed feature, the largest of 20", "bytes", max(sizes), 10e3)
    at = iter(order * 50)
    yield Row(f"{what}: one feature out of the index", "s", repeated(lambda: seconds(index, next(at)), most=20))


def seconds(index: object, feature: int) -> float:
    start = time.perf_counter()
    index.feature(feature)  # type: ignore[attr-defined]
    return time.perf_counter() - start


def payload(browser: object, feature: int) -> int:
    """Bytes of the answer that the page gets for a feature."""
    return wire.answer_bytes(browser, "feature", feature=feature, version=0)
