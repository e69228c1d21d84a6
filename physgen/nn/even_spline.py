"""Cubic splines of a distance, smooth where it vanishes and zero beyond a reach."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class EvenSpline(nn.Module):
    r"""Sums $\sum_k c_k B_k(r)$ of cubic B-splines on equal intervals of [0, reach], even in r, and zero beyond.

    Only four functions differ from zero on an interval: their sum is one cubic, looked up and not summed. The slope at
    r = 0 vanishes.

    Source: Esler, Kim, Ceperley and Shulenburger, "Accelerating Quantum Monte Carlo Simulations of Real Materials on
    GPU Clusters", doi:10.1109/MCSE.2010.122 (B-spline Jastrow factors).

    Args:
        knots: intervals.
        reach: length where the splines end.
    """

    pieces: Tensor

    def __init__(self, knots: int, reach: float) -> None:
        super().__init__()
        self.step = reach / knots
        self.register_buffer("pieces", _pieces(knots), persistent=False)

    @property
    def functions(self) -> int:
        """Number of the functions B_k."""
        return self.pieces.shape[-1]

    def forward(self, distance: Tensor, kind: Tensor, coefficients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the sums and their first two derivatives `(*)`.

        Args:
            distance: r `(*)`.
            kind: which coefficients are taken, to be broadcast with r.
            coefficients: c `(kinds, functions)`.
        """
        pieces = torch.einsum("ipk,sk->sip", self.pieces, coefficients) / 6
        t = distance / self.step
        interval = t.detach().clamp(max=len(self.pieces) - 1).long().clamp(min=0)  # of NaN too
        a, b, c, d = pieces[kind, interval].unbind(-1)
        t = t - interval
        slope = b + t * (2 * c + 3 * t * d)
        return a + t * (b + t * (c + t * d)), slope / self.step, (2 * c + 6 * t * d) / self.step**2


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
