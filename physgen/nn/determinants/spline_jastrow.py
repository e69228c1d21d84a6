"""Jastrow factor of cubic splines with fixed cusps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.pade_jastrow import PadeJastrow
from physgen.nn.even_spline import EvenSpline


class SplineJastrow(Factor):
    r"""Pair correlation $\ln J = \sum_{i<j} [a_{ij} r/(1 + b_{ij} r) + \sum_k c_{k,ij} B_k(r)]$ with the exact cusps.

    To the Pade form is added an `EvenSpline`, whose slope at r = 0 vanishes, so that the cusps stay; one for like and
    one for unlike spins. It starts at zero. The cusps are those of `PadeJastrow`.

    Args:
        n: particles; the first `n_up` have spin up.
        dim: dimensions; in one there are no cusps, see `PadeJastrow`.
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
        self.dim, self.spline = dim, EvenSpline(knots, reach)
        self.coefficients = nn.Parameter(torch.zeros(2, self.spline.functions))

    def forward(self, x: Tensor) -> Tensor:
        """Return ln J `(batch,)` of `x` `(batch, n, dim)`."""
        _, distance = self.pade.differences(x)
        log: Tensor = self.pade(x) + self.spline(distance, self.pade.kind, self.coefficients)[0].sum(-1)
        return log

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln J in closed form."""
        gradient, laplacian = self.pade.derivatives(x)
        difference, distance = self.pade.differences(x)
        _, slope, curvature = self.spline(distance, self.pade.kind, self.coefficients)
        force = (slope / distance).unsqueeze(-1) * difference
        gradient = gradient.index_add(-2, self.pade.first, force).index_add(-2, self.pade.second, -force)
        return gradient, laplacian + 2 * (curvature + (self.dim - 1) * slope / distance).sum(-1)
