import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets import InputError, Tokens
from interpwidgets.errors import ModelError

N, HEADS, LAYERS, WIDTH = 7, 2, 3, 8


class Layer:
    """Attention with planted queries and keys; `pattern` is not the softmax of the code under test."""

    def __init__(self, layer, heads=HEADS, *, sink=None):
        generator = np.random.default_rng(layer)
        self.layer, self.n_heads, self._sink = layer, heads, sink
        self.causal, self.window = True, None
        self.queries, self.keys = generator.normal(size=(2, heads, N, 4))

    def by_hand(self, head):
        rows = np.zeros((N, N))
        for q in range(N):
            weights = [np.exp(self.queries[head, q] @ self.keys[head, k] / 2) for k in range(q + 1)]
            rows[q, : q + 1] = np.array(weights) / sum(weights)
        return rows

    def pattern(self, head, query=slice(None), key=slice(None)):
        return torch.tensor(self.by_hand(head)[query, key])

    def sink(self, head):
        return None if self._sink is None else torch.full((N,), self._sink)

    def check_output(self):
        pass

    def value_norms(self, head):
        return torch.ones(N)


def trace(*layers, kind="self"):
    tokens = Tokens.of([f"t{i}" for i in range(N)])
    return SimpleNamespace(attention={kind: list(layers)}, tokens=tokens, source_tokens=None)


def test_every_layer_and_head():
    layers = [Layer(0), Layer(2), Layer(4)]
    record = iw.attention(trace(*layers))
    assert record.pattern.shape == (3, HEADS, N, N)
    assert record.pattern.dtype == np.float32
    assert (record.layers, record.causal, record.kind, record.sink) == ((0, 2, 4), True, "self", None)
    for i, layer in enumerate(layers):
        for head in range(HEADS):
            np.testing.assert_allclose(record.pattern[i, head], layer.by_hand(head), atol=1e-7)
    assert record.sum_check.holds
    assert record.queries is record.keys


def test_the_layers_and_heads_asked_for_in_their_order():
    layers = {2: Layer(2, 4), 5: Layer(5, 4)}
    record = iw.attention(trace(*layers.values()), layers=[5, 2], heads=[3, 1])
    assert record.layers == (5, 2)
    for i, layer in enumerate([5, 2]):
        for j, head in enumerate([3, 1]):
            np.testing.assert_allclose(record.pattern[i, j], layers[layer].by_hand(head), atol=1e-7)


def test_a_sink_is_kept():
    assert iw.attention(trace(Layer(0, sink=0.25))).sink.tolist() == [[[0.25] * N] * HEADS]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"layers": [1]}, "a layer with attention among [0, 2], got layer 1"),
        ({"layers": [-1]}, "got layer -1"),
        ({"layers": []}, "got 0 layers with [] heads"),
        ({"heads": [2]}, "a head from 0 to 1 in layer 0, got head 2"),
        ({"heads": [-1]}, "got head -1"),
        ({"kind": "cross"}, "a kind of attention among ['self'], got 'cross'"),
    ],
    ids=str,
)
def test_what_the_trace_has_not_is_refused(asked, said):
    with pytest.raises(InputError, match=re.escape(said)):
        iw.attention(trace(Layer(0), Layer(2)), **asked)


def test_ragged_layers_are_asked_for_one_at_a_time():
    with pytest.raises(InputError, match=re.escape("got 2 layers with [2, 3] heads. Ask for the layers one at a time")):
        iw.attention(trace(Layer(0), Layer(1, heads=3)))
    assert iw.attention(trace(Layer(0), Layer(1, heads=3)), layers=[1]).pattern.shape[1] == 3


def test_a_model_without_attention_says_so():
    class Without:
        tokens = Tokens.of(["a"])

        @property
        def attention(self):
            raise ModelError(expected="a model with attention", got="a state-space model", fix="Use a lens.")

    for use in (iw.attention, iw.AttentionView):
        with pytest.raises(ModelError, match="a state-space model"):
            use(Without())


# A real model, its patterns worked out from its weights.


@pytest.fixture(scope="module")
def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_positions=32, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS)
    config.attn_pdrop = config.embd_pdrop = config.resid_pdrop = 0.0
    # Weights large enough that attention is far from uniform.
    config.initializer_range = 0.5
    return GPT2LMHeadModel(config).eval()


def gpt2_patterns(model, ids):
    """Layer norm, projections and softmax written out in numpy, float64."""
    with torch.no_grad():
        streams = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    n = len(ids)
    out = np.zeros((LAYERS, HEADS, n, n))
    for i, block in enumerate(model.transformer.h):
        x = streams[i][0].double().numpy()
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + model.config.layer_norm_epsilon)
        norm, project = block.ln_1, block.attn.c_attn
        weights = [p.detach().double().numpy() for p in (norm.weight, norm.bias, project.weight, project.bias)]
        x = (x * weights[0] + weights[1]) @ weights[2] + weights[3]
        for head in range(HEADS):
            size = WIDTH // HEADS
            q = x[:, head * size : (head + 1) * size]
            k = x[:, WIDTH + head * size : WIDTH + (head + 1) * size]
            scores = np.exp(np.where(np.tri(n) > 0, q @ k.T / np.sqrt(size), -np.inf))
            out[i, head] = scores / scores.sum(1, keepdims=True)
    return out


def test_patterns_of_gpt2_are_the_softmax_worked_out_by_hand(gpt2):
    ids = [3, 14, 15, 9, 26, 5]
    record = iw.attention(iw.load(gpt2).trace(ids))
    np.testing.assert_allclose(record.pattern, gpt2_patterns(gpt2, ids), atol=1e-5)
    assert record.sum_check.holds
    assert record.causal
    assert record.pattern.std() > 0.1


def test_the_view_of_a_trace_is_the_view_of_its_record(gpt2):
    live = iw.load(gpt2).trace([3, 14, 15, 9])
    view, again = iw.AttentionView(live), iw.AttentionView(iw.attention(live))
    asked = {"kind": "self", "show": "pattern", "layer": 1, "head": 1, "window": None, "size": 4}
    assert view._picture(**asked)["codes"] == again._picture(**asked)["codes"]
    assert set(view._view["kinds"]) == set(again._view["kinds"]) == {"self"}
