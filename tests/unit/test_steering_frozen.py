"""Frozen attention: patterns stay those of the unsteered run while values are live."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from interpwidgets.analyses.steering import SteeringSession, Writer
from interpwidgets.analyses.steering.targets import targets
from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import Edit, Model, Trace, load
from interpwidgets.records.steering import Steering
from tests.unit import families as F

VECTOR = torch.linspace(-1.0, 1.0, 32)
HELD = F.ATTENDING
EDIT = Edit("resid_pre.0", add=VECTOR, strength=3.0)


def patterns(trace: Trace) -> list[torch.Tensor]:
    layers = [layer for group in trace.attention.values() for layer in group]
    return [layer.pattern(head) for layer in layers for head in range(layer.n_heads)]


def plain_trace(lm: Model, name: str) -> Trace:
    return lm.trace(F.example(name), decoder=F.decoder_ids(name))


def output(trace: Trace) -> torch.Tensor:
    return trace.output.logits


@pytest.mark.parametrize("name", HELD)
def test_patterns_are_held_and_values_live(name: str) -> None:
    lm = load(F.build(name))
    before = plain_trace(lm, name)
    with lm.frozen_attention(before), lm.edit(EDIT):
        frozen = plain_trace(lm, name)
    with lm.edit(EDIT):
        live = plain_trace(lm, name)
    for was, held in zip(patterns(before), patterns(frozen), strict=True):
        assert torch.equal(was, held)
    assert any(
        not torch.allclose(was, now, atol=1e-3) for was, now in zip(patterns(before), patterns(live), strict=True)
    )
    group = "decoder" if "decoder" in before.attention else "self"
    value = [trace.attention[group][1].value(0) for trace in (before, frozen)]
    assert not torch.allclose(value[0], value[1], atol=1e-3)
    assert not torch.allclose(output(before), output(frozen), atol=1e-3)
    assert not torch.allclose(output(live), output(frozen), atol=1e-4)
    assert torch.equal(output(plain_trace(lm, name)), output(before))


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("implementation", [None, "eager"])
def test_holding_what_is_there_anyway_changes_no_bit(name: str, implementation: str | None) -> None:
    lm = load(F.build(name, implementation))
    before = plain_trace(lm, name)
    with lm.frozen_attention(before):
        assert torch.equal(output(plain_trace(lm, name)), output(before))
        with torch.no_grad():
            assert torch.equal(lm.model(**F.arguments(name)).logits, output(before))
    configs = [m.config for m in lm.model.modules() if hasattr(m, "config")]
    assert not any(str(config._attn_implementation).startswith("interpwidgets") for config in configs)
    assert not any("_attn" in module.__dict__ for module in lm.model.modules())


def by_hand(lm: Model, name: str, held: Trace) -> torch.Tensor:
    """The residual stream after the last block, from the weights and the patterns of the unsteered run."""
    x = held["resid_pre.0"] + 3.0 * VECTOR
    for layer, block in enumerate(lm.anatomy.blocks):
        module: Any = block.module
        attention = held.attention["self"][layer]
        read = (module.ln_1 if name == "gpt2" else module.input_layernorm)(x)
        if name == "gpt2":
            values = module.attn.c_attn(read)[:, 64:].reshape(len(x), 4, 8)
        else:
            values = module.self_attn.v_proj(read).reshape(len(x), 2, 8).repeat_interleave(2, dim=1)
        gathered = torch.stack([attention.pattern(head) @ values[:, head] for head in range(4)], dim=1).flatten(1)
        x = x + (module.attn.c_proj if name == "gpt2" else module.self_attn.o_proj)(gathered)
        norm = module.ln_2 if name == "gpt2" else module.post_attention_layernorm
        x = x + module.mlp(norm(x))
    return x


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_against_the_network_written_out_with_fixed_patterns(name: str) -> None:
    lm = load(F.build(name))
    held = plain_trace(lm, name)
    with lm.frozen_attention(F.example(name)), lm.edit(EDIT):
        found = lm.trace(F.example(name), sites=["resid_post.2"])["resid_post.2"]
    with torch.no_grad():
        torch.testing.assert_close(found, by_hand(lm, name, held), atol=1e-4, rtol=1e-4)


def test_the_part_that_values_carry_is_linear_where_nothing_else_bends() -> None:
    """Attention only, no norms: with patterns held the stream is linear in the edit; with live ones it is not."""
    lm = load(F.build("gpt2"))
    for block in lm.anatomy.blocks:
        module: Any = block.module
        for norm in ("ln_1", "ln_2"):
            setattr(module, norm, torch.nn.Identity())
        module.mlp = torch.nn.Linear(32, 32, bias=False)
        module.mlp.weight.data.zero_()
    ids = F.example("gpt2")
    ends = {}
    for kind in ("frozen", "live"):
        found = []
        for strength in (0.0, 0.5, 1.0):
            edit = Edit("resid_pre.0", add=VECTOR, strength=strength, positions=[2])
            if kind == "frozen":
                with lm.frozen_attention(ids), lm.edit(edit):
                    found.append(lm.trace(ids, sites=["resid_post.2"])["resid_post.2"])
            else:
                with lm.edit(edit):
                    found.append(lm.trace(ids, sites=["resid_post.2"])["resid_post.2"])
        ends[kind] = float((found[0] + found[2] - 2 * found[1]).abs().max() / (found[2] - found[0]).abs().max())
    assert ends["frozen"] < 1e-5
    assert ends["live"] > 1e-3


@pytest.mark.parametrize("name", [n for n in F.DECODERS if n in HELD])
def test_a_session_with_frozen_attention(name: str) -> None:
    lm = load(F.build(name))
    session = SteeringSession(lm, F.example(name, 11))
    made = [targets.vector("resid_post.0", VECTOR, lm=lm), targets.vector("resid_pre.2", -VECTOR, lm=lm)]
    rows = [[2.0, 1.5], [0.0, 0.0], [0.0, 2.5]]
    found = session.steered(made, rows, attention="frozen")
    for row, log_probability in zip(rows, found.log_probability, strict=True):
        with lm.frozen_attention(session.ids), lm.edit(session.record(made, row)):
            plain = lm.trace(session.ids).logits
        assert plain is not None
        wanted = torch.log_softmax(plain[-1], -1)
        torch.testing.assert_close(torch.from_numpy(log_probability), wanted, atol=1e-5, rtol=1e-5)
    live = session.steered(made, rows)
    assert not torch.allclose(torch.from_numpy(live.log_probability[0]), torch.from_numpy(found.log_probability[0]))
    assert session.divergence(made, rows, attention="frozen")[0] > 0


@pytest.mark.parametrize("name", [n for n in F.DECODERS if n in HELD])
def test_writing_with_frozen_attention_is_frozen_on_the_text_that_was_written(name: str) -> None:
    """Each step sees the patterns that the unsteered model has on the same, steered text."""
    lm = load(F.build(name))
    prompt = F.example(name, 6)
    record = Steering((targets.vector("resid_post.0", VECTOR, lm=lm),), (6.0,), "all", 6)
    writer = Writer(lm, prompt, record, max_new_tokens=8, attention="frozen")
    while not writer.done:
        writer.more(0.0)
    for end in range(6, len(writer.ids)):
        text = writer.ids[:end]
        with lm.frozen_attention(text), lm.edit(record):
            logits = lm.trace(text).logits
        assert logits is not None
        assert int(logits[-1].argmax()) == writer.ids[end]
    plain = Writer(lm, prompt, None, max_new_tokens=5, attention="frozen")
    while not plain.done:
        plain.more()
    assert plain.ids == lm.generate(prompt, 5).ids.tolist()


def test_a_model_without_attention_has_no_patterns_to_hold() -> None:
    lm = load(F.build("mamba"))
    session = SteeringSession(lm, F.example("mamba", 7))
    made = [targets.vector("resid_post.0", VECTOR, lm=lm)]
    for ask in (
        lambda: session.steered(made, [1.0], attention="frozen"),
        lambda: Writer(lm, [5, 6], None, attention="frozen"),
        lambda: lm.frozen_attention([5, 6]).__enter__(),
    ):
        with pytest.raises(ModelError, match="whose attention patterns can be held"):
            ask()
    assert session.steered(made, [1.0]).kl[0] > 0


def test_another_text_is_refused() -> None:
    lm, other = load(F.build("gpt2")), load(F.build("llama"))
    plain = lm.trace([5, 6, 7, 8]).logits
    bloom = load(F.build("bloom"))
    for model in (lm, bloom):
        with model.frozen_attention([5, 6, 7]), pytest.raises(InputError, match="of 3 tokens, got one of 4 tokens"):
            model.trace([5, 6, 7, 8])
    with pytest.raises(InputError, match="a trace of"), lm.frozen_attention(other.trace([5, 6])):
        pass
    with pytest.raises(InputError, match="with its attention"), lm.frozen_attention(lm.trace([5], attention=False)):
        pass
    assert torch.equal(lm.trace([5, 6, 7, 8]).logits, plain)  # type: ignore[arg-type]
