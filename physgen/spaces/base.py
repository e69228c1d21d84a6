"""What every space says of its configurations."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from physgen.core.errors import InputError, check
from physgen.core.shapes import Pairs, PairVectors, Particles, Points, Values
from physgen.observables.base import Observable


class Space(ABC):
    """Where configurations live; it knows no Hamiltonian and no model.

    Args:
        shape: of one configuration; a batch has the shape `(batch, *shape)`.
        particles: how many particles, or sites, extensive quantities grow with.
        dim: dimension of space.
    """

    #: whether configurations move in steps of any size
    continuous = True
    #: widest step of a sampler that is of use
    widest: float = math.inf
    #: rows at the end of a configuration that no sampler moves
    still: int = 0

    def __init__(self, shape: Sequence[int], particles: int, dim: int) -> None:
        self.shape = tuple(shape)
        self.particles, self.dim = particles, dim

    @property
    def size(self) -> int:
        """Numbers of one configuration."""
        return math.prod(self.shape)

    @abstractmethod
    def initial(
        self, num: int, scale: float, generator: torch.Generator | None, dtype: torch.dtype | None, device: torch.device
    ) -> Points:
        """Return first guesses `(num, *shape)` for a sampler.

        Args:
            num: number of configurations.
            scale: width of the cloud, in a space without walls.
            generator: source of the draws.
            dtype: type of the result, torch's default for None.
            device: where the result lives.
        """

    def displacements(self, x: Particles) -> PairVectors:
        """Return r_i - r_j `(batch, n, n, dim)` of particles `x` `(batch, n, dim)`, the shortest ones."""
        return x[:, :, None] - x[:, None]

    def distances(self, x: Particles) -> Pairs:
        """Return |r_i - r_j| `(batch, n, n)` of particles `x` `(batch, n, dim)`."""
        return self.displacements(x).square().sum(-1).sqrt()

    def wrap(self, x: Points) -> Points:
        """Return the same configurations `(batch, *shape)` by their standard coordinates."""
        return x

    def check(self, x: Tensor, name: str = "x") -> None:
        """Raise `InputError` unless `x` `(batch, *shape)`, the argument `name`, holds configurations of this space."""
        shape = f"({', '.join(map(str, ('N', *self.shape)))})"
        check(tuple(x.shape[1:]) == self.shape, name, tuple(x.shape), f"of the shape {shape}")
        bad = int((~x.isfinite()).flatten(1).any(1).sum())
        check(not bad, name, f"{bad} of {len(x)} configurations that are not", "finite")

    def group(self, name: str) -> Tensor:
        """Return the elements of a finite group of symmetries, the identity first.

        Raises:
            InputError: no group of this name, or none at all, is known in this space.
        """
        raise InputError(f"group must be known in {type(self).__name__}, got {name!r}, and none is")

    def images(self, x: Tensor, group: Tensor) -> Tensor:
        """Return configurations `(|G|, batch, *shape)`: `x` `(batch, *shape)` under every element of a `group`."""
        raise NotImplementedError

    def random_images(self, x: Tensor, group: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return `x` `(batch, *shape)` with a random element of a `group` applied to every configuration."""
        raise NotImplementedError

    def averages(self, x: Points) -> dict[str, Values]:
        r"""Return what diffusion Monte Carlo averages beside energies, `(batch,)` each: here $\sum_i r_i^2$."""
        return {"square_radius": x.square().sum(tuple(range(1, x.ndim)))}

    def observables(self) -> list[Observable]:
        """Return what is measured of any configurations of this space."""
        return []
