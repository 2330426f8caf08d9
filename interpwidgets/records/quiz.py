"""A quiz about units, as a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.quiz_result import QuizResult, wilson

__all__ = ["Quiz", "QuizResult", "wilson"]


@dataclass(frozen=True)
class Quiz:
    """Trials of a two-alternative forced choice: can a unit be understood from its extremes?

    Each trial shows images that activate one unit strongly, images that activate it weakly, and two new images, of
    which one activates it strongly. Who understands the unit says which; who does not is right half of the time
    (Zimmermann et al. 2023, "Scale Alone Does not Improve Mechanistic Interpretability in Vision Models").

    Attributes:
        images: ``[packed, H, W, 3]`` uint8, every image of the quiz once.
        indices: ``[packed]`` the number of each in the data.
        units: ``[trial]`` which unit each trial asks about, an index into `names`.
        strong: ``[trial, n]`` int32 rows of `images`: the exemplars that activate the unit strongly, strongest first.
        weak: ``[trial, m]`` those that activate it weakly, weakest first.
        queries: ``[trial, 2]`` the two images asked about, in the order they are shown; neither is an exemplar.
        answers: ``[trial]`` 0 or 1: which of the two is the strongly activating one.
        query_values: ``[trial, 2]`` the unit's value of each query.
        names: of the units.
        value_kind: what a value is.
        name: of what the units belong to.
    """

    images: np.ndarray
    indices: np.ndarray
    units: np.ndarray
    strong: np.ndarray
    weak: np.ndarray
    queries: np.ndarray
    answers: np.ndarray
    query_values: np.ndarray
    names: tuple[str, ...]
    value_kind: str = "activation"
    name: str = "units"

    def __post_init__(self) -> None:
        count = len(self.units)
        if self.images.ndim != 4 or self.images.shape[-1] != 3 or self.images.dtype != np.uint8:
            raise InputError(
                expected="images [packed, height, width, 3] of uint8",
                got=f"{self.images.dtype} of shape {list(self.images.shape)}",
                fix="Pass RGB images of one size.",
            )
        for what, wanted in (
            ("indices", (len(self.images),)),
            ("strong", (count, self.strong.shape[-1])),
            ("weak", (count, self.weak.shape[-1])),
            ("queries", (count, 2)),
            ("answers", (count,)),
            ("query_values", (count, 2)),
        ):
            got = np.shape(getattr(self, what))
            if got != wanted:
                raise InputError(
                    expected=f"{what} of shape {list(wanted)}",
                    got=f"shape {list(got)}",
                    fix="Give one row for each trial; two_afc makes this record.",
                )
        shown = [self.strong, self.weak, self.queries]
        if count and any(a.size and not 0 <= int(a.min()) <= int(a.max()) < len(self.images) for a in shown):
            raise InputError(
                expected=f"rows of images from 0 to {len(self.images) - 1}",
                got="a row outside",
                fix="Name only images that are packed.",
            )
        if count and not np.isin(self.answers, (0, 1)).all():
            raise InputError(
                expected="answers 0 or 1", got=repr(set(self.answers.tolist())), fix="Say which of the two it is."
            )
        exemplars = np.concatenate([self.strong, self.weak], axis=1)
        if (exemplars[:, :, None] == self.queries[:, None, :]).any():
            raise InputError(
                expected="queries that are no exemplars of their trial",
                got="an image that is both",
                fix="Ask about images that the reader has not seen in this trial.",
            )

    def __len__(self) -> int:
        return len(self.units)

    def __repr__(self) -> str:
        shown = f"{self.strong.shape[1]} strong and {self.weak.shape[1]} weak exemplars"
        return f"Quiz({self.name}: {len(self)} trials about {len(set(self.units.tolist()))} units, {shown})"

    def result(
        self,
        choices: Sequence[int | None] | np.ndarray,
        *,
        seconds: Sequence[float | None] | None = None,
        reader: str = "reader",
    ) -> QuizResult:
        """What choices amount to.

        Args:
            choices: one for each trial: 0 or 1, None (or -1) for not answered.
            seconds: how long each took, None where it is not known.
            reader: who answered.
        """
        given = [-1 if choice is None else choice for choice in choices]
        if len(given) != len(self) or any(isinstance(c, bool) or c not in (-1, 0, 1) for c in given):
            raise InputError(
                expected=f"{len(self)} choices, each 0, 1 or None",
                got=repr(list(choices)[:12]),
                fix="Give one for each trial.",
            )
        times = [None] * len(self) if seconds is None else list(seconds)
        if len(times) != len(self):
            raise InputError(
                expected=f"seconds for {len(self)} trials", got=f"{len(times)}", fix="Give one for each trial, or none."
            )
        return QuizResult(
            units=self.units.astype(np.int64),
            choices=np.array(given, np.int64),
            answers=self.answers.astype(np.int64),
            seconds=np.array([np.nan if t is None else float(t) for t in times], np.float64),
            names=self.names,
            readers=(reader,) * len(self),
            name=self.name,
        )
