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
        self.dim, self.step = dim, reach / knots
        self.coefficients = nn.Parameter(torch.zeros(2, knots - 1))
        self.register_buffer("pieces", _pieces(knots), persistent=False)

    def spline(self, distance: Tensor, kind: Tensor, coefficients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the splines and their first two derivatives `(*, pairs)` at distances `(*, pairs)`.

        Only four functions differ from zero on an interval: their sum is one cubic, looked up and not summed.
        """
        pieces = torch.einsum("ipk,sk->sip", self.pieces, coefficients) / 6
        t = distance / self.step
        interval = t.detach().clamp(max=len(self.pieces) - 1).long().clamp(min=0)  # of NaN too
        a, b, c, d = pieces[kind, interval].unbind(-1)
        t = t - interval
        slope = b + t * (2 * c + 3 * t * d)
        return a + t * (b + t * (c + t * d)), slope / self.step, (2 * c + 6 * t * d) / self.step**2

    def forward(self, x: Tensor) -> Tensor:
        """Return ln J `(batch,)` of `x` `(batch, n, dim)`."""
        _, distance, _ = self.pade.pairs(x)
        return self.pade(x) + self.spline(distance, self.pade.kind, self.coefficients)[0].sum(-1)

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln J in closed form."""
        gradient, laplacian = self.pade.derivatives(x)
        difference, distance, _ = self.pade.pairs(x)
        _, slope, curvature = self.spline(distance, self.pade.kind, self.coefficients)
        force = (slope / distance).unsqueeze(-1) * difference
        gradient = gradient.index_add(-2, self.pade.first, force).index_add(-2, self.pade.second, -force)
        return gradient, laplacian + 2 * (curvature + (self.dim - 1) * slope / distance).sum(-1)


def _pieces(knots: int) -> Tensor:
    """Return six times the polynomials `(knots + 1, 4, knots - 1)` of every even B-spline on every interval.

    Powers of the fraction of the interval go with the second index, from the constant on; the last interval, past the
    reach, holds zeros. The numbers are whole, so that they are exact in every dtype.
    """
    sixths = torch.tensor([[1.0, -3.0, 3.0, -1.0], [4.0, 0.0, -6.0, 3.0], [1.0, 3.0, 3.0, -3.0], [0.0, 0.0, 0.0, 1.0]])
    pieces = torch.zeros(knots + 1, 4, knots - 1)
    for interval in range(knots):
        for row, centre in enumerate(range(interval - 1, interval + 3)):
            if abs(centre) < knots - 1:  # a function about -k is the mirror image of that about k
                pieces[interval, :, abs(centre)] += sixths[row]
    return pieces
