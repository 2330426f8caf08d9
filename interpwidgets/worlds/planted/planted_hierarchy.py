"""Activations whose features come in two levels: a parent is active whenever one of its children is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from interpwidgets.dictionaries import Dictionary, Matryoshka
from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws
from interpwidgets.worlds.planted.oracle import Oracle
from interpwidgets.worlds.planted.recovery import Recovery, match


@dataclass(frozen=True, eq=False)
class PlantedHierarchy:
    """Activations made of parents and children, no child without its parent; made by `hierarchy`.

    A plain sparse autoencoder may give the child the parent's direction too and leave the parent silent there (feature
    absorption, Chanin et al. 2024, "A is for Absorption"). Nested prefixes should put parents first (Bussmann et al.
    2025, "Learning Multi-Level Features with Matryoshka Sparse Autoencoders"), and `parents_first` says whether they
    do.

    Attributes:
        parents: directions of length 1 [parent, d].
        children: directions of length 1 [child, d].
        parent_of: the parent of each child [child].
        active: how many parents each token has.
        share: chance that an active parent has a child beside it; never more than one.
        child_size: mean code of a child; a parent's is 1.
        noise: standard deviation of Gaussian noise on every coordinate.
        seed: what the directions were drawn from.
    """

    parents: torch.Tensor
    children: torch.Tensor
    parent_of: torch.Tensor
    active: int
    share: float
    child_size: float
    noise: float
    seed: int

    @property
    def atoms(self) -> torch.Tensor:
        """Parents, then children [atom, d]."""
        return torch.cat([self.parents, self.children])

    def sample(self, n: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Activations ``x [token, d]`` and ``codes [token, atom]`` in the order of `atoms`; the same for a seed."""
        draw = draws.generator(draws.SAMPLE, self.seed, seed)
        count = len(self.parents)
        per_parent = len(self.children) // count
        which = draws.choose(whole("n", n, 0, 2**31), count, self.active, draw)
        child = count + which * per_parent + torch.randint(per_parent, which.shape, generator=draw)
        present = torch.rand(which.shape, generator=draw) < self.share
        codes = torch.zeros(n, count + len(self.children))
        codes.scatter_(1, which, draws.sizes(n, self.active, draw=draw))
        codes.scatter_(1, child, present * self.child_size * draws.sizes(n, self.active, draw=draw))
        return draws.noisy(codes @ self.atoms, self.noise, draw), codes

    def recovery(self, directions: Dictionary | torch.Tensor) -> Recovery:
        """How well directions [feature, d], or those of a dictionary, found parents and children."""
        return match(directions, self.atoms)

    def oracle(self, *, site: str | None = None) -> Oracle:
        """The answer as a `Dictionary`: parents, then children, and codes that are searched for."""
        names = [f"parent {i}" for i in range(len(self.parents))]
        names += [f"child {i} of parent {int(p)}" for i, p in enumerate(self.parent_of)]
        most = min(2 * self.active, *self.atoms.shape)
        return Oracle(self.atoms, active=most, name="planted", site_in=site, labels=names)

    def levels(
        self, found: Matryoshka | Dictionary | torch.Tensor, *, sizes: Sequence[int] | None = None
    ) -> np.ndarray:
        """In which prefix of the found directions each planted atom is first found best.

        Args:
            found: a `Matryoshka` dictionary, or directions in their order [feature, d].
            sizes: sizes of the prefixes, ascending to the number of features; a `Matryoshka` knows its own.

        Returns:
            The prefix, from 0, that holds the best match of each atom [atom], in the order of `atoms`.

        Raises:
            InputError: no sizes, or sizes that do not ascend to the number of features.
        """
        given = found.levels if sizes is None and isinstance(found, Matryoshka) else sizes
        n = found.n_features if isinstance(found, Dictionary) else len(found)
        ends = [int(m) for m in given or ()]
        if not ends or ends[0] < 1 or ends != sorted(set(ends)) or ends[-1] != n:
            raise InputError(
                expected=f"prefix sizes that ascend to {n}",
                got=str(ends) if given is not None else "none",
                fix="Pass a Matryoshka dictionary, or sizes=[8, 40].",
            )
        return np.searchsorted(np.asarray(ends), self.recovery(found).matches, side="right")

    def parents_first(
        self, found: Matryoshka | Dictionary | torch.Tensor, *, sizes: Sequence[int] | None = None
    ) -> float:
        """The share of pairs of child and parent where the parent is in an earlier prefix: 1 is perfect.

        A pair within one prefix counts as missed, so directions in a random order score below one half.

        Args:
            found, sizes: as for `levels`.
        """
        levels = self.levels(found, sizes=sizes)
        parents = levels[: len(self.parents)][self.parent_of.numpy()]
        return float((parents < levels[len(self.parents) :]).mean())

    def __repr__(self) -> str:
        n, d = self.parents.shape
        return (
            f"PlantedHierarchy({n} parents with {len(self.children) // n} children each in {d} dimensions, "
            f"{self.active} parents active, noise {self.noise:g})"
        )


def hierarchy(
    *,
    d: int = 32,
    n_parents: int = 8,
    n_children: int = 4,
    active: int = 2,
    share: float = 0.7,
    child_size: float = 0.7,
    noise: float = 0.0,
    seed: int = 0,
) -> PlantedHierarchy:
    """A planted hierarchy: a parent is active whenever one of its children is.

    Args:
        d: width of the activations.
        n_parents: how many parents.
        n_children: how many children each parent has.
        active: how many parents each token has.
        share: chance that an active parent has a child beside it.
        child_size: mean code of a child; a parent's is 1.
        noise: standard deviation of Gaussian noise on every coordinate.
        seed: draws the directions.

    Raises:
        InputError: a number out of range.
    """
    whole("d", d, 1, 2**20)
    whole("n_parents", n_parents, 1, 2**20)
    whole("n_children", n_children, 1, 2**20)
    whole("active", active, 1, n_parents)
    if draws.at_least_zero("child_size", child_size) == 0:
        raise InputError(expected="a child_size above 0", got="0", fix="Use share=0 for parents without children.")
    draw = draws.generator(draws.TRUTH, seed)
    parents = draws.unit_rows(n_parents, d, draw)
    children = draws.unit_rows(n_parents * n_children, d, draw)
    parent_of = torch.arange(n_parents).repeat_interleave(n_children)
    noise = draws.at_least_zero("noise", noise)
    return PlantedHierarchy(parents, children, parent_of, active, draws.share("share", share), child_size, noise, seed)
