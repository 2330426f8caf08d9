"""SteeringPanel's state: its traits, its targets in their modes, and the sessions of its prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets

from interpwidgets._core.widget import Widget
from interpwidgets.analyses.steering import SteeringSession
from interpwidgets.analyses.steering.asking import check_attention
from interpwidgets.analyses.steering.targets import targets as factories
from interpwidgets.errors import InputError, InterpError
from interpwidgets.records.steering import SteeringTarget
from interpwidgets.widgets.describing import describe_tokens
from interpwidgets.widgets.picking import PicksTokens

# Sessions kept: that of the prompt, and the one before, whose answers may still be asked for.
SESSIONS = 2

Row = Sequence[Any]
"""A target at work: name, mode, strength."""


class SteeringState(PicksTokens, Widget):
    """What every part of the panel works on; each part adds what it answers."""

    prompt = traitlets.Union([traitlets.Unicode(), traitlets.List()]).tag(sync=True)
    strengths = traitlets.Dict().tag(sync=True)
    modes = traitlets.Dict().tag(sync=True)
    positions = traitlets.Union([traitlets.Int(), traitlets.Unicode()], default_value="all").tag(sync=True)
    attention = traitlets.Enum(["live", "frozen", "both"], "live").tag(sync=True)
    words = traitlets.List(traitlets.Unicode()).tag(sync=True)
    limit = traitlets.Float(None, allow_none=True).tag(sync=True)
    max_new_tokens = traitlets.Int(24).tag(sync=True)
    temperature = traitlets.Float(0.0).tag(sync=True)
    top_k = traitlets.Int(0).tag(sync=True)
    top_p = traitlets.Float(1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    target = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    title = traitlets.Unicode("Steering").tag(sync=True)

    _lm: Any
    _targets: dict[str, SteeringTarget]
    _modes: dict[tuple[str, str], SteeringTarget]
    _applied: dict[str, float | None]
    _dictionaries: list[Any]
    _sessions: dict[str, Any]
    # Counts what the names meant: an answer about a target that was removed is none about its successor.
    _edition = 0
    # What a sweep was told to go through; None for what fires here.
    _sweep_given: tuple[SteeringTarget, ...] | None = None
    # Whether answers are worked out for a saved page.
    _recording = False

    # Sessions: one prompt, run once.

    @property
    def _session(self) -> Any:
        return self._session_of(self.prompt)

    def _session_of(self, prompt: Any) -> Any:
        key = repr(prompt)
        if key not in self._sessions:
            self._sessions[key] = self._open(prompt)
            while len(self._sessions) > SESSIONS:
                oldest = self._sessions.pop(next(iter(self._sessions)))
                getattr(oldest, "close", lambda: None)()
        return self._sessions[key]

    def _open(self, prompt: Any) -> Any:
        return SteeringSession(self._lm, prompt)

    def _found(self, given: Any, prompt: Any) -> list[SteeringTarget]:
        """Targets out of what a user passed; dictionaries are kept for searching."""
        if given is None:
            return []
        several = list(given) if isinstance(given, list) else [given]
        inside = [one for part in several for one in (part if isinstance(part, tuple) else [part])]
        self._dictionaries += [
            d for d in inside if hasattr(d, "unit_writes") and all(d is not k for k in self._dictionaries)
        ]
        found: list[SteeringTarget] = []
        for one in several:
            if isinstance(one, str):
                found.append(factories.parse(self._lm, one, self._dictionaries))
            else:
                found += factories.of(self._lm, one, prompt=prompt)
        return found

    # A target, by name and mode.

    def _mode_of(self, name: str) -> str:
        return self.modes.get(name, self._targets[name].mode)

    def _in_mode(self, name: str, mode: str | None = None) -> SteeringTarget:
        wanted = self._mode_of(name) if mode is None else mode
        if (name, wanted) not in self._modes:
            target = self._targets[self._known(name)]
            self._modes[name, wanted] = target if target.mode == wanted else target.with_mode(wanted)
        return self._modes[name, wanted]

    def _known(self, name: Any) -> str:
        if name not in self._targets:
            raise InputError(
                expected=f"the name of a target of this panel: {', '.join(self._targets) or 'it has none yet'}",
                got=repr(name),
                fix="Use one of them, or panel.add(...) it first.",
            )
        return name

    def _at_work(self, rows: Sequence[Row]) -> tuple[list[SteeringTarget], list[float | None]]:
        targets = [self._in_mode(self._known(name), mode) for name, mode, _ in rows]
        return targets, [None if strength is None else float(strength) for _, _, strength in rows]

    def _active(self) -> list[Row]:
        """The rows of the traits: what is off or neutral changes nothing and is left out."""
        rows = [(name, self._mode_of(name), value) for name, value in self._applied.items()]
        return [[name, mode, value] for name, mode, value in rows if self._in_mode(name, mode).moves(value)]

    # What the page is told.

    @property
    def _sweep_count(self) -> int | None:
        """How many targets a sweep has, where that is known before the dictionaries have been asked what fires."""
        if self._sweep_given is not None:
            return len(self._sweep_given)
        return None if self._dictionaries else len(self._targets)

    def _describe(self) -> None:
        """Tell the page what there is."""
        self._view = {
            "targets": [self._describe_target(name) for name in self._targets],
            "tokens": describe_tokens(self._session.tokens),
            "sites": [
                str(site) for site in self._lm.sites if site.kind.startswith(("resid", "embed", "attn", "mlp_o"))
            ],
            "frozen": self._why_not_frozen(),
            "writes": None,
            "grid": None,
            "sweep": self._sweep_count,
            "dictionaries": len(self._dictionaries),
            "edition": self._edition,
        }

    def _describe_target(self, name: str) -> dict[str, Any]:
        target = self._targets[name]
        ranges = {}
        for mode in target.modes:
            one = self._in_mode(name, mode)
            ranges[mode] = {"low": one.low, "high": one.high, "neutral": one.neutral, "unit": one.unit}
        where = target.sites[0] if len(target.sites) == 1 else f"{target.sites[0]} … {target.sites[-1]}"
        return {"name": name, "label": target.label, "where": where, "modes": list(target.modes), "ranges": ranges}

    def _why_not_frozen(self) -> str | None:
        """None where attention can be frozen, else why not."""
        try:
            check_attention(self._lm, "frozen")
        except InterpError as error:
            return str(error)
        return None
