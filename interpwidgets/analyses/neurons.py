"""Neurons of a whole model against its vocabulary, streamed; and what clamping one of them does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import norm as normal
from tqdm.auto import tqdm

from interpwidgets.analyses.given import check_layer, check_model, check_trace
from interpwidgets.analyses.neuron_weights import Embedding, Unembedding, input_weights, output_weights
from interpwidgets.errors import InputError, ModelError
from interpwidgets.models import Edit
from interpwidgets.records.neuron_clamp import NeuronClamp
from interpwidgets.records.neurons import Neurons
from interpwidgets.records.token_scores import TokenScores

if TYPE_CHECKING:
    from interpwidgets.models import Model, Trace

# Scores worked on at once: 2^24 of them take 64 MB.
BLOCK_SCORES = 1 << 24


def neurons(
    lm: Model,
    *,
    layers: Sequence[int] | None = None,
    top: int = 8,
    about: int = 16,
    reads: str = "embedding",
    threshold: float | None = None,
    block: int | None = None,
    progress: bool = True,
) -> Neurons:
    """Decode every MLP neuron with the vocabulary: which tokens its weights write, and which they read.

    A neuron adds its output weights to the stream; their product with the unembedding says which logits it pushes
    directly. It reads the stream with its input weights; their product with a token's embedding, passed through the
    norm before the MLP, is its pre-activation if the stream were that token alone (but for the bias). A token far
    above the neuron's own distribution over the vocabulary, in standard deviations, names the neuron (H. Davies on
    decoding specialised neurons with the language-model head; Dar et al. 2023, "Analyzing Transformers in Embedding
    Space").

    The model is streamed: at most a block of neurons meets the vocabulary at a time, so memory does not grow with the
    number of neurons but by the few numbers kept for each.

    Args:
        lm: a language model whose MLPs are plain matrices; gated ones give their gate and their up side.
        layers: which layers; all when None.
        top: how many tokens to keep at either end of each neuron.
        about: how many neurons to keep for each token.
        reads: ``"embedding"``, or ``"unembedding"`` to decode input weights with the unembedding too.
        threshold: the z-score that names a neuron. None is 4, or more for a large vocabulary: what the largest of so
            many normal numbers exceeds once in a hundred neurons.
        block: how many neurons at a time; None fits 64 MB of scores.
        progress: show a bar with the time left, from the second second on.

    Raises:
        InputError: a layer or number that does not fit.
        ModelError: hidden units that are spread over experts, quantised weights, no linear unembedding.
    """
    check_model(lm)
    chosen = _layers(lm, layers)
    if reads not in ("embedding", "unembedding"):
        raise InputError(
            expected="reads to be 'embedding' or 'unembedding'", got=repr(reads), fix="Choose one of them."
        )
    for name, number in (("top", top), ("about", about), ("block", 1 if block is None else block)):
        if not hasattr(number, "__index__") or int(number) < 1:
            raise InputError(expected=f"{name} to be a number from 1", got=repr(number), fix="Leave it out.")
    vocabulary = lm.vocabulary
    # Rows that no token uses (padding of the table) would be outliers of no meaning.
    known = torch.tensor([i for i, text in enumerate(vocabulary.texts) if text != ""], device=lm.device)
    out, into = Unembedding(lm), Embedding(lm)
    notes = list(out.notes)
    notes += into.notes if reads == "embedding" else ["read: input weights times the unembedding"]
    sources = [_sides(lm, layer, out, into if reads == "embedding" else out) for layer in chosen]
    size = block or max(16, BLOCK_SCORES // max(1, len(known)))
    gathered: dict[str, _Gathered] = {}
    counts = [int(output_weights(lm, layer).shape[0]) for layer in chosen]
    total = sum(counts) * len(input_weights(lm, chosen[0])) + sum(counts)
    with tqdm(total=total, unit=" neurons", desc="decoding", disable=not progress, delay=1, leave=False) as bar:
        for layer, source in zip(chosen, sources, strict=True):
            start = sum(counts[: chosen.index(layer)])
            for side, weight, directions in source:
                side_of = gathered.setdefault(side, _Gathered(known, len(vocabulary), top, about))
                directions = directions[known]
                for rows in torch.arange(weight.shape[0]).split(size):
                    side_of.add(weight[rows[0] : rows[-1] + 1].float() @ directions.T, start + int(rows[0]))
                    bar.update(len(rows))
    return Neurons(
        layers=tuple(chosen),
        counts=tuple(counts),
        texts=vocabulary.texts,
        sides={side: found.scores() for side, found in gathered.items()},
        threshold=max(4.0, float(normal.isf(0.01 / len(known)))) if threshold is None else float(threshold),
        notes=tuple(notes),
    )


def clamp_neuron(
    trace: Trace, layer: int, neuron: int, value: float, *, positions: Sequence[int] | None = None
) -> NeuronClamp:
    """Hold a neuron at a value and see what the model says next: the test of what its weights promise.

    In the last layer a clamp to ``c`` adds ``(c - h)`` times the neuron's output weights to the stream, so before the
    final norm logits change by exactly ``(c - h) * w_out @ unembedding``; elsewhere later layers read it too.

    Args:
        trace: the text, and the model that ran on it.
        layer, neuron: which; negative layers count from the end.
        value: the activation to hold it at, after the activation function (and gate).
        positions: where; everywhere when None.

    Raises:
        InputError: a layer, neuron, position or value that does not fit.
        ModelError: a model whose hidden units are not one tensor, or that writes no text.
    """
    check_trace(trace)
    lm = trace.model
    check_layer(lm, layer)
    place = lm.site(f"mlp_act.{int(layer)}")
    number = float(value) if hasattr(value, "__float__") else float("nan")
    if not np.isfinite(number):
        raise InputError(expected="a finite value", got=repr(value), fix="Choose a number such as 3.0.")
    if positions is not None and not isinstance(positions, Iterable):
        raise InputError(expected="positions as a list", got=repr(positions), fix=f"Write positions=[{positions}].")
    if trace.ids is None or trace.logits is None or lm.has_decoder:
        raise ModelError(expected="a decoder that predicts text", got=lm.name, fix="Trace a causal language model.")
    ids = trace.ids[None]
    output, kept = lm.run(ids, sites=[place])
    hidden = kept[place][0].reshape(len(trace), -1)
    width = hidden.shape[1]
    if not hasattr(neuron, "__index__") or not 0 <= int(neuron) < width:
        raise InputError(
            expected=f"a neuron from 0 to {width - 1} in layer {place.layer}", got=repr(neuron), fix="Choose one."
        )
    where = sorted({_position(p, len(trace)) for p in (range(len(trace)) if positions is None else positions)})
    change = torch.zeros(len(where), width, dtype=hidden.dtype, device=hidden.device)
    change[:, int(neuron)] = number - hidden[where, int(neuron)]
    before = output.logits[0, -1]
    if where:
        with lm.edit(Edit(place, add=change, positions=where)):
            output, _ = lm.run(ids)
    after = output.logits[0, -1]
    assert place.layer is not None
    return NeuronClamp(
        layer=place.layer,
        neuron=int(neuron),
        value=number,
        positions=tuple(where),
        tokens=trace.tokens,
        activations=hidden[:, int(neuron)].detach().double().cpu().numpy(),
        before=before.detach().double().cpu().numpy(),
        after=after.detach().double().cpu().numpy(),
        texts=lm.vocabulary.texts,
    )


def _layers(lm: Model, layers: Sequence[int] | None) -> list[int]:
    if layers is not None and not isinstance(layers, Iterable):
        raise InputError(expected="layers as a list", got=repr(layers), fix=f"Write layers=[{layers}].")
    wanted = range(lm.n_layers) if layers is None else tuple(layers)
    for layer in wanted:
        check_layer(lm, layer)
    found = list(dict.fromkeys(lm.site(f"mlp_act.{layer}").layer or 0 for layer in wanted))
    if not found:
        raise InputError(expected="one or more layers", got="none", fix="Leave layers out for all of them.")
    return found


def _position(position: Any, count: int) -> int:
    if not hasattr(position, "__index__") or not -count <= int(position) < count:
        raise InputError(
            expected=f"positions from 0 to {count - 1}", got=repr(position), fix="Negative ones count from the end."
        )
    return int(position) % count


def _sides(
    lm: Model, layer: int, out: Unembedding, into: Embedding | Unembedding
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Name, weights ``[neuron, d]`` and token directions ``[token, d]`` of each side of a layer's neurons."""
    yield "writes", output_weights(lm, layer), out.of(layer)
    directions = into.of(layer)
    for side, weight in input_weights(lm, layer).items():
        yield side, weight.to(directions.device), directions


