"""Tuned lens: one affine translator for each row of the residual stream, into the basis of the last one.

Layers write in bases of their own, so the plain logit lens misreads early ones. A translator ``h + A h + b`` is trained
to make the lens' distribution agree with the model's own output (Belrose et al. 2023, "Eliciting Latent Predictions
from Transformers with the Tuned Lens", equations 5 and 6).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from interpwidgets.analyses.activations import padded
from interpwidgets.analyses.given import check_model
from interpwidgets.errors import InputError, ModelError

if TYPE_CHECKING:
    from interpwidgets.models import Model

WEIGHTS, CARD, FOLDER = "translators.safetensors", "tuned_lens.json", "tuned_lens"
# How far the size of a block's weights may lie from what the card says: another dtype moves it less, training more.
ALIKE = 2e-3


@dataclass
class TunedLens:
    """Translators of some rows; the last row needs none, since it is the output already.

    Attributes:
        weights: site -> ``A [d_model, d_model]``; a row ``h`` becomes ``h + A h + b``.
        biases: site -> ``b [d_model]``.
        identity: of the model: its name, sizes, and the size of each block's weights.
        training: how it was made; plain JSON.
    """

    weights: dict[str, torch.Tensor]
    biases: dict[str, torch.Tensor]
    identity: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"TunedLens({self.identity['name']}, {len(self.weights)} translators)"

    @classmethod
    def untrained(cls, lm: Model, sites: str = "blocks") -> TunedLens:
        """Translators that change nothing (``A = 0``, ``b = 0``): exactly the logit lens."""
        from interpwidgets.analyses.lens import lens_rows

        if lm.anatomy.head is None:
            lm.unembed(torch.zeros(lm.d_model))
        rows = lens_rows(lm, sites)[:-1]
        like = {"device": lm.device, "dtype": torch.float32}
        return cls(
            {row: torch.zeros(lm.d_model, lm.d_model, **like) for row in rows},
            {row: torch.zeros(lm.d_model, **like) for row in rows},
            identity_of(lm),
        )

    def __call__(self, site: str, stream: torch.Tensor) -> torch.Tensor:
        """A row ``[..., d_model]`` in the basis of the last one; a row without a translator is returned as it is."""
        if site not in self.weights:
            return stream
        weight = self.weights[site].to(stream.device)
        moved = stream.to(weight.dtype) @ weight.T + self.biases[site].to(stream.device)
        return stream + moved.to(stream.dtype)

    def translates(self, rows: Sequence[str]) -> bool:
        """Whether every row but the last has a translator."""
        return all(row in self.weights for row in rows[:-1])

    def check(self, lm: Model) -> None:
        """Refuse another model than the one these translators were made for.

        Raises:
            InputError: other sizes or other weights.
        """
        got, made = identity_of(lm), self.identity
        sizes = ("family", "d_model", "n_layers", "d_vocab")
        fix = "Fit one with iw.fit_tuned_lens(lm, texts), or load the one made for this model."

        def of(who: dict[str, Any]) -> str:
            return f"{who.get('name')} ({', '.join(f'{name} {who.get(name)}' for name in sizes)})"

        if any(got[name] != made.get(name) for name in sizes):
            raise InputError(expected=f"a tuned lens made for {of(got)}", got=f"one made for {of(made)}", fix=fix)
        norms = zip(got["weight_norms"], made.get("weight_norms", ()), strict=False)
        off = next((i for i, (a, b) in enumerate(norms) if abs(a - b) > ALIKE * abs(a)), None)
        if off is not None:
            where = f"block {off}" if off < lm.n_layers else "the unembedding"
            raise InputError(
                expected=f"a tuned lens made for these weights of {lm.name}",
                got=f"one made for {made.get('name')} with other weights in {where}",
                fix=fix,
            )

    def save(self, folder: str | Path) -> Path:
        """Write ``translators.safetensors`` (float16) and ``tuned_lens.json`` into a folder.

        Saved beside a model's weights in a folder called ``tuned_lens``, `load_tuned_lens` finds it by itself.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        tensors = {f"{row}.weight": a for row, a in self.weights.items()}
        tensors.update({f"{row}.bias": b for row, b in self.biases.items()})
        # As bytes: save_file would leave a file that only its owner may read.
        (target / WEIGHTS).write_bytes(
            save({name: t.detach().half().cpu().contiguous() for name, t in tensors.items()})
        )
        card = {"format": 1, "model": self.identity, "rows": list(self.weights), "training": self.training}
        (target / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf8")
        return target


def identity_of(lm: Model) -> dict[str, Any]:
    """What tells a model from another: its sizes, and how large the weights of each block are."""
    parts = [block.module for block in lm.anatomy.blocks]
    if lm.anatomy.head is not None:
        parts.append(lm.anatomy.head)
    norms = [
        float(torch.stack([p.detach().double().square().sum().cpu() for p in part.parameters()]).sum().sqrt())
        for part in parts
    ]
    return {
        "name": lm.name,
        "family": lm.family,
        "d_model": lm.d_model,
        "n_layers": lm.n_layers,
        "d_vocab": lm.d_vocab,
        "weight_norms": [round(norm, 6) for norm in norms],
    }


def fit_tuned_lens(
    lm: Model,
    texts: Iterable[Any],
    *,
    sites: str = "blocks",
    steps: int = 250,
    batch: int = 8,
    rate: float = 2e-3,
    seed: int = 0,
    progress: bool = True,
) -> TunedLens:
    """Train translators so that each row's lens agrees with the model's own output.

    The model stays as it is. Adam with a rate that falls to zero; the loss is KL(final || lens) in nats, meaned over
    the tokens of a step.

    Args:
        lm: a decoder with a language-model head.
        texts: what to train on: texts, or lists of ids; each at most the context long. Some hundred are better than a
            few. They are drawn at random, a step's worth at a time.
        sites: ``"blocks"``, or ``"all"`` for the rows between attention and MLP too.
        steps: how many steps.
        batch: texts in a step.
        rate: the learning rate at the start.
        seed: of the order of texts; the same seed gives the same translators on the same machine.
        progress: show a bar with the time left.

    Raises:
        InputError: no texts, or numbers out of range.
        ModelError: a model without a language-model head, or an encoder-decoder.
    """
    from tqdm.auto import tqdm

    check_model(lm)
    made = TunedLens.untrained(lm, sites)
    rows = _read_texts(lm, texts)
    for name, value in (("steps", steps), ("batch", batch), ("rate", rate)):
        if not value > 0:
            raise InputError(expected=f"{name} above 0", got=repr(value), fix="Leave it out for a value that works.")
    order = torch.Generator().manual_seed(seed)
    values = [t.requires_grad_() for t in (*made.weights.values(), *made.biases.values())]
    adam = torch.optim.Adam(values, lr=rate)
    fall = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: max(1e-6, 1 - step / steps))
    bar = tqdm(range(steps), disable=not progress, unit="step", desc="tuned lens")
    seen = 0
    for step in bar:
        some = torch.randint(len(rows), (batch,), generator=order).tolist()
        streams, goal = _batch_of(lm, [rows[i] for i in some], list(made.weights))
        loss = _accumulate(lm, made, streams, goal)
        adam.step()
        fall.step()
        adam.zero_grad(set_to_none=True)
        seen += len(goal)
        if step % 10 == 0 or step == steps - 1:
            bar.set_postfix(kl=f"{loss:.3f}")
    for value in values:
        value.requires_grad_(False)
    made.training = {"steps": steps, "batch": batch, "rate": rate, "seed": seed, "texts": len(rows), "tokens": seen}
    return made


