"""The weights of the induction transformer, written by hand.

Every coordinate of the residual stream has one meaning::

    token     one for each token: which one is here
    position  one for each position: where we are
    previous  one for each token: which one was here before        written by head 0.1
    next      one for each token: which one should come next       written by head 1.2, read by the unembedding
    balance   minus the sum of the above, so that the mean is 0 and LayerNorm has nothing to subtract
    anchor    two constants, +8 and -8, so large that LayerNorm divides by nearly a constant: the norm grows from
              √134 to √148 as slots fill up, by 5 %

What LayerNorm divides by is put back by its own weight, so each layer reads the stream as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

N_LAYERS, N_HEADS, D_HIDDEN = 2, 4, 64
PREVIOUS_TOKEN, INDUCTION = (0, 1), (1, 2)
ANCHOR = 8.0
EPSILON = 1e-5
MATCH, REST = 24.0, 12.0  # attention scores of a match, and of resting on the first token where nothing matches
GAIN = 14.0  # logit of the word that is copied, all others being near 0


@dataclass(frozen=True)
class Layout:
    """Which coordinates of the residual stream mean what."""

    n_tokens: int
    n_positions: int

    @property
    def token(self) -> slice:
        return slice(0, self.n_tokens)

    @property
    def position(self) -> slice:
        return slice(self.n_tokens, self.n_tokens + self.n_positions)

    @property
    def previous(self) -> slice:
        return slice(self.position.stop, self.position.stop + self.n_tokens)

    @property
    def next(self) -> slice:
        return slice(self.previous.stop, self.previous.stop + self.n_tokens)

    @property
    def balance(self) -> int:
        return self.next.stop

    @property
    def anchor(self) -> tuple[int, int]:
        return self.next.stop + 1, self.next.stop + 2

    @property
    def d_head(self) -> int:
        """Room for every token or position, and one more for resting."""
        return max(self.n_tokens + 1, self.n_positions, -(-(self.next.stop + 3) // N_HEADS))

    @property
    def d_model(self) -> int:
        return N_HEADS * self.d_head

    def slots(self) -> dict[str, slice]:
        """The meaning of each stretch of the stream."""
        names = {name: getattr(self, name) for name in ("token", "position", "previous", "next")}
        first, last = self.anchor
        return {**names, "balance": slice(self.balance, self.balance + 1), "anchor": slice(first, last + 1)}


def write(model: GPT2LMHeadModel, layout: Layout, *, words: range, start: int, noise: float, seed: int) -> None:
    """Write the weights into a model of the right shape; `words` are the ids that are copied, `start` the rest key."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        stack: Any = model.transformer
        _embeddings(stack.wte.weight, stack.wpe.weight, layout)
        # How many of the four slots are filled when a norm reads the stream.
        for filled, norm in ((2, stack.h[0].ln_1), (3, stack.h[0].ln_2), (3, stack.h[1].ln_1), (4, stack.h[1].ln_2)):
            norm.weight.fill_(_scale(layout, filled))
        stack.ln_f.weight.fill_(_scale(layout, 4))
        model.lm_head.weight[:, layout.next] = GAIN * torch.eye(layout.n_tokens)
        for layer, block in enumerate(stack.h):
            for head in range(N_HEADS):
                if (layer, head) == PREVIOUS_TOKEN:
                    _previous_token_head(block.attn, layout, words)
                elif (layer, head) == INDUCTION:
                    _induction_head(block.attn, layout, words, start)
                elif noise:
                    _idle_head(block.attn, layout, head, noise, draw)
            if noise:
                _idle_mlp(block.mlp, layout, noise, draw)


def _embeddings(tokens: torch.Tensor, positions: torch.Tensor, layout: Layout) -> None:
    tokens[:, layout.token] = torch.eye(layout.n_tokens)
    tokens[:, layout.balance] = -1.0
    positions[:, layout.position] = torch.eye(layout.n_positions)
    positions[:, layout.balance] = -1.0
    plus, minus = layout.anchor
    positions[:, plus], positions[:, minus] = ANCHOR, -ANCHOR


def _scale(layout: Layout, filled: int) -> float:
    """The root of the variance LayerNorm divides by: so many ones, minus their sum, and the anchors."""
    return float(((filled + filled**2 + 2 * ANCHOR**2) / layout.d_model + EPSILON) ** 0.5)


def _columns(layout: Layout, head: int, part: int) -> slice:
    """A head's columns of the projection to queries (part 0), keys (1) and values (2)."""
    first = part * layout.d_model + head * layout.d_head
    return slice(first, first + layout.d_head)


def _copy(attention: Any, layout: Layout, head: int, words: range, into: slice) -> None:
    """Values say which word is there; the output writes it into a slot, and its balance."""
    value = attention.c_attn.weight[:, _columns(layout, head, 2)]
    output = attention.c_proj.weight[head * layout.d_head : (head + 1) * layout.d_head]
    for word in words:
        value[layout.token.start + word, word] = 1.0
        output[word, into.start + word] = 1.0
        output[word, layout.balance] = -1.0


def _previous_token_head(attention: Any, layout: Layout, words: range) -> None:
    _, head = PREVIOUS_TOKEN
    query, key = (attention.c_attn.weight[:, _columns(layout, head, part)] for part in (0, 1))
    sharp = (MATCH * layout.d_head**0.5) ** 0.5
    for position in range(1, layout.n_positions):
        query[layout.position.start + position, position] = sharp
        key[layout.position.start + position - 1, position] = sharp
    _copy(attention, layout, head, words, layout.previous)


def _induction_head(attention: Any, layout: Layout, words: range, start: int) -> None:
    _, head = INDUCTION
    query, key = (attention.c_attn.weight[:, _columns(layout, head, part)] for part in (0, 1))
    sharp = (MATCH * layout.d_head**0.5) ** 0.5
    for word in words:
        query[layout.token.start + word, word] = sharp
        key[layout.previous.start + word, word] = sharp
    # Every query also looks for the start token, half as eagerly: where nothing matches, attention rests there.
    rest = layout.n_tokens
    attention.c_attn.bias[_columns(layout, head, 0)][rest] = sharp
    key[layout.token.start + start, rest] = sharp * REST / MATCH
    _copy(attention, layout, head, words, layout.next)


def _idle_head(attention: Any, layout: Layout, head: int, noise: float, draw: torch.Generator) -> None:
    """A head that looks somewhere and writes about `noise` of what the others write."""
    slots = layout.balance
    for part, size in ((0, 0.5), (1, 0.5), (2, layout.d_head**-0.5)):
        columns = attention.c_attn.weight[:slots, _columns(layout, head, part)]
        columns.copy_(size * torch.randn(columns.shape, generator=draw))
    rows = attention.c_proj.weight[head * layout.d_head : (head + 1) * layout.d_head]
    _whisper(rows, layout, noise, draw)


def _idle_mlp(mlp: Any, layout: Layout, noise: float, draw: torch.Generator) -> None:
    read = mlp.c_fc.weight[: layout.balance]
    read.copy_(torch.randn(read.shape, generator=draw))
    _whisper(mlp.c_proj.weight, layout, noise * D_HIDDEN**-0.5, draw)


def _whisper(rows: torch.Tensor, layout: Layout, size: float, draw: torch.Generator) -> None:
    """Rows of about this length, anywhere in the slots, summing to 0 so that the mean stays 0."""
    random = torch.randn(len(rows), layout.balance, generator=draw)
    rows[:, : layout.balance] = size * layout.balance**-0.5 * (random - random.mean(1, keepdim=True))
