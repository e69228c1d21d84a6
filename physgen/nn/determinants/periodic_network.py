"""A wavefunction of neural orbitals in a periodic cube."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.dressed_waves import DressedWaves
from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.periodic_messages import PeriodicMessages
from physgen.nn.determinants.slater import SlaterSum
from physgen.nn.determinants.smooth_jastrow import SmoothJastrow, SmoothPairs
from physgen.nn.forward_laplacian import Jet, differences, pair_differences
from physgen.nn.published_keys import keep_keys

#: where files have the weights of parts
KNOWN = {
    "sum.weights": "weights",
    "smooth.hidden": "hidden",
    "smooth.hidden_bias": "hidden_bias",
    "smooth.readout": "readout",
    "pairs.readout": "pair_readout",
}


class PeriodicNetwork(nn.Module):
    r"""$\psi = e^{U(x) + \sum_i u(h_i) + \sum_{ij} v(g_{ij})} \sum_k w_k \prod_s \det M^{ks}$ of dressed plane waves.

    The head makes the matrices M of the orbitals: Slater determinants of each spin, or one of pairs. U is a Jastrow
    factor with the cusps, u a perceptron and v linear; everything but U is smooth. Only differences of positions enter
    but for the plane waves, so the total momentum is 0 and |psi| does not change when all particles move together.

    Args:
        body: gives the features of particles and of pairs.
        orbitals: dressed plane waves, a set for each determinant.
        head: gives the matrices of orbitals and features of pairs.
        jastrow: gives U(x) and `derivatives(x)`.
    """

    def __init__(self, body: PeriodicMessages, orbitals: DressedWaves, head: nn.Module, jastrow: Factor) -> None:
        super().__init__()
        copies, (width, pair_width) = orbitals.copies, body.first.shape[1:]
        # in the order that optimisers of interrupted trainings know
        self.sum = SlaterSum(torch.full((copies,), 1 / copies))
        # of one determinant the norm, which nothing depends on
        self.sum.weights.requires_grad_(copies > 1)
        self.smooth, self.pairs = SmoothJastrow(width), SmoothPairs(pair_width)
        self.body, self.orbitals, self.head, self.jastrow = body, orbitals, head, jastrow
        keep_keys(self, KNOWN)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)` in units of the side."""
        h, g = self.body(differences(x))
        sign, log = self.sum(self.head(self.orbitals(h, x), g))
        return sign, log + self.jastrow(x) + self.smooth(h).sum((-1, -2)) + self.pairs(g, self.body.kinds)

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| by the forward Laplacian."""
        h, g = self.body(pair_differences(x))
        jet: Jet = self.sum(self.head(self.orbitals(h, x), g))
        smooth = self.smooth(h).stack.sum((-1, -2))
        more, curvature = self.jastrow.derivatives(x)
        slope, bend = self.pairs.derivatives(g, self.body.kinds)
        gradient = (jet.rows + smooth[2:]).T.reshape(x.shape) + more + slope
        return gradient, jet.laplacian + smooth[1] + bend + curvature
