"""The lens: what each row of the residual stream would say next, if the model ended there.

The logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens") puts the final norm and the unembedding after
every block. A tuned lens (Belrose et al. 2023, "Eliciting Latent Predictions from Transformers with the Tuned Lens")
first translates the row into the basis of the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.given import check_trace
from interpwidgets.errors import InputError
from interpwidgets.records import SumCheck, Tokens
from interpwidgets.records.lens import Lens

if TYPE_CHECKING:
    from interpwidgets.analyses.tuned_lens import TunedLens
    from interpwidgets.models import Model, Trace

# Numbers of one [position, vocab] table that is in memory at a time; a handful of such tables are needed at once.
TABLE = 1_500_000


def lens(
    trace: Trace,
    *,
    lens: TunedLens | None = None,
    sites: str = "blocks",
    target: int | str | None = None,
    top: int = 10,
) -> Lens:
    """What each layer would say next, at every position of a trace.

    Args:
        trace: what ``lm.trace(text)`` returned, of a model with a language-model head.
        lens: translators for a tuned lens (`load_tuned_lens`, `fit_tuned_lens`); None is the plain logit lens.
        sites: ``"blocks"`` reads the stream before the first block and after each one; ``"all"`` also between a
            block's attention and its MLP, where the model has such a place.
        target: the token to follow, as id or text. None follows the actual next token; at the last position, which has
            none, the model's own answer (and in a masked language model the token that stands there).
        top: how many of the likeliest tokens to keep for each cell.

    Returns:
        A record; nothing of size ``[row, position, vocab]`` ever exists.

    Raises:
        InputError: a target that is no token, an unknown `sites`, a lens made for another model.
        ModelError: the model has no language-model head.
    """
    return LensSource(trace, lens).measure(sites, target=target, top=top)


@dataclass
class LensSource:
    """A trace read through a lens, a part at a time.

    Args:
        trace: the trace.
        translators: a tuned lens, or None.
    """

    trace: Trace
    translators: TunedLens | None = None

    def __post_init__(self) -> None:
        check_trace(self.trace)
        lm = self.trace.model
        # The sentence about a missing head comes from the model itself, before anything is captured.
        if lm.anatomy.head is None or self.trace.logits is None:
            lm.unembed(torch.zeros(lm.d_model))
        if self.translators is not None:
            if not hasattr(self.translators, "translates"):
                raise InputError(
                    expected="lens as translators of a tuned lens",
                    got=type(self.translators).__name__,
                    fix="Pass lens=iw.load_tuned_lens(lm), or leave it out for the logit lens.",
                )
            self.translators.check(lm)

    @property
    def tokens(self) -> Tokens:
        """The positions."""
        return self.trace.tokens

    @property
    def vocabulary(self) -> Any:
        """The model's vocabulary."""
        return self.trace.model.vocabulary

    def rows(self, sites: str) -> tuple[str, ...]:
        """The sites of each row, in the order of the forward pass."""
        if sites not in ("blocks", "all"):
            raise InputError(
                expected='sites to be "blocks" or "all"',
                got=repr(sites),
                fix='"all" adds the stream between attention and MLP.',
            )
        reason = self.why_not_all if sites == "all" else None
        if reason:
            raise InputError(expected='sites="blocks"', got='"all"', fix=reason[0].upper() + reason[1:] + ".")
        return lens_rows(self.trace.model, sites)

    @property
    def why_not_all(self) -> str | None:
        """Why rows between attention and MLP cannot be shown, as a clause; None where they can."""
        lm = self.trace.model
        wanted = lens_rows(lm, "all")
        if wanted == lens_rows(lm, "blocks"):
            return lm.anatomy.blocks[0].missing.get("resid_mid", "nothing lies between attention and MLP")
        if self.translators is not None and not self.translators.translates(wanted):
            return "this tuned lens has no translators for the rows between attention and MLP"
        return None

    def target_id(self, target: int | str | None) -> int | None:
        """The id of a target given as id or text."""
        return None if target is None else self.vocabulary.id(target)

    def measure(
        self,
        sites: str = "blocks",
        *,
        positions: slice = slice(None),
        target: int | str | None = None,
        top: int = 10,
    ) -> Lens:
        """The record of some positions."""
        lm, rows = self.trace.model, self.rows(sites)
        vocabulary = lm.vocabulary
        if isinstance(top, bool) or not isinstance(top, int) or top < 1:
            raise InputError(expected="top as a number from 1", got=repr(top), fix="Ask for ten, for example.")
        chosen = np.arange(len(self.trace))[positions]
        wanted = self._targets(self.target_id(target))[chosen]
        streams = self._streams(rows)
        assert self.trace.logits is not None
        cells, parts, farthest, largest = (len(rows), len(chosen)), [], 0.0, 1.0
        for part in _parts(len(chosen), len(vocabulary)):
            at = torch.as_tensor(chosen[part])
            final = self.trace.logits[at.to(self.trace.logits.device)]
            own = _log_softmax(final)
            of = torch.as_tensor(wanted[part], device=own.device)
            found, logits = [], final
            for row in rows:
                logits = lm.unembed(streams[row][at.to(streams[row].device)]).to(own.device)
                found.append(_read(logits, own, of, min(top, len(vocabulary))))
            gap = _difference(logits, final)
            farthest = gap if gap > farthest or np.isnan(gap) else farthest
            largest = max(largest, float(torch.nan_to_num(final.abs().float(), posinf=0.0).max()))
            parts.append({name: torch.stack([f[name] for f in found]).cpu().numpy() for name in found[0]})
        joined = {name: np.concatenate([p[name] for p in parts], axis=1) for name in parts[0]}
        exact = lm.dtype in (torch.float32, torch.float64)
        return Lens(
            tokens=cut(self.tokens, chosen),
            rows=rows,
            targets=np.where(wanted >= 0, wanted, joined["top_ids"][-1, :, 0]).astype(np.int32),
            vocabulary=vocabulary.texts,
            sum_check=SumCheck("last row equals the output", farthest, 0.0, (1e-4 if exact else 2e-2) * largest),
            kind="logit" if self.translators is None else "tuned",
            **{name: value.reshape(*cells, *value.shape[2:]) for name, value in joined.items()},
        )

    def _targets(self, target: int | None) -> np.ndarray:
        """The target of each position; -1 for the model's own answer."""
        n, ids = len(self.trace), self.trace.ids
        if target is not None:
            return np.full(n, target, dtype=np.int64)
        if ids is None:
            return np.full(n, -1, dtype=np.int64)
        own = ids.cpu().numpy().astype(np.int64)
        following = own if _fills_gaps(self.trace.model) else np.append(own[1:], -1)
        # A model may read tokens that it cannot write.
        return np.where(following < len(self.vocabulary), following, -1)

    def _streams(self, rows: tuple[str, ...]) -> dict[str, torch.Tensor]:
        self.trace.capture(rows)
        if self.translators is None:
            return {row: self.trace[row] for row in rows}
        return {row: self.translators(row, self.trace[row]) for row in rows}


