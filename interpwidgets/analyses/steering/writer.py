"""Writing on, a few tokens at a time, steered or not."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from interpwidgets.analyses.steering.asking import check_attention, check_writes
from interpwidgets.errors import InputError
from interpwidgets.models import Model, interface
from interpwidgets.models.frozen_attention import Patterns
from interpwidgets.models.hooks import Hooks
from interpwidgets.models.inputs import to_ids
from interpwidgets.models.steered import attach, check
from interpwidgets.models.tokens import describe
from interpwidgets.models.unedited import unedited
from interpwidgets.records.steering import Steering
from interpwidgets.records.written import Written

__all__ = ["Writer", "Written"]


class Writer:
    """Continues a text piece by piece: whoever wants more asks again, and stopping is not asking.

    Nothing is attached to the model between two calls, and the key/value cache is kept, so each token costs one step.
    Only `steering` acts: edits that are active elsewhere are put aside.

    Args:
        lm: a causal language model.
        ids: the prompt: ids, text or chat messages.
        steering: what is steered, or None.
        max_new_tokens: how many tokens at most.
        temperature: 0 takes the likeliest token; above 0 samples.
        top_k: sample among the k likeliest only; 0 for all.
        top_p: sample among the likeliest that have this share of the probability together; 1 for all.
        seed: the noise of step i depends on the seed and i alone, so with one seed two texts differ by their
            distributions and by nothing else.
        attention: "live", or "frozen" at what it is without steering on the same text.

    Attributes:
        ids: prompt and what was written.
        done: whether the text has ended: end token, max_new_tokens, or the context is full.

    Raises:
        ModelError: a model that does not continue its prompt; frozen attention where that cannot be.
        InputError: a prompt or a setting that does not fit.
    """

    def __init__(
        self,
        lm: Model,
        ids: Any,
        steering: Steering | None = None,
        *,
        max_new_tokens: int = 40,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        attention: str = "live",
    ) -> None:
        check_writes(lm)
        self._lm = lm
        self.ids: list[int] = list(to_ids(lm, ids))
        self._start = len(self.ids)
        self._steering = None if steering is None or steering.idle else steering
        if self._steering is not None:
            check(lm, self._steering)
            if self._steering.rows is not None:
                raise InputError(
                    expected="one strength for each target", got="a batch", fix="Write with one row at a time."
                )
        frozen = check_attention(lm, attention)
        _within("max_new_tokens", max_new_tokens, 0, math.inf)
        _within("temperature", temperature, 0, math.inf)
        _within("top_k", top_k, 0, math.inf)
        _within("top_p", top_p, 0, 1)
        self._room = min(max_new_tokens, (lm.context or math.inf) - self._start)
        self._warpers = _warpers(temperature, int(top_k), float(top_p))
        self._seed = abs(int(seed))
        self._run = _Run(lm)
        # The unsteered run of the same text, whose queries and keys choose where the steered one looks.
        self._twin = _Run(lm) if frozen and self._steering is not None else None
        self._ends = _end_ids(lm)

    @property
    def done(self) -> bool:
        new = self.ids[self._start :]
        return len(new) >= self._room or (bool(new) and new[-1] in self._ends)

    def more(self, seconds: float = 0.06) -> list[Written]:
        """As many further tokens as fit the time, at least one; none once done.

        Raises:
            InputError: steering so strong that the model's output is no number.
        """
        found: list[Written] = []
        until = time.perf_counter() + seconds
        with unedited(self._lm), self._lm._running():
            while not self.done and (not found or time.perf_counter() < until):
                found.append(self._one())
        return found

    def _one(self) -> Written:
        try:
            logits = self._logits()
        except BaseException:
            # A pass that was cut short may have left half of a step in the cache.
            self._run.restart()
            if self._twin is not None:
                self._twin.restart()
            raise
        if bool(torch.isnan(logits).any()):
            raise InputError(
                expected="probabilities for the next token",
                got="no numbers (NaN) from the model under this steering",
                fix="Use a smaller strength.",
            )
        token = self._choose(logits)
        probability = float(torch.softmax(logits, -1)[token])
        text = describe([self.ids[-1], token], self._lm.tokenizer).texts[-1]
        self.ids.append(token)
        return Written(token, text, probability)

    def _logits(self) -> torch.Tensor:
        if self._twin is None:
            with self._steered(self._run):
                return self._run.step(self.ids)
        with interface.capture(self._lm.model, self._lm.anatomy) as store:
            self._twin.step(self.ids)
        patterns = Patterns(store.queries_and_keys())
        with interface.holding(self._lm.model, self._lm.anatomy, patterns), self._steered(self._run):
            return self._run.step(self.ids)

    @contextmanager
    def _steered(self, run: _Run) -> Iterator[None]:
        with Hooks() as hooks:
            if self._steering is not None:
                attach(self._lm, self._steering, hooks, _Stand(run.seen, len(self.ids) - run.seen))
            yield

    def _choose(self, logits: torch.Tensor) -> int:
        if self._warpers is None:
            return int(logits.argmax())
        scores = self._warpers(torch.tensor([self.ids], device=logits.device), logits[None])[0]
        noise = np.random.default_rng([self._seed, len(self.ids) - self._start]).gumbel(size=len(scores))
        # The largest of score + Gumbel noise is a sample of the softmax (Gumbel 1954).
        return int((scores.double().cpu() + torch.from_numpy(noise)).argmax())


@dataclass
class _Stand:
    """Where in the text the next pass stands: known here, so no cache has to be asked."""

    start: int
    length: int


class _Run:
    """One text in the model's key/value cache."""

    def __init__(self, lm: Model) -> None:
        self._lm = lm
        self.restart()

    def restart(self) -> None:
        """Forget the cache: the next step reads the text from its beginning."""
        self.seen = 0
        self._kwargs: dict[str, Any] = {}

    def step(self, ids: list[int]) -> torch.Tensor:
        """Logits of the token after the text ``[vocab]``, float32."""
        lm, model = self._lm, _transformer(self._lm)
        batch = torch.tensor([ids], device=lm.device)
        if self.seen == 0:
            self._kwargs = {"attention_mask": torch.ones_like(batch), "use_cache": True}
            if "logits_to_keep" in _parameters(model):
                self._kwargs["logits_to_keep"] = 1
        length = None if self.seen == 0 else len(ids) - self.seen
        made = model.prepare_inputs_for_generation(
            batch, next_sequence_length=length, is_first_iteration=self.seen == 0, **self._kwargs
        )
        output = model(**made, return_dict=True)
        self._kwargs = model._update_model_kwargs_for_generation(output, self._kwargs)
        self.seen = len(ids)
        return output.logits[0, -1].float()


def _transformer(lm: Model) -> Any:
    return lm.model


def _parameters(model: Any) -> Any:
    import inspect

    return inspect.signature(model.forward).parameters


def _warpers(temperature: float, top_k: int, top_p: float) -> Any:
    if temperature == 0:
        return None
    from transformers.generation import logits_process as known

    found: Any = known.LogitsProcessorList()
    if temperature != 1:
        found.append(known.TemperatureLogitsWarper(float(temperature)))
    if top_k:
        found.append(known.TopKLogitsWarper(top_k))
    if top_p < 1:
        found.append(known.TopPLogitsWarper(top_p))
    return found


def _end_ids(lm: Model) -> set[int]:
    model: Any = lm.model
    end = getattr(model.generation_config, "eos_token_id", None)
    if end is None:
        return set()
    return set(end) if isinstance(end, (list, tuple)) else {int(end)}


def _within(name: str, given: Any, low: float, high: float) -> None:
    good = isinstance(given, (int, float)) and not isinstance(given, bool) and low <= given <= high
    if not good:
        limits = f"from {low:g} up" if high == math.inf else f"from {low:g} to {high:g}"
        raise InputError(expected=f"{name} {limits}", got=repr(given), fix=f"Change {name}.")
