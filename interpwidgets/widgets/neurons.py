"""NeuronView: every neuron of a model against its vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from interpwidgets._core.requests import answers
from interpwidgets._core.widget import Request, Widget, checks, module
from interpwidgets._core.wire import pack, well_formed
from interpwidgets.analyses.neurons import clamp_neuron, neurons
from interpwidgets.errors import InputError
from interpwidgets.records.neurons import SORTS, Neurons
from interpwidgets.records.vocabulary import Vocabulary
from interpwidgets.widgets.describing import describe_tokens
from interpwidgets.widgets.picking import PicksTokens

if TYPE_CHECKING:
    from interpwidgets.analyses.neurons import Model, Trace

# Rows of the list travel in blocks of this many; tokens at either end of a neuron, and of a changed prediction.
ROWS = 100
BARS = 8


class NeuronView(PicksTokens, Widget):
    """Every MLP neuron, by the tokens its weights write and read: search a token, open a neuron, clamp it.

    The list holds all neurons, sorted by how far their first token stands out (its z-score), by layer or by name. A
    token far enough out names a neuron; most have no name. Choose a token to see the neurons about it. With a trace,
    the chosen neuron can be held at a value, and what the model would say next is shown before and after.
    `interpwidgets.neurons` and `interpwidgets.clamp_neuron` give the same numbers as records.

    Args:
        source: a `Neurons` record (``iw.neurons(lm)``), or the model itself, whose neurons are then decoded.
        trace: a text to clamp the neuron in (``lm.trace(text)``), or None.

    Traits:
        layer, neuron: the open neuron; settable.
        token: show only neurons about this token, as id or text; None shows all.
        side: ``"writes"`` or ``"reads"`` (``"gate"``, ``"up"`` of a gated MLP): which weights sort and name the list.
        sort: ``"z"``, ``"layer"`` or ``"name"``.
        value: what the neuron is held at, or None for nothing held.
        everywhere: hold it at every position, or at the last one only.
        title: the words at the top left.

    Raises:
        InputError: for layers, neurons, tokens or keywords that do not fit.
        ModelError: for a model whose neurons cannot be decoded, with the reason.
    """

    _name: ClassVar[str] = "neurons"
    _esm = module("neurons")

    layer = traitlets.Int(0).tag(sync=True)
    neuron = traitlets.Int(0).tag(sync=True)
    token = traitlets.Union([traitlets.Int(), traitlets.Unicode()], allow_none=True, default_value=None).tag(sync=True)
    side = traitlets.Unicode("writes").tag(sync=True)
    sort = traitlets.Unicode("z").tag(sync=True)
    value = traitlets.Float(None, allow_none=True).tag(sync=True)
    everywhere = traitlets.Bool(True).tag(sync=True)
    title = traitlets.Unicode("Neurons").tag(sync=True)

    def __init__(self, source: Neurons | Model, trace: Trace | None = None, **traits: Any) -> None:
        if isinstance(source, Neurons):
            self._record = source
        elif hasattr(source, "anatomy") and hasattr(source, "vocabulary"):
            self._record = neurons(source)
        else:
            raise InputError(
                expected="a Neurons record or a model",
                got=type(source).__name__,
                fix="Make the record with iw.neurons(lm).",
            )
        if trace is not None and not (hasattr(trace, "logits") and hasattr(trace, "model")):
            raise InputError(expected="a trace", got=type(trace).__name__, fix="Make one with lm.trace(text).")
        if trace is not None:
            _check_same(self._record, trace)
        self._trace = trace
        self._known = Vocabulary(self._record.texts)
        self._vocabulary = self._known
        self._orders: dict[tuple[str, str], np.ndarray] = {}
        first = self._record.place(int(self._order(traits.get("side", "writes"), traits.get("sort", "z"))[0]))
        where = {"layer": first[0]} if "layer" in traits else {"layer": first[0], "neuron": first[1]}
        # The side is known before the neuron, and the layer before the number in it.
        super().__init__(**{**where, **traits})
        self._view = {
            "layers": list(self._record.layers),
            "counts": list(self._record.counts),
            "sides": list(self._record.sides),
            "sorts": list(SORTS),
            "threshold": self._record.threshold,
            "notes": list(self._record.notes),
            "rows": ROWS,
            "texts": None if trace is None else describe_tokens(trace.tokens),
        }
        self._answers = self._recorded(self._first_paint())

    @property
    def record(self) -> Neurons:
        """The numbers behind the list."""
        return self._record

    @checks("layer")
    def _check_layer(self, proposal: Any) -> int:
        return self._layer(proposal.value)

    def _layer(self, given: int) -> int:
        layers = self._record.layers
        if given in layers:
            return given
        if given < 0 and -given <= len(layers):
            return layers[given]
        raise InputError(expected=f"a layer of {list(layers)}", got=str(given), fix="Choose one of them.")

    @checks("neuron")
    def _check_neuron(self, proposal: Any) -> int:
        # Of keywords given together traitlets checks any first: the layer may still be counted from the end.
        self._record.number(self._layer(self.layer), proposal.value)
        return proposal.value

    @checks("side")
    def _check_side(self, proposal: Any) -> str:
        self._record.side(proposal.value)
        return proposal.value

    @checks("sort")
    def _check_sort(self, proposal: Any) -> str:
        if proposal.value not in SORTS:
            raise InputError(expected=f"sort to be one of {list(SORTS)}", got=repr(proposal.value), fix="Choose one.")
        return proposal.value

    @checks("token")
    def _check_token(self, proposal: Any) -> int | None:
        return None if proposal.value is None else self._known.id(proposal.value)

    @checks("value")
    def _check_value(self, proposal: Any) -> float | None:
        if proposal.value is not None and not np.isfinite(proposal.value):
            raise InputError(expected="a finite value", got=str(proposal.value), fix="Or None to hold nothing.")
        return proposal.value

    @traitlets.observe("layer")
    def _keep_within(self, _change: Any) -> None:
        count = self._record.counts[self._record.layers.index(self.layer)]
        self.neuron = min(self.neuron, count - 1)

    # Answers to the page.

    def _order(self, side: str, sort: str) -> np.ndarray:
        if (side, sort) not in self._orders:
            self._orders[side, sort] = self._record.order(sort, side)
        return self._orders[side, sort]

    @answers("rows")
    def _rows(self, side: str, sort: str, token: int | None, start: int) -> dict[str, Any]:
        """A block of the list: place, outlier tokens, first token and z-score of each neuron."""
        scores = self._record.side(side)
        if token is None:
            order = self._order(side, sort)
            block = order[max(0, start) : max(0, start) + ROWS]
            z = scores.z[block]
            total = len(order)
        else:
            about = scores.about_neurons[self._known.id(token)]
            block = about[about >= 0][max(0, start) : max(0, start) + ROWS]
            z = scores.about_z[self._known.id(token)][: len(block)]
            total = int((about >= 0).sum())
        places = [self._record.place(int(i)) for i in block]
        return {
            "total": total,
            "about": None if token is None else well_formed(self._record.texts[self._known.id(token)]),
            "layers": pack(np.array([at for at, _ in places], dtype=np.int32)),
            "neurons": pack(np.array([i for _, i in places], dtype=np.int32)),
            "names": [[well_formed(text) for text in self._record.name_of(int(i), side)] for i in block],
            "first": [well_formed(self._record.texts[int(scores.top_ids[i, 0])]) for i in block],
            "z": pack(np.asarray(z, dtype=np.float64)),
        }

    @answers("place")
    def _place(self, side: str, sort: str, token: int | None, layer: int, neuron: int) -> dict[str, Any]:
        """The row in which a neuron stands, or None where the list leaves it out."""
        number = self._record.number(layer, neuron)
        if token is None:
            order = self._order(side, sort)
        else:
            order = self._record.side(side).about_neurons[self._known.id(token)]
        found = np.flatnonzero(order == number)
        return {"row": int(found[0]) if len(found) else None}

    @answers("neuron")
    def _neuron(self, layer: int, neuron: int) -> dict[str, Any]:
        """Both ends of the vocabulary for one neuron, on every side of it."""
        number = self._record.number(layer, neuron)
        row = slice(number, number + 1)
        told = {}
        for side, scores in self._record.sides.items():
            ends = {}
            lists = (("top", scores.top_ids, scores.top_values), ("bottom", scores.bottom_ids, scores.bottom_values))
            for end, ids, values in lists:
                ends[end] = {
                    "ids": pack(ids[number, :BARS].astype(np.int32)),
                    "texts": [well_formed(self._record.texts[int(i)]) for i in ids[number, :BARS]],
                    "values": pack(values[number, :BARS].astype(np.float64)),
                    "z": pack(scores.z_of(values[row, :BARS], row)[0].astype(np.float64)),
                }
            told[side] = {**ends, "names": [well_formed(text) for text in self._record.name_of(number, side)]}
        return told

    @answers("clamp")
    def _clamp(self, layer: int, neuron: int, value: float | None, everywhere: bool) -> dict[str, Any]:
        """The next token before and with the neuron held; with value None, only before, and the neuron's own values."""
        if self._trace is None:
            raise InputError(
                expected="a text to clamp the neuron in", got="none", fix="Use NeuronView(record, lm.trace(text))."
            )
        last = len(self._trace) - 1
        positions = [] if value is None else None if everywhere else [last]
        found = clamp_neuron(self._trace, layer, neuron, 0.0 if value is None else value, positions=positions)
        before, after = found.probabilities()
        likely = list(dict.fromkeys([*np.argsort(-before)[:5].tolist(), *np.argsort(-after)[:5].tolist()]))
        likely.sort(key=lambda i: -max(before[i], after[i]))
        return {
            "activations": pack(found.activations),
            "texts": [well_formed(self._record.texts[i]) for i in likely],
            "before": pack(before[likely]),
            "after": pack(after[likely]),
            "change": pack(found.change[likely]),
            "kl": found.kl,
        }

    def _listed(self, start: int = 0) -> Request:
        return "rows", {"side": self.side, "sort": self.sort, "token": self.token, "start": start}

    def _first_paint(self) -> list[Request]:
        return [self._listed(), ("neuron", {"layer": self.layer, "neuron": self.neuron})]

    def recordable(self) -> Iterable[Request]:
        """For a static page: what is seen, the open neuron, the start of every list, all of this one, its neurons."""
        yield from self._first_paint()
        here = {"side": self.side, "sort": self.sort, "token": self.token}
        yield "place", {**here, "layer": self.layer, "neuron": self.neuron}
        if self._trace is not None:
            for value in dict.fromkeys([None, self.value]):
                where = {"layer": self.layer, "neuron": self.neuron}
                yield "clamp", {**where, "value": value, "everywhere": self.everywhere}
        for side in self._record.sides:
            for sort in SORTS:
                yield "rows", {"side": side, "sort": sort, "token": None, "start": 0}
        for start in range(0, len(self._record), ROWS):
            yield "rows", {**here, "token": None, "start": start}
        for number in self._order(self.side, self.sort)[:ROWS]:
            at, neuron = self._record.place(int(number))
            yield "neuron", {"layer": at, "neuron": neuron}
        for side in self._record.sides:
            for sort in SORTS:
                for start in range(0, len(self._record), ROWS):
                    yield "rows", {"side": side, "sort": sort, "token": None, "start": start}
        for number in self._order(self.side, self.sort)[ROWS:]:
            at, neuron = self._record.place(int(number))
            yield "neuron", {"layer": at, "neuron": neuron}


def _check_same(record: Neurons, trace: Trace) -> None:
    """Refuse a trace of another model, in which these numbers of neurons and tokens mean nothing."""
    lm = trace.model
    if max(record.layers) >= lm.n_layers or record.texts != lm.vocabulary.texts:
        raise InputError(
            expected="a trace of the model whose neurons these are",
            got=f"one of {lm.name}, with another vocabulary or fewer layers",
            fix="Make the record with iw.neurons(trace.model).",
        )
