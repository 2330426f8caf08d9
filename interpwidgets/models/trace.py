"""One run of a model, kept for looking at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.errors import InputError, ModelError
from interpwidgets.models.attention import AttentionLayer, output_weight
from interpwidgets.models.attention_store import AttentionStore
from interpwidgets.models.edit import Edit
from interpwidgets.models.replacement import Replacement
from interpwidgets.models.site import Site
from interpwidgets.records import Tokens
from interpwidgets.records.steering import Steering

if TYPE_CHECKING:
    from interpwidgets.models.model import Model


@dataclass(eq=False)
class Trace:
    """A forward pass on one input: its tokens, logits, attention, and the activations asked for.

    ``trace["resid_post.3"]`` gives a site's values ``[token, ...]``. A site that was not named when tracing is captured
    then, by running the same input again under the same edits.

    Attributes:
        model: the `Model` that ran.
        text: the input as text.
        tokens: the positions (for an encoder-decoder the decoder's; for an image its patches).
        ids: ``[token]`` vocabulary ids, or None for images.
        source_tokens: the encoder's positions, or None.
        logits: ``[token, vocab]``, or None where the model has no language-model head.
        output: what the model returned (class logits of an image model, for example).
    """

    model: Model
    text: str
    tokens: Tokens
    ids: torch.Tensor | None
    logits: torch.Tensor | None
    output: Any = field(repr=False)
    source_tokens: Tokens | None = None
    _inputs: dict[str, Any] = field(repr=False, default_factory=dict)
    _edits: tuple[Edit | Replacement | Steering, ...] = ()
    _kept: dict[Site, torch.Tensor] = field(repr=False, default_factory=dict)
    _store: AttentionStore | None = field(repr=False, default=None)
    _attention: dict[str, list[AttentionLayer]] | None = field(repr=False, default=None)

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 50 else self.text[:49] + "…"
        edits = f", {len(self._edits)} edits" if self._edits else ""
        kept = ", ".join(str(site) for site in self._kept)
        return f"Trace({self.model.name}, {len(self)} tokens of {text!r}{edits}{', with ' + kept if kept else ''})"

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, site: Site | str) -> torch.Tensor:
        place = self.model.site(site)
        self.capture([place])
        return self._value(place)

    @property
    def activations(self) -> Mapping[Site, torch.Tensor]:
        """The captured sites, ``Site -> [token, ...]``; names work as keys too."""
        return Activations(self)

    def capture(self, sites: Iterable[Site | str]) -> Mapping[Site, torch.Tensor]:
        """Keep more sites; those missing are captured in one further run."""
        places = [self.model.site(site) for site in sites]
        missing = [place for place in dict.fromkeys(places) if place not in self._kept]
        if missing:
            self._kept.update(self.model._capture_again(self, missing))
        return Activations(self)

    @property
    def attention(self) -> dict[str, list[AttentionLayer]]:
        """The attention layers by group: "self", or "encoder", "decoder" and "cross".

        Raises:
            ModelError: the model has no attention, or the trace was made with ``attention=False``.
        """
        if self._attention is None:
            if self._store is None:
                raise ModelError(
                    expected="a trace with attention",
                    got="one made with attention=False, or a module that names none",
                    fix="Trace again with attention=True; a plain module names its patterns in "
                    "load(..., attention={0: ...}).",
                )
            found = self._store.layers()
            if not found:
                raise ModelError(
                    expected="a model with attention",
                    got=f"{self.model.name} of the {self.model.family} family, where no layer attends",
                    fix="Look at its residual stream or logits instead, e.g. with a lens view.",
                )
            self._attention = found
        return self._attention

    @property
    def image(self) -> np.ndarray | None:
        """What an image model saw, ``[height, width, 3]`` uint8, or None for text.

        The processor's normalisation is not known here, so brightness is stretched to the full range.
        """
        pixels = self._inputs.get("pixel_values")
        if pixels is None:
            return None
        picture = pixels[0].detach().float().cpu()
        picture = picture.expand(3, -1, -1) if picture.shape[0] == 1 else picture[:3]
        low, high = picture.min(), picture.max()
        stretched = 255 * (picture - low) / (high - low).clamp_min(1e-12)
        return stretched.round().byte().permute(1, 2, 0).contiguous().numpy()

    def head_values(self, layer: int) -> torch.Tensor:
        """What each head gathered before the output projection, ``z [token, head, d_head]``."""
        place = self.model.site(Site("head_out", layer))
        self.capture([place])
        z = self._kept[place]
        return z.reshape(z.shape[0], self.model.heads_at(place.layer), -1)

    def _value(self, place: Site) -> torch.Tensor:
        if place.kind != "head_out" or place.layer is None:
            return self._kept[place]
        block = self.model.anatomy.blocks[place.layer]
        z = self.head_values(place.layer)
        if block.output is None:
            return z
        weight = output_weight(block.output, z.shape[1], place.layer).to(z.device)
        return torch.einsum("thd,hdm->thm", z.float(), weight).to(z.dtype)


class Activations(Mapping[Site, torch.Tensor]):
    """The captured sites of a trace; `head_out`, far larger than what it is made from, is worked out when read."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __getitem__(self, site: Site | str) -> torch.Tensor:
        place = self._trace.model.site(site)
        if place not in self._trace._kept:
            raise InputError(
                expected=f"a captured site: {', '.join(str(s) for s in self) or 'none yet'}",
                got=str(place),
                fix=f'Read trace["{place}"], which captures it.',
            )
        return self._trace._value(place)

    def __contains__(self, site: object) -> bool:
        return isinstance(site, (Site, str)) and self._trace.model.site(site) in self._trace._kept

    def __iter__(self) -> Iterator[Site]:
        return iter(self._trace._kept)

    def __len__(self) -> int:
        return len(self._trace._kept)

    def __repr__(self) -> str:
        return f"Activations({', '.join(str(site) for site in self)})"