def lens_rows(lm: Model, sites: str) -> tuple[str, ...]:
    """The rows of a model's residual stream: before the first block, (within and) after each one."""
    middle = [
        f"resid_mid.{layer}" if sites == "all" and "resid_mid" in block.taps else ""
        for layer, block in enumerate(lm.anatomy.blocks)
    ]
    after = (name for layer, mid in enumerate(middle) for name in (mid, f"resid_post.{layer}") if name)
    return ("resid_pre.0", *after)


def _fills_gaps(lm: Model) -> bool:
    """Masked language models write the token that stands at a position, not the next one."""
    return type(lm.model).__name__.endswith("ForMaskedLM")


def _parts(n: int, width: int) -> Iterator[slice]:
    step = max(1, TABLE // max(1, width))
    yield from (slice(start, min(n, start + step)) for start in range(0, n, step))


def _log_softmax(logits: torch.Tensor) -> torch.Tensor:
    exact = logits if logits.dtype == torch.float64 else logits.float()
    return exact.log_softmax(-1)


def _read(logits: torch.Tensor, own: torch.Tensor, targets: torch.Tensor, top: int) -> dict[str, torch.Tensor]:
    """The numbers of one row for ``logits [position, vocab]``, beside the output's own log-probabilities."""
    said = _log_softmax(logits)
    chance = said.exp()
    best = chance.topk(top, dim=-1)
    nothing = torch.isnan(said).any(-1)
    # A token that cannot come adds nothing, whatever its logarithm: 0 log 0 = 0.
    surprise = torch.where(chance == 0, 0.0, chance * said)
    finals = own.exp()
    lost = torch.where(finals == 0, 0.0, finals * (own - said))
    goal = torch.where(targets >= 0, targets, own.nan_to_num(float("-inf")).argmax(-1))[:, None]
    logit = logits.gather(-1, goal)
    rank = (logits > logit).sum(-1) + 1.0
    return {
        "top_ids": best.indices.int(),
        "top_probabilities": best.values.float(),
        "entropy": (-surprise.sum(-1)).float(),
        # Rounding may leave a distribution a hair below itself.
        "kl": lost.sum(-1).clamp_min(0.0).float(),
        "target_probability": chance.gather(-1, goal)[:, 0].float(),
        "target_rank": torch.where(nothing, float("nan"), rank.float()),
    }


def _difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest absolute difference; where both are minus infinity there is none."""
    exact = torch.float64 if a.dtype == torch.float64 else torch.float32
    gap = torch.where(a == b, 0.0, (a.to(exact) - b.to(exact)).abs())
    return float(gap.max()) if gap.numel() else 0.0


def cut(tokens: Tokens, chosen: np.ndarray) -> Tokens:
    """The tokens at some positions."""
    if len(chosen) == len(tokens):
        return tokens
    texts = tuple(tokens.texts[i] for i in chosen)
    return replace(
        tokens,
        texts=texts,
        ids=None if tokens.ids is None else tokens.ids[chosen],
        special=tokens.special[chosen],
        glyphs=(),
        grid=None,
        grid_start=0,
    )
