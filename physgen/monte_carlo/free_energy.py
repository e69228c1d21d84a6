"""Free energy without sampling: free particles, and integrals over a plane."""

from __future__ import annotations

import math

import torch

from physgen.runs.result import Estimate, reference_for
from physgen.systems import ClassicalDot, ClassicalSystem


def uncoupled(system: ClassicalSystem) -> float:
    r"""Return $F_0 = -\frac{n d}{2 \beta} \ln \frac{\pi}{\beta}$ of the charges without repulsion."""
    free = ClassicalDot(system.n, system.dim, system.beta, 0.0)
    known = reference_for(free.references(), "free_energy")
    assert known is not None  # of charges without repulsion
    return known.value


def by_quadrature(system: ClassicalSystem, points: int = 1601, reach: float = 10.0) -> Estimate | None:
    """Return F of a system of at most two coordinates by the trapezoidal rule, None for more coordinates.

    The density is smooth and falls off before the edge of the square, `reach` spreads away, so that the rule converges
    exponentially; the error is the difference to every second point, and 1e-12 at least.

    Source: L. N. Trefethen and J. A. C. Weideman, The exponentially convergent trapezoidal rule, doi:10.1137/130932132.

    Args:
        system: any classical system.
        points: points of the grid in each direction, odd.
        reach: half the length of its side, in units of `system.spread`.
    """
    coordinates = system.n * system.dim
    if coordinates > 2:
        return None
    grid = reach * system.spread * torch.linspace(-1, 1, points, dtype=torch.float64)
    x = torch.cartesian_prod(*[grid] * coordinates).view(-1, system.n, system.dim)
    log_p = (-system.beta * system.energy(x)).view([points] * coordinates)
    step = math.log(float(grid[1] - grid[0]))
    fine = float(torch.logsumexp(log_p.flatten(), 0)) + coordinates * step
    half = log_p[(slice(None, None, 2),) * coordinates]
    coarse = float(torch.logsumexp(half.flatten(), 0)) + coordinates * (step + math.log(2))
    return Estimate(-fine / system.beta, max(abs(fine - coarse) / system.beta, 1e-12))
