"""Attention patterns: equal to what the model's own eager code returns, for every family."""

from __future__ import annotations

import gc

import pytest
import torch

from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import AttentionLayer, load
from tests.unit import families as F


def eager_attentions(name: str, length: int = 23) -> dict[str, tuple[torch.Tensor, ...]]:
    model = F.build(name, "eager")
    with torch.no_grad():
        out = model(**F.arguments(name, length), output_attentions=True, return_dict=True)
    if name in F.ENCODER_DECODERS:
        return {"encoder": out.encoder_attentions, "decoder": out.decoder_attentions, "cross": out.cross_attentions}
    return {"self": out.attentions}


# Falcon with alibi is left out: its own eager code adds alibi twice (once in the mask), its SDPA code once.
@pytest.mark.parametrize("name", [n for n in F.ATTENDING if n != "falcon_alibi"])
@pytest.mark.parametrize("length", [1, 2, 23])
def test_patterns_equal_the_eager_models(name: str, length: int) -> None:
    trace = load(F.build(name), check=False).trace(F.example(name, length), decoder=F.decoder_ids(name))
    expected = eager_attentions(name, length)
    assert set(trace.attention) == set(expected)
    for group, layers in trace.attention.items():
        assert [layer.layer for layer in layers] == list(range(len(expected[group])))
        for layer, truth in zip(layers, expected[group], strict=True):
            assert (layer.n_heads, layer.n_queries, layer.n_keys) == tuple(truth.shape[1:])
            for head in range(layer.n_heads):
                torch.testing.assert_close(layer.pattern(head), truth[0, head].float(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_falcon_with_alibi_is_what_its_own_run_used(implementation: str) -> None:
    """Pattern times value is what the output projection was given, whichever of its two ways the model takes."""
    lm = load(F.build("falcon_alibi", implementation))
    trace = lm.trace(F.example("falcon_alibi"))
    for layer in trace.attention["self"]:
        z = trace.head_values(layer.layer)
        for head in range(layer.n_heads):
            torch.testing.assert_close(layer.pattern(head) @ layer.value(head), z[:, head], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", F.ATTENDING)
def test_a_window_is_a_slice_of_the_whole(name: str) -> None:
    trace = load(F.build(name), check=False).trace(F.example(name), decoder=F.decoder_ids(name))
    for layers in trace.attention.values():
        for layer in layers:
            whole = layer.pattern(1)
            for query, key in (
                (slice(3, 7), slice(2, 9)),
                (slice(None), slice(4, 5)),
                (slice(-3, None), slice(None, None, 2)),
                (slice(5, 5), slice(None)),
                (slice(None, None, -1), slice(None)),
            ):
                rows = list(range(layer.n_queries)[query])
                columns = list(range(layer.n_keys)[key])
                torch.testing.assert_close(layer.pattern(1, query, key), whole[rows][:, columns], atol=1e-6, rtol=0)
            assert torch.equal(layer.pattern(-1), layer.pattern(layer.n_heads - 1))


def test_blocks_of_rows_join_seamlessly(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = load(F.build("llama")).trace(F.example("llama")).attention["self"][1]
    whole = layer.pattern(2)
    monkeypatch.setattr("interpwidgets.models.attention.BLOCK", 4)
    torch.testing.assert_close(layer.pattern(2), whole, atol=1e-7, rtol=0)


@pytest.mark.parametrize("name", F.ATTENDING)
def test_few_keys_of_many_queries_equal_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path through kept row normalisers, which long texts take, gives what the whole rows give."""
    trace = load(F.build(name), check=False).trace(F.example(name), decoder=F.decoder_ids(name))
    for layers in trace.attention.values():
        whole = layers[-1].pattern(1)
        with monkeypatch.context() as small:
            small.setattr("interpwidgets.models.attention.BLOCK", 4)
            few = layers[-1].pattern(1, key=slice(2, 5))
        torch.testing.assert_close(few, whole[:, 2:5], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", F.ATTENDING)
def test_rows_are_probabilities_less_the_sinks_share(name: str) -> None:
    trace = load(F.build(name), check=False).trace(F.example(name), decoder=F.decoder_ids(name))
    for layers in trace.attention.values():
        for layer in layers:
            for head in range(layer.n_heads):
                total, sink = layer.pattern(head).sum(-1), layer.sink(head)
                assert (sink is not None) == (name == "gpt_oss")
                if sink is not None:
                    assert bool((sink > 0).all())
                    total = total + sink
                torch.testing.assert_close(total, torch.ones_like(total), atol=1e-5, rtol=0)
            if layer.causal:
                assert float(torch.triu(layer.pattern(0), 1).abs().max()) == 0.0


def test_windows_and_directions_are_reported() -> None:
    mistral = load(F.build("mistral")).trace(F.example("mistral")).attention["self"]
    assert [layer.window for layer in mistral] == [5, 5, 5]
    assert float(torch.tril(mistral[0].pattern(0), -5).abs().max()) == 0.0
    gemma = load(F.build("gemma3")).trace(F.example("gemma3")).attention["self"]
    assert [layer.window for layer in gemma] == [5, None, 5]
    neo = load(F.build("gpt_neo")).trace(F.example("gpt_neo")).attention["self"]
    assert [layer.window for layer in neo] == [None, 5, None, 5]
    bert = load(F.build("bert")).trace(F.example("bert")).attention["self"]
    assert not any(layer.causal for layer in bert)
    t5 = load(F.build("t5")).trace(F.example("t5"), decoder=F.decoder_ids("t5")).attention
    assert {group: layers[0].causal for group, layers in t5.items()} == {
        "encoder": False, "decoder": True, "cross": False
    }  # fmt: skip


def test_a_window_is_kept_without_a_mask() -> None:
    """Flash kernels get no mask, only causality and the window; the pattern must obey both."""
    torch.manual_seed(0)
    q, k = torch.randn(2, 9, 4), torch.randn(1, 9, 4)
    layer = AttentionLayer(layer=0, query=q, key=k, value=k, scale=0.5, window=3)
    position = torch.arange(9)
    visible = (position[None] <= position[:, None]) & (position[None] > position[:, None] - 3)
    scores = (q[1] @ k[0].T * 0.5).masked_fill(~visible, float("-inf"))
    torch.testing.assert_close(layer.pattern(1), scores.softmax(-1), atol=1e-6, rtol=0)


def test_more_keys_than_queries_stand_before_them() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(1, 2, 4), torch.randn(1, 5, 4)
    pattern = AttentionLayer(layer=0, query=q, key=k, value=k, scale=1.0).pattern(0)
    assert float(pattern[0, 4]) == 0.0
    assert bool((pattern[0, :4] > 0).all())
    assert bool((pattern[1] > 0).all())


def test_a_model_without_attention_says_so() -> None:
    trace = load(F.build("mamba")).trace(F.example("mamba"))
    with pytest.raises(ModelError, match="no layer attends"):
        _ = trace.attention
    assert trace["resid_post.1"].shape == (23, 32)
    assert load(F.build("mamba")).n_heads == 0


def test_attention_left_out_says_how_to_get_it() -> None:
    with pytest.raises(ModelError, match="attention=True"):
        _ = load(F.build("gpt2")).trace([5, 6], attention=False).attention


@pytest.mark.parametrize("head", [4, -5, 1.0, "a"])
def test_a_head_that_does_not_exist(head: object) -> None:
    layer = load(F.build("gpt2")).trace([5, 6, 7]).attention["self"][0]
    with pytest.raises(InputError, match="a head from 0 to 3"):
        layer.pattern(head)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", F.ATTENDING)
def test_value_norms_equal_running_the_head_on_one_key(name: str) -> None:
    """Independent of the stored values: the output projection itself, run on one head's values and nothing else."""
    lm = load(F.build(name))
    trace = lm.trace(F.example(name), decoder=F.decoder_ids(name))
    for group, layers in trace.attention.items():
        for layer in layers:
            if group in ("cross", "encoder"):
                assert layer.value_norms(0).shape == (layer.n_keys,)
                continue
            output = lm.anatomy.blocks[layer.layer].output
            assert output is not None
            for head in (0, layer.n_heads - 1):
                values = layer.value(head)
                alone = torch.zeros(layer.n_keys, layer.n_heads, values.shape[-1])
                alone[:, head] = values
                with torch.no_grad():
                    wrote = output(alone.flatten(1)) - output(torch.zeros_like(alone.flatten(1)))
                torch.testing.assert_close(layer.value_norms(head), wrote.norm(dim=-1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", F.FAMILIES)
def test_tracing_leaves_the_model_as_it_was(name: str) -> None:
    model = F.build(name)
    lm = load(model)
    configs = {id(m.config): m.config for m in model.modules() if hasattr(m, "config")}
    before = {key: config._attn_implementation for key, config in configs.items()}
    with torch.no_grad():
        plain = model(**F.arguments(name))
    traced = lm.trace(F.example(name), decoder=F.decoder_ids(name))
    with torch.no_grad():
        after = model(**F.arguments(name))
    assert {key: config._attn_implementation for key, config in configs.items()} == before
    assert torch.equal(after.logits, plain.logits)
    if name not in F.ENCODER_DECODERS and traced.logits is not None:
        assert torch.equal(traced.logits, plain.logits[0])
    assert not any("_attn" in module.__dict__ for module in model.modules())


def test_nothing_of_size_tokens_squared_is_kept() -> None:
    """By tensors, not by a clock or the process's memory: no kept tensor of a trace is quadratic in the tokens."""
    lm = load(F.build("llama"))
    gc.collect()
    before = {id(o) for o in gc.get_objects() if issubclass(type(o), torch.Tensor)}
    trace = lm.trace(F.example("llama", 61))
    gc.collect()
    kept = [o for o in gc.get_objects() if issubclass(type(o), torch.Tensor) and id(o) not in before]
    assert all(t.shape[-2:] != (61, 61) for t in kept if t.dim() >= 2)
    assert trace.attention["self"][0].pattern(0).shape == (61, 61)


def test_two_traces_do_not_mix() -> None:
    lm = load(F.build("llama"))
    first, second = lm.trace(F.example("llama", 7)), lm.trace(F.example("llama", 11))
    assert first.attention["self"][0].n_keys == 7
    assert second.attention["self"][0].n_keys == 11
    again = lm.trace(F.example("llama", 7))
    assert torch.equal(first.attention["self"][2].pattern(1), again.attention["self"][2].pattern(1))
