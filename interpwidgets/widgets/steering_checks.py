"""What SteeringPanel accepts for its traits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interpwidgets._core.widget import checks
from interpwidgets.errors import InputError
from interpwidgets.records.steering import check_positions
from interpwidgets.widgets.steering_state import SteeringState


class SteeringChecks(SteeringState):
    """Checks of one value each."""

    @checks("positions")
    def _check_positions(self, proposal: Any) -> str | int:
        positions = check_positions(proposal.value)
        count = len(self._session_of(self.prompt).tokens)
        if isinstance(positions, int) and positions > count:
            raise InputError(
                expected=f"a token from 0 to {count}, the first one written after the prompt",
                got=str(positions),
                fix='Or "all", "prompt", "generated".',
            )
        return positions

    @checks("attention")
    def _check_attention(self, proposal: Any) -> str:
        reason = self._why_not_frozen()
        if proposal.value != "live" and reason is not None:
            raise InputError(expected='attention="live" for this model', got=repr(proposal.value), fix=reason)
        return proposal.value

    @checks("words")
    def _check_words(self, proposal: Any) -> list[str]:
        vocabulary = self._lm.vocabulary
        return list(dict.fromkeys(vocabulary.texts[vocabulary.id(word)] for word in proposal.value))

    @checks("limit", "top_p")
    def _check_share(self, proposal: Any) -> float | None:
        name, value = proposal.trait.name, proposal.value
        words = "limit in nats per token above 0, or None" if name == "limit" else "top_p above 0 and at most 1"
        if value is not None and not 0 < value <= (1.0 if name == "top_p" else 1e6):
            fix = "None sets no limit." if name == "limit" else "1 leaves nothing out."
            raise InputError(expected=words, got=str(value), fix=fix)
        return value

    @checks("max_new_tokens", "top_k")
    def _check_count(self, proposal: Any) -> int:
        name, least = proposal.trait.name, int(proposal.trait.name == "max_new_tokens")
        if proposal.value < least:
            raise InputError(expected=f"{name} from {least}", got=str(proposal.value), fix="Give a larger number.")
        return proposal.value

    @checks("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        if not (math.isfinite(proposal.value) and proposal.value >= 0):
            raise InputError(
                expected="a temperature from 0", got=str(proposal.value), fix="0 takes the likeliest token each time."
            )
        return proposal.value


def plain_prompt(prompt: Any) -> Any:
    """A prompt as JSON: text, a list of ids, or a list of messages."""
    if isinstance(prompt, str):
        return prompt
    if hasattr(prompt, "tolist"):
        return prompt.tolist()
    if isinstance(prompt, Sequence):
        return [dict(one) if isinstance(one, Mapping) else one for one in prompt]
    raise InputError(
        expected="a prompt as text, token ids or chat messages",
        got=type(prompt).__name__,
        fix='Pass for example "Once upon a time".',
    )


def check_strength(name: str, value: Any) -> float | None:
    """A strength as a number, or None for off."""
    if value is None:
        return None
    good = isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)
    if not good or not math.isfinite(value):
        raise InputError(
            expected=f"a finite number as the strength of {name}, or None for off",
            got=repr(value),
            fix="Give a number; 0 adds nothing, a factor of 1 changes nothing.",
        )
    return float(value)
