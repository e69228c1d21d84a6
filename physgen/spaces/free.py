"""Particles in a space without walls."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.nn.point_groups import images, point_group, random_images
from physgen.observables.base import Observable
from physgen.observables.radius import SquareRadius
from physgen.observables.structure import Structure
from physgen.spaces.base import Space


class Free(Space):
    """n particles in dim dimensions without walls; configurations have the shape `(n, dim)`.

    Args:
        n: number of particles.
        dim: dimension of space.
        n_up: particles with spin up, the first ones; None for particles without spin.
    """

    def __init__(self, n: int, dim: int, n_up: int | None = None) -> None:
        super().__init__((n, dim), n, dim)
        self.n_up = n_up

    def initial(
        self, num: int, scale: float, generator: torch.Generator | None, dtype: torch.dtype | None, device: torch.device
    ) -> Tensor:
        """Return normal draws `(num, n, dim)` of standard deviation `scale` about the origin."""
        return scale * torch.randn(num, *self.shape, generator=generator, dtype=dtype, device=device)

    def group(self, name: str) -> Tensor:
        """Return the matrices `(|G|, dim, dim)` of a point group."""
        return point_group(name, self.dim)

    def images(self, x: Tensor, group: Tensor) -> Tensor:
        """Return configurations `(|G|, batch, n, dim)` under every matrix."""
        return images(x, group)

    def random_images(self, x: Tensor, group: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return configurations `(batch, n, dim)`, each under a random matrix."""
        return random_images(x, group, generator)

    def observables(self) -> list[Observable]:
        """Return the radius of the cloud and histograms of where particles are."""
        return [SquareRadius(self.particles), Structure(self.n_up)]
