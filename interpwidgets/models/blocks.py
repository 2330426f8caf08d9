"""Reading one block: what in it is attention, MLP and norm, and which tensor each site stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from interpwidgets.models import families
from interpwidgets.models.hooks import Tap


@dataclass
class Block:
    """One layer: its modules, its taps by site kind, and why a kind is missing."""

    module: nn.Module
    attention: nn.Module | None = None
    output: nn.Module | None = None
    taps: dict[str, Tap] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    parallel: bool = False
    cross: bool = False
    middle_norm: nn.Module | None = None
    end_norm: nn.Module | None = None


def read_block(module: nn.Module, config: Any, cross: bool) -> Block:
    """The parts of one block, found by name and structure."""
    block = Block(module, cross=cross)
    taps, missing = block.taps, block.missing
    taps["resid_pre"] = Tap(module, "input")
    taps["resid_post"] = Tap(module, "output", 0)
    block.attention = families.first(module, families.ATTENTION)
    state = "a state-space block has neither attention nor an MLP, only its mixer"
    nothing = state if config.model_type in families.STATE_SPACE else "this block has no module of a known name for it"
    flat = any(hasattr(module, name) for name in ("fc1", "fc2"))
    up, down, mlp = _mlp(module)

    if block.attention is None:
        missing.update(dict.fromkeys(("attn_out", "head_out"), nothing))
    else:
        block.output = families.first(block.attention, families.ATTENTION_OUTPUT)
        if block.output is not None:
            taps["head_out"] = Tap(block.output, "input")
        else:
            missing["head_out"] = "its attention has no output projection of a known name"
        whole = hasattr(module, "attention") and hasattr(block.attention, "output")
        inside = block.output is not None and (families.adds_inside(config) or whole)
        # BERT and Bloom return the stream itself from their attention; what they add is their projection's output.
        taps["attn_out"] = Tap(block.output, "output") if inside and block.output is not None else Tap(block.attention)

    if up is None or down is None:
        missing.update(dict.fromkeys(("mlp_in", "mlp_act", "mlp_out"), nothing))
        if mlp is not None:
            taps["mlp_in"], taps["mlp_out"] = Tap(mlp, "input"), Tap(mlp, "output", 0)
            missing["mlp_act"] = "its hidden units are spread over experts"
            del missing["mlp_in"], missing["mlp_out"]
    else:
        around = module if flat else None
        taps["mlp_in"] = Tap(up, "input", block=around)
        taps["mlp_act"] = Tap(down, "input", block=around)
        own = mlp is None or families.adds_inside(config)
        taps["mlp_out"] = Tap(down, "output", block=around) if own or mlp is None else Tap(mlp, "output", 0)
    _middle(block, config)
    return block


def _mlp(module: nn.Module) -> tuple[nn.Module | None, nn.Module | None, nn.Module | None]:
    """What reads the MLP's input, what projects back to the stream, and the module around both where there is one."""
    mlp = families.first(module, families.MLP)
    if mlp is not None:
        down = families.first(mlp, families.MLP_OUTPUT)
        return mlp, down, mlp
    inner = families.child(module, "intermediate")
    if inner is not None:
        return inner, families.child(module, "output.dense"), None
    return families.child(module, "fc1"), families.child(module, "fc2"), None


def _middle(block: Block, config: Any) -> None:
    """`resid_mid`, and the norms that sit on the stream or on what is added to it."""
    module, taps = block.module, block.taps
    if "attn_out" not in taps or "mlp_in" not in taps:
        block.missing["resid_mid"] = block.missing.get("attn_out") or block.missing.get("mlp_in", "")
        return
    # Post-norm stacks (BERT, BART, OPT-350m) norm the stream itself after each addition.
    after = families.first(module, ("attention.output.LayerNorm", "sa_layer_norm"))
    end = families.first(module, ("output.LayerNorm", "output_layer_norm"))
    fairseq = families.child(module, "self_attn_layer_norm")
    if fairseq is not None:
        pre_norm = getattr(module, "do_layer_norm_before", None)
        pre_norm = config.model_type in families.PRE_NORM_BART if pre_norm is None else pre_norm
        last = families.child(module, "final_layer_norm")
        if pre_norm:
            _sum(block, Tap(last, "input", block=module) if last is not None else None)
            crossing = families.child(module, "encoder_attn_layer_norm")
            middle = families.child(module, "encoder_attn")
            if crossing is not None and middle is not None and taps["resid_mid"].seen is not None:
                taps["resid_mid"] = Tap(middle, base=Tap(crossing, "input"), seen=taps["resid_mid"].seen)
            return
        after, end = families.first(module, ("encoder_attn_layer_norm",)) or fairseq, last
    if after is not None and end is not None:
        block.middle_norm, block.end_norm = after, end
        taps["resid_mid"] = Tap(after)
        return
    if families.adds_inside(config) and block.attention is not None:
        taps["resid_mid"] = Tap(block.attention, "output", 0)
        return
    t5 = families.child(module, "layer.-1.DenseReluDense")
    if t5 is not None:
        middle = families.child(module, "layer.-2")
        assert middle is not None
        taps["resid_mid"] = Tap(middle, "output", 0)
        return
    norm = families.first(module, families.MIDDLE_NORM)
    on_mlp, on_attention = families.first(module, families.AFTER_MLP), families.first(module, families.AFTER_ATTENTION)
    if on_mlp is not None and on_attention is not None:
        # Sandwich norms (Gemma 2 and 3, OLMo 2, GLM 4): what is added is what the second norm returns.
        taps["attn_out"], taps["mlp_out"] = Tap(on_attention), Tap(on_mlp)
        if norm is on_attention:
            norm = None
            _sum(block, taps["mlp_in"])
            return
        if hasattr(module, "post_self_attn_layernorm"):
            norm = families.child(module, "post_attention_layernorm")
    if families.is_parallel(module, config) or norm is None:
        block.parallel = True
        block.missing["resid_mid"] = "attention and MLP read the same stream in parallel, so nothing lies between them"
        return
    _sum(block, Tap(norm, "input"))


def _sum(block: Block, seen: Tap | None) -> None:
    part = block.taps["attn_out"]
    block.taps["resid_mid"] = Tap(
        part.module, part.side, part.index, part.block, base=block.taps["resid_pre"], seen=seen
    )
