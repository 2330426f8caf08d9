"""Neurons against the vocabulary: planted weights, the whole table in numpy, and clamps in closed form."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

import interpwidgets as iw
from interpwidgets import InputError, ModelError
from interpwidgets.analyses.neuron_weights import Embedding
from tests.unit import families

DECODED = [n for n in families.DECODERS if n not in ("mixtral", "gpt_oss", "mamba")]


def whole_table(lm, layer):
    """GPT-2's scores ``[neuron, token]`` of both sides, from its weights alone."""
    w = {name: value.detach().double().numpy() for name, value in lm.model.state_dict().items()}
    at = f"transformer.h.{layer}"
    reader = w["lm_head.weight"] * w["transformer.ln_f.weight"]
    writes = w[f"{at}.mlp.c_proj.weight"] @ (reader - reader.mean(-1, keepdims=True)).T
    embedding = w["transformer.wte.weight"]
    centred = embedding - embedding.mean(-1, keepdims=True)
    normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    normed = normed * w[f"{at}.ln_2.weight"] + w[f"{at}.ln_2.bias"]
    return {"writes": writes, "reads": w[f"{at}.mlp.c_fc.weight"].T @ normed.T}


@pytest.fixture(scope="module")
def lm():
    model = families.build("gpt2")
    torch.manual_seed(2)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.LayerNorm):
                module.weight.add_(0.3 * torch.randn_like(module.weight))
                module.bias.add_(0.3 * torch.randn_like(module.bias))
    return iw.load(model)


@pytest.mark.parametrize("block", [1, 7, 4096])
def test_the_stream_keeps_what_the_whole_table_says(lm, block):
    found = iw.neurons(lm, top=5, about=6, block=block, progress=False)
    for side in ("writes", "reads"):
        table = np.concatenate([whole_table(lm, layer)[side] for layer in range(lm.n_layers)])
        scores = found.side(side)
        np.testing.assert_array_equal(scores.top_ids, np.argsort(-table, axis=1)[:, :5])
        np.testing.assert_allclose(scores.top_values, -np.sort(-table, axis=1)[:, :5], atol=2e-5)
        np.testing.assert_array_equal(scores.bottom_ids, np.argsort(table, axis=1)[:, :5])
        np.testing.assert_allclose(scores.mean, table.mean(1), atol=1e-5)
        np.testing.assert_allclose(scores.std, table.std(1), atol=1e-5)
        z = (table - table.mean(1, keepdims=True)) / table.std(1, keepdims=True)
        np.testing.assert_allclose(scores.z, z.max(1), atol=1e-4)
        np.testing.assert_array_equal(scores.about_neurons, np.argsort(-z.T, axis=1)[:, :6])
        np.testing.assert_allclose(scores.about_z, -np.sort(-z.T, axis=1)[:, :6], atol=1e-4)


def planted():
    """A wide vocabulary, and one neuron that writes token 17 and reads token 23."""
    torch.manual_seed(0)
    config = families.tf.GPT2Config(
        vocab_size=1000, n_embd=64, n_layer=2, n_head=2, n_positions=16, bos_token_id=1, eos_token_id=2
    )
    model = families.tf.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[-1] ** -0.5)
        mlp = model.transformer.h[1].mlp
        mlp.c_proj.weight[40] = model.lm_head.weight[17]
        mlp.c_fc.weight[:, 40] = model.transformer.wte.weight[23]
    return iw.load(model)


def test_a_planted_token_is_found_and_no_other_neuron_comes_near():
    found = iw.neurons(planted(), progress=False)
    assert found.threshold > 4
    for side, token in (("writes", 17), ("reads", 23)):
        layer, neuron, names, z = found.top(1, side)[0]
        assert (layer, neuron) == (1, 40)
        assert names == (found.texts[token],)
        assert z > 6.5
        assert found.about(token, side, 1)[0][:2] == (1, 40)
        # The null: every other neuron is noise, and what noise reaches names almost none of 511.
        others = np.delete(found.side(side).z, found.number(1, 40))
        assert others.max() < 5.5
        assert (others >= found.threshold).sum() <= 15


def test_shuffling_the_unembedding_leaves_no_outlier():
    lm = planted()
    with torch.no_grad():
        head = lm.model.lm_head
        # The same numbers in another order within each row: no direction is a token's any more.
        mixed = torch.stack([row[torch.randperm(64)] for row in head.weight])
        head.weight = nn.Parameter(mixed)
    assert iw.neurons(lm, progress=False).side("writes").z[512 - 256 + 40] < 5


@pytest.mark.parametrize("name", DECODED)
def test_every_family_has_its_sides(name):
    lm = iw.load(families.build(name))
    found = iw.neurons(lm, layers=[-1], top=3, progress=False)
    gated = name in ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "olmo2")
    assert list(found.sides) == (["writes", "gate", "up"] if gated else ["writes", "reads"])
    assert found.layers == (lm.n_layers - 1,)
    assert np.isfinite(found.side("writes").top_values).all()


