"""The density |psi|^2 of two electrons in an exact state, as a law that densities learn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from physgen.core.errors import check_integer
from physgen.systems.base import ClassicalSystem
from physgen.systems.coulomb import check_dim
from physgen.systems.references import Reference, closed_form, with_likelihood
from physgen.systems.taut_state import TautState

#: degrees whose polynomial a quadrature of 400 points integrates to rounding
HIGHEST = 10


@dataclass(frozen=True)
class Solution:
    """ln Z, <trap>, <correlation> and <r_12^2>."""

    log_z: float
    trap: float
    correlation: float
    square_distance: float


class TautDensity(ClassicalSystem):
    r"""The positions of two electrons in the ground state of a dot where it is known exactly, beta = 1.

    $$H = -2 \ln |\psi| = \omega (r_1^2 + r_2^2) - 2 \ln f(r_{12}), \qquad f(s) = \sum_{k=0}^n a_k s^k$$

    of the singlet `TautState`: no thermal equilibrium but the law $|\psi|^2$, of which ln Z and the entropy are known
    by a quadrature of the distance, so that densities which learn from draws of a wavefunction are judged exactly. The
    terms are `trap` and `correlation`; lengths are those of the dot, f has the cusp $f'(0)/f(0) = 1/(d - 1)$.

    Args:
        dim: dimension of space, 2 or 3.
        degree: n, from 1 to 10; it fixes the frequency, 1 for n = 1 in two dimensions, 1/4 in three.

    Raises:
        InputError: an argument out of its range.

    Source: M. Taut, Two electrons in an external oscillator potential, doi:10.1103/PhysRevA.48.3561 (3D), and Two
    electrons in a homogeneous magnetic field, doi:10.1088/0305-4470/27/3/040 (2D).

    Example:
        >>> TautDensity().label
        'taut-density-2d-degree1'
    """

    symmetries = ("permutation", "rotation", "reflection")
    continuous = True
    beta = 1.0
    n = 2

    def __init__(self, dim: int = 2, degree: int = 1) -> None:
        self.dim = check_dim(dim)
        self.degree = check_integer("degree", degree, 1, HIGHEST)

    @property
    def state(self) -> TautState:
        """The exact state."""
        return TautState(self.dim, degree=self.degree)

    @property
    def coulomb_coupling(self) -> float:
        """None: H has no pole where the electrons meet."""
        return 0.0

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `trap` and `correlation`, `(*)` each, of `x` `(*, 2, dim)`."""
        state = self.state
        trap = state.omega * x.square().sum((-1, -2))
        _, log_psi = state.log_psi(x)
        return {"trap": trap, "correlation": -2 * log_psi - trap}

    @property
    def solution(self) -> Solution:
        r"""What the quadrature gives: with centre of mass R, $\omega (r_1^2 + r_2^2) = \omega (2 R^2 + s^2 / 2)$."""
        state, d = self.state, self.dim
        # in units of 1/sqrt(omega), beyond which the Gaussian is below rounding for all degrees
        s, weight = np.polynomial.legendre.leggauss(400)
        s, weight = 10 * (s + 1) / math.sqrt(state.omega), 10 * weight / math.sqrt(state.omega)
        f = np.polynomial.polynomial.polyval(s, state.coefficients)
        density = weight * s ** (d - 1) * f**2 * np.exp(-state.omega * s**2 / 2)
        sphere = math.log(2) + d / 2 * math.log(math.pi) - math.lgamma(d / 2)
        log_z = d / 2 * math.log(math.pi / (2 * state.omega)) + sphere + math.log(density.sum())
        density /= density.sum()
        square = float(density @ s**2)
        return Solution(log_z, d / 2 + state.omega * square / 2, float(density @ (-2 * np.log(f))), square)

    @property
    def spread(self) -> float:
        """Exact standard deviation of a coordinate."""
        return math.sqrt(self.solution.trap / (2 * self.dim * self.state.omega))

    @property
    def label(self) -> str:
        """Name such as `taut-density-2d-degree1`."""
        return f"taut-density-{self.dim}d-degree{self.degree}"

    def references(self) -> list[Reference]:
        """Return F = -ln Z, the means of H and its terms, and the largest log-likelihood."""
        found = self.solution
        energy = found.trap + found.correlation
        values = {"free_energy": -found.log_z, "energy": energy, "trap": found.trap, "correlation": found.correlation}
        return with_likelihood(closed_form(values, "physgen: quadrature of the distance"), self.beta)
