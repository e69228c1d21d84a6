"""A ladder of densities between a Gaussian and a classical system."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from physgen.monte_carlo.clenshaw_curtis import clenshaw_curtis
from physgen.systems import ClassicalSystem

#: power of the node that a share is: a pair that diverges as r^-12 in space keeps a smooth integrand at the Gaussian
POWER = 8


class MixingLadder:
    r"""Densities $\ln p_k = -(1 - b_k) H_0 - b_k \beta H$, b_0 = 1: from a system to a Gaussian of its spread.

    $H_0 = \sum_i x_i^2 / 2 \sigma^2$ has a known ln Z, and $\ln Z = \ln Z_0 - \int_0^1 \langle \beta H - H_0 \rangle_b
    db$ with b = s^8 at the nodes s of the Clenshaw-Curtis rule, s = 0 left out, where the integrand vanishes; every
    second node is a rule again, whose difference bounds the error.

    Source: C. W. Clenshaw and A. R. Curtis, "A method for numerical integration on an automatic computer",
    doi:10.1007/BF01386223; J. G. Kirkwood, "Statistical Mechanics of Fluid Mixtures", doi:10.1063/1.1749657.

    Args:
        system: any classical system whose particles, or fields, a Gaussian can turn into.
        nodes: number of densities, a multiple of 4; grows with the square root of the coordinates unless given.
    """

    def __init__(self, system: ClassicalSystem, nodes: int | None = None) -> None:
        self.system, self.size = system, system.space.size
        nodes = nodes or 4 * math.ceil(1.0 * self.size**0.5 + 2)
        s, fine = clenshaw_curtis(nodes)
        coarse = np.zeros_like(fine)
        coarse[::2] = clenshaw_curtis(nodes // 2)[1]
        s, fine, coarse = (np.ascontiguousarray(v[:0:-1]) for v in (s, fine, coarse))
        self.shares = torch.tensor(s**POWER)
        #: weights `(2, replicas)` of <H - H_0/beta> in F - F_0: by all nodes, and by every second one
        self.weights = torch.tensor(np.stack([fine, coarse]) * POWER * s ** (POWER - 1))
        self.scale = torch.ones(nodes, dtype=torch.float64)
        self.coefficients = torch.stack([self.shares - 1, -system.beta * self.shares], 1)

    def evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (H_0, H) `(2, replicas, walkers)` and grad ln p_k, like `x` `(replicas, walkers, *shape)`."""
        with torch.enable_grad():
            leaf = x.flatten(0, 1).requires_grad_(True)
            energy = self.system.energy(leaf)
            (slope,) = torch.autograd.grad(energy.sum(), leaf)
        width = self.system.spread**2
        gauss = 0.5 * x.square().flatten(2).sum(-1) / width
        first, second = self.coefficients[..., None, None, None].unbind(1)
        gradient = first * x / width + second * slope.nan_to_num(0.0).view_as(x)
        # particles on one spot: no number, but a weight of zero
        value = energy.detach().nan_to_num(1e300, 1e300).clamp_max(1e300)
        return torch.stack([gauss, value.view(x.shape[:2])]), gradient

    def integrand(self, features: Tensor) -> Tensor:
        """Return H - H_0/beta `(*, replicas, walkers)` of the features `(*, 2, replicas, walkers)`."""
        return features[..., 1, :, :] - features[..., 0, :, :] / self.system.beta

    def virial(self, features: Tensor) -> Tensor | None:
        """Return nothing: the theorem holds at the ends of the ladder alone."""
        return None

    @property
    def free_energy(self) -> float:
        """F of the Gaussian."""
        return -0.5 * self.size * math.log(2 * math.pi * self.system.spread**2) / self.system.beta