@pytest.mark.parametrize("name", ["llama", "phi3", "gemma2"])
def test_the_sides_of_a_gated_mlp_are_its_own_pre_activations(name):
    lm = iw.load(families.build(name))
    block = lm.model.model.layers[1]
    alone = Embedding(lm).of(1)
    with torch.no_grad():
        if name == "phi3":
            gate, up = block.mlp.gate_up_proj(alone).chunk(2, -1)
        else:
            gate, up = block.mlp.gate_proj(alone), block.mlp.up_proj(alone)
        norm = block.pre_feedforward_layernorm if name == "gemma2" else block.post_attention_layernorm
        torch.testing.assert_close(alone, norm(lm.model.model.embed_tokens.weight), atol=1e-5, rtol=1e-5)
    found = iw.neurons(lm, layers=[1], progress=False)
    for side, wanted in (("gate", gate), ("up", up)):
        np.testing.assert_allclose(found.side(side).top_values[:, 0], wanted.max(0).values.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    "name", ["gpt2", "gpt_neox", "phi", "falcon_grouped", "llama", "gemma2", "olmo2", "opt_post_norm"]
)
def test_the_norm_before_an_mlp_is_the_one_its_input_went_through(name):
    """A token whose embedding is the whole stream would be read exactly so: checked by setting the stream to it."""
    lm = iw.load(families.build(name))
    layer = 1
    table = lm.anatomy.taps["embed"].module.weight.detach()
    if name == "opt_post_norm":
        table = table @ lm.model.model.decoder.project_in.weight.detach().T
    site = f"resid_mid.{layer}" if "resid_mid" in lm.anatomy.blocks[layer].taps else f"resid_pre.{layer}"
    with lm.edit(iw.Edit(site, set=table[31])):
        seen = lm.trace([5, 6, 7])[f"mlp_in.{layer}"][-1]
    torch.testing.assert_close(Embedding(lm).of(layer)[31], seen, atol=2e-5, rtol=1e-4)


def test_a_norm_behind_the_mlp_is_folded_in():
    lm = iw.load(families.build("gemma2"))
    with torch.no_grad():
        lm.model.model.layers[2].post_feedforward_layernorm.weight.copy_(torch.linspace(-0.5, 0.5, 32))
    found = iw.neurons(lm, layers=[2], progress=False)
    gains = (1 + lm.model.model.norm.weight) * (1 + lm.model.model.layers[2].post_feedforward_layernorm.weight)
    weight = lm.model.model.layers[2].mlp.down_proj.weight
    wanted = ((lm.model.lm_head.weight * gains) @ weight).detach().numpy()
    got = found.side("writes")
    z = (wanted - wanted.mean(0)) / wanted.std(0)
    np.testing.assert_array_equal(got.top_ids[:, 0], wanted.argmax(0))
    np.testing.assert_allclose(got.z, z.max(0), atol=1e-3)


def test_input_weights_can_be_decoded_with_the_unembedding():
    found = iw.neurons(planted(), reads="unembedding", progress=False)
    assert found.about(23, "reads", 1)[0][:2] == (1, 40)  # tied: the embedding is the unembedding
    assert found.notes[-1] == "read: input weights times the unembedding"


def test_a_neuron_without_weights_has_no_name_and_sorts_last():
    lm = planted()
    with torch.no_grad():
        lm.model.transformer.h[0].mlp.c_proj.weight[3] = 0
    found = iw.neurons(lm, progress=False)
    assert found.side("writes").z[3] == 0
    assert found.name(0, 3) == ()
    assert found.order("z")[-1] == 3


def in_float64(final_norm):
    model = families.build("gpt2").double()
    if not final_norm:
        model.transformer.ln_f = nn.Identity()
    return iw.load(model)


def test_clamping_the_last_layer_changes_logits_by_the_closed_form():
    lm = in_float64(final_norm=False)
    trace = lm.trace(families.example("gpt2"))
    found = iw.clamp_neuron(trace, -1, 11, 2.5)
    w_out = lm.model.transformer.h[-1].mlp.c_proj.weight[11].detach().numpy()
    closed = (2.5 - found.activations[-1]) * w_out @ lm.model.lm_head.weight.detach().numpy().T
    np.testing.assert_allclose(found.change, closed, atol=1e-12, rtol=0)
    assert np.abs(closed).max() > 0.1


def test_with_a_final_norm_the_closed_form_passes_through_it():
    lm = in_float64(final_norm=True)
    trace = lm.trace(families.example("gpt2"))
    found = iw.clamp_neuron(trace, -1, 11, -4.0)
    w_out = lm.model.transformer.h[-1].mlp.c_proj.weight[11].detach()
    stream = trace["resid_post.-1"][-1] + (-4.0 - found.activations[-1]) * w_out
    with torch.no_grad():
        wanted = lm.model.lm_head(lm.model.transformer.ln_f(stream))
    np.testing.assert_allclose(found.after, wanted.numpy(), atol=1e-11, rtol=0)


