r"""Orders of particles in the plane, as exact maps of a Gaussian gas to the unit cube.

For n independent points of density exp(-r^2/L^2)/(pi L^2), the gas, the conditional distributions of radius and
angle, one particle after another, are elementary in each of the orders below: coordinates s_i and t_i exist that are
independent and uniform on (0, 1). Any density c(s, t) on the cube therefore gives a normalised density over labelled
configurations,

    ln p(x) = ln c(s, t) - sum_i r_i^2/L^2 - n ln(pi L^2),

in which 1/n!, 1/(2 pi) and all Jacobians are contained; c = 1 is the gas itself. The first angle is always uniform,
so p is exactly rotation-invariant; `AngleOrder` and `RadiusOrder` describe a set of identical particles once and only
once (a fundamental domain of S_n), so there p is exactly permutation-invariant too.

Source of the map: Rosenblatt, "Remarks on a multivariate transformation", doi:10.1214/aoms/1177729394.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

TWO_PI = 2.0 * math.pi


class ParticleOrder(ABC):
    """An order of n particles with the gas coordinates that belong to it.

    Args:
        n: number of particles.
        scale: L, the length of the gas; densities built on it have its tails, so L^2 must exceed 1/beta for a trap r^2.
    """

    #: whether the order is a fundamental domain of the permutations
    canonical = True

    def __init__(self, n: int, scale: float) -> None:
        self.n, self.scale = n, float(scale)

    @abstractmethod
    def order(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return radii and angles relative to the first particle, `(batch, n)` each, of `x` `(batch, n, 2)`."""

    @abstractmethod
    def cube(self, radius: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coordinates s, t `(batch, n)` of ordered radii and angles; t of the first has no meaning."""

    @abstractmethod
    def next_radius(self, i: int, survival: Tensor, radius: Tensor) -> Tensor:
        """Return the radius `(batch,)` of particle i from 1 - s_i and the radii so far `(batch, n)`."""

    def next_angle(self, i: int, survival: Tensor, previous: Tensor) -> Tensor:
        """Return the angle `(batch,)` of particle i >= 1 from 1 - t_i and the angle before."""
        return TWO_PI * (1.0 - survival)

    def gaps(self, previous: Tensor, power: Tensor, survival: Tensor) -> Tensor:
        """Return angles less the one before, `(positions, batch, k)`, at the values 1 - t `(k,)`.

        Args:
            previous: angle of the particle before `(positions, batch)`.
            power: n - i of every position `(positions,)`.
            survival: values of 1 - t `(k,)`.
        """
        return TWO_PI * (1.0 - survival) - previous[..., None]

    def free_angle(self, previous: Tensor) -> Tensor:
        """Return the range of angles that is left, of the shape of `previous`."""
        return torch.full_like(previous, TWO_PI)

    def polar(self, x: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Return radii, and angles in [0, 2 pi) relative to particle `first` `(batch, 1)`, `(batch, n)` each."""
        radius, angle = x.norm(dim=-1), torch.atan2(x[..., 1], x[..., 0])
        angle = torch.remainder(angle - angle.gather(-1, first), TWO_PI)
        # remainder may round up to 2 pi
        return radius, torch.where(angle >= TWO_PI, torch.zeros_like(angle), angle)

    def positions(self, radius: Tensor, angle: Tensor, rotation: Tensor) -> Tensor:
        """Return configurations `(batch, n, 2)`, rows in order, turned by `rotation` `(batch,)`."""
        angle = angle + rotation[:, None]
        return torch.stack([radius * angle.cos(), radius * angle.sin()], -1)

    def gas_log_prob(self, radius: Tensor) -> Tensor:
        """Return the log-density `(batch,)` of the gas over labelled configurations, of radii `(batch, n)`."""
        return -(radius / self.scale).square().sum(-1) - self.n * math.log(math.pi * self.scale**2)


class AngleOrder(ParticleOrder):
    """Innermost particle first, the others by their angle relative to it.

    1 - s_0 = exp(-n r_0^2/L^2), 1 - s_i = exp(-(r_i^2 - r_0^2)/L^2), 1 - t_i = (left_i/left_{i-1})^(n-i) with
    left_i = 2 pi - a_i.
    """

    def order(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return radii and relative angles, sorted by angle behind the innermost particle."""
        first = x.square().sum(-1).argmin(-1, keepdim=True)
        radius, angle = self.polar(x, first)
        angle, index = angle.scatter(-1, first, -1.0).sort(-1)
        return radius.gather(-1, index), angle.clamp_min(0.0)

    def cube(self, radius: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Return s and t of ordered radii and angles."""
        square = (radius / self.scale).square()
        excess = torch.cat([self.n * square[:, :1], (square[:, 1:] - square[:, :1]).clamp_min(0.0)], -1)
        left = TWO_PI - angle
        power = torch.arange(self.n - 1, 0, -1, dtype=radius.dtype, device=radius.device)
        ratio = torch.log(left[:, 1:] / left[:, :-1]) * power
        return -torch.expm1(-excess), torch.cat([torch.zeros_like(angle[:, :1]), -torch.expm1(ratio)], -1)

    def next_radius(self, i: int, survival: Tensor, radius: Tensor) -> Tensor:
        """Return the radius of particle i."""
        excess = -torch.log(survival)
        if i == 0:
            return self.scale * (excess / self.n).sqrt()
        return (radius[:, 0].square() + self.scale**2 * excess).sqrt()

    def next_angle(self, i: int, survival: Tensor, previous: Tensor) -> Tensor:
        """Return the angle of particle i."""
        return TWO_PI - (TWO_PI - previous) * survival.pow(1.0 / (self.n - i))

    def gaps(self, previous: Tensor, power: Tensor, survival: Tensor) -> Tensor:
        """Return angles less the one before at given values of 1 - t."""
        root = survival[None] ** (1.0 / power[:, None])
        return (TWO_PI - previous)[..., None] * (1.0 - root[:, None])

    def free_angle(self, previous: Tensor) -> Tensor:
        """Return 2 pi less the angle before."""
        return TWO_PI - previous


class RadiusOrder(ParticleOrder):
    """Particles by their radius: 1 - s_i = exp(-(n - i)(r_i^2 - r_{i-1}^2)/L^2), t_i = a_i/(2 pi)."""

    def order(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return radii in ascending order and angles relative to the innermost particle."""
        first = x.square().sum(-1).argmin(-1, keepdim=True)
        radius, angle = self.polar(x, first)
        radius, index = radius.sort(-1)
        return radius, angle.gather(-1, index)

    def cube(self, radius: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Return s and t of ordered radii and angles."""
        square = (radius / self.scale).square()
        steps = torch.diff(square, dim=-1, prepend=torch.zeros_like(square[:, :1])).clamp_min(0.0)
        power = torch.arange(self.n, 0, -1, dtype=radius.dtype, device=radius.device)
        return -torch.expm1(-steps * power), angle / TWO_PI

    def next_radius(self, i: int, survival: Tensor, radius: Tensor) -> Tensor:
        """Return the radius of particle i."""
        before = radius[:, i - 1].square() if i > 0 else 0.0
        return (before - self.scale**2 * torch.log(survival) / (self.n - i)).sqrt()


class LabelledOrder(ParticleOrder):
    """Particles as they are numbered: 1 - s_i = exp(-r_i^2/L^2), t_i = a_i/(2 pi); no permutation symmetry."""

    canonical = False

    def order(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return radii and angles relative to particle 0."""
        return self.polar(x, torch.zeros(len(x), 1, dtype=torch.long, device=x.device))

    def cube(self, radius: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Return s and t of radii and angles."""
        return -torch.expm1(-(radius / self.scale).square()), angle / TWO_PI

    def next_radius(self, i: int, survival: Tensor, radius: Tensor) -> Tensor:
        """Return the radius of particle i."""
        return self.scale * (-torch.log(survival)).sqrt()


ORDERS: dict[str, type[ParticleOrder]] = {"angle": AngleOrder, "radius": RadiusOrder, "labelled": LabelledOrder}
