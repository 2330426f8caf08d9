"""How a masked language model uncovers a text, step by step."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.splice import sites_of
from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError, ModelError
from interpwidgets.models.inputs import to_ids
from interpwidgets.models.tokens import describe
from interpwidgets.records.alternatives import Alternatives
from interpwidgets.records.denoising import Denoising

if TYPE_CHECKING:
    from interpwidgets.dictionaries import Dictionary
    from interpwidgets.models import Model

ORDERS = ("confidence", "random", "left_to_right")
MOST_STEPS = 32  # by default


def denoising(
    lm: Model,
    input: Any,
    *,
    steps: int | None = None,
    order: str = "confidence",
    temperature: float = 0.0,
    seed: int | None = None,
    top: int = 5,
    dictionary: Dictionary | None = None,
    features: int | Sequence[int] = 24,
    mask: int | str | None = None,
) -> Denoising:
    """Let a masked language model fill in a text step by step, and keep what it thought at every step.

    A masked-diffusion model writes by undoing a process that hides tokens one after another: it starts from masks,
    guesses every open position at once, keeps some of the guesses, and looks again (Austin et al. 2021, "Structured
    Denoising Diffusion Models in Discrete State-Spaces"; Sahoo et al. 2024, "Simple and Effective Masked Diffusion
    Language Models"). A filled position stays as it is, and the mask itself is never a guess. Any model with a mask
    token can be run in this way, a BERT too. Edits that are active act at every step, so that a feature can be pushed
    along the whole run::

        with lm.edit(iw.Edit("resid_post.0", add=direction, strength=8.0)):
            steered = iw.denoising(lm, text, dictionary=sae)

    Args:
        lm: a model with a mask token, and logits for each position.
        input: text or token ids that contain masks.
        steps: in how many steps to fill them; by default one mask a step, at most 32 steps. Masks are shared out
            evenly, earlier steps taking what is left over.
        order: which open positions a step keeps: ``"confidence"``, the surest guesses; ``"random"``; or
            ``"left_to_right"``.
        temperature: 0 takes the likeliest token each time; above 0 samples. Probabilities shown are the model's own.
        seed: makes sampling and a random order repeatable.
        top: how many guesses to keep for each open position.
        dictionary: keep how strongly its features fire, in every state; it must read a site of this model.
        features: how many of the features that fire to keep, the strongest first, or the numbers of some.
        mask: the mask token or its id; by default the tokenizer's.

    Raises:
        InputError: no mask in the text, a number out of range, a dictionary that does not fit.
        ModelError: a model without a mask token, or without logits for each position.
    """
    check_model(lm)
    if order not in ORDERS:
        raise InputError(expected=f"an order out of {', '.join(ORDERS)}", got=repr(order), fix="Choose one of these.")
    if not hasattr(temperature, "__float__") or not 0 <= float(temperature) < float("inf"):
        raise InputError(expected="a temperature from 0", got=repr(temperature), fix="0 takes the likeliest token.")
    whole("top", top, 1, 1000)
    hidden = _mask_id(lm, mask)
    ids = torch.tensor(to_ids(lm, input))
    count = int((ids == hidden).sum())
    if count == 0:
        raise InputError(
            expected=f"a text with masks, {describe([hidden], lm.tokenizer).texts[0].strip()}",
            got=f"{len(ids)} tokens without one",
            fix="Write the mask token where the model should fill in, or pass ids with the mask's id in them.",
        )
    steps = min(count, MOST_STEPS) if steps is None else whole("steps", steps, 1, count)
    site = None if dictionary is None else sites_of(lm, dictionary)[0]
    run = _Run(lm, hidden, site, float(temperature), torch.Generator().manual_seed(seed or 0), seed is None)
    ranks = torch.arange(len(ids), dtype=torch.float64)
    if order == "random":
        ranks = torch.rand(len(ids), generator=run.draw, dtype=torch.float64)

    states, entropies, found, fired = [ids], [], [], []
    filled, chance = torch.zeros(len(ids), dtype=torch.long), torch.full((len(ids),), float("nan"), dtype=torch.float64)
    for step in range(1, steps + 1):
        now = states[-1]
        open_ = now == hidden
        probabilities, activations = run.look(now)
        fired.append(activations)
        guesses = run.guess(probabilities)
        sure = probabilities.gather(1, guesses[:, None])[:, 0]
        rank = (-sure if order == "confidence" else ranks).masked_fill(~open_, float("inf"))
        left = steps - step + 1
        chosen = rank.argsort(stable=True)[: -(-int(open_.sum()) // left)]
        states.append(now.scatter(0, chosen, guesses[chosen]))
        filled[chosen] = step
        chance[chosen] = sure[chosen]
        entropy = -torch.special.xlogy(probabilities, probabilities).sum(1)
        entropies.append(entropy.masked_fill(~open_, float("nan")))
        found.append(_choices(lm, probabilities, open_, top))
    kept: dict[str, Any] = {}
    if dictionary is not None:
        fired.append(run.look(states[-1])[1])
        kept = _features(dictionary, fired, features) | {"dictionary": str(dictionary.name), "site": site}
    return Denoising(
        tokens=tuple(describe(state.tolist(), lm.tokenizer) for state in states),
        filled=filled.numpy().astype(np.int32),
        chance=chance.numpy(),
        entropy=torch.stack(entropies).numpy(),
        choices=tuple(found),
        order=order,
        temperature=float(temperature),
        seed=seed,
        **kept,
    )


class _Run:
    """One model, looked at state after state."""

    def __init__(
        self, lm: Model, hidden: int, site: str | None, temperature: float, draw: torch.Generator, free: bool
    ) -> None:
        self.lm, self.hidden, self.site, self.temperature, self.draw = lm, hidden, site, temperature, draw
        if free:
            draw.seed()

    def look(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Probabilities ``[position, token]`` without the mask among them, and the dictionary's activations."""
        sites = ["logits", *([self.site] if self.site else [])]
        _, kept = self.lm.run(ids[None], sites=sites)
        logits = kept[self.lm.site("logits")][0].detach().double().cpu()
        logits[:, self.hidden] = -torch.inf
        activations = None if self.site is None else kept[self.lm.site(self.site)][0].flatten(1)
        return logits.softmax(-1), activations

    def guess(self, probabilities: torch.Tensor) -> torch.Tensor:
        """A token for each position."""
        if self.temperature == 0:
            return probabilities.argmax(-1)
        sharp = (probabilities.log() / self.temperature).softmax(-1)
        return torch.multinomial(sharp, 1, generator=self.draw)[:, 0]


def _mask_id(lm: Model, given: int | str | None) -> int:
    if lm.takes_images or lm.has_decoder or "logits" not in lm.anatomy.taps:
        raise ModelError(
            expected="a model of one row of tokens, with logits for each",
            got=f"{lm.name} of the {lm.family} family",
            fix="Load a masked language model, e.g. AutoModelForMaskedLM.",
        )
    if isinstance(given, str):
        return lm.vocabulary.id(given)
    found = getattr(lm.tokenizer, "mask_token_id", None) if given is None else given
    if found is None:
        found = getattr(lm.config, "mask_token_id", None)
    if found is None:
        raise ModelError(
            expected="a model with a mask token",
            got=f"{lm.name} of the {lm.family} family, whose tokenizer has none",
            fix="Load a masked language model with its tokenizer, or pass mask=....",
        )
    return whole("mask", found, 0, (lm.d_vocab or 2**31) - 1)


def _choices(lm: Model, probabilities: torch.Tensor, open_: torch.Tensor, top: int) -> Alternatives:
    """The likeliest tokens at open positions; elsewhere nothing."""
    best = probabilities.topk(min(top, probabilities.shape[1] - 1), dim=1)
    ids = best.indices.masked_fill(~open_[:, None], -1)
    values = best.values.masked_fill(~open_[:, None], float("nan"))
    says = {int(i): lm.vocabulary.texts[int(i)] for i in ids.unique() if i >= 0}
    texts = tuple(tuple(says.get(i, "") for i in row) for row in ids.tolist())
    return Alternatives(ids.numpy(), values.numpy(), texts)


def _features(dictionary: Dictionary, fired: list[Any], features: int | Sequence[int]) -> dict[str, Any]:
    """Values of some features in every state; work is sparse, however wide the dictionary."""
    codes = [dictionary.encode_sparse(x) for x in fired]
    if isinstance(features, int):
        whole("features", features, 1, 100_000)
        size = torch.zeros(dictionary.n_features, dtype=torch.float64)
        for found in codes:
            strength = found.values.abs().double().nan_to_num(float("inf")).cpu()
            size.scatter_reduce_(0, found.indices.long().cpu(), strength, "amax")
        chosen = size.argsort(descending=True, stable=True)[:features]
        chosen = chosen[size[chosen] > 0]
    else:
        try:
            numbers = [operator.index(f) for f in features]
        except TypeError:
            raise InputError(
                expected="features as how many, or as the numbers of some", got=repr(features)[:60], fix="Pass [3, 17]."
            ) from None
        chosen = torch.tensor([whole("features", f, 0, dictionary.n_features - 1) for f in numbers], dtype=torch.long)
    place = torch.full((dictionary.n_features,), -1, dtype=torch.long)
    place[chosen] = torch.arange(len(chosen))
    values = np.zeros((len(codes), len(codes[0]), len(chosen)), np.float32)
    for state, found in enumerate(codes):
        at = place[found.indices.long().cpu()].numpy()
        rows = found.rows.cpu().numpy()
        values[state, rows[at >= 0], at[at >= 0]] = found.values.detach().float().cpu().numpy()[at >= 0]
    labels = {int(f): dictionary.labels[int(f)] for f in chosen if dictionary.labels[int(f)]}
    return {"features": chosen.numpy().astype(np.int64), "values": values, "labels": labels}
