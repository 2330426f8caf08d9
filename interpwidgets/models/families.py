"""The facts about model families that the module tree does not tell.

Everything else is found by structure, so a family missing here usually works; the self-check decides.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

ATTENTION = (
    "self_attn", "attn", "attention", "self_attention", "layer.0.SelfAttention", "layer.0.attention", "attn1",
)  # fmt: skip
ATTENTION_OUTPUT = (
    "o_proj", "c_proj", "out_proj", "dense", "out_lin", "o", "wo", "output.dense", "attention.out_proj",
)  # fmt: skip
MLP = ("mlp", "feed_forward", "ffn", "block_sparse_moe", "layer.-1.DenseReluDense", "mixer_mlp")
MLP_OUTPUT = ("down_proj", "c_proj", "dense_4h_to_h", "fc2", "fc_out", "lin2", "wo", "w2")
# The norm that reads the stream between attention and MLP, tried in this order: the Gemma layout has both names.
MIDDLE_NORM = (
    "pre_feedforward_layernorm", "ln_2", "post_attention_layernorm", "layernorm_after", "norm2", "ffn_norm",
    "layer.-1.layer_norm",
)  # fmt: skip
AFTER_ATTENTION = ("post_self_attn_layernorm", "post_attention_layernorm")
AFTER_MLP = ("post_mlp_layernorm", "post_feedforward_layernorm")
FINAL_NORM = ("ln_f", "final_layer_norm", "final_layernorm", "norm_f", "norm", "layernorm", "ln_out", "layer_norm")
# Built like BART, but with the norms before attention and MLP.
PRE_NORM_BART = ("whisper", "mbart", "pegasus", "m2m_100", "xglm", "speech_to_text", "blenderbot")
CROSS_ATTENTION = ("encoder_attn", "crossattention", "EncDecAttention", "cross_attn")
STATE_SPACE = ("mamba", "mamba2", "falcon_mamba", "rwkv")


def child(module: nn.Module, path: str) -> nn.Module | None:
    """The submodule at a dotted path; numbers index lists, negative ones from the end; None where there is none."""
    here: Any = module
    for step in path.split("."):
        if step.lstrip("-").isdigit():
            here = here[int(step)] if isinstance(here, nn.ModuleList) and len(here) else None
        else:
            here = getattr(here, step, None)
        if not isinstance(here, nn.Module):
            return None
    return here


def first(module: nn.Module, paths: tuple[str, ...]) -> nn.Module | None:
    """The first of several paths that leads to a submodule."""
    return next((found for path in paths if (found := child(module, path)) is not None), None)


def is_parallel(block: nn.Module, config: Any) -> bool:
    """True where attention and MLP read the same stream, so that nothing lies between them (NeoX, Falcon)."""
    if getattr(config, "parallel_attn", False) or getattr(config, "new_decoder_architecture", False):
        return True
    return bool(getattr(block, "use_parallel_residual", False))


def adds_inside(config: Any) -> bool:
    """True where the attention and MLP modules add the residual themselves and return the sum (Bloom)."""
    return config.model_type == "bloom"


def token_head(model: nn.Module, config: Any) -> nn.Module | None:
    """The module from the last residual to logits: the unembedding, or a whole masked-language-model head."""
    kind = config.model_type
    if kind == "distilbert" and hasattr(model, "vocab_projector"):
        return nn.Sequential(model.vocab_transform, model.activation, model.vocab_layer_norm, model.vocab_projector)  # type: ignore[arg-type]
    if kind in ("roberta", "xlm-roberta", "camembert"):
        return first(model, ("lm_head",))
    cls = getattr(model, "cls", None)
    if isinstance(cls, nn.Module) and hasattr(cls, "predictions"):
        return cls.predictions if isinstance(cls.predictions, nn.Module) else None
    get = getattr(model, "get_output_embeddings", None)
    head = get() if get is not None else None
    return head if isinstance(head, nn.Module) else None


def logit_scale(config: Any) -> float:
    """The factor between the unembedding and the logits (Cohere multiplies, Granite divides, T5 scales its input)."""
    if getattr(config, "scale_decoder_outputs", False):
        return float(config.d_model) ** -0.5
    scale = getattr(config, "logit_scale", None)
    if isinstance(scale, (int, float)):
        return float(scale)
    divide = getattr(config, "logits_scaling", None)
    return 1.0 / float(divide) if isinstance(divide, (int, float)) else 1.0


def context_length(config: Any) -> int | None:
    """How many tokens fit, or None where nothing limits them (relative positions, state spaces)."""
    if getattr(config, "alibi", False):
        return None
    for name in ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            if config.model_type == "t5":
                return None
            # RoBERTa numbers its positions from padding_idx + 1, and so loses that many.
            offset = config.model_type in ("roberta", "xlm-roberta", "camembert")
            return value - (int(config.pad_token_id or 0) + 1 if offset else 0)
    return None


def keeps_own_attention(config: Any) -> bool:
    """True for families whose attention never passes through transformers' attention interface."""
    return config.model_type in ("bloom", "falcon", "gptj", "codegen", "gpt_neo")


def own_attention(module: Any, hidden: torch.Tensor, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Query, key, value, scale and bias of Bloom and Falcon, computed again from what the attention module was given.

    Both fuse their projections and offer no place to listen, so the same projections are run once more when somebody
    looks: linear in the number of tokens.
    """
    fused = module.query_key_value(hidden)
    alibi = kwargs.get("alibi")
    if hasattr(module, "_reshape"):
        query, key, value = module._reshape(fused)
        bias = alibi.reshape(fused.shape[0], module.num_heads, 1, -1) if alibi is not None else None
        return {"query": query, "key": key, "value": value, "scaling": module.inv_norm_factor, "position_bias": bias}
    query, key, value = (t.transpose(1, 2) for t in module._split_heads(fused))
    bias = None
    if alibi is None:
        import sys

        cos, sin = kwargs["position_embeddings"]
        query, key = sys.modules[type(module).__module__].apply_rotary_pos_emb(query, key, cos, sin)
    elif module.config._attn_implementation != "sdpa":
        # Under SDPA the model has already put alibi into the mask.
        bias = alibi.reshape(fused.shape[0], module.num_heads, 1, -1) * module.inv_norm_factor
    return {"query": query, "key": key, "value": value, "scaling": module.inv_norm_factor, "position_bias": bias}
