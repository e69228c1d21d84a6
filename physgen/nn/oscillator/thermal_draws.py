"""Independent draws from the exact thermal density of free identical particles in a trap."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from physgen.nn.oscillator.thermal_kernel import ThermalKernel

#: proposals of one round
ROUND = 65_536


class ThermalDraws:
    r"""Draws of relative vectors from $q(\xi) = K_t(\xi, \xi) / Z_t$, the sum over all states of the free gas.

    Distinguishable particles have a Gaussian density of variance $\tfrac12 \coth \tfrac12 t$; of its draws those are
    kept whose sum over permutations, at most n! (bosons) or 1 (fermions, Hadamard), is above a uniform number. So draws
    are exact, independent of each other and of every parameter, and q is known with its normalisation.

    Args:
        n: number of particles.
        sign: 1 for bosons, -1 for fermions of one spin.
        t: inverse temperature in units of the quantum.
        log_partition: ln of $Z_t$ of the relative motion.
    """

    def __init__(self, n: int, sign: int, t: float, log_partition: float) -> None:
        self.kernel = ThermalKernel(n, sign, t)
        self.size = 2 * (n - 1)
        self.width = math.sqrt(0.5 / math.tanh(t / 2))
        self.log_partition = log_partition
        self.most = math.factorial(n) if sign > 0 else 1
        #: part of the proposals that is kept
        self.acceptance = math.exp(log_partition) * math.factorial(n) * (2 * math.sinh(t / 2)) ** self.size / self.most

    def draw(self, num: int, generator: torch.Generator) -> Tensor:
        """Return relative vectors `(num, 2 (n - 1))` in float64."""
        found: list[Tensor] = []
        missing, device = num, generator.device
        while missing > 0:
            tries = min(ROUND, int(1.2 * missing / self.acceptance) + 16)
            x = torch.randn(tries, self.size, generator=generator, dtype=torch.float64, device=device) * self.width
            limit = self.most * torch.rand(tries, generator=generator, dtype=torch.float64, device=device)
            kept = x[self.kernel.exchange(x) > limit][:missing]
            found.append(kept)
            missing -= len(kept)
        return torch.cat(found)

    def density(self, x: Tensor) -> Tensor:
        """Return q `(batch,)` at relative vectors `(batch, 2 (n - 1))`."""
        return self.kernel.density(x) * math.exp(-self.log_partition)


class MixedDraws:
    """Draws of two temperatures, half of each: none of what either covers is rare.

    Args:
        first: of one temperature.
        second: of another one.
    """

    def __init__(self, first: ThermalDraws, second: ThermalDraws) -> None:
        self.first, self.second = first, second
        self.size = first.size

    def draw(self, num: int, generator: torch.Generator) -> Tensor:
        """Return relative vectors `(num, size)` in float64, each of a random one of the two."""
        hot = torch.rand(num, 1, generator=generator, dtype=torch.float64, device=generator.device) < 0.5
        return torch.where(hot, self.second.draw(num, generator), self.first.draw(num, generator))

    def density(self, x: Tensor) -> Tensor:
        """Return the density `(batch,)` of the mixture at relative vectors `(batch, size)`."""
        return 0.5 * (self.first.density(x) + self.second.density(x))
