"""Text on which claims about features are checked: read once, then run again with other values in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.activations import padded
from interpwidgets.analyses.corpus import Corpus, Window, special_ids
from interpwidgets.analyses.dictionary_measures import looks_ahead, losses_of
from interpwidgets.analyses.splice import sites_of, splice
from interpwidgets.dictionaries.protocol import BLOCK, Dictionary
from interpwidgets.errors import InputError
from interpwidgets.models.tokens import describe
from interpwidgets.records import SumCheck, Tokens

if TYPE_CHECKING:
    from interpwidgets.models import Model

# Values of all features on all tokens that are held: 512 MB of float32.
MOST = 2**27


class HeldOut:
    """Some features on some text, token by token, with the loss of every next token.

    Tokens of all windows stand in one row after the other.

    Args:
        lm: the model.
        dictionary: of the features.
        features: their numbers, checked.
        documents: whatever `Corpus` reads, or a `Corpus`.
        context: tokens in a window at most.
        batch_tokens: tokens of one forward pass.
        step: called with how many windows were read.

    Attributes:
        windows: the pieces of text.
        starts: ``[window + 1]`` where each begins among all tokens.
        ids: ``[token]``.
        values: ``[token, feature]`` float32.
        counted: ``[token]`` False for tokens that stand for no text and where values are not finite.
        plain: ``[window]`` sum of the losses of its next tokens, in nats; None for a model that does not predict.
        predictions: how many next tokens there are.

    Raises:
        InputError: no text, or more values than can be held.
    """

    def __init__(
        self,
        lm: Model,
        dictionary: Dictionary,
        features: Sequence[int],
        documents: Any,
        *,
        context: int | None = None,
        batch_tokens: int = 2048,
        step: Callable[[int], Any] = lambda windows: None,
    ) -> None:
        self.lm, self.dictionary, self.features = lm, dictionary, list(features)
        self.read_at, self.write_at = sites_of(lm, dictionary)
        corpus = documents if isinstance(documents, Corpus) else Corpus(lm, documents, context=context)
        self.windows: list[Window] = list(corpus.windows())
        self.rows = [window.ids for window in self.windows]
        self.starts = np.concatenate([[0], np.cumsum([len(row) for row in self.rows], dtype=np.int64)])
        count = int(self.starts[-1])
        if not count or count * len(self.features) > MOST:
            raise InputError(
                expected=f"some text, of at most {MOST // max(1, len(self.features)):,} tokens for "
                f"{len(self.features)} features",
                got=f"{count:,} tokens",
                fix="Give fewer texts or features." if count else "Pass a list of texts with words in them.",
            )
        # A dictionary much wider than the model makes the codes the larger part of a pass.
        self.batch_tokens = max(1, min(batch_tokens, 4 * BLOCK // dictionary.n_features))
        self.ids = np.concatenate([np.asarray(row, np.int64) for row in self.rows])
        self.values = np.zeros((count, len(self.features)), np.float32)
        self.counted = ~np.isin(self.ids, special_ids(lm).numpy())
        long = next((row for row in self.rows if len(row) > 1), None)
        predicts = bool(lm.d_vocab) and long is not None and not looks_ahead(lm, torch.tensor([long]))
        self.plain: np.ndarray | None = np.zeros(len(self.rows)) if predicts else None
        self.predictions = sum(len(row) - 1 for row in self.rows) if predicts else 0
        with torch.no_grad():
            self._read(step)

    def _read(self, step: Callable[[int], Any]) -> None:
        sites = [self.read_at, "logits"] if self.plain is not None else [self.read_at]
        for rows, ids, real in self._batches(range(len(self.rows))):
            _, kept = self.lm.run(ids, sites=sites, no_further=self.plain is None, **_masked(real, self.lm.device))
            codes = self.dictionary.encode(kept[self.lm.site(self.read_at)])[..., self.features]
            codes = codes.reshape(*ids.shape, -1).float().cpu().numpy()
            if self.plain is not None:
                self.plain[rows] = _sums(kept[self.lm.site("logits")], ids, real)
            for i, row in enumerate(rows):
                self.values[self.span(row)] = codes[i, : len(self.rows[row])]
            step(len(rows))
        finite = np.isfinite(self.values).all(1)
        self.counted &= finite
        self.values[~finite] = 0

    def _batches(self, rows: Iterable[int]) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
        """Windows of like lengths together: which, their ids ``[row, token]``, and where those are real."""
        alike = self.lm.family == "module"  # whose forward may take no mask
        batch: list[int] = []
        for row in sorted(rows, key=lambda row: len(self.rows[row])):
            length = len(self.rows[row])
            other = alike and batch and len(self.rows[batch[0]]) != length
            if batch and (other or length * (len(batch) + 1) > self.batch_tokens):
                yield batch, *padded([self.rows[i] for i in batch])
                batch = []
            batch.append(row)
        if batch:
            yield batch, *padded([self.rows[i] for i in batch])

    def span(self, window: int) -> slice:
        """Where a window's tokens stand among all."""
        return slice(int(self.starts[window]), int(self.starts[window + 1]))

    @cached_property
    def tokens(self) -> list[Tokens]:
        """``[window]`` what each token says."""
        return [describe(row, self.lm.tokenizer) for row in self.rows]

    def simulated(self, say: Callable[[int, Tokens], np.ndarray]) -> np.ndarray:
        """``[token, feature]`` float64: what a simulator says of each token, window by window."""
        out = np.zeros(self.values.shape)
        for window, tokens in enumerate(self.tokens):
            for j, feature in enumerate(self.features):
                out[self.span(window), j] = say(feature, tokens)
        return out

    def loss(
        self, values: np.ndarray, *, error: bool = True, step: Callable[[int], Any] = lambda windows: None
    ) -> float:
        """Mean loss of the next tokens when the features have other values, in nats.

        All other features keep what they are. With ``error`` a token whose values do not change is not touched at all,
        and a window of such tokens is not run again: its loss is what it was.

        Args:
            values: ``[token, feature]``.
            error: add what the dictionary leaves unsaid.
            step: called with how many windows are done.
        """
        assert self.plain is not None
        wanted = self.counted.copy()
        if error:
            wanted &= (values != self.values).any(1)
        some = np.logical_or.reduceat(wanted, self.starts[:-1]) & (np.diff(self.starts) > 1)
        total = float(self.plain[~some].sum())
        step(int((~some).sum()))
        for rows, ids, real in self._batches(np.flatnonzero(some).tolist()):
            total += float(self._rerun(rows, ids, real, values, wanted, error).sum())
            step(len(rows))
        return total / self.predictions

    def check(self) -> SumCheck | None:
        """With the values that the features have anyway, the first windows keep their loss."""
        if self.plain is None:
            return None
        some = [i for i, row in enumerate(self.rows) if len(row) > 1][:8]
        found = given = count = 0.0
        for rows, ids, real in self._batches(some):
            found += float(self._rerun(rows, ids, real, self.values, self.counted, True).sum())
            given += float(self.plain[rows].sum())
            count += int(real[:, 1:].sum())
        # Half precision rounds the sum of reconstruction and error.
        tolerance = 1e-4 if torch.finfo(self.lm.dtype).eps < 1e-5 else 3e-2
        law = "with the features' true values the replacement leaves the loss what it is"
        return SumCheck(law, found / count, given / count, tolerance)

    def _rerun(
        self,
        rows: list[int],
        ids: torch.Tensor,
        real: torch.Tensor,
        values: np.ndarray,
        wanted: np.ndarray,
        error: bool,
    ) -> np.ndarray:
        """``[row]`` sums of the losses when the features have other values on the wanted tokens."""
        mask = torch.zeros(ids.shape, dtype=torch.bool)
        new = torch.zeros(*ids.shape, len(self.features))
        for i, row in enumerate(rows):
            mask[i, : len(self.rows[row])] = torch.from_numpy(wanted[self.span(row)])
            new[i, : len(self.rows[row])] = torch.from_numpy(values[self.span(row)].astype(np.float32))
        features = torch.tensor(self.features)

        def put(codes: torch.Tensor) -> torch.Tensor:
            at = features.to(codes.device)
            old = codes[..., at]
            codes[..., at] = torch.where(mask[..., None].to(codes.device), new.to(old), old)
            return codes

        with torch.no_grad(), splice(self.lm, self.dictionary, error=error, edit=put, mask=mask):
            _, kept = self.lm.run(ids, sites=["logits"], **_masked(real, self.lm.device))
        return _sums(kept[self.lm.site("logits")], ids, real)


def _masked(real: torch.Tensor, device: torch.device) -> dict[str, Any]:
    return {} if bool(real.all()) else {"attention_mask": real.long().to(device)}


def _sums(logits: torch.Tensor, ids: torch.Tensor, real: torch.Tensor) -> np.ndarray:
    """``[row]`` sums of the losses of the next tokens."""
    if ids.shape[1] < 2:
        return np.zeros(len(ids))
    nats = losses_of(logits, ids).cpu().double()
    return torch.where(real[:, 1:], nats, 0).sum(-1).numpy()
