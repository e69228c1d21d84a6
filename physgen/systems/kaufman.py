"""Exact thermodynamics of the Ising model on a torus of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass

from physgen.core.errors import check_integer, check_number

#: inverse temperatures between which the formula is evaluated: below ten digits cancel, above cosh^2 overflows
LOWEST, HIGHEST = 1e-6, 100.0


@dataclass(frozen=True)
class IsingThermodynamics:
    """What a partition function says, without unit: J = k_B = 1.

    Args:
        log_z: ln Z.
        free_energy: f = -ln Z / (beta N) per site; -infinity at beta = 0.
        energy: e = -d ln Z / d beta / N per site.
        entropy: s = ln Z / N + beta e per site, in nats.
    """

    log_z: float
    free_energy: float
    energy: float
    entropy: float

    @classmethod
    def of(cls, log_z: float, slope: float, beta: float, sites: int) -> IsingThermodynamics:
        """Return what follows from ln Z and its derivative in beta."""
        free = -log_z / (beta * sites) if beta else -math.inf
        return cls(log_z, free, -slope / sites, (log_z - beta * slope) / sites)


def kaufman(rows: int, columns: int, beta: float) -> IsingThermodynamics:
    r"""Return the exact thermodynamics of H = -sum_<ij> s_i s_j on a periodic lattice of rows x columns spins.

    $$Z = \tfrac12 (2 \sinh 2\beta)^{nm/2} \Big[ \prod_{k\,odd} 2\cosh\tfrac{m \gamma_k}{2}
      + \prod_{k\,odd} 2\sinh\tfrac{m \gamma_k}{2} + \prod_{k\,even} 2\cosh\tfrac{m \gamma_k}{2}
      + \prod_{k\,even} 2\sinh\tfrac{m \gamma_k}{2} \Big]$$

    with n rows, m columns, 0 <= k < 2n, cosh gamma_k = cosh 2beta coth 2beta - cos(pi k / n) and
    gamma_0 = 2 beta + ln tanh beta, which changes its sign at beta_c = ln(1 + sqrt 2)/2. Every site has a bond to the
    next one in its row and in its column, so a side of 2 has double bonds. The energy is the derivative, term by term.

    Source: B. Kaufman, "Crystal Statistics. II. Partition Function Evaluated by Spinor Analysis",
    doi:10.1103/PhysRev.76.1232.

    Args:
        rows: n >= 2.
        columns: m >= 2.
        beta: inverse temperature, >= 0.

    Raises:
        InputError: an argument out of its range.
    """
    n, m = check_integer("rows", rows, 2), check_integer("columns", columns, 2)
    beta = check_number("beta", beta, 0.0, HIGHEST, f"a number from 0 to {HIGHEST:g}")
    if beta < LOWEST:  # terms of 1 / beta cancel: to the second order, where a side of 2 counts twice
        bonds = n * m * ((n == 2) + (m == 2) + 2)
        return IsingThermodynamics.of(n * m * math.log(2) + 0.5 * bonds * beta**2, bonds * beta, beta, n * m)
    products = [_product(n, m, beta, parity, odd) for parity in (1, 0) for odd in (False, True)]
    largest = max(log for log, _, _ in products)
    weights = [sign * math.exp(log - largest) for log, sign, _ in products]
    log_sinh = 2 * beta + math.log1p(-math.exp(-4 * beta))  # ln(2 sinh 2 beta)
    log_z = 0.5 * n * m * log_sinh - math.log(2) + largest + math.log(sum(weights))
    ratio = sum(w * slope for w, (_, _, slope) in zip(weights, products, strict=True)) / sum(weights)
    return IsingThermodynamics.of(log_z, n * m / math.tanh(2 * beta) + ratio, beta, n * m)


def _product(n: int, m: int, beta: float, parity: int, odd: bool) -> tuple[float, float, float]:
    """Return ln|P|, the sign and d ln|P| / d beta of one of the four products, of sinh where `odd`."""
    log, sign, slope = 0.0, 1.0, 0.0
    for k in range(parity, 2 * n, 2):
        gamma, change = _gamma(beta, k, n)
        half = 0.5 * m * abs(gamma)
        decay = math.exp(-2 * half)
        log += half + (math.log(-math.expm1(-2 * half)) if odd else math.log1p(decay))
        sign *= math.copysign(1.0, gamma) if odd else 1.0
        tanh = math.tanh(0.5 * m * gamma)
        slope += 0.5 * m * change * (1 / tanh if odd else tanh)
    return log, sign, slope


def _gamma(beta: float, k: int, n: int) -> tuple[float, float]:
    """Return gamma_k and its derivative in beta."""
    sinh, cosh = math.sinh(2 * beta), math.cosh(2 * beta)
    if k == 0:
        # a factor that vanishes at beta_c has a slope all the same, hence the smallest number instead of 0
        return (2 * beta + math.log(math.tanh(beta))) or 1e-300, 2 + 2 / sinh
    value = cosh * cosh / sinh - math.cos(math.pi * k / n)
    gamma = math.acosh(value)
    return gamma, 2 * cosh * (1 - 1 / sinh**2) / math.sqrt(value * value - 1)
