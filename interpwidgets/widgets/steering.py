"""SteeringPanel: sliders that reach into a model, default beside steered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from interpwidgets._core.widget import checks, module
from interpwidgets.records.steering import Steering, SteeringTarget
from interpwidgets.widgets.steering_checks import SteeringChecks, check_strength, plain_prompt
from interpwidgets.widgets.steering_recording import SteeringRecording
from interpwidgets.widgets.steering_sweeping import SteeringSweeping
from interpwidgets.widgets.steering_writing import Column

if TYPE_CHECKING:
    from interpwidgets.analyses.neurons import Model

# How many words are watched at first.
WORDS = 3


class SteeringPanel(SteeringRecording, SteeringChecks, SteeringSweeping):
    """One slider for each target; the next token and the continuation, default beside steered, while you drag.

    Each slider carries its dose-response curve: the probability of the first watched word over the strength. While it
    moves, the page interpolates log-probabilities on that curve; the exact answer follows and takes their place. A
    limit bounds the mean KL(steered || unsteered) per token over the prompt and its unsteered continuation: a strength
    beyond it is brought back to the largest on the way that keeps it, found by bisection.

    Args:
        lm: a language model.
        prompt: text, token ids, or chat messages (which go through the model's template).
        targets: what to turn: any mix of `iw.targets`, a dictionary (its features that fire most at the end of the
            prompt), or text such as ``"head 2.1"``. None begins empty, with the search field open.

    Traits:
        prompt: settable, and editable in the page.
        strengths: ``{name: number}``, None for off; names left out keep their strength.
        modes: ``{name: "add" | "clamp" | "scale" | "ablate"}``; another mode begins at its neutral strength.
        positions: ``"all"``, ``"prompt"``, ``"generated"``, or n for token n and all after it.
        attention: ``"live"``, ``"frozen"`` (patterns held at their unsteered values), or ``"both"`` side by side.
        words: the watched words, as text of one token each; the first one draws the curves.
        limit: the most nats per token, or None.
        max_new_tokens, temperature, top_k, top_p, seed: how the continuation is written; temperature 0 takes the
            likeliest token, top_k 0 and top_p 1 leave nothing out.
        target: the name of the chosen target, or None.
        title: the words at the top left.

    Raises:
        InputError: a prompt, name, strength, mode, word or position that does not fit.
        ModelError: a model without a vocabulary; frozen attention where the model does not allow it.
    """

    _name: ClassVar[str] = "steering"
    _esm = module("steering")

    def __init__(self, lm: Model, prompt: Any, targets: Any = None, **traits: Any) -> None:
        # First, as closing empties them, also where the rest is refused.
        self._sessions: dict[str, Any] = {}
        self._columns: dict[str, Column] = {}
        self._lm = lm
        self._ready = False
        prompt = plain_prompt(prompt)
        self._targets: dict[str, SteeringTarget] = {}
        self._modes: dict[tuple[str, str], SteeringTarget] = {}
        self._dictionaries: list[Any] = []
        self._promoted: dict[int, Any] = {}
        session = self._session_of(prompt)
        self._vocabulary = lm.vocabulary
        for one in self._found(targets, prompt):
            self._targets[one.name] = one
        self._applied = {name: one.neutral for name, one in self._targets.items()}
        if "words" not in traits:
            best = np.argsort(-session.unsteered, kind="stable")[:WORDS]
            traits["words"] = [self._vocabulary.texts[int(i)] for i in best]
        modes = {name: one.mode for name, one in self._targets.items()}
        given = {"strengths": {}, "target": next(iter(self._targets), None), **traits}
        super().__init__(**{**given, "prompt": prompt, "modes": {**modes, **traits.get("modes", {})}})
        self._ready = True
        self._describe()
        self._answers = self._recorded(self._first_paint())

    # What a user reads and does in Python.

    @property
    def targets(self) -> tuple[SteeringTarget, ...]:
        """The targets, each in its present mode."""
        return tuple(self._in_mode(name) for name in self._targets)

    def record(self) -> Steering:
        """What the panel does now, as data: ``with lm.edit(panel.record()): ...`` does the same in plain code."""
        return Steering(
            targets=self.targets,
            strengths=tuple(self.strengths[name] for name in self._targets),
            positions=self.positions,
            prompt_tokens=len(self._session.tokens),
        )

    def close(self) -> None:
        """Take the panel off its pages and free what it kept of the model's runs."""
        self._forget()
        super().close()

    def _forget(self) -> None:
        for session in self._sessions.values():
            getattr(session, "close", lambda: None)()
        self._sessions = {}
        self._columns.clear()

    # What a reader sets is checked at once.

    @checks("prompt")
    def _check_prompt(self, proposal: Any) -> Any:
        self._session_of(proposal.value)
        return proposal.value

    @checks("modes")
    def _check_modes(self, proposal: Any) -> dict[str, str]:
        for name, mode in proposal.value.items():
            self._in_mode(self._known(name), mode)
        now = {name: self._modes_before.get(name, one.mode) for name, one in self._targets.items()}
        return {**now, **proposal.value}

    @property
    def _modes_before(self) -> Mapping[str, str]:
        return getattr(self, "_last_modes", {})

    @checks("strengths")
    def _check_strengths(self, proposal: Any) -> dict[str, float | None]:
        given = {self._known(name): check_strength(name, value) for name, value in proposal.value.items()}
        wanted = {**self._applied, **given}
        wanted = {name: wanted[name] for name in self._targets}
        return self._within(wanted)

    def _within(self, wanted: dict[str, float | None]) -> dict[str, float | None]:
        """The strengths, brought back to what the limit allows."""
        if self.limit is None or not wanted:
            return wanted
        rows = [(name, self._mode_of(name), value) for name, value in wanted.items()]
        return dict(zip(wanted, self._kept(self.prompt, rows, self.positions, self.attention, self.limit), strict=True))

    @checks("target")
    def _check_target(self, proposal: Any) -> str | None:
        return None if proposal.value is None else self._known(proposal.value)

    # What follows from a change.

    @traitlets.observe("strengths")
    def _keep_applied(self, _change: Any) -> None:
        self._applied = dict(self.strengths)

    @traitlets.observe("modes")
    def _mode_changed(self, change: Any) -> None:
        self._last_modes = dict(self.modes)
        before = change.old if isinstance(change.old, dict) else {}
        moved = [name for name in self._targets if before.get(name, self._mode_of(name)) != self._mode_of(name)]
        if self._ready and moved:
            self.strengths = {**self.strengths, **{name: self._in_mode(name).neutral for name in moved}}

    @traitlets.observe("limit", "positions", "attention", "prompt")
    def _keep_within(self, change: Any) -> None:
        if not self._ready:
            return
        if change.name == "prompt":
            self._describe()
            if isinstance(self.positions, int):
                self.positions = min(self.positions, len(self._session.tokens))
        self.strengths = dict(self.strengths)
