"""Slater determinants of oscillator orbitals times a Jastrow factor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.oscillator import OscillatorOrbitals
from physgen.nn.determinants.slater import log_product_of_orbitals, log_sum


class ShellProduct(nn.Module):
    """psi = exp(-a r^2/2) D_up D_down J: one determinant a spin, filled shells, and a Jastrow factor.

    Args:
        n: electrons; the first `n_up` have spin up.
        dim: dimensions.
        n_up: electrons with spin up.
        jastrow: gives ln J and `derivatives(x)`.
    """

    def __init__(self, n: int, dim: int, n_up: int, jastrow: nn.Module) -> None:
        super().__init__()
        self.spins = [(a, b) for a, b in [(0, n_up), (n_up, n)] if b > a]
        self.orbitals = nn.ModuleList([OscillatorOrbitals(b - a, dim) for a, b in self.spins])
        self.jastrow = jastrow
        self.log_alpha = nn.Parameter(torch.zeros(()))
        self.register_buffer("weights", torch.ones(1), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)`."""
        pairs = zip(self.spins, self.orbitals, strict=True)
        sign, log = log_sum([orbitals(x[..., a:b, :]).unsqueeze(-3) for (a, b), orbitals in pairs], self.weights)
        return sign, log - 0.5 * self.log_alpha.exp() * x.square().sum((-1, -2)) + self.jastrow(x)

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| in closed form."""
        gradient, laplacian = self.jastrow.derivatives(x)
        alpha = self.log_alpha.exp()
        gradient, laplacian = gradient - alpha * x, laplacian - alpha * x.shape[1:].numel()
        for (a, b), orbitals in zip(self.spins, self.orbitals, strict=True):
            slope, curvature = log_product_of_orbitals(orbitals.jet(x[:, a:b]))
            gradient[:, a:b] += slope
            laplacian = laplacian + curvature
        return gradient, laplacian
