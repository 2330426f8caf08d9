"""Activations that add up from known attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from interpwidgets.dictionaries import SupervisedCodes
from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws

NAMES = ("Anna", "Ben", "Clara", "David")
DEFAULT = {"giver": NAMES, "receiver": NAMES, "order": ("ABB", "BAB")}


@dataclass(frozen=True, eq=False)
class PlantedAttributes:
    """Activations ``x = mean + Σ_a u(a, value of a) + noise``; made by `attributes`.

    The form that is assumed of a model's activations where supervised dictionaries are the yardstick for learned ones
    (Makelov et al. 2024, "Towards Principled Evaluations of Sparse Autoencoders for Interpretability and Control").
    Each attribute's directions sum to zero over its values, so that the mean is the mean.

    Attributes:
        values: each attribute's values.
        directions: u, one row for each value, attribute after attribute [value, d].
        mean: [d].
        sizes: mean length of each attribute's directions.
        correlation: chance that an attribute repeats the first one's choice instead of its own.
        noise: standard deviation of Gaussian noise on every coordinate.
        seed: what the directions were drawn from.
    """

    values: Mapping[str, tuple[str, ...]]
    directions: torch.Tensor
    mean: torch.Tensor
    sizes: Mapping[str, float]
    correlation: float
    noise: float
    seed: int

    def sample(self, n: int, *, seed: int = 0) -> tuple[torch.Tensor, dict[str, list[str]]]:
        """Activations ``x [example, d]`` and every attribute's values, as `SupervisedCodes.fit` takes them."""
        draw = draws.generator(draws.SAMPLE, self.seed, seed)
        whole("n", n, 0, 2**31)
        counts = [len(values) for values in self.values.values()]
        drawn = [torch.randint(count, (n,), generator=draw) for count in counts]
        for i, count in enumerate(counts[1:], start=1):
            repeats = torch.rand(n, generator=draw) < self.correlation
            drawn[i] = torch.where(repeats, drawn[0] % count, drawn[i])
        labels = self._named(drawn)
        return draws.noisy(self.activations(labels), self.noise, draw), labels

    def grid(self) -> tuple[torch.Tensor, dict[str, list[str]]]:
        """Every combination of values once, without noise: perfectly balanced, so that even means are exact."""
        every = torch.cartesian_prod(*[torch.arange(len(values)) for values in self.values.values()])
        labels = self._named(list(every.reshape(-1, len(self.values)).T))
        return self.activations(labels), labels

    def activations(self, labels: Mapping[str, Sequence[str]]) -> torch.Tensor:
        """What examples with these values give, without noise [example, d].

        Raises:
            InputError: an attribute that is missing, or a value there is not.
        """
        return self.oracle().decode(self.codes(labels))

    def codes(self, labels: Mapping[str, Sequence[str]]) -> torch.Tensor:
        """1 for the value each attribute has, else 0 [example, value], in the order of ``directions``."""
        none = bool(labels) and not any(len(given) for given in labels.values())
        return torch.zeros(0, len(self.directions)) if none else self.oracle().codes_of(labels)

    def direction(self, attribute: str, value: str) -> torch.Tensor:
        """u(attribute, value) [d].

        Raises:
            InputError: an attribute or a value there is not.
        """
        if attribute not in self.values or value not in self.values[attribute]:
            known = self.values.get(attribute, tuple(self.values))
            raise InputError(
                expected=f"one of {', '.join(known)}",
                got=repr(value if attribute in self.values else attribute),
                fix="Choose one of world.values.",
            )
        before = 0
        for name, values in self.values.items():
            if name == attribute:
                break
            before += len(values)
        return self.directions[before + self.values[attribute].index(value)]

    def edited(self, x: torch.Tensor, labels: Mapping[str, Sequence[str]], attribute: str, value: str) -> torch.Tensor:
        """The same activations with one attribute set to a value: the known answer to an edit [example, d]."""
        new = self.direction(attribute, value)
        old = [self.direction(attribute, before) for before in labels[attribute]]
        return x - torch.stack(old) + new if old else x.clone()

    def oracle(self, *, site: str | None = None) -> SupervisedCodes:
        """The answer as a `Dictionary`: a feature for every value."""
        about = {"name": "planted", "site_in": site}
        return SupervisedCodes(self.directions, self.mean, {a: list(v) for a, v in self.values.items()}, **about)

    def _named(self, drawn: Sequence[torch.Tensor]) -> dict[str, list[str]]:
        return {
            name: [values[i] for i in column.tolist()]
            for (name, values), column in zip(self.values.items(), drawn, strict=True)
        }

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} ({len(values)}, size {self.sizes[name]:g})" for name, values in self.values.items())
        return (
            f"PlantedAttributes({parts} in {self.directions.shape[1]} dimensions, "
            f"correlation {self.correlation:g}, noise {self.noise:g})"
        )


def attributes(
    values: Mapping[str, Sequence[str]] | None = None,
    *,
    d: int = 32,
    sizes: Mapping[str, float] | None = None,
    correlation: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> PlantedAttributes:
    """Planted attributes: activations that are a mean plus one vector for the value of each attribute.

    Independent attributes make conditional means right up to chance; correlated ones make them wrong, and least
    squares stays exact.

    Args:
        values: each attribute's values, two or more; by default who gives, who receives and in which order.
        d: width of the activations.
        sizes: mean length of an attribute's directions; 1 where none is given. A tenth shows feature occlusion.
        correlation: chance that an attribute repeats the first one's choice (by number) instead of its own.
        noise: standard deviation of Gaussian noise on every coordinate.
        seed: draws the directions and the mean.

    Raises:
        InputError: an attribute with fewer than two different values, sizes of unknown attributes, a number out of
            range.
    """
    whole("d", d, 1, 2**20)
    named = {str(a): tuple(str(v) for v in given) for a, given in (DEFAULT if values is None else values).items()}
    poor = next((a for a, given in named.items() if len(given) < 2 or len(set(given)) != len(given)), None)
    if poor is not None or not named:
        raise InputError(
            expected="two or more different values for every attribute",
            got=f"{list(named[poor])} for {poor!r}" if poor is not None else "no attributes",
            fix='Write attributes({"colour": ["red", "blue"]}).',
        )
    given_sizes = dict(sizes or {})
    strange = next((a for a in given_sizes if a not in named), None)
    if strange is not None:
        raise InputError(
            expected=f"sizes of {', '.join(named)}", got=repr(strange), fix="Name attributes that have values."
        )
    lengths = {a: draws.at_least_zero(f"the size of {a}", given_sizes.get(a, 1.0)) for a in named}
    draw = draws.generator(draws.TRUTH, seed)
    blocks = []
    for attribute, known in named.items():
        block = draws.unit_rows(len(known), d, draw)
        block = block - block.mean(0)
        blocks.append(block * lengths[attribute] / block.norm(dim=1).mean())
    mean = draws.unit_rows(1, d, draw)[0]
    return PlantedAttributes(
        named, torch.cat(blocks), mean, lengths, draws.share("correlation", correlation),
        draws.at_least_zero("noise", noise), seed,
    )  # fmt: skip
