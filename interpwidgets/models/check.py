"""An adapter checks itself when it is built: on a two-token probe the parts must add up.

What a site means is a claim about somebody else's code. These are the claims, tested on the very model that was loaded;
one that fails is named, with the fix, before any picture is drawn from it.
"""

from __future__ import annotations

from typing import Any

import torch

from interpwidgets.errors import ModelError
from interpwidgets.models import inputs
from interpwidgets.models.model import Model
from interpwidgets.models.site import Site

_FIX = (
    'Name the right module with load(..., sites={"%s": "path.to.module"}), or pass check=False to go on without '
    "this site's guarantee."
)


def check(lm: Model) -> None:
    """Test the adapter's claims on a probe of two tokens.

    - ``resid_pre.{l+1} == resid_post.l``
    - the stream plus what attention and MLP add is the stream after them (for post-norm families, after the norm)
    - the last residual through final norm and unembedding equals the logits
    - attention rows sum to 1 (with their sink), and pattern times value is what the output projection was given

    Raises:
        ModelError: naming the first claim that fails.
    """
    wanted = [s for s in lm.sites if s.kind not in ("embed", "mlp_in", "mlp_act")]
    prepared = probe(lm)
    output, kept, store = lm._forward(prepared, wanted, attention=True)
    _stream(lm, kept)
    for layer in range(lm.n_layers):
        _adds_up(lm, layer, kept)
    logits = lm._logits(output, kept)
    if logits is not None and lm.anatomy.head is not None and lm.n_layers:
        last = kept[Site("resid_post", lm.n_layers - 1)]
        _same(lm.unembed(last)[0], logits, "the logits", "the last residual through norm and unembedding", "logits", lm)
    _attention(lm, kept, store)


def probe(lm: Model) -> dict[str, Any]:
    """The model arguments of a tiny input: two tokens, or one image of noise."""
    if lm.takes_images:
        sides = lm.config.image_size if isinstance(lm.config.image_size, (list, tuple)) else (lm.config.image_size,) * 2
        noise = torch.randn(getattr(lm.config, "num_channels", 3), *sides, generator=torch.Generator().manual_seed(0))
        return inputs.prepare(lm, noise).kwargs
    last = (lm.d_vocab_in or 2) - 1
    # Small ids are often padding, which some models treat specially.
    ids = torch.tensor([[last // 2, last // 3]], device=lm.device)
    if not lm.has_decoder:
        return {lm.input_name: ids}
    return {"input_ids": ids, "decoder_input_ids": ids.flip(1)}


def _stream(lm: Model, kept: dict[Site, torch.Tensor]) -> None:
    for layer in range(lm.n_layers - 1):
        after, before = kept[Site("resid_post", layer)], kept[Site("resid_pre", layer + 1)]
        _same(before, after, f"resid_pre.{layer + 1}", f"resid_post.{layer}", f"resid_post.{layer}", lm)


def _adds_up(lm: Model, layer: int, kept: dict[Site, torch.Tensor]) -> None:
    block = lm.anatomy.blocks[layer]

    def at(kind: str) -> torch.Tensor | None:
        return kept.get(Site(kind, layer))

    pre, middle, post = at("resid_pre"), at("resid_mid"), at("resid_post")
    attention, mlp = at("attn_out"), at("mlp_out")
    if pre is None or post is None or attention is None or mlp is None:
        return
    mlp = mlp.reshape(post.shape)
    if middle is None:
        what = f"resid_pre.{layer} + attn_out.{layer} + mlp_out.{layer}"
        _same(pre + attention + mlp, post, what, f"resid_post.{layer}", f"mlp_out.{layer}", lm)
        return
    if not block.cross:
        total, what = pre + attention, f"resid_pre.{layer} + attn_out.{layer}"
        if block.middle_norm is not None:
            total, what = _normed(lm, block.middle_norm, total), f"the norm of {what}"
        _same(total, middle, what, f"resid_mid.{layer}", f"attn_out.{layer}", lm)
    total, what = middle + mlp, f"resid_mid.{layer} + mlp_out.{layer}"
    if block.end_norm is not None:
        total, what = _normed(lm, block.end_norm, total), f"the norm of {what}"
    _same(total, post, what, f"resid_post.{layer}", f"mlp_out.{layer}", lm)


def _normed(lm: Model, norm: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    with lm._running():
        return norm(x)


def _attention(lm: Model, kept: dict[Site, torch.Tensor], store: Any) -> None:
    groups = store.layers() if store is not None else {}
    for name in ("self", "decoder"):
        for layer in groups.get(name, []):
            z = kept.get(Site("head_out", layer.layer))
            for head in range(layer.n_heads):
                pattern, sink = layer.pattern(head), layer.sink(head)
                total = pattern.sum(-1) + (sink if sink is not None else 0.0)
                where = f"attention of layer {layer.layer}, head {head}"
                _same(total, torch.ones_like(total), f"the rows of the {where}", "1", f"head_out.{layer.layer}", lm)
                if z is not None:
                    value = layer.value(head)
                    got = z[0].reshape(z.shape[1], layer.n_heads, -1)[:, head].float()
                    what = f"pattern times value in the {where}"
                    _same(pattern @ value, got, what, "the heads' gathered values", f"head_out.{layer.layer}", lm)


def _same(a: torch.Tensor, b: torch.Tensor, what: str, other: str, site: str, lm: Model) -> None:
    a, b = a.detach().float(), b.detach().float().to(a.device)
    # Coarse types round each addition; a wrong module is off by the size of the values themselves.
    tolerance = 1e-3 if lm.dtype in (torch.float32, torch.float64) else 6e-2
    if a.shape != b.shape:
        difference = f"shapes {list(a.shape)} and {list(b.shape)}"
    else:
        gap, size = float((a - b).abs().max()), float(b.abs().max())
        if gap <= tolerance * max(size, 1e-6):
            return
        difference = f"a largest difference of {gap:.3g} among values up to {size:.3g}"
    raise ModelError(expected=f"{what} to equal {other} in {lm.name} ({lm.family})", got=difference, fix=_FIX % site)