def load_tuned_lens(lm: Model, path: str | Path | None = None) -> TunedLens:
    """The tuned lens made for a model.

    Args:
        lm: the model; the lens is checked against it.
        path: the folder that `TunedLens.save` wrote; None looks for ``tuned_lens`` beside the model's weights.

    Raises:
        InputError: no such folder, files that are not a tuned lens, or a lens made for another model.
    """
    check_model(lm)
    beside = Path(str(getattr(lm.model, "name_or_path", "") or ".")) / FOLDER
    folder = beside if path is None else Path(path)
    if not (folder / CARD).is_file() or not (folder / WEIGHTS).is_file():
        raise InputError(
            expected=f"a folder with {CARD} and {WEIGHTS}",
            got=str(folder) if path is not None else f"nothing beside the weights of {lm.name}",
            fix="Fit one with iw.fit_tuned_lens(lm, texts) and save it, or pass its folder as path.",
        )
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf8"))
        tensors = load_file(folder / WEIGHTS, device=str(lm.device))
        identity, names = card["model"], card["rows"]
        made = TunedLens(
            {row: tensors[f"{row}.weight"].float() for row in names},
            {row: tensors[f"{row}.bias"].float() for row in names},
            identity,
            card.get("training", {}),
        )
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise InputError(
            expected=f"a tuned lens in {folder}",
            got=f"files that cannot be read ({type(error).__name__}: {str(error)[:120]})",
            fix="Save it again with lens.save(folder).",
        ) from None
    made.check(lm)
    wrong = [row for row, a in made.weights.items() if a.shape != (lm.d_model, lm.d_model)]
    if wrong:
        raise InputError(
            expected=f"translators of shape [{lm.d_model}, {lm.d_model}]",
            got=f"shape {list(made.weights[wrong[0]].shape)} for {wrong[0]}",
            fix="Save it again with lens.save(folder).",
        )
    return made


