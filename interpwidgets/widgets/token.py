"""TokenView: a text coloured by any numbers of its tokens."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from interpwidgets._core.requests import answers
from interpwidgets._core.widget import Request, Widget, checks, module
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.analyses.token import token_values
from interpwidgets.errors import InputError
from interpwidgets.records import Tokens
from interpwidgets.records.token import TokenValues
from interpwidgets.widgets.describing import check_image, check_position, describe_choices, describe_tokens

if TYPE_CHECKING:
    from interpwidgets.analyses.token import Trace

    Source = Trace | TokenValues | Tokens | Iterable[str]

# Alternatives travel for so many positions at once.
BLOCK = 256
# With so few numbers in all, every series comes with the first paint.
AT_ONCE = 1 << 15


class TokenView(Widget):
    """A text coloured by any numbers of its tokens: exact values under the pointer, and spans read back.

    Give it a trace, and it shows how surprised the model was by each token and what it expected instead; or give it
    your own numbers for the positions of anything: words, image patches, labelled items.

    Hover a token for its numbers and click to pin it; drag over tokens, or hold shift, to select a span. What you pin
    and select comes back as traits.

    Args:
        source: a trace (``lm.trace(text)``), a `Tokens`, a list of strings, or a `TokenValues`.
        values: ``[token]``, ``[series, token]``, or a dict ``name -> [token]``, numpy or torch. Left out with a trace:
            surprisal, probability, rank and entropy (see `interpwidgets.token_values`).
        units: the unit of all series, or a dict ``name -> unit``.
        mask: ``[token]`` True where a position has no value: it stays bare.
        image: the picture behind image patches, ``[height, width, 3]`` uint8; the trace's own when None.
        top: how many alternatives a trace's tokens are shown with.

    Traits:
        series: the name of the series that colours the text; settable.
        show: ``"one"`` series as the colour of the text, or ``"all"`` as lanes under every line.
        position: the pinned position, or None; negative numbers count from the end.
        span: the selected positions ``[start, stop)`` as a list of two numbers, or None.
        scale: ``"sequential"``, ``"diverging"`` (symmetric about zero), or ``"auto"``: diverging where a series has a
            negative value. Colour is linear in the value.
        low, high: the values at the ends of the colours, or None for the data's own. A value beyond them keeps the
            end's colour and a mark. A diverging scale takes the larger of the two on both sides.
        title: the words at the top left.

    Raises:
        InputError: for arrays, positions, names or keywords that do not fit.
        ModelError: a trace without values whose model does not write from left to right.
    """

    _name: ClassVar[str] = "token"
    _esm = module("token")

    series = traitlets.Unicode("").tag(sync=True)
    show = traitlets.Enum(["one", "all"], "one").tag(sync=True)
    position = traitlets.Int(None, allow_none=True).tag(sync=True)
    span = traitlets.List(traitlets.Int(), default_value=None, allow_none=True).tag(sync=True)
    scale = traitlets.Enum(["auto", "sequential", "diverging"], "auto").tag(sync=True)
    low = traitlets.Float(None, allow_none=True).tag(sync=True)
    high = traitlets.Float(None, allow_none=True).tag(sync=True)
    title = traitlets.Unicode("Tokens").tag(sync=True)

    def __init__(
        self,
        source: Source,
        values: Any = None,
        *,
        units: str | Mapping[str, str] = "",
        mask: Any = None,
        image: np.ndarray | None = None,
        top: int = 10,
        **traits: Any,
    ) -> None:
        self._values = _values(source, values, units, mask, top)
        picture = getattr(source, "image", None) if image is None else image
        super().__init__(**{"series": self._values.names[0], **traits})
        self._view = {
            "tokens": describe_tokens(self._values.tokens),
            "series": [_describe(self._values, name) for name in self._values.names],
            "masked": np.flatnonzero(self._values.mask).tolist(),
            "alternatives": self._values.alternatives is not None,
            "block": BLOCK,
            "image": None if picture is None else pack(check_image(picture)),
        }
        self._answers = self._recorded(self._first_paint())

    @property
    def values(self) -> TokenValues:
        """The numbers shown, as a record."""
        return self._values

    @checks("series")
    def _check_series(self, proposal: Any) -> str:
        self._values.index(proposal.value)
        return proposal.value

    @checks("position")
    def _check_position(self, proposal: Any) -> int | None:
        return check_position(proposal.value, len(self._values))

    @checks("span")
    def _check_span(self, proposal: Any) -> list[int] | None:
        span, count = proposal.value, len(self._values)
        if span is not None and not (len(span) == 2 and 0 <= span[0] < span[1] <= count):
            raise InputError(
                expected=f"a span [start, stop) with 0 <= start < stop <= {count}",
                got=str(list(span)),
                fix="Or None for nothing selected.",
            )
        return span

    @checks("low", "high")
    def _check_limits(self, proposal: Any) -> float | None:
        value = proposal.value
        other = self.high if proposal.trait.name == "low" else self.low
        if value is not None and not math.isfinite(value):
            raise InputError(expected="a finite limit of the colours", got=repr(value), fix="Or None for the data's.")
        if value is not None and other is not None and (value >= other) == (proposal.trait.name == "low"):
            raise InputError(
                expected="low below high",
                got=f"{proposal.trait.name}={value} beside {other}",
                fix="Set one of them to None first.",
            )
        return value

    @answers("values")
    def _series_values(self, series: int) -> dict[str, Any]:
        """One series, exactly."""
        if not 0 <= series < len(self._values.names):
            raise InputError(
                expected=f"a series from 0 to {len(self._values.names) - 1}", got=str(series), fix="Choose one."
            )
        return {"values": pack(self._values.values[series])}

    @answers("alternatives")
    def _alternatives(self, start: int) -> dict[str, Any]:
        """What the model expected at a block of positions."""
        found = self._values.alternatives
        if found is None:
            raise InputError(
                expected="values of a trace", got="values of your own", fix="Leave the values out to see alternatives."
            )
        return describe_choices(found, self._values.tokens.ids, start, start + BLOCK)

    def _first_paint(self) -> list[Request]:
        here = self._values.index(self.series)
        others = [k for k in range(len(self._values.names)) if k != here]
        few = self._values.values.size <= AT_ONCE
        wanted: list[Request] = [("values", {"series": k}) for k in (here, *(others if few else ()))]
        return [*wanted, *([("alternatives", {"start": 0})] if self._values.alternatives is not None else [])]

    def recordable(self) -> Iterable[Request]:
        """For a static page: what is seen now, then every series, then every position's alternatives."""
        yield from self._first_paint()
        yield from (("values", {"series": k}) for k in range(len(self._values.names)))
        if self._values.alternatives is not None:
            yield from (("alternatives", {"start": start}) for start in range(0, len(self._values), BLOCK))


