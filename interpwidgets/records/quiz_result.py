"""What readers answered in a quiz, as a record."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go


def wilson(correct: int, count: int, *, z: float = 1.959963984540054) -> tuple[float, float]:
    """The interval of a share of right answers, ``(low, high)``, after Wilson (1927); 95 % unless told.

    It holds for few answers and for shares near 0 and 1, where the usual ± interval leaves [0, 1].

    Args:
        correct: how many were right.
        count: how many there were; without any, nothing is known: ``(0, 1)``.
        z: the normal quantile, 1.96 for 95 %.
    """
    if not 0 <= correct <= count:
        raise InputError(
            expected="between 0 and count right answers", got=f"{correct} of {count}", fix="Count the right answers."
        )
    if count == 0:
        return 0.0, 1.0
    share, z2 = correct / count, z * z
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = z / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return (0.0 if correct == 0 else centre - half), (1.0 if correct == count else centre + half)


@dataclass(frozen=True)
class QuizResult:
    """The answers of one or several readers to a quiz, and how many were right.

    Attributes:
        units: ``[answer]`` the unit each is about, an index into `names`.
        choices: ``[answer]`` 0 or 1; -1 where the reader did not answer.
        answers: ``[answer]`` the right one.
        seconds: ``[answer]`` time from the first sight of the trial to the choice; NaN where it is not known.
        names: of the units.
        readers: who answered, one for each answer.
        name: of the quiz.
    """

    units: np.ndarray
    choices: np.ndarray
    answers: np.ndarray
    seconds: np.ndarray
    names: tuple[str, ...]
    readers: tuple[str, ...]
    name: str = "units"

    def __post_init__(self) -> None:
        sizes = {len(v) for v in (self.units, self.choices, self.answers, self.seconds, self.readers)}
        if len(sizes) > 1:
            raise InputError(
                expected="one entry for each answer",
                got=f"lengths {sorted(sizes)}",
                fix="Make it with quiz.result(...).",
            )
        if not (np.isin(self.choices, (-1, 0, 1)).all() and np.isin(self.answers, (0, 1)).all()):
            raise InputError(
                expected="choices 0, 1 or -1 for none, and right answers 0 or 1",
                got=f"{sorted(set(self.choices.tolist()))[:5]} and {sorted(set(self.answers.tolist()))[:5]}",
                fix="Make it with quiz.result(...).",
            )

    def __repr__(self) -> str:
        low, high = self.interval
        who = ", ".join(dict.fromkeys(self.readers)) or "nobody"
        if not self.count:
            return f"QuizResult({self.name}, {who}: nothing answered yet)"
        right = f"{self.correct.sum()} of {self.count} right"
        return f"QuizResult({self.name}, {who}: {right}, {self.accuracy:.3f} [{low:.3f}, {high:.3f}])"

    @property
    def answered(self) -> np.ndarray:
        """``[answer]`` whether there is a choice."""
        return self.choices >= 0

    @property
    def correct(self) -> np.ndarray:
        """``[answer]`` whether the choice is the right one; False where there is none."""
        return self.answered & (self.choices == self.answers)

    @property
    def count(self) -> int:
        """How many trials were answered."""
        return int(self.answered.sum())

    @property
    def accuracy(self) -> float:
        """Share of right choices among the answered trials; NaN before the first. Guessing gives 0.5."""
        return float(self.correct.sum() / self.count) if self.count else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the accuracy."""
        return wilson(int(self.correct.sum()), self.count)

    def table(self) -> list[dict[str, Any]]:
        """One row for every unit that was answered: right, count, accuracy, interval and the median seconds."""
        rows = []
        for unit in sorted(set(self.units[self.answered].tolist())):
            mine = self.answered & (self.units == unit)
            right, count = int(self.correct[mine].sum()), int(mine.sum())
            times = self.seconds[mine & np.isfinite(self.seconds)]
            low, high = wilson(right, count)
            rows.append(
                {
                    "unit": self.names[unit],
                    "correct": right,
                    "count": count,
                    "accuracy": right / count,
                    "low": low,
                    "high": high,
                    "seconds": float(np.median(times)) if times.size else float("nan"),
                }
            )
        return rows

    @classmethod
    def join(cls, results: Iterable[QuizResult]) -> QuizResult:
        """The answers of several readers (or sittings) as one result; units with one name are one unit."""
        parts = list(results)
        if not parts or not all(isinstance(part, QuizResult) for part in parts):
            raise InputError(
                expected="one or more QuizResults",
                got=repr([type(part).__name__ for part in parts]),
                fix="Pass a list, e.g. QuizResult.join([view.result, other.result]).",
            )
        names = tuple(dict.fromkeys(name for part in parts for name in part.names))
        units = [[names.index(part.names[unit]) for unit in part.units.tolist()] for part in parts]
        return cls(
            units=np.array([unit for each in units for unit in each], np.int64),
            choices=np.concatenate([part.choices for part in parts]),
            answers=np.concatenate([part.answers for part in parts]),
            seconds=np.concatenate([part.seconds for part in parts]),
            names=names,
            readers=tuple(reader for part in parts for reader in part.readers),
            name=parts[0].name,
        )

    def by_reader(self) -> dict[str, QuizResult]:
        """Each reader's answers alone."""
        readers = np.array(self.readers, dtype=object)
        return {who: self._where(readers == who) for who in dict.fromkeys(self.readers)}

    def to_json(self) -> str:
        """The answers as text, which `from_json` reads; the static page copies the same text."""
        return json.dumps(
            {
                "quiz": self.name,
                "names": list(self.names),
                "units": self.units.tolist(),
                "choices": self.choices.tolist(),
                "answers": self.answers.tolist(),
                "seconds": [None if not math.isfinite(t) else round(t, 3) for t in self.seconds.tolist()],
                "readers": list(self.readers),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> QuizResult:
        """The answers that `to_json` wrote, or that a static page copied."""
        try:
            found = json.loads(text)
            seconds = [float("nan") if t is None else float(t) for t in found["seconds"]]
            units = np.array(found["units"], np.int64)
            names = tuple(str(name) for name in found["names"])
            if units.size and not 0 <= int(units.min()) <= int(units.max()) < len(names):
                raise ValueError("a unit without a name")
            return cls(
                units=units,
                choices=np.array(found["choices"], np.int64),
                answers=np.array(found["answers"], np.int64),
                seconds=np.array(seconds, np.float64),
                names=names,
                readers=tuple(str(who) for who in found["readers"]),
                name=str(found["quiz"]),
            )
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(
                expected="the answers of a quiz as JSON",
                got=f"{text[:60]!r} ({type(error).__name__}: {error})",
                fix="Copy them again from the page, whole.",
            ) from None

    def figure(self) -> go.Figure:
        """Accuracy of each unit with its interval as a plotly figure; the dashed line is guessing."""
        import plotly.graph_objects as go

        rows = self.table()
        names = [plain(row["unit"]) for row in rows]
        values = [row["accuracy"] for row in rows]
        error = {
            "type": "data",
            "symmetric": False,
            "array": [row["high"] - row["accuracy"] for row in rows],
            "arrayminus": [row["accuracy"] - row["low"] for row in rows],
        }
        figure = go.Figure(go.Scatter(x=names, y=values, error_y=error, mode="markers", marker={"color": "#0072B2"}))
        figure.add_hline(y=0.5, line={"dash": "dash", "color": "#5B6572"})
        low, high = self.interval
        said = f"{self.accuracy:.3f} [{low:.3f}, {high:.3f}]" if self.count else "nothing answered"
        return figure.update_layout(
            title=plain(f"{self.name}: {said}"),
            yaxis={"title": "share of right choices", "range": [-0.05, 1.05]},
            height=320,
            margin={"l": 60, "r": 20, "t": 50, "b": 60},
        )

    def _where(self, mask: np.ndarray) -> QuizResult:
        return QuizResult(
            units=self.units[mask],
            choices=self.choices[mask],
            answers=self.answers[mask],
            seconds=self.seconds[mask],
            names=self.names,
            readers=tuple(who for who, keep in zip(self.readers, mask.tolist(), strict=True) if keep),
            name=self.name,
        )
