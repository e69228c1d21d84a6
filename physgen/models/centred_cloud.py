"""Particles as a cloud about their centre of mass, which is drawn apart where it is Gaussian and independent."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from physgen.models.density import DensityModel


class CentredCloud(DensityModel):
    """A density of particles in units of their cloud; subclasses call `measure_from_centre`."""

    abstract = True
    #: width of a coordinate of the centre of mass, None where it moves with the particles
    centre_width: float | None
    _directions: Tensor

    def measure_from_centre(self) -> None:
        """Find out whether the centre of mass is drawn apart, and the directions that particles move in."""
        n, dim = self.system.n, self.system.dim
        self.centre_width = getattr(self.system, "centre_width", None) if n > 1 else None
        self._directions = directions(n, dim, self.centre_width is not None)

    @property
    def basis(self) -> Tensor:
        """Orthonormal directions `(D, n, dim)` that particles move in, in the precision of the weights."""
        return self._directions.to(next(self.parameters()))

    def centre(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Draw centres of mass `(num, 1, dim)` and their ln p `(num,)`, by those of the trap; 0 where they move too."""
        like, dim = next(self.parameters()), self.system.dim
        if self.centre_width is None:
            return like.new_zeros(num, 1, dim), like.new_zeros(num)
        normal = torch.randn(num, 1, dim, generator=generator, dtype=like.dtype, device=like.device)
        return self.centre_width * normal, self.log_centre(self.centre_width * normal)

    def log_centre(self, centre: Tensor) -> Tensor:
        """Return ln p of centres `(batch, 1, dim)` along normalised directions of all particles."""
        width: float = (self.centre_width or 1.0) * self.system.n**0.5
        square = self.system.n * centre.square().sum((1, 2)) / width**2
        return -0.5 * square - 0.5 * self.system.dim * math.log(2 * math.pi * width**2)

    @property
    def log_unit(self) -> float:
        """ln of the volume of the unit that particles are measured in."""
        return len(self._directions) * math.log(self.scale)

    def units(self, x: Tensor) -> Tensor:
        """Return samples in units of the cloud, from their centre of mass where it is drawn apart."""
        y = x.to(next(self.parameters())) / self.scale
        return y if self.centre_width is None else y - y.mean(1, keepdim=True)

    def noise(self, num: int, generator: torch.Generator | None) -> Tensor:
        """Draw the Gaussian that a flow begins at, `(num, n, dim)` in units of the cloud."""
        like = next(self.parameters())
        size = (num, len(self._directions))
        normal = torch.randn(size, generator=generator, dtype=like.dtype, device=like.device)
        return torch.einsum("bt,tnd->bnd", normal, self.basis)


def directions(n: int, dim: int, centred: bool) -> Tensor:
    """Return orthonormal directions `(D, n, dim)` of particles, float64, if `centred` at rest on the whole."""
    first = torch.cat([torch.ones(n, 1, dtype=torch.float64), torch.eye(n, dtype=torch.float64)[:, : n - 1]], 1)
    among = torch.linalg.qr(first)[0][:, 1:] if centred else torch.eye(n, dtype=torch.float64)
    axes = torch.eye(dim, dtype=torch.float64)
    return torch.einsum("nk,cd->kcnd", among, axes).flatten(0, 1)
