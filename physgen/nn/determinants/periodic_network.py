"""A wavefunction of neural orbitals in a periodic cube."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.dressed_waves import DressedWaves
from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.message_passing import normal
from physgen.nn.determinants.periodic_messages import PeriodicMessages
from physgen.nn.determinants.slater import log_sum
from physgen.nn.forward_laplacian import Jet, Values, activation, differences, linear, pair_differences


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

    weights: nn.Parameter

    def __init__(self, body: PeriodicMessages, orbitals: DressedWaves, head: nn.Module, jastrow: Factor) -> None:
        super().__init__()
        self.body, self.orbitals, self.head, self.jastrow = body, orbitals, head, jastrow
        copies, (width, pair_width) = orbitals.copies, body.first.shape[1:]
        # of one determinant the norm, which nothing depends on
        self.weights = nn.Parameter(torch.full((copies,), 1 / copies), requires_grad=copies > 1)
        self.hidden = normal(width, width)
        self.hidden_bias = nn.Parameter(torch.zeros(width))
        self.readout = normal(1, width, gain=0.02)
        #: v, for unlike and for like spins
        self.pair_readout = nn.Parameter(torch.zeros(2, pair_width))

    def perceptron(self, h: Values) -> Values:
        """Return u `(*, n, 1)`."""
        return linear(activation(linear(h, self.hidden, self.hidden_bias), "tanh"), self.readout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)` in units of the side."""
        h, g = self.body(differences(x))
        sign, log = log_sum(self.head(self.orbitals(h, x), g), self.weights)
        pairs = (linear(g, self.pair_readout) * self.body.kinds).sum((-1, -2, -3))
        return sign, log + self.jastrow(x) + self.perceptron(h).sum((-1, -2)) + pairs

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| by the forward Laplacian."""
        h, g = self.body(pair_differences(x))
        jet: Jet = log_sum(self.head(self.orbitals(h, x), g), self.weights)
        smooth = self.perceptron(h).stack.sum((-1, -2))
        pairs = (linear(g, self.pair_readout).stack * self.body.kinds).sum(-1)  # (2 + dim, batch, n, n)
        more, curvature = self.jastrow.derivatives(x)
        gradient = (jet.rows + smooth[2:]).T.reshape(x.shape) + more
        gradient = gradient + (pairs[2:].sum(-1) - pairs[2:].sum(-2)).permute(1, 2, 0)
        return gradient, jet.laplacian + smooth[1] + 2 * pairs[1].sum((-1, -2)) + curvature
