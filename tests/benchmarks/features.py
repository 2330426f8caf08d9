"""The index of all features against its floor, and what one viewed feature costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import peers, subjects, wire
from tests.benchmarks.browser import NotMeasured
from tests.benchmarks.clock import interleaved, ratios, repeated
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from interpwidgets.dictionaries import Dictionary
    from interpwidgets.records.feature_index import FeatureIndex

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
    reader = building.Reader(lm, dictionary, site, size, torch.zeros(0, dtype=torch.long))

    def floor() -> None:
        for batch in in_batches(corpus.windows()):
            (values,), _ = activations(lm, [window.ids for window in batch], [site])
            dictionary.encode_sparse(values)

    def stream() -> None:
        state, first = State.empty(size), 0
        for block in building.blocks(corpus.windows()):
            reader.read(block, first, state)
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


def dashboards(stories: int) -> Iterator[Row]:
    """The same model, dictionary and tokens through SAEDashboard and through the index, and whether they agree."""
    import numpy as np

    import interpwidgets as iw
    from interpwidgets.dictionaries import save_sae_lens
    from interpwidgets.worlds import storyworld

    lm, name = iw.load("storyworld"), "storyworld/resid_post.2-jumprelu"
    dictionary = iw.load_dictionary(name)
    told = [i for story in storyworld.generate(stories, seed=12) for i in lm.tokens(story.text).ids.tolist()]
    rows = np.array(told[: len(told) // 128 * 128]).reshape(-1, 128)
    with tempfile.TemporaryDirectory() as folder:
        save_sae_lens(dictionary, Path(folder) / "sae")
        np.save(Path(folder) / "tokens.npy", rows)
        try:
            theirs = peers.sae_dashboard(storyworld.folder(), Path(folder))
        except NotMeasured as reason:
            theirs = str(reason)
    start = time.perf_counter()
    index = iw.build_index(lm, dictionary, rows, skip_special=False, progress=False)
    view = iw.FeatureBrowser(index)
    took = time.perf_counter() - start
    what = f"storyworld, {len(index)} features over {rows.size:,} tokens"
    known = theirs if isinstance(theirs, dict) else {}
    peer = {"SAEDashboard": known["seconds"] + known["page_seconds"]} if known else {"SAEDashboard": theirs}
    yield Row(f"{what}: every dashboard made", "s", took, None, peer)
    first, _ = wire.state_bytes(view)
    yield Row(f"{what}: bytes to the page", "bytes", first, None, {"SAEDashboard": known.get("bytes", theirs)})
    if known:
        yield Row(f"{what}: features whose numbers agree (see `agreement`)", "", agreement(index, dictionary, known))


def agreement(index: FeatureIndex, dictionary: Dictionary, theirs: dict[str, Any]) -> int:
    """How many features have SAEDashboard's density, promoted tokens and logits, and largest activation.

    It scales directions to length 1 first, and leaves the last tokens of a row out of its examples: a feature whose
    peak lies there has a smaller maximum in its list, and does not count as agreeing.
    """
    import numpy as np

    length = dictionary.directions.norm(dim=1).tolist()
    density, top, same = index.column("density"), index.column("max"), 0
    for number, said in theirs["features"].items():
        i = int(number)
        promoted = index.feature(i).promoted
        assert promoted is not None
        same += (
            abs((said["density"] or 0) - density[i]) < 1e-5
            and said["ids"][:5] == promoted.ids[:5].tolist()
            and bool(np.allclose(said["logits"][:5], promoted.values[:5] / length[i], rtol=2e-3))
            and bool(np.isclose(said["max"], np.nan_to_num(top[i]) * length[i], rtol=1e-4))
        )
    return same


def seconds(index: object, feature: int) -> float:
    start = time.perf_counter()
    index.feature(feature)  # type: ignore[attr-defined]
    return time.perf_counter() - start


def payload(browser: object, feature: int) -> int:
    """Bytes of the answer that the page gets for a feature."""
    return wire.answer_bytes(browser, "feature", feature=feature, version=0)
