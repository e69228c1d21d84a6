"""A wavefunction of neural orbitals: oscillator shells with a network's corrections, Jastrow factors and a Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.message_passing import normal
from physgen.nn.determinants.oscillator import OscillatorOrbitals, check_closed_shells
from physgen.nn.determinants.slater import log_sum
from physgen.nn.forward_laplacian import (
    Jet,
    Values,
    activation,
    differences,
    linear,
    own_coordinates,
    pair_differences,
)


class DeterminantNetwork(nn.Module):
    r"""$\psi = e^{-a r^2/2 + U(x) + \sum_i u(h_i)} \sum_k w_k \det[M^{k\uparrow}] \det[M^{k\downarrow}]$ with

    $M^{ks}_{ij} = \phi_j(r_i) + (V_s h_i)_{kj}$, the oscillator's orbitals and a correction by features $h_i$ that see
    all electrons (backflow); U is a Jastrow factor with the cusps, u a perceptron. Both spins share V if equally many.

    Args:
        n: electrons; the first `n_up` have spin up.
        dim: dimensions.
        n_up: electrons with spin up; each spin fills closed shells.
        body: gives the features `(*, n, width)` of coordinates and differences, plain or as jets; equivariant under
            permutations of like spins, smooth where electrons meet.
        width: features of an electron.
        determinants: number K of products of determinants.
        jastrow: gives U(x) and `derivatives(x)`.

    Raises:
        InputError: open shells.
    """

    def __init__(
        self, n: int, dim: int, n_up: int, body: nn.Module, width: int, determinants: int, jastrow: nn.Module
    ) -> None:
        super().__init__()
        check_closed_shells(n, n_up, dim)
        self.n, self.dim, self.determinants = n, dim, determinants
        self.spins = [(a, b) for a, b in [(0, n_up), (n_up, n)] if b > a]
        shared = 2 * n_up == n
        self.body, self.jastrow = body, jastrow
        self.orbitals = nn.ModuleList([OscillatorOrbitals(b - a, dim) for a, b in self.spins])
        rows = [determinants * (b - a) for a, b in self.spins[: 1 if shared else 2]]
        self.correction = nn.ParameterList([normal(r, width, gain=0.1) for r in rows])
        self.weights = nn.Parameter(torch.full((determinants,), 1 / determinants))
        self.log_alpha = nn.Parameter(torch.zeros(()))
        self.hidden = normal(width, width)
        self.hidden_bias = nn.Parameter(torch.zeros(width))
        self.readout = normal(1, width, gain=0.02)

    def matrices(self, h: Values, x: Values) -> list[Values]:
        """Return the Slater matrices of both spins, `(*, K, m, m)`, particles by orbitals."""
        found = []
        for index, (a, b) in enumerate(self.spins):
            weight, k, m = self.correction[min(index, len(self.correction) - 1)], self.determinants, b - a
            if not isinstance(h, Jet):
                change = linear(h[..., a:b, :], weight).unflatten(-1, (k, m)).transpose(-2, -3)
                found.append(change + self.orbitals[index](x[..., a:b, :]).unsqueeze(-3))
                continue
            stack = linear(Jet(h.stack[:, :, a:b]), weight).stack.unflatten(-1, (k, m)).transpose(-2, -3)
            orbitals = self.orbitals[index].jet(x.value[:, a:b]).stack.unsqueeze(2)
            stack[:2] += orbitals[:2]
            by_particle = stack[2:].unflatten(0, (self.n, self.dim))[a:b]
            diagonal = by_particle.diagonal(dim1=0, dim2=4)  # (dim, batch, k, orbital, particle)
            diagonal += orbitals[2:].transpose(-1, -2)
            found.append(Jet(stack))
        return found

    def perceptron(self, h: Values) -> Values:
        """Return the features whose sum over electrons is the smooth Jastrow factor, `(*, n, 1)`."""
        return linear(activation(linear(h, self.hidden, self.hidden_bias), "tanh"), self.readout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)`."""
        h = self.body(x, differences(x))
        sign, log = log_sum(self.matrices(h, x), self.weights)
        log = log - 0.5 * self.log_alpha.exp() * x.square().sum((-1, -2))
        return sign, log + self.jastrow(x) + self.perceptron(h).sum((-1, -2))

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| by the forward Laplacian."""
        own = own_coordinates(x)
        h = self.body(own, pair_differences(x))
        jet = log_sum(self.matrices(h, own), self.weights)
        smooth = self.perceptron(h).stack.sum((-1, -2))
        rows = (jet.rows + smooth[2:]).T.reshape(x.shape)
        more, curvature = self.jastrow.derivatives(x)
        alpha = self.log_alpha.exp()
        laplacian = jet.laplacian + smooth[1] + curvature - alpha * (self.n * self.dim)
        return rows + more - alpha * x, laplacian
