"""SPRING: stochastic reconfiguration in the space of samples, with momentum."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from physgen.optim.stochastic_reconfiguration import StochasticReconfiguration


class Spring(StochasticReconfiguration):
    r"""`StochasticReconfiguration` through the kernel of samples, with momentum mu.

    d = argmin |O d - e|^2 + lambda |d - mu d_prev|^2,    theta <- theta - lr d

    Source: Goldshlager, Abrahamsen and Lin, "A Kaczmarz-inspired approach to accelerate the optimization of neural
    network wavefunctions", arXiv:2401.10190.

    Args:
        params: parameters, in the order of the columns of O.
        lr: step length in units of the inverse energy scale.
        damping: lambda, relative to a unit of O^2.
        momentum: mu, in [0, 1).
        norm_limit: largest squared norm of a step.

    Raises:
        InputError: an argument out of its range.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.05,
        damping: float = 1e-3,
        momentum: float = 0.95,
        norm_limit: float = 2e-2,
    ) -> None:
        super().__init__(params, lr, damping, momentum, norm_limit, "samples")
