"""What the model would say next under steering, as a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from interpwidgets.errors import InputError


@dataclass(frozen=True, eq=False)
class SteeredTokens:
    """The next-token distribution for each row of strengths.

    Attributes:
        log_probability: ``[row, vocab]`` float32, natural logarithms.
        kl: ``[row]`` float32, KL(steered || unsteered) of the next token in nats.
        strengths: ``[row][target]`` what each row was run with; None for off.
        unsteered: ``[vocab]`` float32, the same without any edit.
        vocabulary: ``[vocab]`` the text of every token.
    """

    log_probability: np.ndarray = field(repr=False)
    kl: np.ndarray
    strengths: tuple[tuple[float | None, ...], ...]
    unsteered: np.ndarray = field(repr=False)
    vocabulary: tuple[str, ...] = field(repr=False, default=())

    def __post_init__(self) -> None:
        rows, size = self.log_probability.shape
        if self.kl.shape != (rows,) or len(self.strengths) != rows or self.unsteered.shape != (size,):
            raise InputError(
                expected=f"{rows} divergences and rows of strengths, and {size} unsteered values",
                got=f"{self.kl.shape}, {len(self.strengths)} and {self.unsteered.shape}",
                fix="Give one entry for each row.",
            )

    def __len__(self) -> int:
        return len(self.log_probability)

    def top(self, k: int = 10, row: int = 0) -> list[tuple[int, str, float]]:
        """The k likeliest next tokens of a row, best first: id, text, probability."""
        values = self.log_probability[row]
        best = np.argsort(-values, kind="stable")[:k]
        return [(i, self.vocabulary[i] if self.vocabulary else str(i), float(np.exp(values[i]))) for i in best.tolist()]

    def probability_of(self, ids: Sequence[int]) -> np.ndarray:
        """Probabilities of some tokens ``[row, id]``.

        Raises:
            InputError: an id outside the vocabulary.
        """
        wanted = np.asarray(ids, dtype=np.int64).reshape(-1)
        size = self.log_probability.shape[1]
        bad = wanted[(wanted < 0) | (wanted >= size)]
        if bad.size:
            raise InputError(
                expected=f"token ids from 0 to {size - 1}", got=str(int(bad[0])), fix="Use lm.vocabulary.id."
            )
        return np.exp(self.log_probability[:, wanted])
