"""Slater determinants of plane waves times a Jastrow factor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.plane_waves import PlaneWaves
from physgen.nn.determinants.slater import log_product_of_orbitals, log_sum


class PlaneWaveProduct(nn.Module):
    r"""$\psi = \prod_s \det[\phi_j(r_i)]_s\, e^{U(x)}$ of the lowest plane waves; without U that of Hartree-Fock.

    Args:
        n: particles; the first `n_up` have spin up.
        n_up: particles with spin up; each spin fills closed shells.
        jastrow: gives U(x) and `derivatives(x)`.
        dim: dimensions.
    """

    weights: nn.Parameter

    def __init__(self, n: int, n_up: int, jastrow: nn.Module, dim: int = 3) -> None:
        super().__init__()
        self.sizes = [size for size in (n_up, n - n_up) if size]
        self.orbitals = nn.ModuleList([PlaneWaves(size, dim) for size in self.sizes])
        self.jastrow = jastrow
        # the norm, which nothing depends on; it says in which precision a state without a Jastrow factor is
        self.weights = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)` in units of the side."""
        spins = zip(x.split(self.sizes, -2), self.orbitals, strict=True)
        sign, log = log_sum([orbitals(own).unsqueeze(-3) for own, orbitals in spins], self.weights)
        return sign, log + self.jastrow(x)

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| in closed form."""
        gradient, laplacian = self.jastrow.derivatives(x)
        slopes, curvatures = zip(
            *[
                log_product_of_orbitals(orbitals.jet(own))
                for own, orbitals in zip(x.split(self.sizes, -2), self.orbitals, strict=True)
            ],
            strict=True,
        )
        return gradient + torch.cat(slopes, -2), laplacian + sum(curvatures)
