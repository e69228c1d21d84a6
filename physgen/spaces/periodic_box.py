"""Particles in a cube whose opposite faces are one."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from physgen.core.errors import check, check_integer, check_positive
from physgen.observables.base import Observable
from physgen.observables.box_structure import BoxStructure
from physgen.spaces.base import Space

#: by how much a coordinate that was rounded may lie beyond a wall, relative to the side
ROUNDED = 1e-6


class PeriodicBox(Space):
    r"""n particles in a cube of side L with periodic walls; configurations have the shape `(n, dim)`, from 0 to L.

    Functions of configurations have the period L in every coordinate. Samplers and diffusion Monte Carlo move walkers
    through the walls and `wrap` them where they come to rest.

    Args:
        n: number of particles.
        side: L.
        n_up: particles with spin up, the first ones; None for particles without spin.
        dim: dimension of space.

    Raises:
        InputError: a number that is not above zero, or more spins up than particles.
    """

    def __init__(self, n: int, side: float, n_up: int | None = None, dim: int = 3) -> None:
        n = check_integer("n", n, 1)
        super().__init__((n, check_integer("dim", dim, 1)), n, dim)
        self.side = check_positive("side", side)
        # a longer step of a coordinate ends as far away as a shorter one
        self.widest = self.side / 2
        self.n_up = n_up if n_up is None else check_integer("n_up", n_up, 0, n)

    @property
    def volume(self) -> float:
        """Volume of the cube."""
        return float(self.side**self.dim)

    def initial(
        self, num: int, scale: float, generator: torch.Generator | None, dtype: torch.dtype | None, device: torch.device
    ) -> Tensor:
        """Return `(num, n, dim)` evenly in the cube; `scale` has no meaning here."""
        return self.wrap(self.side * torch.rand(num, *self.shape, generator=generator, dtype=dtype, device=device))

    def wrap(self, x: Tensor) -> Tensor:
        """Return the images `(*, n, dim)` of particles in the cube, coordinates from 0 to less than L."""
        inside = x - self.side * torch.floor(x / self.side)
        # next to a wall the difference may round to L, or below 0
        return torch.where((inside < 0) | (inside >= self.side), torch.zeros_like(inside), inside)

    def nearest(self, differences: Tensor) -> Tensor:
        """Return `differences` `(*, dim)` of positions by way of the nearest images, from -L/2 to L/2."""
        return differences - self.side * torch.round(differences / self.side)

    def displacements(self, x: Tensor) -> Tensor:
        """Return r_i - r_j `(batch, n, n, dim)` of particles `x` `(batch, n, dim)`, of the nearest images."""
        return self.nearest(super().displacements(x))

    def check(self, x: Tensor, name: str = "x") -> None:
        """Raise `InputError` unless all particles of `x` `(batch, n, dim)`, the argument `name`, are in the cube."""
        super().check(x, name)
        beyond = (x < -ROUNDED * self.side) | (x > (1 + ROUNDED) * self.side)
        check(not bool(beyond.any()), name, float(x[beyond][:1].sum()), f"inside the box, from 0 to {self.side:.6g}")

    def averages(self, x: Tensor) -> dict[str, Tensor]:
        """Return nothing: no place of the cube is its centre."""
        return {}

    def observables(self) -> list[Observable]:
        """Return pair distributions and the structure factor."""
        return [BoxStructure(self)]


def side_of(n: int, density: float, dim: int = 3) -> float:
    """Return the side L of the cube that holds `n` particles at a `density`, their number per volume."""
    return math.exp(math.log(n / density) / dim)
