"""Particles without their centre of mass."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from physgen.observables.base import Observable
from physgen.observables.structure import Structure
from physgen.spaces.base import Space

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
