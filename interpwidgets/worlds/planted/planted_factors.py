"""MLP activations that are non-negative sums of known groups of neurons."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from interpwidgets.dictionaries import SNMF, Dictionary
from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws
from interpwidgets.worlds.planted.recovery import Recovery, match


@dataclass(frozen=True, eq=False)
class PlantedFactors:
    """Activations ``x = codes · factors + noise`` with codes ≥ 0 and factors of few neurons; made by `factors`.

    What semi-non-negative matrix factorisation should find in an MLP (Shafran et al. 2025, "Decomposing MLP Activations
    into Interpretable Features via Semi-Nonnegative Matrix Factorization"). A small error does not show that it did:
    without sparse factors other factors fit as well, so only `recovery` tells.

    Attributes:
        factors: signed groups of neurons, each of length 1 [factor, neuron].
        density: the share of tokens each factor is active on.
        noise: standard deviation of Gaussian noise on every neuron.
        seed: what the factors were drawn from.
        x: one sample of activations [token, neuron].
        codes: how strongly each factor is active there [token, factor].
    """

    factors: torch.Tensor
    density: float
    noise: float
    seed: int
    x: torch.Tensor = field(repr=False)
    codes: torch.Tensor = field(repr=False)

    @property
    def share(self) -> float:
        """The share of neurons in each factor: what winner-take-all should keep."""
        return float((self.factors[0] != 0).float().mean())

    def sample(self, n: int, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Further activations [token, neuron] and their codes [token, factor]; ``x`` and ``codes`` are seed 0."""
        return _sample(self.factors, self.density, self.noise, whole("n", n, 0, 2**31), (self.seed, seed))

    def recovery(self, directions: Dictionary | torch.Tensor) -> Recovery:
        """How well factors [part, neuron] were found; ``.min`` is the one found worst."""
        return match(directions, self.factors)

    def oracle(self, *, site: str | None = None) -> SNMF:
        """The answer as a `Dictionary`: the planted factors; its codes are solved for."""
        names = [f"factor {i}" for i in range(len(self.factors))]
        return SNMF(self.factors, steps=1000, name="planted", site_in=site, labels=names)

    def __repr__(self) -> str:
        n, d = self.factors.shape
        few = int((self.factors[0] != 0).sum())
        return f"PlantedFactors({n} factors of {few} out of {d} neurons, {len(self.x)} tokens, noise {self.noise:g})"


def factors(
    *,
    n_factors: int = 10,
    d: int = 200,
    neurons: int = 10,
    density: float = 0.25,
    noise: float = 0.01,
    n: int = 600,
    seed: int = 0,
) -> PlantedFactors:
    """Planted sparse factors of either sign, for semi-non-negative matrix factorisation.

    Args:
        n_factors: how many factors.
        d: how many neurons.
        neurons: how many neurons each factor has.
        density: chance that a factor is active on a token, above 0.
        noise: standard deviation of Gaussian noise on every neuron.
        n: how many tokens ``x`` holds.
        seed: draws everything.

    Raises:
        InputError: a number out of range.
    """
    whole("d", d, 1, 2**20)
    whole("n_factors", n_factors, 1, 2**20)
    whole("neurons", neurons, 1, d)
    whole("n", n, 0, 2**31)
    if draws.share("density", density) == 0:
        raise InputError(expected="a density above 0", got="0", fix="Use 0.25 for one token in four.")
    noise = draws.at_least_zero("noise", noise)
    draw = draws.generator(draws.TRUTH, seed)
    which = draws.choose(n_factors, d, neurons, draw)
    signs = 2.0 * (torch.rand(n_factors, neurons, generator=draw) < 0.5) - 1
    weights = signs * draws.sizes(n_factors, neurons, draw=draw)
    planted = torch.nn.functional.normalize(torch.zeros(n_factors, d).scatter(1, which, weights), dim=1)
    x, codes = _sample(planted, density, noise, n, (seed, 0))
    return PlantedFactors(planted, density, noise, seed, x, codes)


def _sample(
    planted: torch.Tensor, density: float, noise: float, n: int, seeds: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    draw = draws.generator(draws.SAMPLE, *seeds)
    on = torch.rand(n, len(planted), generator=draw) < density
    codes = on * draws.sizes(n, len(planted), draw=draw)
    return draws.noisy(codes @ planted, noise, draw), codes
