"""Two classical charges in a harmonic trap: free energy and mean terms by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from physgen.core.errors import check
from physgen.systems.coulomb import check_coupling, check_dim, check_scale

#: largest coupling beta^1.5 that `two_charges` takes
STRONGEST = 1e9


@dataclass(frozen=True)
class TwoChargeSolution:
    """Free energy and mean terms of two charges; `trap + coulomb = energy`.

    Args:
        free_energy: F = -ln Z / beta over all positions of both, without 1/2!.
        energy: mean energy.
        trap: mean energy in the trap.
        coulomb: mean repulsion.
    """

    free_energy: float
    energy: float
    trap: float
    coulomb: float


def two_charges(beta: float, dim: int = 2, coupling: float = 1.0) -> TwoChargeSolution:
    r"""Return free energy and mean terms of two classical charges, $H = r_1^2 + r_2^2 + \lambda / r_{12}$.

    With centre of mass R and distance r, $H = 2 R^2 + r^2/2 + \lambda/r$ and

    $$Z = \left( \frac{\pi}{2 \beta} \right)^{d/2} \frac{2 \pi^{d/2}}{\Gamma(d/2)}
      \int_0^\infty dr \, r^{d-1} e^{-\beta (r^2/2 + \lambda/r)}$$

    In t = ln r the integrand is smooth and falls off at both ends, so that the trapezoidal rule converges
    exponentially: about 1e-12 relative to 1/beta.

    Args:
        beta: inverse temperature.
        dim: dimension of space, 2 or 3.
        coupling: strength $\lambda$ of the repulsion.

    Raises:
        InputError: an argument out of its range, or `coupling beta^1.5` above 1e9, where the exponent rounds off.

    Source: derived here; L. N. Trefethen and J. A. C. Weideman, The exponentially convergent trapezoidal rule,
    doi:10.1137/130932132.
    """
    beta, coupling = check_scale("beta", beta), check_coupling(coupling)
    most = STRONGEST / beta**1.5
    check(coupling <= most, "coupling", coupling, f"at most {STRONGEST:g} / beta^1.5 = {most:g}")
    return _solve(beta, check_dim(dim), coupling)


@lru_cache(maxsize=256)
def _solve(beta: float, dim: int, coupling: float) -> TwoChargeSolution:
    # In thermal lengths r = u / sqrt(beta) the integral depends on one number only.
    strength = coupling * beta**1.5

    def exponent(t: float) -> float:
        return float(dim * t - math.exp(2 * t) / 2 - strength * math.exp(-t))

    # The exponent is concave in t; its slope d - u^2 + strength / u vanishes below this u.
    peak = _bisect(lambda t: strength * math.exp(-t) + dim - math.exp(2 * t), -1.0, math.log(dim + strength) + 1)
    top = exponent(peak)
    low = _bisect(lambda t: top - 46 - exponent(t), peak - 60, peak)
    high = _bisect(lambda t: exponent(t) - top + 46, peak, peak + 60)
    t, step = np.linspace(low, high, 1200, retstep=True)
    density = np.exp(dim * t - np.exp(2 * t) / 2 - strength * np.exp(-t) - top)

    log_z = dim / 2 * math.log(math.pi / 2) + math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)
    log_z += top + math.log(density.sum() * step) - dim * math.log(beta)
    density /= density.sum()
    trap = (dim / 2 + density @ np.exp(2 * t) / 2) / beta
    coulomb = strength * (density @ np.exp(-t)) / beta
    return TwoChargeSolution(-float(log_z) / beta, float(trap + coulomb), float(trap), float(coulomb))


def _bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where `function`, positive at `low` and falling through zero, changes sign."""
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return low
