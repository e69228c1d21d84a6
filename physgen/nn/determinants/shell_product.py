"""Slater determinants of filled shells times positive factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.gaussian_envelope import GaussianEnvelope
from physgen.nn.determinants.orbitals import Orbitals
from physgen.nn.determinants.oscillator import OscillatorOrbitals
from physgen.nn.determinants.slater import log_product_of_orbitals, log_sum
from physgen.nn.parts import Parts
from physgen.nn.published_keys import keep_keys


class ShellProduct(nn.Module):
    r"""$\psi = \prod_s \det[\phi_j(r_i)]_s \prod_f F_f(x)$: one determinant a spin, of filled shells, times factors.

    Args:
        orbitals: the orbitals of each spin, spin up first, as many as its electrons; each gives `count`, values and
            `jet(x)`.
        factors: an envelope, a Jastrow factor and others by their names, each gives its logarithm and `derivatives(x)`.
    """

    weights: Tensor

    def __init__(self, orbitals: Sequence[Orbitals], factors: Mapping[str, Factor]) -> None:
        super().__init__()
        self.orbitals = Parts(orbitals)
        self.sizes = [spin.count for spin in orbitals]
        self.names = list(factors)
        for name, factor in factors.items():
            self.add_module(name, factor)
        self.register_buffer("weights", torch.ones(1), persistent=False)
        keep_keys(self, {"envelope.log_alpha": "log_alpha"})

    @property
    def factors(self) -> list[Factor]:
        """The factors in their order."""
        return [cast(Factor, self.get_submodule(name)) for name in self.names]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)`."""
        spins = zip(x.split(self.sizes, -2), self.orbitals, strict=True)
        sign, log = log_sum([orbitals(own).unsqueeze(-3) for own, orbitals in spins], self.weights)
        for factor in self.factors:
            log = log + factor(x)
        return sign, log

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| in closed form."""
        found = [factor.derivatives(x) for factor in self.factors]
        gradient, laplacian = (sum(parts[1:], parts[0]) for parts in zip(*found, strict=True))
        spins = zip(x.split(self.sizes, -2), gradient.split(self.sizes, -2), self.orbitals, strict=True)
        for own, slopes, orbitals in spins:
            slope, curvature = log_product_of_orbitals(orbitals.jet(own))
            slopes += slope
            laplacian = laplacian + curvature
        return gradient, laplacian


class Norm(Factor):
    """A constant, which nothing depends on: it tells the precision of a psi that has nothing to train."""

    def __init__(self) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logarithm `()`."""
        return self.log

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)`, both 0."""
        return torch.zeros_like(x), x.new_zeros(len(x))


def oscillator_shells(n: int, dim: int, n_up: int) -> list[OscillatorOrbitals]:
    """Return the orbitals of each spin that has electrons, spin up first."""
    return [OscillatorOrbitals(count, dim) for count in (n_up, n - n_up) if count]


def trapped_product(n: int, dim: int, n_up: int, jastrow: Factor) -> ShellProduct:
    r"""Return $\psi = e^{-a r^2/2} D_\uparrow D_\downarrow J$ of oscillator shells.

    Args:
        n: electrons; the first `n_up` have spin up.
        dim: dimensions.
        n_up: electrons with spin up.
        jastrow: gives ln J and `derivatives(x)`.
    """
    return ShellProduct(oscillator_shells(n, dim, n_up), {"envelope": GaussianEnvelope(), "jastrow": jastrow})
