"""Learn a dictionary of any kind from activations, or from a model and text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.analyses.activation_source import ActivationSource
from interpwidgets.analyses.corpus import COLUMN, Corpus
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.dictionaries.training.factorise import factorise
from interpwidgets.dictionaries.training.plan import Plan
from interpwidgets.dictionaries.training.ranks import Ranks, ranks
from interpwidgets.dictionaries.training.recipes import RECIPES
from interpwidgets.dictionaries.training.source import Rows, Source
from interpwidgets.dictionaries.training.trainer import Trainer
from interpwidgets.errors import InputError

if TYPE_CHECKING:
    from interpwidgets.models import Model

FACTORS = ("snmf", "nmf")
KINDS = (*RECIPES, *FACTORS)
CHUNK = 2**17  # tokens
ROOM = 2**28  # bytes of a chunk's activations


def fit_dictionary(
    kind: str,
    source: torch.Tensor | tuple[torch.Tensor, torch.Tensor] | tuple[Model, str | tuple[str, str], Any] | Source,
    *,
    n_features: int | None = None,
    k: float | None = None,
    steps: int | None = None,
    batch: int = 2048,
    rate: float | None = None,
    penalty: float | None = None,
    levels: Sequence[int] | None = None,
    skip: bool = False,
    share: float | None = 0.05,
    restarts: int = 3,
    normalise: bool = True,
    dead_after: int | None = None,
    context: int | None = None,
    column: str = COLUMN,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    save_every: int = 500,
    device: str | torch.device | None = None,
    progress: bool = True,
    name: str | None = None,
) -> Dictionary:
    """Learn a dictionary.

    ::

        sae = iw.fit_dictionary("batch_topk", (lm, "resid_post.2", texts), n_features=512, k=8)
        transcoder = iw.fit_dictionary("topk", (lm, ("mlp_in.2", "mlp_out.2"), texts))
        parts = iw.fit_dictionary("snmf", trace["mlp_act.2"], n_features=20)
        sae.history.figure()

    Under ``torchrun --nproc-per-node N`` the same call learns on N processes: each reads its share of the text, the
    gradients are averaged, and all return the same dictionary.

    Args:
        kind: ``"relu"``, ``"gated"``, ``"jumprelu"``, ``"topk"``, ``"batch_topk"``, ``"matryoshka"``; ``"snmf"`` and
            ``"nmf"`` factorise all activations at once.
        source: activations ``[..., d]``; a pair of them, to read and to write; or (model, site, documents), where a
            pair of sites makes a transcoder, and documents is anything that `Corpus` reads.
        n_features: how many features; by default 8 for each dimension that is read, for snmf and nmf 1 for 8.
        k: how many features fire on a token: exactly (topk), on average (batch_topk, matryoshka), or as the penalty is
            steered to (relu, gated, jumprelu). By default 32, or an eighth of the features where they are few.
        steps: steps of the optimiser; 2,000 by default. For snmf and nmf the alternations of each start, 400.
        batch: tokens in a step, over all processes.
        rate: Adam's learning rate; by default ``2e-4 · √(2¹⁴ / n_features)`` (Gao et al. 2024), at most 3e-3.
        penalty: a fixed weight of the penalty on firing (relu, gated, jumprelu) instead of steering it to k.
        levels: sizes of the nested prefixes (matryoshka), ascending to n_features; by default doubling from a
            sixteenth, or from 4 k where that is more. For
            snmf and nmf the numbers of coarser parts, descending.
        skip: for a transcoder, a linear part beside the features.
        share: for snmf, the share of a part's entries that stays (winner-take-all). None keeps all; then parts are not
            identifiable.
        restarts: for snmf and nmf, how many random starts; the best is kept.
        normalise: scale activations to a mean length of √d while learning; the factor is folded into the weights.
        dead_after: tokens without firing after which a feature is brought back; by default 256 steps' worth.
        context: tokens of a document read together; by default the model's context.
        column: where the text is, in rows of a dataset.
        seed: of the starting directions and the order of batches.
        checkpoint: a folder for the state. A call that is stopped goes on from there when it is made again, and ends
            with the same dictionary.
        save_every: steps between two saves.
        device: where to learn; by default where the activations are.
        progress: show a bar with the time left.
        name: what to call it.

    Raises:
        InputError: an unknown kind, numbers out of range, activations with NaN, a site the model does not have, a
            checkpoint of another training.
    """
    if kind not in KINDS:
        raise InputError(expected=f"a kind out of {', '.join(KINDS)}", got=repr(kind), fix="Choose one of these.")
    plan = Plan(
        kind, n_features=n_features, k=k, steps=steps, batch=batch, rate=rate, penalty=penalty, levels=levels,
        dead_after=dead_after, normalise=normalise, skip=skip, seed=seed,
    )  # fmt: skip
    with ranks() as together:
        found = _source(source, together, batch, context, column)
        first = found.chunk(0)
        if first is None:
            raise InputError(expected="one document or more", got="none", fix="Pass some hundred texts.")
        if skip and first.read is first.written:
            raise InputError(
                expected="skip=True for a transcoder", got="one site", fix="Pass a pair of sites, or leave skip out."
            )
        d_in = first.read.shape[1]
        if kind in FACTORS:
            made, history = factorise(
                kind,
                first.read,
                n_features=n_features or max(2, d_in // 8),
                share=share if kind == "snmf" else None,
                levels=tuple(levels or ()),
                steps=steps or 400,
                restarts=restarts,
                seed=seed,
                progress=progress and together.first,
            )
        else:
            where = torch.device(device) if device is not None else first.read.device
            trainer = Trainer(plan.for_width(d_in), found, device=where, ranks=together)
            folder = None if checkpoint is None else Path(checkpoint)
            trainer.run(folder=folder, every=save_every, progress=progress)
            made, history = trainer.dictionary(), trainer.history
    made.name = name or made.name
    made.site_in, made.site_out = found.site_in, found.site_out
    made.source = {"kind": kind, "seed": seed, **found.about, "history": history}
    return made


def _source(given: Any, together: Ranks, batch: int, context: int | None, column: str) -> Source:
    if isinstance(given, torch.Tensor):
        return Rows(given)
    if hasattr(given, "chunk"):
        return given
    parts = given if isinstance(given, tuple) else ()
    if len(parts) == 2 and all(isinstance(part, torch.Tensor) for part in parts):
        return Rows(parts[0], parts[1])
    if len(parts) != 3 or not hasattr(parts[0], "trace"):
        raise InputError(
            expected="activations [..., d], a pair of them, or (model, site, documents)",
            got=f"{type(given).__name__} of {', '.join(type(part).__name__ for part in parts)}"
            if parts
            else type(given).__name__,
            fix='Write for example fit_dictionary("topk", (lm, "resid_post.2", texts)).',
        )
    lm, sites, documents = parts
    places = (sites, sites) if isinstance(sites, str) or not isinstance(sites, Sequence) else tuple(sites)
    if len(places) != 2:
        raise InputError(
            expected="a site, or a pair of sites for a transcoder", got=f"{len(places)} sites", fix="Name one or two."
        )
    corpus = documents if isinstance(documents, Corpus) else Corpus(lm, documents, context=context, column=column)
    width = max(lm.width(site) or lm.d_model or 1 for site in places)
    tokens = max(4 * batch, min(CHUNK, ROOM // (4 * width)))
    return ActivationSource(
        lm, corpus, site_in=places[0], site_out=places[1], tokens=tokens, rank=together.rank, ranks=together.count
    )
