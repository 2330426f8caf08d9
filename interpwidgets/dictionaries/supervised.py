"""Codes for attributes that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from interpwidgets.dictionaries.checks import weight
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError

METHODS = ("least_squares", "means")
SWEEPS = 20


class SupervisedCodes(Dictionary):
    """A feature for every value of every known attribute, such as who is the subject and who the receiver.

    ``x̂ = mean + Σ_a u(a, value of a)``, the yardstick that unsupervised dictionaries are held against (Makelov et al.
    2024, "Towards Principled Evaluations of Sparse Autoencoders for Interpretability and Control"). ``means`` takes
    for u the mean of the centred activations with that value, which is right only where attributes are independent;
    ``least_squares`` solves for all of them at once and is exact for any additive structure.

    Of unlabelled activations `encode` chooses one value per attribute, the ones nearest together, by exact coordinate
    descent from the linear read-out; of labelled ones `codes_of` writes down what is known.

    Args:
        directions: u, one row per value, attribute after attribute [feature, d].
        mean: [d].
        attributes: names, each with its values in order.
        about: name, site_in, source.
    """

    kind: ClassVar[str] = "supervised"

    def __init__(self, directions: Any, mean: Any, attributes: Mapping[str, Sequence[str]], **about: Any) -> None:
        self.attributes: dict[str, list[str]]
        names = {str(a): [str(v) for v in values] for a, values in attributes.items()}
        about.setdefault("labels", [f"{a}={v}" for a, values in names.items() for v in values])
        super().__init__(**about)
        self.attributes = names
        count = sum(map(len, names.values()))
        self.W_dec = weight("directions", directions, (count, None))
        self.mean = weight("mean", mean, (self.W_dec.shape[1],), like=self.W_dec)
        _ = self.labels

    @classmethod
    def fit(
        cls,
        x: torch.Tensor,
        attributes: Mapping[str, Sequence[Any]],
        *,
        method: str = "least_squares",
        **about: Any,
    ) -> SupervisedCodes:
        """From activations and what is known of each.

        Args:
            x: activations [example, d].
            attributes: for each attribute the value of every example.
            method: ``"least_squares"`` or ``"means"``.
            about: name, site_in, source.

        Raises:
            InputError: an unknown method, or another number of values than of examples.
        """
        if method not in METHODS:
            raise InputError(expected=f"a method out of {', '.join(METHODS)}", got=repr(method), fix="Choose one.")
        data = weight("activations", x, (None, None))
        wrong = [a for a, given in attributes.items() if len(given) != len(data)]
        if wrong or not attributes:
            raise InputError(
                expected=f"one value for each of {len(data)} examples",
                got=f"{len(attributes[wrong[0]])} for {wrong[0]!r}" if wrong else "no attributes",
                fix="Give a list as long as x for every attribute.",
            )
        values = {a: sorted({str(v) for v in given}) for a, given in attributes.items()}
        known = _one_hot(values, attributes).to(data.device, torch.float64)
        mean = data.double().mean(0)
        centred = data.double() - mean
        # One-hot groups are collinear; the pseudo-inverse takes the smallest of the equivalent solutions.
        means = method == "means"
        found = (known.T / known.sum(0)[:, None] if means else torch.linalg.pinv(known)) @ centred
        return cls(found.to(data.dtype), mean.to(data.dtype), values, **about)

    @property
    def directions(self) -> torch.Tensor:
        return self.W_dec

    @property
    def detectors(self) -> torch.Tensor:
        return torch.linalg.pinv(self.W_dec.float()).T.to(self.dtype)

    def codes_of(self, attributes: Mapping[str, Sequence[Any]]) -> torch.Tensor:
        """Codes of examples whose attributes are known: 1 for the value each has [example, feature].

        Raises:
            InputError: an attribute that is missing, or a value never seen.
        """
        missing = [a for a in self.attributes if a not in attributes]
        if missing:
            raise InputError(
                expected=f"the attributes {', '.join(self.attributes)}", got=f"no {missing[0]!r}", fix="Give every one."
            )
        return _one_hot(self.attributes, attributes).to(self.device, self.dtype)

    def config(self) -> dict[str, Any]:
        return {"attributes": self.attributes}

    @classmethod
    def build(cls, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], **about: Any) -> SupervisedCodes:
        return cls(tensors["W_dec"], tensors["mean"], config["attributes"], **about)

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        flat = (x - self.mean).reshape(-1, self.d_in)
        start = flat @ self.detectors.T
        groups, at = [], 0
        for values in self.attributes.values():
            groups.append(slice(at, at + len(values)))
            at += len(values)
        chosen = torch.stack([start[:, g].argmax(1) + g.start for g in groups], 1)
        for _ in range(SWEEPS):
            before = chosen.clone()
            for i, g in enumerate(groups):
                others = [j for j in range(len(groups)) if j != i]
                left = flat - self.W_dec[chosen[:, others]].sum(1)
                chosen[:, i] = g.start + (self.W_dec[g].pow(2).sum(1) - 2 * left @ self.W_dec[g].T).argmin(1)
            if bool((chosen == before).all()):
                break
        codes = flat.new_zeros(len(flat), self.n_features).scatter(1, chosen, 1.0)
        # A NaN has no nearest value, and must not look as if it had.
        codes = torch.where(torch.isfinite(flat).all(1, keepdim=True), codes, torch.nan)
        return codes.reshape(*x.shape[:-1], self.n_features)

    def _decode(self, codes: torch.Tensor, x: torch.Tensor | None) -> torch.Tensor:
        return self.mean + codes @ self.W_dec


def _one_hot(values: Mapping[str, Sequence[str]], given: Mapping[str, Sequence[Any]]) -> torch.Tensor:
    parts = []
    for attribute, known in values.items():
        place = {v: i for i, v in enumerate(known)}
        strange = next((v for v in given[attribute] if str(v) not in place), None)
        if strange is not None:
            raise InputError(
                expected=f"a value of {attribute!r} out of {', '.join(list(place)[:8])}",
                got=repr(strange),
                fix="Fit with examples of that value too.",
            )
        index = torch.tensor([place[str(v)] for v in given[attribute]], dtype=torch.long)
        parts.append(torch.nn.functional.one_hot(index, len(known)))
    return torch.cat(parts, 1).float()
