"""Where in a model: a named place in the forward pass.

A transformer is a residual stream that every block reads from and adds to (Elhage et al. 2021, "A Mathematical
Framework for Transformer Circuits"). A ``Site`` names one place along it, the same way for every family::

    embed ─► resid_pre.0 ─► [attn_out.0] ─► resid_mid.0 ─► [mlp_out.0] ─► resid_post.0 = resid_pre.1 ─► ... ─► logits

`head_out` splits `attn_out` by head; `mlp_in`, `mlp_act` are what the MLP reads and its hidden units.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from interpwidgets.errors import InputError

KINDS: dict[str, str] = {
    "embed": "the token embedding, before positions are added [token, d_model]",
    "resid_pre": "the residual stream entering a block [token, d_model]",
    "resid_mid": "the residual stream between attention and MLP [token, d_model]",
    "resid_post": "the residual stream leaving a block [token, d_model]",
    "head_out": "what each head writes, before the output bias [token, head, d_model]",
    "attn_out": "what attention adds to the stream [token, d_model]",
    "mlp_in": "what the MLP reads, after its norm [token, d_model]",
    "mlp_act": "the MLP's hidden units, after the activation (and gate) [token, d_mlp]",
    "mlp_out": "what the MLP adds to the stream [token, d_model]",
    "logits": "the scores of every next token [token, vocab]",
}
LAYERLESS = ("embed", "logits")

# TransformerLens hook names. Its `hook_mlp_in` is the stream before ln2, which we call resid_mid.
_LENS_HOOKS = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "hook_mlp_out": "mlp_out",
    "hook_mlp_in": "resid_mid",
    "attn.hook_z": "head_out",
    "attn.hook_result": "head_out",
    "ln2.hook_normalized": "mlp_in",
    "mlp.hook_in": "mlp_in",
    "mlp.hook_post": "mlp_act",
    "mlp.hook_out": "mlp_out",
}


@dataclass(frozen=True, order=True)
class Site:
    """One place in the forward pass, e.g. ``Site("resid_post", 3)``, written ``"resid_post.3"``.

    Args:
        kind: one of ``embed, resid_pre, resid_mid, resid_post, head_out, attn_out, mlp_in, mlp_act, mlp_out, logits``.
        layer: the block, from 0; negative layers count from the end once a model is known. None for embed and logits.

    Raises:
        InputError: an unknown kind, a missing layer, or a layer where there is none.
    """

    kind: str
    layer: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(
                expected=f"a site kind out of {', '.join(KINDS)}",
                got=repr(self.kind),
                fix='Write a site as "resid_post.3", or "embed" or "logits" without a layer.',
            )
        if self.kind in LAYERLESS:
            if self.layer is not None:
                raise InputError(
                    expected=f'"{self.kind}" without a layer',
                    got=f"layer {self.layer}",
                    fix=f'Write "{self.kind}".',
                )
        elif not isinstance(self.layer, int) or isinstance(self.layer, bool):
            raise InputError(
                expected=f"a whole layer number for {self.kind}",
                got=repr(self.layer),
                fix=f'Write "{self.kind}.0" for the first block, "{self.kind}.-1" for the last.',
            )

    def __str__(self) -> str:
        return self.kind if self.layer is None else f"{self.kind}.{self.layer}"

    @classmethod
    def parse(cls, name: Site | str) -> Site:
        """The site a name means; a ``Site`` passes through.

        Reads our own names (``"resid_post.3"``) and TransformerLens hook names (``"blocks.3.hook_resid_post"``,
        ``"blocks.2.attn.hook_z"``), which SAELens configs use too.
        """
        if isinstance(name, Site):
            return name
        if not isinstance(name, str):
            raise InputError(
                expected='a site name such as "resid_post.3"',
                got=f"{type(name).__name__} {name!r}",
                fix="Pass a Site or its name as a string.",
            )
        if name == "hook_embed":
            return cls("embed")
        lens = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
        if lens:
            if lens[2] in _LENS_HOOKS:
                return cls(_LENS_HOOKS[lens[2]], int(lens[1]))
            raise InputError(
                expected=f"a hook out of {', '.join(_LENS_HOOKS)} after blocks.{lens[1]}.",
                got=repr(lens[2]),
                fix="Use one of these hooks, or our own name such as resid_post.3.",
            )
        own = re.fullmatch(r"([a-z_]+)(?:\.(-?\d+))?", name)
        if not own:
            raise InputError(
                expected='a site name such as "resid_post.3" or "blocks.3.hook_resid_post"',
                got=repr(name),
                fix="Write the kind, a dot, and the layer.",
            )
        return cls(own[1], int(own[2]) if own[2] is not None else None)