def _values(source: Any, values: Any, units: str | Mapping[str, str], mask: Any, top: int) -> TokenValues:
    if isinstance(source, TokenValues):
        if values is not None or mask is not None or units:
            raise InputError(
                expected="a TokenValues alone", got="more values, units or a mask beside it", fix="Leave them out."
            )
        return source
    traced = hasattr(source, "tokens") and hasattr(source, "logits")
    if not isinstance(units, str) and not (
        isinstance(units, Mapping) and all(isinstance(unit, str) for unit in units.values())
    ):
        raise InputError(
            expected="units as a string, or a dict of series -> string", got=repr(units), fix='Write for example "ms".'
        )
    if values is not None and not traced and not _listed(source):
        raise InputError(
            expected="a trace, a Tokens or a list of token strings",
            got=type(source).__name__,
            fix="Write TokenView(tokens, values).",
        )
    if values is not None:
        return TokenValues.of(source.tokens if traced else source, values, units=units, mask=mask)
    if not traced:
        raise InputError(
            expected="values, or a trace to take them from",
            got=f"{type(source).__name__} alone",
            fix="Pass one number for each token: TokenView(tokens, values).",
        )
    if mask is not None or units:
        raise InputError(expected="units and a mask only beside values", got="a trace with them", fix="Leave them out.")
    return token_values(source, top=top)


def _listed(source: Any) -> bool:
    """Whether a source is tokens, one after the other."""
    return isinstance(source, Tokens | Iterable)


def _describe(record: TokenValues, name: str) -> dict[str, Any]:
    """What the page needs to know of a series before its numbers come: its range, and what is no finite number."""
    finite = record.shown(name)
    seen = record.get(name)[~record.mask]
    return {
        "name": well_formed(name),
        "unit": well_formed(record.units[record.index(name)]),
        "range": [float(finite.min()), float(finite.max())] if finite.size else None,
        "nan": int(np.isnan(seen).sum()),
        "infinite": int(np.isinf(seen).sum()),
    }
