"""A wavefunction of neural orbitals, made of parts: features, orbitals, a head, an envelope and Jastrow factors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.gaussian_envelope import GaussianEnvelope
from physgen.nn.determinants.neural_shells import NeuralShells
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.nn.determinants.slater import SlaterSum
from physgen.nn.determinants.smooth_jastrow import SmoothJastrow
from physgen.nn.forward_laplacian import differences, own_coordinates, pair_differences
from physgen.nn.published_keys import keep_keys

#: where files have the weights of parts
KNOWN = {
    "head.weights": "weights",
    "envelope.log_alpha": "log_alpha",
    "smooth.hidden": "hidden",
    "smooth.hidden_bias": "hidden_bias",
    "smooth.readout": "readout",
    "orbitals.correction": "correction",
}


class DeterminantNetwork(nn.Module):
    r"""$\psi = E(x)\, e^{U(x) + \sum_i u(h_i)}\, D(M)$, D of matrices M of orbitals that see all electrons.

    Args:
        body: gives the features $h_i$ `(*, n, width)` of coordinates and differences, plain or as jets; equivariant
            under permutations of like spins, smooth where electrons meet.
        orbitals: gives the matrices M of features and coordinates, such as `NeuralShells`.
        head: gives sign and logarithm of D, such as the sum of Slater determinants, `SlaterSum`.
        envelope: gives ln E and its `derivatives(x)`, such as `GaussianEnvelope`.
        jastrow: gives U(x), with the cusps, and `derivatives(x)`.
        smooth: gives u of the features, such as `SmoothJastrow`.
    """

    def __init__(
        self,
        body: nn.Module,
        orbitals: nn.Module,
        head: nn.Module,
        envelope: Factor,
        jastrow: Factor,
        smooth: nn.Module,
    ) -> None:
        super().__init__()
        # in the order that optimisers of interrupted trainings know
        self.head, self.envelope, self.smooth = head, envelope, smooth
        self.body, self.jastrow, self.orbitals = body, jastrow, orbitals
        keep_keys(self, KNOWN)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)`."""
        h = self.body(x, differences(x))
        sign, log = self.head(self.orbitals(h, x))
        return sign, log + self.envelope(x) + self.jastrow(x) + self.smooth(h).sum((-1, -2))

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| by the forward Laplacian."""
        own = own_coordinates(x)
        h = self.body(own, pair_differences(x))
        jet = self.head(self.orbitals(h, own))
        smooth = self.smooth(h).stack.sum((-1, -2))
        rows = (jet.rows + smooth[2:]).T.reshape(x.shape)
        more, curvature = self.jastrow.derivatives(x)
        slope, bend = self.envelope.derivatives(x)
        return rows + more + slope, jet.laplacian + smooth[1] + curvature + bend


def shell_network(
    filling: ShellFilling, body: nn.Module, width: int, determinants: int, jastrow: Factor
) -> DeterminantNetwork:
    r"""Return $\psi = e^{-a r^2/2 + U(x) + \sum_i u(h_i)} \sum_k w_k \det[M^{k\uparrow}] \det[M^{k\downarrow}]$.

    Args:
        filling: shells of the oscillator that the electrons fill; those with spin up come first.
        body: gives the features.
        width: features of an electron.
        determinants: number K of products of determinants.
        jastrow: gives U(x) and `derivatives(x)`.
    """
    orbitals = NeuralShells(filling, width, determinants)
    head, envelope = SlaterSum(orbitals.weights), GaussianEnvelope()
    return DeterminantNetwork(body, orbitals, head, envelope, jastrow, SmoothJastrow(width))
