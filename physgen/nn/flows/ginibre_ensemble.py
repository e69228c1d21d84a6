"""Clouds of particles that flows begin at: independent normal ones, and repelling ones of the Ginibre ensemble."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from physgen.core.errors import check_integer


class Cloud(Protocol):
    """A density of n particles with coordinates of variance 1, symmetric under S_n and O(d)."""

    #: standard deviation of a coordinate of the centre of mass, which is normal and independent of what lies about it
    centre_width: float

    def draw(self, num: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return exact draws `(num, n, dim)`, of the kind of `like`."""
        ...

    def log_prob(self, z: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any `z` `(batch, n, dim)`, differentiable."""
        ...


class NormalCloud:
    """Independent particles, ln p(z) = -z^2/2 - (n dim / 2) ln 2 pi.

    Args:
        n: particles.
        dim: dimensions.
    """

    def __init__(self, n: int, dim: int) -> None:
        self.n, self.dim = n, dim
        self.centre_width = n**-0.5

    def draw(self, num: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return exact draws `(num, n, dim)`, of the kind of `like`."""
        shape = (num, self.n, self.dim)
        return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any `z` `(batch, n, dim)`, differentiable."""
        return -0.5 * z.square().sum((-1, -2)) - 0.5 * self.n * self.dim * math.log(2 * math.pi)


class GinibreEnsemble:
    r"""Eigenvalues of a complex Gaussian matrix, particles in the plane that repel each other.

    With entries of variance 1 the eigenvalues w, read as points of the plane, labelled at random, have the density

    $$p(w) = \frac{1}{\pi^n \prod_{k=1}^n k!} \prod_{i<j} |w_i - w_j|^2 \prod_i e^{-|w_i|^2}.$$

    Draws are z = c w, with c^2 = 4 / (n + 1), so that a coordinate has variance 1. p is that of n fermions of the
    lowest Landau level, a determinantal process of the kernel
    $K(w, v) = \frac{1}{\pi} e^{-(|w|^2 + |v|^2)/2} \sum_{k<n} (w \bar v)^k / k!$, and that of the plasma of charges
    with logarithmic repulsion at Gamma = 2: a homogeneous droplet with a hole about every particle. It is symmetric
    under permutations, rotations and reflections, vanishes only where particles coincide, and its centre of mass is
    normal, with variance c^2 / (2 n), and independent.

    Source: J. Ginibre, "Statistical Ensembles of Complex, Quaternion, and Real Matrices", doi:10.1063/1.1704292; S.-S.
    Byun and P. J. Forrester, "Progress on the study of the Ginibre ensembles", arXiv:2211.16223.

    Args:
        n: particles.

    Raises:
        InputError: n below 1.
    """

    def __init__(self, n: int) -> None:
        self.n = check_integer("n", n, 1)
        self.unit = (4 / (n + 1)) ** 0.5
        self.centre_width = self.unit * (2 * n) ** -0.5
        self._log_norm = n * math.log(math.pi) + sum(math.lgamma(k + 1) for k in range(1, n + 1))
        self._log_norm += 2 * n * math.log(self.unit)

    def draw(self, num: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return exact draws `(num, n, 2)`, of the kind of `like`."""
        n, device = self.n, like.device
        kind = torch.promote_types(like.dtype, torch.float32)  # there are no eigenvalues in half precision
        entries = torch.randn(num, n, n, 2, generator=generator, dtype=kind, device=device)
        values = torch.linalg.eigvals(torch.view_as_complex(0.5**0.5 * entries))
        # the order in which eigenvalues come is none of the density
        order = torch.rand(num, n, generator=generator, device=device).argsort(1)
        points = torch.view_as_real(values).gather(1, order.unsqueeze(-1).expand(num, n, 2))
        drawn: Tensor = (self.unit * points).to(like.dtype)
        return drawn

    def log_prob(self, z: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any `z` `(batch, n, 2)`, differentiable where no particles coincide."""
        w = z / self.unit
        apart = (w.unsqueeze(2) - w.unsqueeze(1)).square().sum(-1)
        logs = (apart + torch.eye(self.n, dtype=z.dtype, device=z.device)).log()
        log_prob: Tensor = 0.5 * logs.sum((-1, -2)) - w.square().sum((-1, -2)) - self._log_norm
        return log_prob
