"""What each head, and each edge between heads, does for the answer: the known answers, measured.

Every effect is the share of the answer that is lost: 0 where nothing changes, 1 where it does as much harm as taking
all heads away at once. What is taken away is replaced by its mean over all texts and positions, which keeps its size
but says nothing (mean ablation; Wang et al. 2022, "Interpretability in the Wild").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.models import Edit
from interpwidgets.worlds.planted.planted_induction import PlantedInduction

PARTS = ("q", "k", "v")


def node_effects(world: PlantedInduction, *, n: int = 8, length: int = 20, seed: int = 0) -> np.ndarray:
    """How much of the answer is lost when one head is replaced by its mean.

    The answer is the logit of the right word minus the mean logit of all words, where the text repeats.

    Args:
        world: the induction transformer.
        n, length, seed: of the texts, see `PlantedInduction.sample`; two words or more, or nothing is to be answered.

    Returns:
        The share that is lost [layer, head]: near 1 for the two planted heads, near 0 for the others.
    """
    bench = _Bench(world, n, length, seed)
    lost = [[bench.lost({(layer, head)}) for head in bench.heads] for layer in bench.layers]
    return np.asarray(lost)


def faithfulness(
    world: PlantedInduction, heads: Iterable[tuple[int, int]], *, n: int = 8, length: int = 20, seed: int = 0
) -> float:
    """How much of the answer is left when only these heads work and all others are replaced by their means.

    ``(F(C) − F(∅)) / (F(M) − F(∅))`` of a circuit C in a model M: 1 says that it does all the work, 0 that it does
    none. A circuit is shown only if what it leaves out is near 0 as well.

    Args:
        world: the induction transformer.
        heads: the circuit, ``(layer, head)`` each.
        n, length, seed: of the texts, see `PlantedInduction.sample`.

    Raises:
        InputError: a head there is not.
    """
    bench = _Bench(world, n, length, seed)
    kept = {(int(layer), int(head)) for layer, head in heads}
    strange = kept - bench.every
    if strange:
        raise InputError(
            expected=f"heads (layer, head) from (0, 0) to {max(bench.every)}",
            got=str(min(strange)),
            fix="Name only heads of the model.",
        )
    return 1 - bench.lost(bench.every - kept)


def edge_effects(world: PlantedInduction, *, n: int = 8, length: int = 20, seed: int = 0) -> np.ndarray:
    """How much of the answer is lost when one head no longer hears another.

    Only what the reading head's query, key or value takes from the writing head is replaced by its mean; everything
    else still hears it (path patching; Goldowsky-Dill et al. 2023, "Localizing Model Behavior with Path Patching").

    Args:
        world: the induction transformer.
        n, length, seed: of the texts, see `PlantedInduction.sample`.

    Returns:
        The share that is lost [writing head of layer 0, reading head of layer 1, query, key or value]: with the
        defaults near 1 for 0.1 -> 1.2's key, near 0 for others.
    """
    bench = _Bench(world, n, length, seed)
    lm, block = bench.lm, bench.stack.h[1]
    stream = bench.sites["resid_pre.1"]
    lost = np.zeros((len(bench.heads), len(bench.heads), len(PARTS)))
    for writer in bench.heads:
        with torch.no_grad():
            read = block.attn.c_attn(block.ln_1(stream - bench.written(0, writer) + bench.means[0, writer]))
        for reader in bench.heads:
            for part in range(len(PARTS)):
                first = part * lm.d_model + reader * bench.d_head
                hook = block.attn.c_attn.register_forward_hook(_replace(read, slice(first, first + bench.d_head)))
                try:
                    lost[writer, reader, part] = bench.lost(set())
                finally:
                    hook.remove()
    return lost


class _Bench:
    """Repeated texts, what each head writes on them, and how good the answers are."""

    def __init__(self, world: PlantedInduction, n: int, length: int, seed: int) -> None:
        whole("n", n, 1, 2**20)
        whole("length", length, 2, 2**20)
        self.lm = world.load()
        self.stack: Any = world.model.transformer
        self.ids = world.sample(n, length=length, seed=seed)
        self.first = length + 1
        self.layers, self.heads = range(self.lm.n_layers), range(self.lm.n_heads)
        self.every = {(layer, head) for layer in self.layers for head in self.heads}
        self.d_head = self.lm.d_model // self.lm.n_heads
        _, kept = self.lm.run(self.ids, sites=["resid_pre.1", *(f"head_out.{layer}" for layer in self.layers)])
        self.sites = {str(site): value for site, value in kept.items()}
        self.means = {(layer, head): self.written(layer, head).mean((0, 1)) for layer, head in self.every}
        self.all, self.none = self.answer(set()), self.answer(self.every)

    def written(self, layer: int, head: int) -> torch.Tensor:
        """What one head adds to the stream [text, position, d_model]."""
        columns = slice(head * self.d_head, (head + 1) * self.d_head)
        return self.sites[f"head_out.{layer}"][..., columns] @ self.stack.h[layer].attn.c_proj.weight[columns].detach()

    def answer(self, gone: set[tuple[int, int]]) -> float:
        """Logit of the right word minus the mean logit, over the repeated part, with some heads at their means."""
        edits = [Edit(f"head_out.{head[0]}", set=self.means[head], heads=[head[1]]) for head in sorted(gone)]
        with self.lm.edit(*edits):
            output, _ = self.lm.run(self.ids)
        logits = output.logits[:, self.first : -1]
        right = logits.gather(-1, self.ids[:, self.first + 1 :, None])[..., 0]
        return float((right - logits.mean(-1)).mean())

    def lost(self, gone: set[tuple[int, int]]) -> float:
        """The share of the answer that is lost."""
        return (self.all - self.answer(gone)) / (self.all - self.none)


def _replace(read: torch.Tensor, columns: slice) -> Callable[..., torch.Tensor]:
    def hook(_module: torch.nn.Module, _given: object, output: torch.Tensor) -> torch.Tensor:
        changed = output.clone()
        changed[..., columns] = read[..., columns]
        return changed

    return hook
