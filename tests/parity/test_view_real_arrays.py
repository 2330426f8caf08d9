"""Real attention, made by others, through the view: what the page is given is what they measured.

GPT-2 small's arrays are by poloclub/transformer-explainer, the layer of 12 heads by CircuitsVis.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import interpwidgets as iw
from interpwidgets._core.requests import call
from interpwidgets._core.wire import unpack
from interpwidgets.analyses.pictures import decode, error_bound

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "reference"
if not DATA.is_dir():
    pytest.skip("the reference arrays are not beside this clone (../shared/data)", allow_module_level=True)


def ask(view: iw.AttentionView, method: str, **params: Any) -> dict[str, Any]:
    """What the page would be answered, decoded."""
    answer = call(view._methods, method, {"kind": view.kind, "show": view.show, **params})
    return {
        name: unpack(value) if isinstance(value, dict) and "codec" in value else value for name, value in answer.items()
    }


def whole(view: iw.AttentionView, layer: int, head: int, axis: str) -> np.ndarray:
    """All exact rows (or columns) of a head, block after block as the page gets them."""
    count = len(view._patterns.queries if axis == "query" else view._patterns.keys)
    blocks: list[np.ndarray] = []
    while (start := sum(map(len, blocks))) < count:
        blocks.append(ask(view, "exact", layer=layer, head=head, axis=axis, start=start)["values"])
    return np.concatenate(blocks)


def gpt2(index: int) -> tuple[np.ndarray, list[str]]:
    """Attention ``[layer, head, query, key]`` and the tokens of one prompt."""
    folder = DATA / "gpt2_small_attention"
    with np.load(folder / f"ex{index}.npz") as arrays:
        pattern = arrays["attn_softmax"]
    meta = json.loads((folder / f"ex{index}_meta.json").read_text())
    return pattern, meta["tokens"]


@pytest.mark.parametrize("index", range(5))
def test_gpt2_rows_arrive_exactly_and_pictures_within_the_bound(index: int) -> None:
    pattern, tokens = gpt2(index)
    view = iw.AttentionView.from_arrays(pattern, tokens)
    n = len(tokens)
    random = np.random.default_rng(index)
    for layer, head in zip(random.integers(0, 12, 6).tolist(), random.integers(0, 12, 6).tolist(), strict=True):
        exact = whole(view, layer, head, "query")
        np.testing.assert_array_equal(exact, pattern[layer, head].astype(np.float32))
        columns = whole(view, layer, head, "key")
        np.testing.assert_array_equal(columns, pattern[layer, head].astype(np.float32).T)
        picture = ask(view, "picture", layer=layer, head=head, window=None, size=n)
        seen = decode(picture["codes"], picture["scale"])
        assert np.abs(seen - pattern[layer, head]).max() <= error_bound(1.0)
        assert picture["sum_check"]["holds"]
        peaks = ask(view, "peaks", layer=layer, axis="query", index=None)
        np.testing.assert_array_equal(peaks["where"][head], pattern[layer, head].argmax(-1))


def test_gpt2_is_seen_as_causal_and_its_first_token_as_a_sink() -> None:
    pattern, tokens = gpt2(0)
    view = iw.AttentionView.from_arrays(pattern, tokens)
    assert view._view["kinds"]["self"]["causal"] is True
    # Layer 5 to 10 of GPT-2 park much attention on the first token (Xiao et al. 2023): the columns must show it.
    share = np.mean(
        [ask(view, "exact", layer=7, head=h, axis="key", start=0)["values"][0, 1:].mean() for h in range(12)]
    )
    assert share > 0.5


def test_circuitsvis_mock_layer() -> None:
    raw = json.loads((DATA / "circuitsvis_mocks" / "gpt2_layer_attention.json").read_text())
    raw = raw["attention"] if isinstance(raw, dict) else raw
    pattern = np.asarray(raw, dtype=np.float32)
    view = iw.AttentionView.from_arrays(pattern, [f"t{i}" for i in range(pattern.shape[-1])], head=11)
    exact = whole(view, 0, 11, "query")
    np.testing.assert_array_equal(exact, pattern[11])
