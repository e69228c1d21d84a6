"""Particles without their centre of mass."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from physgen.core.errors import check_choice, check_integer
from physgen.nn.point_groups import GROUPS, point_group
from physgen.observables.base import Observable
from physgen.observables.structure import Structure
from physgen.spaces.base import Space

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: most particles whose orders are listed
MOST_ORDERED = 6


class Relative(Space):
    r"""Orthonormal relative vectors $x_a = \sum_i Q_{ai} r_i$ of particles of equal mass, `(particles - 1, dim)`.

    The a-th one points from particle a + 1 to the centre of the first a. Since Q has orthonormal rows, each orthogonal
    to $(1, \ldots, 1)$, $\sum_i \nabla_i^2 = \sum_a \nabla_a^2$ on functions of differences: kinetic energies are exact
    without the centre of mass, which never appears.

    Args:
        particles: number of particles, 2 at least.
        dim: dimension of space.
    """

    def __init__(self, particles: int, dim: int = 3) -> None:
        super().__init__((particles - 1, dim), particles, dim)
        #: Q `(particles - 1, particles)`
        self.vectors = torch.zeros(particles - 1, particles, dtype=torch.float64)
        for a in range(1, particles):
            self.vectors[a - 1, :a], self.vectors[a - 1, a] = 1 / a, -1
        self.vectors /= self.vectors.norm(dim=1, keepdim=True)
        self.pairs = list(itertools.combinations(range(particles), 2))
        #: $r_i - r_j$ of the pairs in the relative vectors `(pairs, particles - 1)`
        self.frame = torch.stack([self.vectors[:, i] - self.vectors[:, j] for i, j in self.pairs])

    def initial(
        self, num: int, scale: float, generator: torch.Generator | None, dtype: torch.dtype | None, device: torch.device
    ) -> Tensor:
        """Return normal draws `(num, particles - 1, dim)` of standard deviation `scale`."""
        return scale * torch.randn(num, *self.shape, generator=generator, dtype=dtype, device=device)

    def positions(self, x: Tensor) -> Tensor:
        """Return the particles `(*, particles, dim)` about their centre of `x` `(*, particles - 1, dim)`."""
        return self.vectors.to(x).mT @ x

    def displacements(self, x: Tensor) -> Tensor:
        """Return r_i - r_j `(batch, particles, particles, dim)` of `x` `(batch, particles - 1, dim)`."""
        return super().displacements(self.positions(x))

    def square_distances(self, x: Tensor) -> Tensor:
        """Return $|r_i - r_j|^2$ of the pairs `(*, pairs)` of `x` `(*, particles - 1, dim)`."""
        return (self.frame.to(x) @ x).square().sum(-1)

    def group(self, name: str) -> Tensor:
        """Return matrices `(|G|, D, D)` of flat configurations: `permutation` of the particles, or a point group.

        Raises:
            InputError: unknown name, quarter turns in an odd dimension, or more than 720 permutations.
        """
        check_choice("group", name, ("permutation", *GROUPS))
        if name != "permutation":
            turns = point_group(name, self.dim)
            return torch.stack([torch.kron(torch.eye(self.particles - 1).to(turn), turn) for turn in turns])
        check_integer("particles of group permutation", self.particles, 2, MOST_ORDERED)
        orders = torch.tensor(list(itertools.permutations(range(self.particles))))
        mixed = self.vectors @ self.vectors.T[orders]
        return torch.stack([torch.kron(each, torch.eye(self.dim).to(each)) for each in mixed])

    def images(self, x: Tensor, group: Tensor) -> Tensor:
        """Return configurations `(|G|, batch, particles - 1, dim)` under every matrix."""
        return torch.einsum("gij,bj->gbi", group.to(x), x.flatten(1)).view(len(group), *x.shape)

    def random_images(self, x: Tensor, group: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return configurations `(batch, particles - 1, dim)`, each under a random matrix."""
        index = torch.randint(len(group), (len(x),), generator=generator, device=x.device)
        return torch.einsum("bij,bj->bi", group.to(x)[index], x.flatten(1)).view_as(x)

    def observables(self) -> list[Observable]:
        """Return histograms of where particles are about their centre, and of pairs."""
        return [CentredStructure(self)]


class CentredStructure(Structure):
    """Radial density about the centre of mass and pair distribution, see `structure`.

    Args:
        space: gives positions.
    """

    def __init__(self, space: Relative) -> None:
        super().__init__()
        self.space = space

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return what `structure` does of the positions about the centre."""
        return super().histograms(self.space.positions(x))

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return the pictures of the positions about the centre."""
        return super().figures(arrays, self.space.positions(x), title)
