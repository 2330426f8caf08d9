"""QuizView: can you tell what a unit answers to?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import traitlets

# The reader's choices are the trait `answers`, so the mark of a method that answers the page goes by another name.
from interpwidgets._core.requests import answers as answering
from interpwidgets._core.widget import Request, Widget, checks, module
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.analyses.quiz import machine_observer
from interpwidgets.errors import InputError
from interpwidgets.records.quiz import Quiz
from interpwidgets.records.quiz_result import QuizResult

SHOWN = ("trial", "results")
# Images travel in blocks of about this many bytes, at most so many at a time.
BLOCK_BYTES, BLOCK = 2**19, 32


class QuizView(Widget):
    """A two-alternative forced choice, one trial after another: which of two images activates the unit strongly?

    Each trial shows images that activate a unit strongly and images that activate it weakly. Click the one of the two
    new images that you think belongs to the strong ones, or press 1 or 2. Whoever understands the unit is right, and
    whoever does not is right half of the time; the score comes with its 95 % interval, and beside it that of a machine
    that goes by likeness alone (Zimmermann et al. 2023, "Scale Alone Does not Improve Mechanistic Interpretability in
    Vision Models").

    Args:
        quiz: a `Quiz` record, of ``iw.two_afc``.
        machine: the result to compare with; by default that of ``iw.machine_observer(quiz)``. False shows none.

    Traits:
        trial: the trial that is shown, from 0; settable.
        answers: one for each trial: 0 or 1, which of the two was chosen, or None; settable.
        seconds: how long each answer took since the trial was shown, None where it is not known.
        feedback: say after each answer whether it was right. Without it, an answer can be changed, and the score
            appears once every trial is answered.
        show: ``"trial"`` or ``"results"``, the table of units.
        reader: who answers, a name for the result.
        title: the words at the top left.

    ``view.result`` is the `QuizResult` of the answers so far; `QuizResult.join` puts those of several readers together.
    A saved page works whole: its answers are copied as text, which `QuizResult.from_json` reads.

    Raises:
        InputError: no quiz, a quiz without trials, or traits that do not fit it.
    """

    _name: ClassVar[str] = "quiz"
    _esm = module("quiz")

    trial = traitlets.Int(0).tag(sync=True)
    answers = traitlets.List().tag(sync=True)
    seconds = traitlets.List().tag(sync=True)
    feedback = traitlets.Bool(True).tag(sync=True)
    show = traitlets.Unicode("trial").tag(sync=True)
    reader = traitlets.Unicode("reader").tag(sync=True)
    title = traitlets.Unicode("Quiz").tag(sync=True)

    def __init__(self, quiz: Quiz, *, machine: QuizResult | bool | None = None, **traits: Any) -> None:
        if not isinstance(quiz, Quiz):
            raise InputError(
                expected="a Quiz",
                got=type(quiz).__name__,
                fix="Make one with iw.two_afc(exemplars), from exemplars made with weakest=True.",
            )
        if len(quiz) == 0:
            raise InputError(expected="a quiz with trials", got="none", fix="Ask about at least one unit.")
        self._quiz = quiz
        self._machine = _machine(quiz, machine)
        used = [quiz.queries, quiz.strong, quiz.weak]
        wanted = np.concatenate(used, axis=1).ravel()
        # Images lie in the order in which the trials show them, so that the first blocks hold the first trials.
        first = np.unique(wanted, return_index=True)
        self._order = first[0][np.argsort(first[1])]
        self._rows = np.full(len(quiz.images), -1, np.int64)
        self._rows[self._order] = np.arange(len(self._order))
        self._block = int(np.clip(BLOCK_BYTES // max(1, quiz.images[0].size), 4, BLOCK))
        nothing = [None] * len(quiz)
        super().__init__(**{"answers": list(nothing), "seconds": list(nothing), **traits})
        self._view = {
            "count": len(quiz),
            "names": [well_formed(name) for name in quiz.names],
            "name": well_formed(quiz.name),
            "value_kind": well_formed(quiz.value_kind),
            "images": len(self._order),
            "block": self._block,
            "aspect": quiz.images.shape[1] / quiz.images.shape[2],
            "height": 520,
        }
        self._answers = self._recorded(self._first_paint())

    @property
    def quiz(self) -> Quiz:
        """The record that is asked about."""
        return self._quiz

    @property
    def result(self) -> QuizResult:
        """The answers so far."""
        return self._quiz.result(self.answers, seconds=self.seconds, reader=self.reader)

    @property
    def machine(self) -> QuizResult | None:
        """The machine's result, which the score is compared with."""
        return self._machine

    @checks("trial")
    def _check_trial(self, proposal: Any) -> int:
        if not 0 <= proposal.value < len(self._quiz):
            raise InputError(
                expected=f"a trial from 0 to {len(self._quiz) - 1}", got=str(proposal.value), fix="Choose one of them."
            )
        return proposal.value

    @checks("answers")
    def _check_answers(self, proposal: Any) -> list[int | None]:
        given = proposal.value
        if len(given) != len(self._quiz) or any(isinstance(a, bool) or a not in (None, 0, 1) for a in given):
            raise InputError(
                expected=f"{len(self._quiz)} answers, each 0, 1 or None",
                got=repr(given[:12]),
                fix="Give one for each trial.",
            )
        return [None if a is None else int(a) for a in given]

    @checks("seconds")
    def _check_seconds(self, proposal: Any) -> list[float | None]:
        given = proposal.value
        if len(given) != len(self._quiz) or not all(t is None or _time(t) for t in given):
            raise InputError(
                expected=f"seconds for {len(self._quiz)} trials, each a number of 0 or more, or None",
                got=repr(given[:12]),
                fix="Give one for each trial.",
            )
        return [None if t is None else float(t) for t in given]

    @checks("show")
    def _check_show(self, proposal: Any) -> str:
        if proposal.value not in SHOWN:
            raise InputError(
                expected=f"show as one of {', '.join(SHOWN)}", got=repr(proposal.value), fix="Choose one of them."
            )
        return proposal.value

    @answering("quiz")
    def _trials(self) -> dict[str, Any]:
        """All trials: rows of images, what is asked and what is right; a row counts in the order of first sight."""
        quiz = self._quiz
        return {
            "units": pack(quiz.units.astype(np.int32)),
            "answers": pack(quiz.answers.astype(np.int32)),
            "strong": pack(self._rows[quiz.strong].astype(np.int32)),
            "weak": pack(self._rows[quiz.weak].astype(np.int32)),
            "queries": pack(self._rows[quiz.queries].astype(np.int32)),
            "values": pack(quiz.query_values.astype(np.float32)),
            "indices": pack(np.asarray(quiz.indices)[self._order].astype(np.int32)),
            "machine": None if self._machine is None else pack(self._machine.choices.astype(np.int32)),
        }

    @answering("images")
    def _images(self, start: int) -> dict[str, Any]:
        """One block of images."""
        if not 0 <= start < len(self._order):
            raise InputError(
                expected=f"a block from 0 to {len(self._order) - 1}", got=str(start), fix="Reload the page."
            )
        return {"pixels": pack(self._quiz.images[self._order[start : start + self._block]])}

    def _blocks(self, trial: int) -> list[int]:
        quiz = self._quiz
        rows = np.concatenate([quiz.queries[trial], quiz.strong[trial], quiz.weak[trial]])
        return sorted(set((self._rows[rows] // self._block * self._block).tolist()))

    def _first_paint(self) -> list[Request]:
        return [("quiz", {}), *(("images", {"start": start}) for start in self._blocks(self.trial))]

    def recordable(self) -> Iterable[Request]:
        """For a static page: every trial, first the one that is seen."""
        yield from self._first_paint()
        yield from (("images", {"start": start}) for start in range(0, len(self._order), self._block))


def _machine(quiz: Quiz, given: QuizResult | bool | None) -> QuizResult | None:
    if given is False:
        return None
    if given is None or given is True:
        return machine_observer(quiz)
    if not isinstance(given, QuizResult) or given.units.tolist() != quiz.units.tolist():
        raise InputError(
            expected="a machine's result of this quiz",
            got=repr(given)[:80],
            fix="Pass iw.machine_observer(quiz, embed), or machine=False.",
        )
    return given


def _time(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0