def test_in_float32_the_closed_form_holds_within_rounding():
    model = families.build("gpt2")
    model.transformer.ln_f = nn.Identity()
    lm = iw.load(model)
    found = iw.clamp_neuron(lm.trace(families.example("gpt2")), -1, 11, 2.5)
    w_out = model.transformer.h[-1].mlp.c_proj.weight[11].detach().double().numpy()
    closed = (2.5 - found.activations[-1]) * w_out @ model.lm_head.weight.detach().double().numpy().T
    np.testing.assert_allclose(found.change, closed, atol=2e-5)


def test_a_clamp_reaches_only_its_positions_and_leaves_nothing_behind(lm):
    trace = lm.trace(families.example("gpt2"))
    plain = trace.logits.clone()
    first = iw.clamp_neuron(trace, -1, 3, 9.0, positions=[0])
    assert first.positions == (0,)
    np.testing.assert_array_equal(first.before, first.after)  # the last layer's first position reaches no other
    everywhere = iw.clamp_neuron(trace, 0, 3, 9.0)
    assert everywhere.positions == tuple(range(23))
    assert everywhere.kl > 0
    assert iw.clamp_neuron(trace, 0, 3, 9.0, positions=[]).kl == 0
    assert torch.equal(lm.trace(families.example("gpt2")).logits, plain)
    np.testing.assert_allclose(everywhere.activations, trace["mlp_act.0"][:, 3].numpy(), atol=1e-6)


def test_what_changed_is_told_in_probabilities(lm):
    found = iw.clamp_neuron(lm.trace(families.example("gpt2")), -1, 11, 8.0)
    before, after = found.probabilities()
    assert before.sum() == pytest.approx(1)
    assert after.sum() == pytest.approx(1)
    text, was, now = found.top(1)[0]
    at = int(np.abs(after - before).argmax())
    assert (text, was, now) == (lm.vocabulary.texts[at], before[at], after[at])
    assert found.kl == pytest.approx(float((after * np.log(after / before)).sum()))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"layers": [3]}, "expected a layer from 0 to 2, got 3"),
        ({"layers": []}, "expected one or more layers, got none"),
        ({"top": 0}, "top to be a number from 1, got 0"),
        ({"about": 1.5}, "about to be a number from 1"),
        ({"block": -1}, "block to be a number from 1"),
        ({"reads": "mind"}, "reads to be 'embedding' or 'unembedding', got 'mind'"),
    ],
)
def test_wrong_input_is_refused(lm, wrong, said):
    with pytest.raises(InputError, match=re.escape(said)):
        iw.neurons(lm, progress=False, **wrong)


@pytest.mark.parametrize(
    ("layer", "neuron", "value", "positions", "said"),
    [
        (3, 0, 1.0, None, "a layer from 0 to 2"),
        (0, 128, 1.0, None, "a neuron from 0 to 127 in layer 0, got 128"),
        (0, -1, 1.0, None, "got -1"),
        (0, 0, float("nan"), None, "a finite value, got nan"),
        (0, 0, 1.0, [23], "positions from 0 to 22, got 23"),
    ],
)
def test_a_clamp_that_does_not_fit_is_refused(lm, layer, neuron, value, positions, said):
    with pytest.raises(InputError, match=re.escape(said)):
        iw.clamp_neuron(lm.trace(families.example("gpt2")), layer, neuron, value, positions=positions)


def test_models_without_such_neurons_say_why():
    with pytest.raises(InputError, match="spread over experts"):
        iw.neurons(iw.load(families.build("mixtral")))
    with pytest.raises(ModelError, match="a linear unembedding"):
        iw.neurons(iw.load(families.build("bert")))


def test_the_record_finds_places_names_and_orders(lm):
    found = iw.neurons(lm, progress=False, threshold=2.0)
    assert found.place(found.number(2, 5)) == (2, 5)
    for number in (-1, len(found)):
        with pytest.raises(iw.InputError, match="a neuron from 0 to"):
            found.place(number)
    z = found.side("writes").z[found.order("z")]
    assert (np.diff(z) <= 0).all()
    np.testing.assert_array_equal(found.order("layer"), np.arange(len(found)))
    words = [found.texts[found.side("writes").top_ids[i, 0]].strip().lower() for i in found.order("name")]
    named = [bool(found.name_of(int(i))) for i in found.order("name")]
    assert named == sorted(named, reverse=True)
    count = sum(named)
    assert words[:count] == sorted(words[:count])
    for bad, said in (((9, 0), "a layer of [0, 1, 2]"), ((0, 500), "a neuron from 0 to 127")):
        with pytest.raises(InputError, match=re.escape(said)):
            found.number(*bad)
    with pytest.raises(InputError, match="a side among"):
        found.side("thinks")
    with pytest.raises(InputError, match="a token id from 0 to 96"):
        found.about(97)
    assert "named by a token" in repr(found)
