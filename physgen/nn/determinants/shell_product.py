"""Slater determinants of filled shells times positive factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.gaussian_envelope import GaussianEnvelope
from physgen.nn.determinants.open_shells import filled_orbitals
from physgen.nn.determinants.orbitals import Orbitals
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.nn.determinants.slater import log_sum, log_sum_of_orbitals
from physgen.nn.parts import Parts
from physgen.nn.published_keys import keep_keys


class ShellProduct(nn.Module):
    r"""$\psi = \sum_k w_k \prod_s \det[\phi^k_j(r_i)]_s \prod_f F_f(x)$: determinants of filled shells times factors.

    Args:
        orbitals: the orbitals of each spin, spin up first, as many as its electrons.
        factors: an envelope, a Jastrow factor and others by their names, each gives its logarithm and `derivatives(x)`.
        weights: w `(K,)`, which stay as they are; one product unless given.
    """

    weights: Tensor

    def __init__(
        self, orbitals: Sequence[Orbitals], factors: Mapping[str, Factor], weights: Tensor | None = None
    ) -> None:
        super().__init__()
        self.orbitals = Parts(orbitals)
        self.sizes = [spin.count for spin in orbitals]
        self.names = list(factors)
        for name, factor in factors.items():
            self.add_module(name, factor)
        self.register_buffer("weights", torch.ones(1) if weights is None else weights, persistent=False)
        keep_keys(self, {"envelope.log_alpha": "log_alpha"})

    @property
    def factors(self) -> list[Factor]:
        """The factors in their order."""
        return [cast(Factor, self.get_submodule(name)) for name in self.names]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)`."""
        spins = zip(x.split(self.sizes, -2), self.orbitals, strict=True)
        sign, log = log_sum([orbitals.matrices(own) for own, orbitals in spins], self.weights)
        for factor in self.factors:
            log = log + factor(x)
        return sign, log

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| in closed form."""
        found = [factor.derivatives(x) for factor in self.factors]
        gradient, laplacian = (sum(parts[1:], parts[0]) for parts in zip(*found, strict=True))
        spins = zip(x.split(self.sizes, -2), self.orbitals, strict=True)
        slopes, curvature = log_sum_of_orbitals([orbitals.jets(own) for own, orbitals in spins], self.weights)
        return gradient + slopes, laplacian + curvature


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


def shell_product(filling: ShellFilling, factors: Mapping[str, Factor]) -> ShellProduct:
    """Return the oscillator orbitals that the electrons of both spins fill, times factors."""
    orbitals, weights = filled_orbitals(filling)
    return ShellProduct(orbitals, factors, weights)


def trapped_product(filling: ShellFilling, jastrow: Factor) -> ShellProduct:
    r"""Return $\psi = e^{-a r^2/2} D_\uparrow D_\downarrow J$ of oscillator shells.

    Args:
        filling: shells that the electrons fill; those with spin up come first.
        jastrow: gives ln J and `derivatives(x)`.
    """
    return shell_product(filling, {"envelope": GaussianEnvelope(), "jastrow": jastrow})