def _read_texts(lm: Model, texts: Iterable[Any]) -> list[torch.Tensor]:
    if lm.has_decoder:
        raise ModelError(
            expected="a model with one stack of blocks",
            got=f"{lm.name}, an encoder-decoder",
            fix="Use the plain logit lens, which needs no training.",
        )
    if isinstance(texts, str):
        raise InputError(expected="a list of texts", got="one string", fix="Pass a list with some hundred texts.")
    rows = []
    for text in texts:
        ids = lm.tokens(text).ids
        if ids is not None:
            rows.append(torch.as_tensor(ids, dtype=torch.long))
    if not rows:
        raise InputError(expected="one text or more", got="none", fix="Pass a list with some hundred texts.")
    return rows


def _batch_of(lm: Model, rows: list[torch.Tensor], sites: list[str]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The rows' streams ``[token, d_model]`` and the output's log-probabilities, without padding."""
    ids, real = padded([row.tolist() for row in rows])
    output, kept = lm.run(ids, sites=sites, attention_mask=real.long().to(lm.device))
    inside = real.to(output.logits.device)
    streams = {site: kept[lm.site(site)][real.to(kept[lm.site(site)].device)] for site in sites}
    return streams, output.logits[inside].float().log_softmax(-1)


def _accumulate(lm: Model, made: TunedLens, streams: dict[str, torch.Tensor], goal: torch.Tensor) -> float:
    """Add each row's gradient, one row after the other, so that one table of logits is in memory at a time."""
    total = 0.0
    for site, stream in streams.items():
        weight, bias = made.weights[site], made.biases[site]
        with torch.enable_grad():
            said = _logits(lm, made(site, stream)).to(goal.dtype).log_softmax(-1).to(goal.device)
            loss = (goal.exp() * (goal - said)).sum(-1).mean()
            weight.grad, bias.grad = torch.autograd.grad(loss, (weight, bias))
        total += float(loss.detach())
    return total / max(1, len(streams))


def _logits(lm: Model, stream: torch.Tensor) -> torch.Tensor:
    """`Model.unembed`, with gradients."""
    from interpwidgets.models.anatomy import unembed

    training = [module for module in lm.model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        return unembed(lm.anatomy, lm.config, stream)
    finally:
        for module in training:
            module.training = True
