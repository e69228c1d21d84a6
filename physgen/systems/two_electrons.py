"""Two electrons in a harmonic trap: the radial equation of the relative motion, solved to machine accuracy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from physgen.core.errors import check, check_choice
from physgen.systems.coulomb import check_coupling, check_dim, check_scale

#: largest coupling / sqrt(omega) that `two_electrons` takes
STRONGEST = 1e5
TAUT = "doi:10.1103/PhysRevA.48.3561 (3D), doi:10.1088/0305-4470/27/3/040 (2D)"


@dataclass(frozen=True)
class TwoElectronSolution:
    """Energy and expectation values of two electrons; `kinetic + trap + coulomb = energy`.

    Args:
        energy: total energy, centre of mass included.
        kinetic: mean kinetic energy.
        trap: mean energy in the trap.
        coulomb: mean repulsion.
        r12: mean distance of the two.
        r2: mean of r_1^2 + r_2^2.
    """

    energy: float
    kinetic: float
    trap: float
    coulomb: float
    r12: float
    r2: float


def two_electrons(omega: float, dim: int = 2, coupling: float = 1.0, state: str = "singlet") -> TwoElectronSolution:
    r"""Return the lowest singlet (l = 0) or triplet (l = 1) of two electrons in a harmonic trap.

    With $s = r_{12}$, $\psi = s^l h(s)$ and $D = d + 2l$, the relative motion obeys

    $$-h'' - \frac{D-1}{s} h' + \left( \frac{\omega^2 s^2}{4} + \frac{\lambda}{s} \right) h = E_r h,
      \qquad E = E_r + \frac{d \omega}{2}$$

    in units with hbar = m = e = 1. It is solved by Galerkin's method in polynomials that are orthonormal in the weight
    $s^{D-1}$, so that neither the centrifugal term nor 1/s is singular; accurate to 1e-9 omega or better.

    Args:
        omega: frequency of the trap.
        dim: dimension of space, 2 or 3.
        coupling: strength $\lambda$ of the repulsion.
        state: `singlet` or `triplet`.

    Raises:
        InputError: an argument out of its range, or `coupling / sqrt(omega)` above 1e5.

    Source: M. Taut, Two electrons in an external oscillator potential: Particular analytic solutions of a Coulomb
    correlation problem, doi:10.1103/PhysRevA.48.3561 (3D), and Two electrons in a homogeneous magnetic field:
    particular analytical solutions, doi:10.1088/0305-4470/27/3/040 (2D).

    Example:
        >>> round(two_electrons(omega=1.0, dim=2).energy, 9)
        3.0
    """
    omega, coupling = check_scale("omega", omega), check_coupling(coupling)
    least = (coupling / STRONGEST) ** 2
    check(coupling <= STRONGEST * omega**0.5, "omega", omega, f"at least (coupling / {STRONGEST:g})^2 = {least:g}")
    return _solve(omega, check_dim(dim), coupling, check_choice("state", state, ("singlet", "triplet")))


@lru_cache(maxsize=256)
def _solve(omega: float, dim: int, coupling: float, state: str) -> TwoElectronSolution:
    # In oscillator lengths the equation depends on one number only, and E scales with omega.
    strength = coupling / math.sqrt(omega)
    weight = dim - 1 + (2 if state == "triplet" else 0)
    # The minimum of s^2/4 + g/s lies at (2 g)^(1/3); exp(-s^2/4) has fallen below 1e-21 fourteen lengths beyond it.
    reach = (2 * strength) ** (1 / 3) + 14
    count = 40 + int(3 * reach)

    nodes, weights = np.polynomial.legendre.leggauss(count + 4)
    value, slope = jacobi(count, weight, nodes)
    weights = weights * (1 + nodes) ** weight
    s, slope = reach * (1 + nodes) / 2, slope * 2 / reach

    kinetic = (slope * weights) @ slope.T
    matrix = kinetic + (value * (weights * (s**2 / 4 + strength / s))) @ value.T
    energies, vectors = np.linalg.eigh(matrix)
    vector = vectors[:, 0]
    density = weights * (vector @ value) ** 2

    trap = omega * (density @ s**2 / 4 + dim / 4)
    return TwoElectronSolution(
        energy=float(omega * (energies[0] + dim / 2)),
        kinetic=float(omega * (vector @ kinetic @ vector + dim / 4)),
        trap=float(trap),
        coulomb=float(omega * strength * (density @ (1 / s))),
        r12=float(density @ s / math.sqrt(omega)),
        r2=float(2 * trap / omega**2),
    )


def jacobi(count: int, power: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the first polynomials that are orthonormal on [-1, 1] in the weight $(1 + x)^b$, and their slopes.

    $x p_k = a_{k+1} p_{k+1} + b_k p_k + a_k p_{k-1}$ with $b_k = b^2 / ((2k+b)(2k+b+2))$ and
    $a_k^2 = 4 k^2 (k+b)^2 / ((2k+b)^2 ((2k+b)^2 - 1))$.

    Args:
        count: number of polynomials.
        power: exponent $b \ge 1$ of the weight.
        x: points `(m,)`.

    Returns:
        values and slopes `(count, m)`.

    Source: W. Gautschi, Orthogonal Polynomials: Computation and Approximation, doi:10.1093/oso/9780198506720.001.0001.
    """
    k = np.arange(count + 1)
    twice = 2 * k + power
    middle = power**2 / (twice * (twice + 2))
    side = np.sqrt(4 * k**2 * (k + power) ** 2 / (twice**2 * (twice**2 - 1.0) + (k == 0)))
    value, slope = np.zeros((count, len(x))), np.zeros((count, len(x)))
    value[0] = math.sqrt((power + 1) / 2 ** (power + 1))
    value[1] = (x - middle[0]) * value[0] / side[1]
    slope[1] = value[0] / side[1]
    for i in range(1, count - 1):
        value[i + 1] = ((x - middle[i]) * value[i] - side[i] * value[i - 1]) / side[i + 1]
        slope[i + 1] = (value[i] + (x - middle[i]) * slope[i] - side[i] * slope[i - 1]) / side[i + 1]
    return value, slope
