"""The state of two attracting particles as a Jastrow factor in a periodic cube."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from physgen.nn.determinants.periodic_jastrow import PeriodicWell


class PeriodicPairState(PeriodicWell):
    r"""$u = \ln\frac{\tanh \kappa s}{\kappa s} - \frac{\gamma q}{1 + q/\xi} + \frac12 \ln(1 + s^2/\xi^2)$ between
    unlike spins, $q = \frac{1}{\kappa} \ln\cosh \kappa s$.

    Below the healing length xi it is the state of energy $-\gamma^2$ of two particles with hbar = m = 1 in the well
    $-\lambda (\lambda - 1) \kappa^2/\cosh^2 \kappa r$ with $\gamma = (\lambda - 2) \kappa$,
    $\psi(r) = \tanh(\kappa r) \cosh(\kappa r)^{2 - \lambda}/r$: the molecule where gamma > 0, and where it is below 0
    the virtual state, which grows. At gamma = 0 this is `PeriodicWell`. Beyond the well the slope of r psi is -gamma,
    which no smooth function of the distance has at small r.

    Source of the solution: S. Fluegge, Practical Quantum Mechanics, doi:10.1007/978-3-642-61995-3, problem 39.

    Args:
        n: particles; the first `n_up` have spin up.
        n_up: particles with spin up.
        momentum: kappa in units of the inverse side.
        decay: gamma in units of the inverse side.
        healing: xi to start with.
    """

    def __init__(self, n: int, n_up: int, momentum: float, decay: float, healing: float = 0.2) -> None:
        super().__init__(n, n_up, momentum, healing)
        self.decay = decay

    def saturated(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return q `(*, pairs)` and 1 + q/xi."""
        y = self.momentum * s
        # ln cosh y, which does not overflow; at small y it loses digits of a number that is small beside 1
        q = (y + softplus(-2 * y) - math.log(2)) / self.momentum
        return q, 1 + q * torch.exp(-self.log_healing)

    def factor(self, s: Tensor) -> Tensor:
        """Return u `(*, pairs)` of distances `(*, pairs)`."""
        q, divisor = self.saturated(s)
        return super().factor(s) - (1 - self.parallel) * self.decay * q / divisor

    def slopes(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return u' and u'' `(*, pairs)`."""
        slope, curvature = super().slopes(s)
        _, divisor = self.saturated(s)
        t = torch.tanh(self.momentum * s)
        weight = (1 - self.parallel) * self.decay / divisor.square()
        bend = self.momentum * (1 - t * t) - 2 * t * t * torch.exp(-self.log_healing) / divisor
        return slope - weight * t, curvature - weight * bend
