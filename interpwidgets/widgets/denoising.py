"""DenoisingView: a text as a masked-diffusion model uncovered it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import traitlets

from interpwidgets._core.requests import answers
from interpwidgets._core.widget import Request, Widget, checks, module
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.errors import InputError
from interpwidgets.records.alternatives import Alternatives
from interpwidgets.records.denoising import Denoising
from interpwidgets.widgets.describing import check_position, describe_choices, describe_tokens

# Guesses travel for so many open places (a step and a position) at once.
BLOCK = 2048
SHOWS = ("filled", "probability", "entropy", "feature")


class DenoisingView(Widget):
    """A denoising run: the text with a slider over its steps, and all steps by positions beneath it.

    Masks are filled step by step. An open position shows the model's present guess, faint and dotted; a filled one is
    coloured by when it was filled, how sure the model was, or how strongly a feature fires there. Drag the slider or
    press Space to see the run; hover a position for what it could have been.

    Args:
        source: what `interpwidgets.denoising` returned.

    Traits:
        step: how many steps were taken in the state shown, 0 for the beginning; the end at first. Negative numbers
            count from the end.
        position: the pinned position, or None; negative numbers count from the end.
        feature: a feature whose values were kept, or None; settable.
        show: what is coloured: ``"filled"`` (the step that filled it), ``"probability"``, ``"entropy"`` or
            ``"feature"``.
        title: the words at the top left.

    Raises:
        InputError: for a source, step, position or feature that does not fit.
    """

    _name: ClassVar[str] = "denoising"
    _esm = module("denoising")

    step = traitlets.Int(0).tag(sync=True)
    position = traitlets.Int(None, allow_none=True).tag(sync=True)
    feature = traitlets.Int(None, allow_none=True).tag(sync=True)
    show = traitlets.Unicode("filled").tag(sync=True)
    title = traitlets.Unicode("Denoising").tag(sync=True)

    def __init__(self, source: Denoising, **traits: Any) -> None:
        if not isinstance(source, Denoising):
            raise InputError(
                expected="a Denoising record",
                got=type(source).__name__,
                fix="Make one with denoising(lm, text).",
            )
        self._run = source
        first = int(source.features[0]) if len(source.features) else None
        super().__init__(**{"step": len(source), "feature": first, **traits})
        check = source.sum_check
        masks = [source.tokens[0].texts[i] for i in np.flatnonzero(source.filled > 0)[:1]]
        self._view = {
            "tokens": describe_tokens(source.tokens[-1]),
            "mask": well_formed(masks[0]) if masks else "",
            "steps": len(source),
            "filled": source.filled.tolist(),
            "order": source.order,
            "temperature": source.temperature,
            "seed": source.seed,
            "features": [
                {"feature": int(f), "label": well_formed(str(source.labels.get(int(f), "")))} for f in source.features
            ],
            "dictionary": well_formed(source.dictionary),
            "site": source.site,
            "block": BLOCK,
            "likelihood": _finite(source.log_likelihood),
            "check": {"law": check.law, "value": _finite(check.value), "holds": check.holds},
        }
        self._answers = self._recorded(self._first_paint())

    @checks("step")
    def _check_step(self, proposal: Any) -> int:
        count = len(self._run) + 1
        if not -count <= proposal.value < count:
            raise InputError(
                expected=f"a step from 0 to {count - 1}", got=str(proposal.value), fix="0 is the text with its masks."
            )
        return proposal.value % count

    @checks("position")
    def _check_position(self, proposal: Any) -> int | None:
        return check_position(proposal.value, len(self._run.filled))

    @checks("feature")
    def _check_feature(self, proposal: Any) -> int | None:
        if proposal.value is not None:
            self._run.kept(proposal.value)
        return proposal.value

    @checks("show")
    def _check_show(self, proposal: Any) -> str:
        known = SHOWS if len(self._run.features) else SHOWS[:-1]
        if proposal.value not in known:
            raise InputError(
                expected=f"show to be one of {', '.join(known)}",
                got=repr(proposal.value),
                fix="Features need denoising(lm, text, dictionary=...)."
                if proposal.value == "feature"
                else "Choose one of them.",
            )
        return proposal.value

    @answers("numbers")
    def _numbers(self) -> dict[str, Any]:
        """Probability in every state, entropy at every step, exactly."""
        return {"probability": pack(self._run.probability), "entropy": pack(self._run.entropy.astype(np.float64))}

    @answers("values")
    def _values(self) -> dict[str, Any]:
        """How strongly each kept feature fires ``[kept, state, position]``."""
        values = self._run.values
        if values is None:
            raise InputError(
                expected="a run with a dictionary", got="one without", fix="Pass dictionary=... to denoising."
            )
        return {"values": pack(np.moveaxis(values, 2, 0).astype(np.float32))}

    @answers("guesses")
    def _guesses(self, start: int) -> dict[str, Any]:
        """What open places could become: a block of them, step after step, position after position."""
        places = self._places()
        rows = places[start : start + BLOCK]
        if start != 0 and not 0 < start < len(places):
            raise InputError(expected=f"a start from 0 to {len(places) - 1}", got=str(start), fix="Ask within it.")
        choices = self._run.choices
        found = Alternatives(
            np.array([choices[s].ids[p] for s, p in rows]).reshape(len(rows), -1),
            np.array([choices[s].probabilities[p] for s, p in rows]).reshape(len(rows), -1),
            tuple(choices[s].texts[p] for s, p in rows),
        )
        return describe_choices(found, self._run.ids[-1, rows[:, 1]], 0, BLOCK)

    def _places(self) -> np.ndarray:
        """``[open place, (step, position)]``."""
        return np.argwhere(self._run.open[:-1])

    def _first_paint(self) -> list[Request]:
        return [("numbers", {}), *self._starts()[:1], *([("values", {})] if len(self._run.features) else [])]

    def _starts(self) -> list[Request]:
        return [("guesses", {"start": start}) for start in range(0, len(self._places()), BLOCK)]

    def recordable(self) -> Iterable[Request]:
        """For a static page: all of it; nothing here needs the model again."""
        yield from self._first_paint()
        yield from self._starts()


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
