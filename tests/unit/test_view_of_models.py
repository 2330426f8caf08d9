"""The view over real adapters: what the page is given equals `output_attentions` of the same model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

import interpwidgets as iw
from interpwidgets._core.requests import call
from interpwidgets._core.wire import unpack


def exact(view: iw.AttentionView, layer: int, head: int) -> np.ndarray:
    """The whole pattern as the page would get it (short texts fit one block)."""
    params: dict[str, Any] = {"kind": view.kind, "show": view.show, "layer": layer, "head": head}
    return unpack(call(view._methods, "exact", {**params, "axis": "query", "start": 0})["values"])


def eager(model: Any, **inputs: Any) -> Any:
    """The model's own weights, from its eager kernel."""
    model.set_attn_implementation("eager")
    with torch.no_grad():
        out = model(**inputs, output_attentions=True)
    model.set_attn_implementation("sdpa")
    return out


def test_grouped_heads_and_windows() -> None:
    torch.manual_seed(0)
    config = transformers.MistralConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=50, sliding_window=4, max_position_embeddings=64,
    )  # fmt: skip
    model = transformers.MistralForCausalLM(config).eval()
    ids = torch.randint(0, 50, (11,))
    view = iw.AttentionView(iw.load(model).trace(ids))
    weights = eager(model, input_ids=ids[None]).attentions
    for layer in range(2):
        for head in range(4):
            np.testing.assert_allclose(exact(view, layer, head), weights[layer][0, head], atol=1e-5)


def test_cross_attention_has_three_kinds() -> None:
    torch.manual_seed(0)
    config = transformers.T5Config(
        d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=50, decoder_start_token_id=0
    )
    model = transformers.T5ForConditionalGeneration(config).eval()
    source, target = torch.randint(1, 50, (9,)), torch.randint(1, 50, (5,))
    trace = iw.load(model).trace(source, decoder=target)
    view = iw.AttentionView(trace, kind="cross")
    assert set(view._view["kinds"]) == {"encoder", "decoder", "cross"}
    out = eager(model, input_ids=source[None], decoder_input_ids=trace.ids[None])
    for kind, weights in (
        ("cross", out.cross_attentions),
        ("encoder", out.encoder_attentions),
        ("decoder", out.decoder_attentions),
    ):
        view.kind = kind
        for head in range(4):
            np.testing.assert_allclose(exact(view, 1, head), weights[1][0, head], atol=1e-5)
    info = view._view["kinds"]["cross"]
    assert len(info["keys"]["texts"]) == len(trace.source_tokens)
    assert len(info["queries"]["texts"]) == len(trace.tokens)


def test_vision_transformer_brings_its_picture() -> None:
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8
    )
    model = transformers.ViTModel(config).eval()
    pixels = torch.randn(3, 32, 32)
    trace = iw.load(model).trace(pixels)
    view = iw.AttentionView(trace)
    assert view._view["kinds"]["self"]["queries"]["grid"] == [4, 4]
    image = unpack(view._view["image"])
    assert image.shape == (32, 32, 3)
    # Stretched, not reordered: the ends of the range are the picture's own extremes.
    rows = pixels.permute(1, 2, 0).numpy().ravel()
    assert image.ravel()[rows.argmax()] == 255
    assert image.ravel()[rows.argmin()] == 0
    weights = eager(model, pixel_values=pixels[None]).attentions
    np.testing.assert_allclose(exact(view, 0, 3), weights[0][0, 3], atol=1e-5)


def test_value_weighted_is_probability_times_what_the_head_writes() -> None:
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=50, n_positions=32)
    model = transformers.GPT2LMHeadModel(config).eval()
    ids = torch.randint(0, 50, (8,))
    lm = iw.load(model)
    view = iw.AttentionView(lm.trace(ids), show="value_weighted")
    block = model.transformer.h[1]
    with torch.no_grad():
        stream = model(ids[None], output_hidden_states=True).hidden_states[1]
        v = block.attn.c_attn(block.ln_1(stream))[0, :, 64:].reshape(8, 4, 8)
        written = torch.einsum("khd,hdm->khm", v, block.attn.c_proj.weight.reshape(4, 8, 32)).norm(dim=-1)
    weights = eager(model, input_ids=ids[None]).attentions[1][0]
    for head in range(4):
        np.testing.assert_allclose(exact(view, 1, head), weights[head] * written[None, :, head], atol=1e-5)


def test_a_model_without_attention_says_so() -> None:
    config = transformers.MambaConfig(hidden_size=32, num_hidden_layers=2, vocab_size=50, state_size=4)
    trace = iw.load(transformers.MambaForCausalLM(config).eval()).trace([1, 2, 3])
    with pytest.raises(iw.ModelError, match="where no layer attends"):
        iw.AttentionView(trace)


def test_two_models_are_compared() -> None:
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=50, n_positions=32)
    first, second = (transformers.GPT2LMHeadModel(config).eval() for _ in range(2))
    ids = torch.randint(0, 50, (8,))
    view = iw.AttentionView(iw.load(first).trace(ids), iw.load(second).trace(ids), show="difference")
    a, b = (eager(m, input_ids=ids[None]).attentions[0][0, 2] for m in (first, second))
    np.testing.assert_allclose(exact(view, 0, 2), a - b, atol=1e-5)
