"""Points on a union of low-dimensional subspaces, and a linear map that hides their geometry."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws


@dataclass(frozen=True, eq=False)
class PlantedSubspaces:
    """Points that each lie in one of a few subspaces; made by `subspaces`.

    The setting of subspace clustering (Elhamifar and Vidal 2013, "Sparse Subspace Clustering"), and of features with
    more than one dimension. Seen through the linear map ``y = A x`` angles change; under the inner product
    ``⟨y, y'⟩ = yᵀ (A Aᵀ)⁻¹ y'`` they are the old ones again.

    Attributes:
        bases: orthonormal rows of each subspace [subspace, dimension, d].
        A: an invertible map [d, d].
        noise: standard deviation of Gaussian noise on every coordinate.
        seed: what they were drawn from.
    """

    bases: torch.Tensor
    A: torch.Tensor
    noise: float
    seed: int

    @property
    def metric(self) -> torch.Tensor:
        """``(A Aᵀ)⁻¹`` [d, d]: the inner product under which mapped points keep their angles and lengths."""
        wide = self.A.double()
        return torch.linalg.inv(wide @ wide.T).float()

    @property
    def projectors(self) -> torch.Tensor:
        """The orthogonal projection onto each subspace [subspace, d, d]."""
        return self.bases.mT @ self.bases

    def sample(self, n: int, *, seed: int = 0, mapped: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Points ``x [point, d]`` and the subspace each lies in ``[point]``; the same for the same seed.

        Args:
            n: how many points.
            seed: which sample.
            mapped: give ``A x`` instead.
        """
        draw = draws.generator(draws.SAMPLE, self.seed, seed)
        count, dimension, _ = self.bases.shape
        labels = torch.randint(count, (whole("n", n, 0, 2**31),), generator=draw)
        inside = torch.randn(n, dimension, generator=draw)
        x = draws.noisy(torch.einsum("nk,nkd->nd", inside, self.bases[labels]), self.noise, draw)
        return (self.map(x) if mapped else x), labels

    def map(self, x: torch.Tensor) -> torch.Tensor:
        """``A x`` for each point [..., d]."""
        return x @ self.A.T

    def distances(self, x: torch.Tensor) -> torch.Tensor:
        """How far each point is from each subspace [..., subspace]."""
        inside = torch.einsum("...d,skd->...sk", x, self.bases)
        nearest = torch.einsum("...sk,skd->...sd", inside, self.bases)
        return (x[..., None, :] - nearest).norm(dim=-1)

    def assign(self, x: torch.Tensor) -> torch.Tensor:
        """The nearest subspace of each point [...]."""
        return self.distances(x).argmin(-1)

    def __repr__(self) -> str:
        count, dimension, d = self.bases.shape
        return f"PlantedSubspaces({count} subspaces of dimension {dimension} in {d}, noise {self.noise:g})"


def subspaces(
    *,
    n_subspaces: int = 3,
    dimension: int = 3,
    d: int = 16,
    condition: float = 10.0,
    noise: float = 0.0,
    seed: int = 0,
) -> PlantedSubspaces:
    """Planted subspaces: points in a union of them, with their labels, and a linear map.

    Args:
        n_subspaces: how many.
        dimension: of each; below d.
        d: width of the space.
        condition: largest over smallest stretch of the map A; 1 makes it a rotation.
        noise: standard deviation of Gaussian noise on every coordinate.
        seed: draws subspaces and map.

    Raises:
        InputError: a number out of range.
    """
    whole("n_subspaces", n_subspaces, 1, 2**20)
    whole("d", d, 2, 2**14)
    whole("dimension", dimension, 1, d - 1)
    if draws.at_least_zero("condition", condition) < 1:
        raise InputError(expected="a condition of 1 or more", got=f"{condition:g}", fix="Use 1 for a rotation.")
    draw = draws.generator(draws.TRUTH, seed)
    bases = torch.linalg.qr(torch.randn(n_subspaces, d, dimension, generator=draw)).Q.mT.contiguous()
    left, right = torch.linalg.qr(torch.randn(2, d, d, generator=draw)).Q
    stretch = torch.logspace(0.0, 1.0, d, base=float(condition)) / condition**0.5
    return PlantedSubspaces(bases, (left * stretch) @ right, draws.at_least_zero("noise", noise), seed)
