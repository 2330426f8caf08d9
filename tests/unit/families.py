"""Tiny random models of every family the adapters are proven on, and where real data lies."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as tf

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

# Models this small are slower on several threads than on one, much so beside other work.
torch.set_num_threads(1)

# fmt: off
_ROTARY = {
    "vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2,
}
_PLAIN = {**_ROTARY, "num_key_value_heads": 4}
_FALCON = {
    "vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2,
}
_GPT = {
    "vocab_size": 97, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, "bos_token_id": 1, "eos_token_id": 2,
}
_BERT = {
    "vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 64,
}
_TYPES = {"layer_types": ["sliding_attention", "full_attention", "sliding_attention"], "sliding_window": 5}
_BART = {
    "vocab_size": 97, "d_model": 32, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 64,
    "decoder_start_token_id": 2,
}

# name -> (config class, model class, config arguments)
_BUILD: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "gpt2": (tf.GPT2Config, tf.GPT2LMHeadModel, _GPT),
    "gpt2_scaled": (tf.GPT2Config, tf.GPT2LMHeadModel, {**_GPT, "scale_attn_by_inverse_layer_idx": True}),
    "gpt_neox": (tf.GPTNeoXConfig, tf.GPTNeoXForCausalLM, _PLAIN),
    "gpt_neox_sequential": (tf.GPTNeoXConfig, tf.GPTNeoXForCausalLM, {**_PLAIN, "use_parallel_residual": False}),
    "gpt_neo": (
        tf.GPTNeoConfig,
        tf.GPTNeoForCausalLM,
        {
            "vocab_size": 97, "hidden_size": 32, "num_layers": 4, "num_heads": 4, "max_position_embeddings": 64,
            "attention_types": [[["global", "local"], 2]], "window_size": 5, "intermediate_size": 48,
            "bos_token_id": 1, "eos_token_id": 2,
        },
    ),
    "gptj": (tf.GPTJConfig, tf.GPTJForCausalLM, {**_GPT, "rotary_dim": 4, "n_inner": 48}),
    "opt": (
        tf.OPTConfig,
        tf.OPTForCausalLM,
        {
            "vocab_size": 97, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
            "max_position_embeddings": 64, "word_embed_proj_dim": 32, "pad_token_id": 1,
        },
    ),
    "opt_post_norm": (
        tf.OPTConfig,
        tf.OPTForCausalLM,
        {
            "vocab_size": 97, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
            "max_position_embeddings": 64, "word_embed_proj_dim": 16, "pad_token_id": 1, "do_layer_norm_before": False,
        },
    ),
    "bloom": (tf.BloomConfig, tf.BloomForCausalLM, {"vocab_size": 97, "hidden_size": 32, "n_layer": 3, "n_head": 4}),
    "falcon": (
        tf.FalconConfig, tf.FalconForCausalLM, {**_FALCON, "multi_query": True, "parallel_attn": True, "bias": False}
    ),
    "falcon_grouped": (
        tf.FalconConfig, tf.FalconForCausalLM, {**_FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}
    ),
    "falcon_sequential": (
        tf.FalconConfig,
        tf.FalconForCausalLM,
        {**_FALCON, "multi_query": False, "parallel_attn": False, "new_decoder_architecture": False, "bias": True},
    ),
    "falcon_alibi": (
        tf.FalconConfig,
        tf.FalconForCausalLM,
        {**_FALCON, "multi_query": False, "parallel_attn": False, "alibi": True, "bias": True},
    ),
    "llama": (tf.LlamaConfig, tf.LlamaForCausalLM, _ROTARY),
    "mistral": (tf.MistralConfig, tf.MistralForCausalLM, {**_ROTARY, "sliding_window": 5}),
    "mixtral": (tf.MixtralConfig, tf.MixtralForCausalLM, {**_ROTARY, "num_local_experts": 4, "sliding_window": 6}),
    "qwen2": (tf.Qwen2Config, tf.Qwen2ForCausalLM, _ROTARY),
    "qwen3": (tf.Qwen3Config, tf.Qwen3ForCausalLM, _ROTARY),
    "gemma": (tf.GemmaConfig, tf.GemmaForCausalLM, _ROTARY),
    "gemma2": (
        tf.Gemma2Config,
        tf.Gemma2ForCausalLM,
        {**_ROTARY, **_TYPES, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0},
    ),
    "gemma3": (tf.Gemma3TextConfig, tf.Gemma3ForCausalLM, {**_ROTARY, **_TYPES}),
    "phi": (tf.PhiConfig, tf.PhiForCausalLM, _PLAIN),
    "phi3": (tf.Phi3Config, tf.Phi3ForCausalLM, _ROTARY),
    "olmo2": (tf.Olmo2Config, tf.Olmo2ForCausalLM, _ROTARY),
    "gpt_oss": (
        tf.GptOssConfig, tf.GptOssForCausalLM, {**_ROTARY, **_TYPES, "num_local_experts": 4, "num_experts_per_tok": 2}
    ),
    "mamba": (
        tf.MambaConfig,
        tf.MambaForCausalLM,
        {"vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 3, "state_size": 4, "pad_token_id": 0},
    ),
    "bert": (tf.BertConfig, tf.BertForMaskedLM, _BERT),
    "roberta": (tf.RobertaConfig, tf.RobertaForMaskedLM, {**_BERT, "max_position_embeddings": 66, "pad_token_id": 1}),
    "distilbert": (
        tf.DistilBertConfig,
        tf.DistilBertForMaskedLM,
        {"vocab_size": 97, "dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 64},
    ),
    "t5": (
        tf.T5Config,
        tf.T5ForConditionalGeneration,
        {
            "vocab_size": 97, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_decoder_layers": 3,
            "num_heads": 4, "relative_attention_num_buckets": 8, "decoder_start_token_id": 0, "pad_token_id": 0,
        },
    ),
    "bart": (tf.BartConfig, tf.BartForConditionalGeneration, _BART),
    "vit": (
        tf.ViTConfig,
        tf.ViTForImageClassification,
        {**_BERT, "image_size": 16, "patch_size": 4, "num_channels": 3, "num_labels": 5},
    ),
}
# fmt: on

FAMILIES = list(_BUILD)
ATTENDING = [name for name in FAMILIES if name != "mamba"]
DECODERS = [n for n in FAMILIES if n not in ("bert", "roberta", "distilbert", "t5", "bart", "vit")]
TEXT = [name for name in FAMILIES if name != "vit"]
ENCODER_DECODERS = ("t5", "bart")


@functools.cache
def _original(name: str) -> Any:
    config_class, model_class, arguments = _BUILD[name]
    torch.manual_seed(0)
    model = model_class(config_class(**arguments)).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            # Larger weights than a fresh model's make attention sharp and every path matter; norms stay near one.
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[-1] ** -0.5)
            elif "norm" not in parameter_name.lower() and "ln_" not in parameter_name and "A_log" not in parameter_name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def build(name: str, implementation: str | None = None) -> Any:
    """A fresh copy of the tiny model of a family, in eval mode; its own attention implementation, or the one named."""
    model = copy.deepcopy(_original(name))
    if implementation is not None:
        for module in model.modules():
            if hasattr(getattr(module, "config", None), "_attn_implementation_internal"):
                module.config._attn_implementation_internal = implementation
    return model


def example(name: str, length: int = 23) -> Any:
    """An input for `Model.trace`: token ids, or pixels."""
    generator = torch.Generator().manual_seed(length)
    if name == "vit":
        return torch.randn(3, 16, 16, generator=generator)
    return torch.randint(3, 97, (length,), generator=generator).tolist()


def arguments(name: str, length: int = 23) -> dict[str, Any]:
    """The same input as keyword arguments of the model itself."""
    given = example(name, length)
    if name == "vit":
        return {"pixel_values": given[None]}
    if name in ENCODER_DECODERS:
        start = 0 if name == "t5" else 2
        return {"input_ids": torch.tensor([given]), "decoder_input_ids": torch.tensor([[start, *example(name, 9)]])}
    return {"input_ids": torch.tensor([given])}


def decoder_ids(name: str) -> list[int] | None:
    """What `Model.trace(decoder=...)` gets for an encoder-decoder, else None."""
    return example(name, 9) if name in ENCODER_DECODERS else None


def data(path: str) -> Path:
    """A path in the shared test data; the test is skipped, with the reason, where it is not there."""
    found = DATA / path
    if not found.exists():
        pytest.skip(f"{path} of the shared test data (../shared/data beside the repository) is not here")
    return found
