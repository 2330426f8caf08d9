"""Activations that are sparse sums of known atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from interpwidgets.dictionaries import Dictionary, mutual_coherence
from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws
from interpwidgets.worlds.planted.oracle import Oracle
from interpwidgets.worlds.planted.recovery import Recovery, match


@dataclass(frozen=True, eq=False)
class PlantedDictionary:
    """Activations that are sums of few out of many known directions; made by `dictionary`.

    ``x = shift + Σ_j codes_j · atoms_j + noise``, the sparse-coding model that sparse autoencoders are trained to undo
    (Olshausen and Field 1996; for superposition in networks Elhage et al. 2022, "Toy Models of Superposition").

    Attributes:
        atoms: directions of length 1 [atom, d].
        magnitudes: mean code of each atom where it is active [atom].
        shift: added to every activation [d].
        active: how many atoms each token has.
        noise: standard deviation of Gaussian noise on every coordinate.
        seed: what the atoms were drawn from.
    """

    atoms: torch.Tensor
    magnitudes: torch.Tensor
    shift: torch.Tensor
    active: int
    noise: float
    seed: int

    def sample(self, n: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Activations and the codes that made them; the same for the same seed.

        Args:
            n: how many tokens.
            seed: which sample.

        Returns:
            ``x [token, d]`` and ``codes [token, atom]``: ``active`` codes of each token are above 0, even between 0.5
            and 1.5 times the atom's magnitude.
        """
        draw = draws.generator(draws.SAMPLE, self.seed, seed)
        which = draws.choose(whole("n", n, 0, 2**31), len(self.atoms), self.active, draw)
        strength = draws.sizes(n, self.active, draw=draw) * self.magnitudes[which]
        codes = torch.zeros(n, len(self.atoms)).scatter(1, which, strength)
        return draws.noisy(self.shift + codes @ self.atoms, self.noise, draw), codes

    def recovery(self, directions: Dictionary | torch.Tensor) -> Recovery:
        """How well directions [feature, d], or those of a dictionary, found the atoms; see `mean_max_cosine`."""
        return match(directions, self.atoms)

    def oracle(self, *, site: str | None = None) -> Oracle:
        """The answer as a `Dictionary`: the planted atoms, and codes that are searched for; `site` is its site_in.

        Of activations without noise the codes are those planted, wherever the search finds the right atoms: with the
        defaults, on all but a few tokens in a thousand.
        """
        names = [f"atom {i}" for i in range(len(self.atoms))]
        return Oracle(
            self.atoms, active=self.active, decoder_bias=self.shift, name="planted", site_in=site, labels=names
        )

    def __repr__(self) -> str:
        n, d = self.atoms.shape
        alike = f", coherence {mutual_coherence(self.atoms):.2f}" if n > 1 else ""
        return f"PlantedDictionary({n} atoms in {d} dimensions, {self.active} active{alike}, noise {self.noise:g})"


def dictionary(
    *,
    d: int = 32,
    n_atoms: int = 64,
    active: int = 3,
    noise: float = 0.0,
    magnitudes: Sequence[float] | torch.Tensor | None = None,
    shift: float | Sequence[float] | torch.Tensor = 0.0,
    seed: int = 0,
) -> PlantedDictionary:
    """A planted dictionary: random atoms of length 1, and activations that are sums of a few of them.

    An atom with a magnitude of a tenth of the others' shows feature occlusion: a dictionary that is scored by its
    reconstruction gains little by finding it (Makelov et al. 2024, "Towards Principled Evaluations of Sparse
    Autoencoders for Interpretability and Control").

    Args:
        d: width of the activations.
        n_atoms: how many atoms; more than d is superposition.
        active: how many atoms each token has.
        noise: standard deviation of Gaussian noise on every coordinate.
        magnitudes: mean code of each atom [atom]; 1 for each by default.
        shift: added to every activation: its length, in a random direction, or the vector itself [d].
        seed: draws the atoms.

    Raises:
        InputError: a number out of range, or another number of magnitudes.
    """
    whole("d", d, 1, 2**20)
    whole("n_atoms", n_atoms, 1, 2**24)
    whole("active", active, 1, n_atoms)
    draw = draws.generator(draws.TRUTH, seed)
    atoms = draws.unit_rows(n_atoms, d, draw)
    direction = draws.unit_rows(1, d, draw)[0]
    sizes = draws.vector("magnitudes", magnitudes, n_atoms, 1.0)
    if bool((sizes <= 0).any()):
        raise InputError(expected="magnitudes above 0", got=f"{float(sizes.min()):g}", fix="Leave such an atom out.")
    moved = (
        draws.at_least_zero("shift", shift) * direction
        if isinstance(shift, (int, float))
        else draws.vector("shift", shift, d, 0.0)
    )
    return PlantedDictionary(atoms, sizes, moved, active, draws.at_least_zero("noise", noise), seed)
