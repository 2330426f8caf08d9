"""What every dictionary can do: take activations apart into features, and put them together again.

A dictionary says that an activation x is a sum of few out of many directions (Bricken et al. 2023, "Towards
Monosemanticity"; Cunningham et al. 2023)::

    codes = encode(x)             how strongly each feature fires      [..., feature]
    x̂     = decode(codes)         bias + Σ_j codes_j · directions_j    [..., d_out]
    x     = x̂ + error(x)          what the dictionary leaves unsaid

Neurons, principal parts found by matrix factorisation, a probe's direction and a sparse autoencoder all have this
form, so one view shows them all and one measure compares them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from interpwidgets.dictionaries.codes import SparseCodes
from interpwidgets.errors import InputError
from interpwidgets.records.fit_history import FitHistory

BLOCK = 2**24  # numbers in one dense block of codes: 64 MB of float32


class Dictionary(torch.nn.Module, ABC):
    """A set of directions with a way to read how strongly each is present.

    Args:
        name: what to call it in pictures and errors.
        site_in: the place it reads, e.g. ``"resid_post.2"``; None where it was never said.
        site_out: the place it writes; by default the same. Another place makes it a transcoder.
        labels: a few words per feature, by number or as a full list.
        source: where it came from and how it was made, plain JSON, kept when saved.

    Attributes:
        directions: what a feature writes [feature, d_out].
        detectors: what a feature reads [feature, d_in]. For kinds that solve for their codes it is the linear part.
        n_features: how many features.
        d_in: width read.
        d_out: width written.

    The weights are frozen; a trainer calls ``requires_grad_(True)``. ``to(device)`` and ``to(torch.bfloat16)`` work as
    for any module. A token is encoded the same alone as in any batch, up to the rounding of the matrix product.
    """

    kind: ClassVar[str] = ""

    def __init__(
        self,
        *,
        name: str | None = None,
        site_in: str | None = None,
        site_out: str | None = None,
        labels: Sequence[str] | Mapping[int, str] | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.name = name or self.kind
        self.site_in = None if site_in is None else str(site_in)
        self.site_out = site_out
        self.source = dict(source or {})
        self._labels = labels

    @property
    @abstractmethod
    def directions(self) -> torch.Tensor:
        """What each feature writes [feature, d_out]."""

    @property
    def unit_writes(self) -> torch.Tensor:
        """What one unit of each feature adds to the activations [feature, d_out].

        The directions, in the units of the activations where a fixed normalisation stands between. A normalisation by
        the token's own scale has no one answer: then these are the directions, for a token of that scale.
        """
        return self.directions

    def unit_write(self, feature: int) -> torch.Tensor:
        """What one unit of one feature adds to the activations [d_out], without working out those of all."""
        return self.unit_writes[feature]

    @property
    @abstractmethod
    def detectors(self) -> torch.Tensor:
        """What each feature reads [feature, d_in]."""

    @abstractmethod
    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        """Codes of checked activations ``[..., d_in]`` in the dictionary's dtype."""

    @abstractmethod
    def _decode(self, codes: torch.Tensor, x: torch.Tensor | None) -> torch.Tensor:
        """Activations of checked codes, in the dictionary's dtype."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """What besides the arrays makes this dictionary, as plain JSON."""

    @classmethod
    @abstractmethod
    def build(cls, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], **about: Any) -> Dictionary:
        """The dictionary that `config` and ``state_dict`` describe."""

    @property
    def needs_input(self) -> bool:
        """Whether decoding needs the activations too: a skip connection, or a scale taken from each token."""
        return False

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """How strongly each feature fires.

        Args:
            x: activations at ``site_in`` [..., d_in].

        Returns:
            Codes [..., feature], in the dictionary's dtype. A token with a NaN has NaN among its codes.

        Raises:
            InputError: no tensor, or another width.
        """
        return self._encode(self._read(x))

    def decode(self, codes: torch.Tensor | SparseCodes, x: torch.Tensor | None = None) -> torch.Tensor:
        """The activations that codes stand for.

        Args:
            codes: dense [..., feature], or the sparse codes of `encode_sparse`.
            x: the activations that were encoded [..., d_in]; only where `needs_input`.

        Returns:
            Activations at ``site_out`` [..., d_out].

        Raises:
            InputError: another number of features, or no ``x`` where it is needed.
        """
        if self.needs_input and x is None:
            raise InputError(
                expected=f"decode(codes, x) for {self.name}, which scales or adds to its output by its input",
                got="codes alone",
                fix="Pass the activations that were encoded as x, or use reconstruct(x).",
            )
        count = codes.n_features if isinstance(codes, SparseCodes) else codes.shape[-1] if codes.ndim else 0
        if count != self.n_features:
            raise InputError(
                expected=f"codes of {self.n_features} features for {self.name}",
                got=f"{count}",
                fix="Pass what encode(x) of the same dictionary returned.",
            )
        x = None if x is None else self._read(x)
        if isinstance(codes, SparseCodes):
            return self._decode_sparse(codes, x)
        return self._decode(codes.to(self.dtype), x)

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        """``decode(encode(x))``, in the dtype of ``x``."""
        read = self._read(x)
        made = self._decode(self._encode(read), read if self.needs_input else None).to(x.dtype)
        return made.reshape(x.shape) if read.shape != x.shape and made.shape == read.shape else made

    def error(self, x: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
        """What the dictionary leaves unsaid: added to ``reconstruct(x)`` it gives the target.

        Args:
            x: activations at ``site_in`` [..., d_in].
            target: activations at ``site_out`` [..., d_out]; by default ``x``, which a transcoder cannot do without.
        """
        if target is None and self.site_out != self.site_in:
            raise InputError(
                expected=f"error(x, target) for {self.name}, which reads {self.site_in} and writes {self.site_out}",
                got="x alone",
                fix="Pass the activations at its output site as target.",
            )
        made = self.reconstruct(x)
        return (x if target is None else target.to(made)) - made

    def encode_sparse(self, x: torch.Tensor, *, block: int | None = None) -> SparseCodes:
        """Codes of many tokens without their zeros, computed in blocks.

        Args:
            x: activations [..., d_in]; the leading axes become one axis of tokens.
            block: tokens at a time; by default as many as make 64 MB of dense codes.
        """
        rows = self._read(x)
        rows = rows.reshape(-1, rows.shape[-1])
        size = block or max(1, BLOCK // self.n_features)
        parts = [SparseCodes.from_dense(self._encode(rows[i : i + size])) for i in range(0, max(1, len(rows)), size)]
        return SparseCodes.join(parts)

    def feature_weights(self, x: torch.Tensor) -> torch.Tensor:
        """Each feature's share of the reconstruction, summing to 1 over features [..., feature].

        ``w_j = codes_j · directions_jᵀ(x̂ − b) / ‖x̂ − b‖²`` with b the bias (Makelov et al. 2024, "Towards Principled
        Evaluations of Sparse Autoencoders"). A token where nothing fires has no share to give out and gets NaN.
        """
        codes = self.encode(x)
        written = codes @ self.directions.to(codes.dtype)
        return codes * (written @ self.directions.to(codes.dtype).T) / written.pow(2).sum(-1, keepdim=True)

    @property
    def site_out(self) -> str | None:
        """The place it writes: what was given, or else the place it reads."""
        return self.site_in if self._site_out is None else self._site_out

    @site_out.setter
    def site_out(self, site: str | None) -> None:
        self._site_out = None if site is None else str(site)

    @property
    def n_features(self) -> int:
        """How many features."""
        return self.directions.shape[0]

    @property
    def d_in(self) -> int:
        """Width of what is read."""
        return self.detectors.shape[1]

    @property
    def d_out(self) -> int:
        """Width of what is written."""
        return self.directions.shape[1]

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights and codes."""
        return self.directions.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.directions.device

    @property
    def labels(self) -> list[str]:
        """A few words per feature; ``""`` where none were given."""
        given = self._labels
        if given is None:
            return [""] * self.n_features
        if isinstance(given, Mapping):
            return [str(given.get(i, "")) for i in range(self.n_features)]
        if len(given) != self.n_features:
            raise InputError(
                expected=f"{self.n_features} labels", got=str(len(given)), fix="Give one per feature, or a dict."
            )
        return [str(label) for label in given]

    def label(self, feature: int) -> str:
        """A few words about one feature, or ``""``."""
        given = self._labels
        return "" if given is None else str(given.get(feature, "") if isinstance(given, Mapping) else given[feature])

    @labels.setter
    def labels(self, labels: Sequence[str] | Mapping[int, str] | None) -> None:
        before, self._labels = self._labels, labels
        try:
            _ = self.labels
        except InputError:
            self._labels = before
            raise

    @property
    def history(self) -> FitHistory | None:
        """How its training went, where it was learnt here; ``history.figure()`` draws it."""
        entries = self.source.get("history")
        return FitHistory.of(entries) if entries else None

    def __repr__(self) -> str:
        place = self.site_in or "no site"
        if self.site_out != self.site_in:
            place += f" -> {self.site_out}"
        width = f"{self.d_in}" if self.d_in == self.d_out else f"{self.d_in} -> {self.d_out}"
        kind = self.kind if self.kind == self.name else f"{self.kind} {self.name!r}"
        number = str(self.dtype).removeprefix("torch.")
        return f"Dictionary({kind}, {self.n_features} features at {place}, width {width}, {number} on {self.device})"

    def _read(self, x: Any) -> torch.Tensor:
        if not isinstance(x, torch.Tensor) or x.ndim == 0 or not x.is_floating_point():
            raise InputError(
                expected=f"activations as a floating-point tensor [..., {self.d_in}]",
                got=f"a tensor of {x.dtype}" if isinstance(x, torch.Tensor) else type(x).__name__,
                fix="Pass a trace's activations, e.g. trace[dictionary.site_in].",
            )
        x = self._shape_back(x)
        if x.shape[-1] != self.d_in:
            raise InputError(
                expected=f"activations of width {self.d_in} for {self.name}",
                got=f"shape {list(x.shape)}",
                fix=f"Pass activations at {self.site_in or 'the site it was made for'} of the model it was made for.",
            )
        return x.to(self.device, self.dtype)

    def _shape_back(self, x: torch.Tensor) -> torch.Tensor:
        """Activations in the shape the dictionary works in; a kind that reads heads side by side overrides it."""
        return x

    def _decode_sparse(self, codes: SparseCodes, x: torch.Tensor | None) -> torch.Tensor:
        rows = None if x is None else x.reshape(-1, x.shape[-1])
        size = max(1, BLOCK // self.n_features)
        parts = []
        for i in range(0, max(1, len(codes)), size):
            block = codes.part(i, min(i + size, len(codes))).dense().to(self.dtype)
            parts.append(self._decode(block, None if rows is None else rows[i : i + size]))
        return torch.cat(parts)
