"""A model to look into: its sites, its tokens, its runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cached_property
from typing import Any

import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError, OutOfMemoryError
from interpwidgets.models import anatomy as anatomy_module
from interpwidgets.models import inputs, reach
from interpwidgets.models.anatomy import Anatomy
from interpwidgets.models.edit import Edit
from interpwidgets.models.frozen_attention import frozen_attention
from interpwidgets.models.generation import Generation, generate
from interpwidgets.models.hooks import Hooks
from interpwidgets.models.interface import capture
from interpwidgets.models.prefix import Prefix
from interpwidgets.models.replacement import Replacement
from interpwidgets.models.site import Site
from interpwidgets.models.trace import Trace
from interpwidgets.models.unedited import unedited
from interpwidgets.models.vocabulary import ModelVocabulary
from interpwidgets.records import Tokens
from interpwidgets.records.steering import Steering


class Model:
    """An adapter around an unconverted model; made by `load`.

    The model itself stays what it was: weights, device, dtype and train or eval mode are untouched, and hooks exist
    only while something runs.

    Attributes:
        model: the model as it was loaded.
        tokenizer: its tokenizer or image processor, or None.
        name, family: where it came from, and its kind (``"gpt2"``, ``"llama"``, ...; ``"module"`` for a plain module).
        n_layers, n_heads, d_model: its size.
        d_vocab: how many different logits; None without a language-model head.
        context: how many tokens fit; None where nothing limits them.
        anatomy: where its parts are.
    """

    takes_images = False
    has_decoder = False
    input_name = "input_ids"
    family = "module"
    config: Any = None
    context: int | None = None
    d_vocab: int | None = None
    d_vocab_in: int | None = None

    def __init__(self, model: nn.Module, tokenizer: Any, anatomy: Anatomy, name: str) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.anatomy = anatomy
        self.name = name
        self.n_layers = len(anatomy.blocks)
        self.n_heads = 0
        self.d_model = 0
        self._edits: list[reach.AnyEdit] = []
        self._edit_hooks: list[Hooks] = []
        # Configs and hooks are switched for a run, so two threads take turns.
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        heads = f" x {self.n_heads} heads" if self.n_heads else ""
        vocabulary = f", vocabulary {self.d_vocab}" if self.d_vocab else ""
        context = f", context {self.context}" if self.context else ""
        return (
            f"Model({self.name!r}, {self.family}: {self.n_layers} layers{heads}, d_model {self.d_model}"
            f"{vocabulary}{context}, {str(self.dtype).removeprefix('torch.')} on {self.device})"
        )

    @property
    def device(self) -> torch.device:
        """Where inputs go: the device of the first weights."""
        return next((p.device for p in self.model.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """The type of the first floating-point weights."""
        return next((p.dtype for p in self.model.parameters() if p.is_floating_point()), torch.float32)

    @property
    def sites(self) -> list[Site]:
        """Every site this model has, in the order of its forward pass."""
        return list(self.anatomy.sites())

    def site(self, site: Site | str) -> Site:
        """A site of this model, checked; negative layers count from the end.

        Raises:
            InputError: a layer that does not exist, or a kind this model does not have, with the reason.
        """
        place = Site.parse(site)
        if place.layer is not None:
            if not -self.n_layers <= place.layer < self.n_layers:
                raise InputError(
                    expected=f"a layer from 0 to {self.n_layers - 1}",
                    got=f"{place}",
                    fix=f"{self.name} has {self.n_layers} layers; negative ones count from the end.",
                )
            place = Site(place.kind, place.layer % self.n_layers)
        if self.anatomy.tap(place) is None:
            raise InputError(
                expected=f"a site that {self.name} ({self.family}) has",
                got=f"{place}: {self.anatomy.why_not(place)}",
                fix="Choose one of lm.sites.",
            )
        return place

    def width(self, site: Site | str) -> int | None:
        """How many numbers a site has for each position (for each head at `head_out`); None where not known."""
        place = self.site(site)
        if place.kind == "logits":
            return self.d_vocab
        if place.kind in ("embed", "mlp_act"):
            return self.anatomy.width(place)
        return self.d_model or None

    def heads_at(self, layer: int | None) -> int:
        """How many heads a layer has."""
        return self.anatomy.heads(layer or 0) or self.n_heads

    def tokens(self, input: Any) -> Tokens:
        """The positions an input gives, token by token; runs nothing."""
        return self._prepare(input).tokens

    @cached_property
    def vocabulary(self) -> ModelVocabulary:
        """Every token the model can write, as text; from a word to its id and back.

        Raises:
            ModelError: a model without a vocabulary.
        """
        size = self.d_vocab or self.d_vocab_in
        if size is None:
            raise ModelError(
                expected="a model with a vocabulary",
                got=f"{self.name} of the {self.family} family",
                fix="Ask for tokens of a language model.",
            )
        return ModelVocabulary(size, self.tokenizer)

    def unembed(self, stream: torch.Tensor, *, norm: bool = True) -> torch.Tensor:
        """The logits a residual vector would give if the model ended here: the logit lens.

        Final norm, unembedding, logit scale and soft-cap, as the model itself applies them (nostalgebraist 2020,
        "interpreting GPT: the logit lens").

        Args:
            stream: ``[..., d_model]``.
            norm: False leaves the final norm out.

        Returns:
            ``[..., vocab]``.
        """
        if self.anatomy.head is None:
            raise ModelError(
                expected="a model with a language-model head",
                got=f"{self.name}: {self.anatomy.missing.get('logits', 'no unembedding is known')}",
                fix="Load it with its head, e.g. as AutoModelForCausalLM.",
            )
        with self._running():
            logits = anatomy_module.unembed(self.anatomy, self.config, stream, norm)
            bias = getattr(self.model, "final_logits_bias", None)
            return logits if bias is None else logits + bias[0]

    def trace(
        self, input: Any, *, sites: Iterable[Site | str] = (), decoder: Any = None, attention: bool = True
    ) -> Trace:
        """Run the model once and keep what is asked for.

        Args:
            input: text, token ids (list or 1-d tensor), chat messages, or for an image model an image or pixels.
            sites: which activations to keep. Others can be read later; they are captured in a second run.
            decoder: for an encoder-decoder, the text (or ids) its decoder has written so far.
            attention: keep queries and keys, so that patterns can be computed; False saves their memory.

        Raises:
            InputError: the input is empty, too long, or has ids outside the vocabulary; a site that does not exist.
            OutOfMemoryError: the device is full.
        """
        places = [self.site(s) for s in ([sites] if isinstance(sites, (str, Site)) else sites)]
        prepared = self._prepare(input, decoder)
        output, kept, store = self._forward(prepared.kwargs, places, attention)
        logits = self._logits(output, kept)
        return Trace(
            self,
            prepared.text,
            prepared.tokens,
            prepared.ids,
            logits,
            output,
            source_tokens=prepared.source,
            _inputs=prepared.kwargs,
            _edits=tuple(self._edits),
            _kept={site: value[0] for site, value in kept.items()},
            _store=store,
        )

    def run(
        self, ids: torch.Tensor, *, sites: Iterable[Site | str] = (), no_further: bool = False, **kwargs: Any
    ) -> tuple[Any, dict[Site, torch.Tensor]]:
        """Run a whole batch, for analyses: the model's output and the sites' values ``[batch, token, ...]``.

        `head_out` comes as the heads' gathered values before the output projection, ``[batch, token, heads x d_head]``.

        Args:
            ids: ``[batch, token]`` ids, or pixels ``[batch, channel, height, width]``.
            sites: which activations to keep.
            no_further: end the pass once all of them were seen, which saves the layers above; the output is None.
            kwargs: passed on to the model, e.g. ``attention_mask``.
        """
        places = [self.site(s) for s in sites]
        inputs = {self.input_name: ids.to(self.device), **kwargs}
        output, kept, _ = self._forward(inputs, places, attention=False, no_further=no_further)
        return output, kept

    @contextmanager
    def edit(self, *edits: Edit | Steering) -> Iterator[Model]:
        """Edit every run inside the context: `trace`, `generate`, and ``lm.model(...)`` itself.

        Takes edits, and the records of a steering panel. They compose, nested contexts too, in the order written. On
        leaving, also by an exception or an interrupt, no hook remains and a plain run is bit-identical to before.

        Raises:
            InputError: a site, head or width that does not exist in this model.
        """
        for edit in edits:
            reach.check_edit(self, edit)
        before = list(self._edits)
        try:
            self._edits.extend(edits)
            with self._attached(edits):
                yield self
        finally:
            self._edits[:] = before

    @contextmanager
    def replaced(
        self, site: Site | str, function: Callable[..., Any], *, reads: Iterable[Site | str] = ()
    ) -> Iterator[Model]:
        """Replace a site's values by a function of them in every run inside the context; leaves no trace, as `edit`.

        Args:
            site: where; at `head_out` the heads' gathered values before the output projection.
            function: ``function(x, *values of reads) -> new x``, all ``[batch, token, ...]``; None changes nothing.
            reads: sites the function needs besides, which come before `site` in the forward pass.

        Raises:
            InputError: a site this model does not have; on a run, a result of another shape.
        """
        change = Replacement(self.site(site), function, tuple(self.site(place) for place in reads))
        before = list(self._edits)
        try:
            self._edits.append(change)
            with self._attached([change]):
                yield self
        finally:
            self._edits[:] = before

    def prefix(self, input: Any, *, decoder: Any = None) -> Prefix:
        """Run once and keep what each block returned, so that an edit of a later layer costs only the layers above."""
        return Prefix(self, input, decoder)

    def frozen_attention(self, given: Any) -> AbstractContextManager[None]:
        """Hold attention patterns at what they are in a trace, or in an unedited run of a text; values stay live."""
        return frozen_attention(self, given)

    def generate(
        self, input: Any, max_new_tokens: int = 20, *, temperature: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> Generation:
        """Continue a text with the model's own `generate`, under the active edits.

        Args:
            input: text, ids or chat messages.
            max_new_tokens: how many tokens at most.
            temperature: 0 takes the likeliest token each time; above 0 samples.
            seed: makes sampling repeatable, and leaves the global random state as it was.
            kwargs: passed on to `generate`.

        Raises:
            ModelError: a model that writes no text.
        """
        return generate(self, input, max_new_tokens, temperature, seed, kwargs)

    def _prepare(self, given: Any, decoder: Any = None) -> inputs.Prepared:
        return inputs.prepare(self, given, decoder)

    def _forward(
        self, kwargs: dict[str, Any], places: list[Site], attention: bool, no_further: bool = False
    ) -> tuple[Any, dict[Site, torch.Tensor], Any]:
        kept: dict[Site, torch.Tensor] = {}
        enough = len(set(places)) if no_further else 0
        output = None
        with self._running(), Hooks() as hooks, self._attention(attention) as store, suppress(_Enough):
            for place in places:
                tap = self.anatomy.tap(place)
                assert tap is not None
                hooks.read(tap, _keeper(kept, place, enough))
            output = self._call(kwargs)
        missing = [place for place in places if place not in kept]
        if missing:
            raise ModelError(
                expected=f"the forward pass to go through {missing[0]}",
                got="a run that never called its module",
                fix="Name another module for it with load(..., sites={...}).",
            )
        return output, kept, store

    def _call(self, kwargs: dict[str, Any]) -> Any:
        extra = {} if self.takes_images else {"use_cache": False}
        return self.model(**kwargs, **extra, return_dict=True)

    def _attention(self, wanted: bool) -> Any:
        return capture(self.model, self.anatomy) if wanted else nullcontext()

    def _logits(self, output: Any, kept: dict[Site, torch.Tensor]) -> torch.Tensor | None:
        return output.logits[0] if "logits" in self.anatomy.taps else None

    def _capture_again(self, trace: Trace, places: list[Site]) -> dict[Site, torch.Tensor]:
        """Run a trace's input again under its own edits, whatever edits are active now."""
        with unedited(self), self._attached(trace._edits):
            _, kept, _ = self._forward(trace._inputs, places, attention=False)
        return {site: value[0] for site, value in kept.items()}

    @contextmanager
    def _attached(self, edits: Iterable[reach.AnyEdit]) -> Iterator[None]:
        with Hooks() as hooks:
            try:
                # Another thread may be in the middle of a run that put the edits aside.
                with self._lock:
                    self._edit_hooks.append(hooks)
                    reach.attach_all(self, edits, hooks)
                yield
            finally:
                with self._lock:
                    hooks.remove()
                    # By identity: an interrupt may have come before it was in the list.
                    self._edit_hooks[:] = [active for active in self._edit_hooks if active is not hooks]

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Eval mode and no gradients for a run; the modes are restored, and a full device gets a clear sentence."""
        with self._lock:
            training = [module for module in self.model.modules() if module.training]
            try:
                for module in training:
                    module.training = False
                with torch.no_grad():
                    yield
            except torch.OutOfMemoryError as error:
                raise OutOfMemoryError(
                    expected=f"room for this run on {self.device}",
                    got=str(error).split("GiB. GPU")[0][:200],
                    fix="Use a shorter input, fewer sites, or a smaller dtype; memory of this run was given back.",
                ) from None
            finally:
                for module in training:
                    module.training = True


class _Enough(Exception):  # noqa: N818 - no error: the way out of a forward pass that has shown what was asked
    pass


def _keeper(kept: dict[Site, torch.Tensor], place: Site, enough: int) -> Any:
    def keep(x: torch.Tensor) -> None:
        # A copy: some families add to the very tensor in place right afterwards (Falcon).
        kept[place] = x.detach().clone()
        if len(kept) == enough:
            raise _Enough

    return keep
