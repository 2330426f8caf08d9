"""How targets come into SteeringPanel and leave it: from Python, by searching, and as a difference of means."""

from __future__ import annotations

from typing import Any

import numpy as np

from interpwidgets._core.requests import answers
from interpwidgets._core.wire import well_formed
from interpwidgets.analyses.feature_directions import written_tokens
from interpwidgets.analyses.steering.targets import targets as factories
from interpwidgets.errors import InputError, InterpError
from interpwidgets.widgets.steering_state import SteeringState

# Results of a search; tokens of each feature that a search looks through.
FOUND = 12
PROMOTED = 16


class SteeringAdding(SteeringState):
    """Adding, removing and finding."""

    _promoted: dict[int, Any]

    def add(self, *given: Any) -> tuple[str, ...]:
        """Add targets, at their neutral strength.

        Args:
            given: targets of `iw.targets`, dictionaries (their features that fire most at the end of the prompt), or
                text such as ``"resid_post.2/871"``, ``"head 2.1"``, ``"neuron 3.17"``, ``"layers 1-2"``.

        Returns:
            The names of the new targets.

        Raises:
            InputError: what is no target of this model, or a name that the panel has already.
        """
        found = self._found(list(given), self.prompt)
        names = [one.name for one in found]
        twice = next((name for i, name in enumerate(names) if name in self._targets or name in names[:i]), None)
        if twice is not None:
            raise InputError(
                expected="a target that the panel does not have yet",
                got=f"{twice}, which it has",
                fix="Use its slider, or give the new one another name.",
            )
        self._targets.update({one.name: one for one in found})
        self._applied.update({one.name: one.neutral for one in found})
        self._put()
        if names:
            self.target = names[-1]
        return tuple(names)

    def remove(self, *names: str) -> None:
        """Take targets out of the panel.

        Raises:
            InputError: a name that the panel does not have.
        """
        for name in names:
            self._known(name)
        self._edition += bool(names)
        for name in names:
            del self._targets[name]
            self._applied.pop(name, None)
            for key in [key for key in self._modes if key[0] == name]:
                del self._modes[key]
        self._put()

    def _put(self) -> None:
        """Bring what the page sees in line with the targets."""
        last = list(self._targets)
        modes = {name: self.modes.get(name, one.mode) for name, one in self._targets.items()}
        self._last_modes = modes
        if self.target not in self._targets:
            self.target = last[-1] if last else None
        self._describe()
        self.modes = modes
        self.strengths = dict(self._applied)

    @answers("add")
    def _add(self, text: str, act: str) -> dict[str, Any]:
        """Add what was typed or chosen; ``act`` tells one click from the next."""
        return {"names": list(self.add(text))}

    @answers("remove")
    def _remove(self, name: str, act: str) -> dict[str, Any]:
        self.remove(name)
        return {}

    @answers("difference")
    def _difference(
        self, site: str, positive: list[str], negative: list[str], name: str, at: str, act: str
    ) -> dict[str, Any]:
        """Add the difference of the means of two lists of prompts."""
        made = factories.difference(self._lm, site, positive, negative, name=name.strip() or None, at=at)
        return {"names": list(self.add(made))}

    @answers("prompt")
    def _set_prompt(self, prompt: str, act: str) -> dict[str, Any]:
        """Take another prompt; what is wrong with it is said in the page."""
        self._session_of(prompt)
        self.prompt = prompt
        return {}

    @answers("search")
    def _search(self, text: str, dictionaries: int) -> dict[str, Any]:
        """Targets by number, name, label, or a token that they promote, in so many dictionaries."""
        return {"found": self._search_results(text)}

    def _search_results(self, text: str) -> list[dict[str, str]]:
        wanted = text.strip()
        found: dict[str, dict[str, str]] = {}

        def note(what: str, label: str, why: str) -> None:
            if len(found) < FOUND:
                found.setdefault(what, {"text": what, "label": well_formed(label), "why": well_formed(why)})

        problem = ""
        if wanted.isdecimal():
            for dictionary in self._dictionaries:
                if int(wanted) < dictionary.n_features:
                    note(f"{dictionary.name}/{wanted}", dictionary.label(int(wanted)), "feature")
        else:
            try:
                target = factories.parse(self._lm, wanted, self._dictionaries)
                note(wanted, target.label, target.name if target.name != wanted else target.kind)
            except InterpError as error:
                problem = str(error)
        low = wanted.lower()
        for dictionary in self._dictionaries if low else []:
            labels = dictionary.labels
            for j in [j for j, label in enumerate(labels) if low in label.lower()][:FOUND]:
                note(f"{dictionary.name}/{j}", labels[j], "label")
        for token in self._vocabulary.find(wanted, most=3) if low else []:
            for dictionary in self._dictionaries:
                for j in self._promoting(dictionary, token):
                    note(f"{dictionary.name}/{j}", dictionary.label(j), f"promotes {self._vocabulary.texts[token]!r}")
        if found or not problem:
            return list(found.values())
        if not self._dictionaries:
            problem = "The panel has no dictionary to search. Others are written head 2.1, neuron 3.17, layers 1-2."
        return [{"text": "", "label": "", "why": well_formed(problem)}]

    def _promoting(self, dictionary: Any, token: int) -> list[int]:
        """The features whose direction raises a token among the most, the strongest first."""
        if id(dictionary) not in self._promoted:
            self._promoted[id(dictionary)] = written_tokens(self._lm, dictionary, PROMOTED)
        table = self._promoted[id(dictionary)]
        if not table:
            return []
        hit = table["promoted_ids"] == token
        rows = np.flatnonzero(hit.any(1))
        strength = (table["promoted_values"][rows].astype(np.float32) * hit[rows]).max(1) if len(rows) else rows
        return [int(j) for j in rows[np.argsort(-strength, kind="stable")][:FOUND]]
