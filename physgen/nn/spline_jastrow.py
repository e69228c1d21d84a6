"""Jastrow factor of cubic splines with fixed cusps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.pade_jastrow import PadeJastrow


class SplineJastrow(nn.Module):
    r"""Pair correlation $\ln J = \sum_{i<j} [a_{ij} r/(1 + b_{ij} r) + \sum_k c_{k,ij} B_k(r)]$ with the exact cusps.

    To the Pade form is added a cubic B-spline on equal intervals of [0, reach], even in r, so that its slope at r = 0
    vanishes and the cusps stay, and zero beyond the reach; one for like and one for unlike spins. It starts at zero.

    Source: Esler, Kim, Ceperley and Shulenburger, "Accelerating Quantum Monte Carlo Simulations of Real Materials on
    GPU Clusters", doi:10.1109/MCSE.2010.122 (B-spline Jastrow factors); the cusps as in `PadeJastrow`.

    Args:
        n: particles; the first `n_up` have spin up.
        dim: dimensions, at least 2.
        n_up: particles with spin up.
        coupling: strength of the Coulomb repulsion in the units of `x`.
        denominator: b to start with.
        knots: intervals of the spline.
        reach: length where the spline ends, in the units of `x`.
    """

    def __init__(
        self,
        n: int,
        dim: int,
        n_up: int,
        coupling: float,
        denominator: float = 0.5,
        knots: int = 10,
        reach: float = 8.0,
    ) -> None:
        super().__init__()
        self.pade = PadeJastrow(n, dim, n_up, coupling, denominator)
        self.dim, self.step = dim, reach / knots
        self.coefficients = nn.Parameter(torch.zeros(2, knots - 1))
        self.register_buffer("centres", torch.arange(knots - 1), persistent=False)

    def basis(self, distance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return B_k, B_k' and B_k'' `(*, knots - 1)` at distances `(*)`."""
        t = (distance / self.step).unsqueeze(-1)
        there, mirrored = (_cubic(t - self.centres), _cubic(t + self.centres))
        # the first function is its own mirror image
        twice = (self.centres > 0).to(t.dtype)
        value, slope, curvature = (a + twice * b for a, b in zip(there, mirrored, strict=True))
        return value, slope / self.step, curvature / self.step**2

    def forward(self, x: Tensor) -> Tensor:
        """Return ln J `(batch,)` of `x` `(batch, n, dim)`."""
        _, distance, _ = self.pade.pairs(x)
        value = (self.basis(distance)[0] * self.coefficients[self.pade.kind]).sum(-1)
        return self.pade(x) + value.sum(-1)

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln J in closed form."""
        gradient, laplacian = self.pade.derivatives(x)
        difference, distance, _ = self.pade.pairs(x)
        c = self.coefficients[self.pade.kind]
        slope, curvature = ((b * c).sum(-1) for b in self.basis(distance)[1:])
        force = (slope / distance).unsqueeze(-1) * difference
        gradient = gradient.index_add(-2, self.pade.first, force).index_add(-2, self.pade.second, -force)
        return gradient, laplacian + 2 * (curvature + (self.dim - 1) * slope / distance).sum(-1)


def _cubic(t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the cardinal cubic B-spline about 0 and its first two derivatives, from truncated powers."""
    far, near = (2 - t.abs()).clamp_min(0), (1 - t.abs()).clamp_min(0)
    slope = -torch.sign(t) * (0.5 * far.square() - 2 * near.square())
    return far**3 / 6 - 4 * near**3 / 6, slope, far - 4 * near