class _Gathered:
    """What is kept of one side while its scores stream by."""

    def __init__(self, known: torch.Tensor, n_tokens: int, top: int, about: int) -> None:
        self._known, self._n_tokens = known, n_tokens
        self._top, self._about = min(top, len(known)), about
        self._kept: list[list[np.ndarray]] = []
        self._z = torch.full((len(known), 0), torch.nan, device=known.device)
        self._who = torch.zeros((len(known), 0), dtype=torch.int32, device=known.device)

    def add(self, scores: torch.Tensor, first: int) -> None:
        """Take in the scores ``[neuron, token]`` of neurons from number ``first`` on."""
        std, mean = torch.std_mean(scores, dim=1, correction=0)
        # What rounding leaves of a constant row is no spread.
        std = torch.where(std <= 1e-6 * mean.abs(), 0.0, std)
        high, low = scores.topk(self._top, dim=1), scores.topk(self._top, dim=1, largest=False)
        kept = [self._known[high.indices], high.values, self._known[low.indices], low.values, mean, std]
        self._kept.append([part.cpu().numpy() for part in kept])
        z = (scores - mean[:, None]).div_(std[:, None]).nan_to_num_(nan=-torch.inf, posinf=-torch.inf).T
        who = torch.arange(first, first + z.shape[1], dtype=torch.int32, device=z.device).expand(z.shape)
        both, names = torch.cat([self._z, z], dim=1), torch.cat([self._who, who], dim=1)
        best = both.topk(min(self._about, both.shape[1]), dim=1)
        self._z, self._who = best.values, names.gather(1, best.indices)

    def scores(self) -> TokenScores:
        """The record of it all."""
        ids, values, low_ids, low_values, mean, std = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        about = np.full((self._n_tokens, self._z.shape[1]), -1, dtype=np.int32)
        about_z = np.full(about.shape, np.nan, dtype=np.float32)
        rows = self._known.cpu().numpy()
        about[rows], about_z[rows] = self._who.cpu().numpy(), self._z.cpu().numpy()
        about[~np.isfinite(about_z)] = -1
        return TokenScores(
            top_ids=ids.astype(np.int32),
            top_values=values,
            bottom_ids=low_ids.astype(np.int32),
            bottom_values=low_values,
            mean=mean,
            std=std,
            about_neurons=about,
            about_z=about_z,
        )
