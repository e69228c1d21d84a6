"""Ladders of densities that reference chains run in: couplings of charges, or temperatures of any system."""

from __future__ import annotations

import math
from typing import TypeGuard

import numpy as np
import torch
from torch import Tensor

from physgen.monte_carlo.clenshaw_curtis import clenshaw_curtis
from physgen.monte_carlo.free_energy import uncoupled
from physgen.monte_carlo.mixing_ladder import MixingLadder
from physgen.monte_carlo.repulsion import repulsion_with_gradient
from physgen.spaces import Free
from physgen.systems import ClassicalDot, ClassicalSystem


class CouplingLadder:
    r"""Charges at couplings $\lambda_k = \lambda s_k^3$, k = 0 the system itself, in lengths that grow with the cloud.

    With x = c_k y and the features T = (sum y^2, sum 1/|y_i - y_j|), ln p_k = -beta (c_k^2 T_1 + lambda_k / c_k T_2):
    neighbours swap y, so that the cloud breathes with the coupling and swaps are accepted as between temperatures
    proportional to s^-2. c_k is the ratio of `spread` at lambda_k and at lambda.

    The nodes s_k are those of the Clenshaw-Curtis rule on [0, 1], s = 1 first and s = 0 left out:
    $F = F_0 + \int_0^1 3 \lambda s^2 \langle \sum 1/r_{ij} \rangle_s ds$. The substitution makes the integrand smooth
    at both ends, where the mean repulsion behaves as a logarithm and as lambda^(-1/3); every second node is a rule
    again, whose difference bounds the error.

    Source: C. W. Clenshaw and A. R. Curtis, "A method for numerical integration on an automatic computer",
    doi:10.1007/BF01386223; J. G. Kirkwood, "Statistical Mechanics of Fluid Mixtures", doi:10.1063/1.1749657.

    Args:
        system: charges with a coupling above 0.
        nodes: number of couplings, a multiple of 4; grows with sqrt(n) unless given, as the overlap of neighbours asks.
    """

    def __init__(self, system: ClassicalDot, nodes: int | None = None) -> None:
        self.system = system
        nodes = nodes or max(8, 4 * math.ceil(0.9 * system.n**0.5))
        s, fine = clenshaw_curtis(nodes)
        coarse = np.zeros_like(fine)
        coarse[::2] = clenshaw_curtis(nodes // 2)[1]
        s, fine, coarse = (np.ascontiguousarray(v[:0:-1]) for v in (s, fine, coarse))
        self.couplings = torch.tensor(system.coupling * s**3)
        #: weights `(2, replicas)` of the mean repulsion in F - F_0: by all nodes, and by every second one
        self.weights = torch.tensor(np.stack([fine, coarse]) * 3 * system.coupling * s**2)
        spreads = [ClassicalDot(system.n, system.dim, system.beta, float(v)).spread for v in self.couplings]
        self.scale = torch.tensor(spreads, dtype=torch.float64) / system.spread
        self.coefficients = -system.beta * torch.stack([self.scale**2, self.couplings / self.scale], 1)

    def evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return T `(2, replicas, walkers)` and grad ln p_k, like `x` `(replicas, walkers, n, dim)`."""
        repulsion, gradient = repulsion_with_gradient(x.flatten(0, 1))
        features = torch.stack([x.square().flatten(2).sum(-1), repulsion.view(x.shape[:2])])
        trap, coulomb = self.coefficients[..., None, None, None].unbind(1)
        return features, 2 * trap * x + coulomb * gradient.view(x.shape)

    def terms(self, features: Tensor) -> dict[str, Tensor]:
        """Return `trap` and `coulomb` of every replica, in its own lengths and at its own coupling."""
        coulomb = (self.couplings / self.scale)[:, None] * features[..., 1, :, :]
        return {"trap": self.scale[:, None] ** 2 * features[..., 0, :, :], "coulomb": coulomb}

    def integrand(self, features: Tensor) -> Tensor:
        """Return the repulsion at a coupling of one, whose mean the weights integrate to F - F_0."""
        return self.terms(features)["coulomb"] / self.couplings[:, None]

    def virial(self, features: Tensor) -> Tensor | None:
        """Return samples of the virial theorem of every replica, whose mean vanishes."""
        return self.system.virial(self.terms(features))

    @property
    def shares(self) -> Tensor:
        """Couplings of the replicas."""
        return self.couplings

    @property
    def free_energy(self) -> float:
        """F of the charges without repulsion."""
        return uncoupled(self.system)


class TemperatureLadder:
    r"""Any classical system at inverse temperatures beta b_k, b_0 = 1: tempering with the one feature H.

    Args:
        system: any classical system whose density is normalisable at every power down to the last.
        powers: b_k, falling.
    """

    weights = None

    def __init__(self, system: ClassicalSystem, powers: tuple[float, ...] = (1.0, 0.6, 0.36, 0.22)) -> None:
        self.system = system
        self.coefficients = -system.beta * torch.tensor(powers, dtype=torch.float64)[:, None]
        self.scale = torch.ones(len(powers), dtype=torch.float64)

    def evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return H `(1, replicas, walkers)` and grad ln p_k, like `x` `(replicas, walkers, n, dim)`."""
        with torch.enable_grad():
            leaf = x.flatten(0, 1).requires_grad_(True)
            energy = self.system.energy(leaf)
            (gradient,) = torch.autograd.grad(energy.sum(), leaf)
        shape = x.shape[:2]
        return energy.detach().view(1, *shape), self.coefficients[..., None, None] * gradient.view(x.shape)


def ladder_of(system: ClassicalSystem) -> CouplingLadder | TemperatureLadder | MixingLadder:
    """Return couplings for charges, temperatures for others in free space, a way to a Gaussian for all else."""
    if trapped_charges(system) and system.coupling > 0 and system.n > 1:
        return CouplingLadder(system)
    return TemperatureLadder(system) if isinstance(system.space, Free) else MixingLadder(system)


def trapped_charges(system: ClassicalSystem) -> TypeGuard[ClassicalDot]:
    """Return whether the energy is that of `ClassicalDot`, which a subclass may have changed."""
    kind = type(system)
    return isinstance(system, ClassicalDot) and (kind.terms, kind.energy) == (ClassicalDot.terms, ClassicalDot.energy)
