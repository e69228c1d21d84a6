"""Exact closed-form states of two electrons in a harmonic trap."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from physgen.core.errors import check, check_choice, check_integer
from physgen.systems.configurations import takes_configurations
from physgen.systems.coulomb import check_coupling, check_dim
from physgen.systems.quantum_dot import QuantumDot


class TautState:
    r"""Exact nodeless state of two electrons at the frequency where it is a polynomial times a Gaussian.

    $$\psi = Y \, f(r_{12}) \, e^{-\omega (r_1^2 + r_2^2) / 2}, \quad f(s) = \sum_{k=0}^n a_k s^k, \quad
      E = \omega \left( n + \tfrac{D + d}{2} \right)$$

    with $D = d + 2l$, $Y = 1$ for the singlet ($l = 0$) and $Y = x_1 - x_2$ (first coordinates) for the triplet
    ($l = 1$); units hbar = m = e = 1. It is an oracle for tests and demonstrations, with zero variance of the local
    energy: never present it as a trained result.

    Args:
        dim: dimension of space, 2 or 3.
        state: `singlet` or `triplet`.
        degree: degree n of the polynomial, from 1 to 100; it fixes the frequency `omega`.
        coupling: strength of the repulsion, above 0.

    Attributes:
        omega: frequency of the trap.
        energy: total energy.
        coefficients: $a_0 = 1, \ldots, a_n$.

    Raises:
        InputError: an argument out of its range.

    Source: M. Taut, Two electrons in an external oscillator potential: Particular analytic solutions of a Coulomb
    correlation problem, doi:10.1103/PhysRevA.48.3561 (3D), and Two electrons in a homogeneous magnetic field:
    particular analytical solutions, doi:10.1088/0305-4470/27/3/040 (2D).

    Example:
        >>> state = TautState(dim=2, degree=1)
        >>> round(state.omega, 12), round(state.energy, 12), [round(a, 12) for a in state.coefficients]
        (1.0, 3.0, [1.0, 1.0])
    """

    n = 2

    def __init__(self, dim: int = 2, state: str = "singlet", degree: int = 1, coupling: float = 1.0) -> None:
        self.dim = check_dim(dim)
        self.shape = (self.n, self.dim)
        self.state = check_choice("state", state, ("singlet", "triplet"))
        self.degree = check_integer("degree", degree, 1, 100)
        self.coupling = check_coupling(coupling)
        check(self.coupling > 0, "coupling", coupling, "a finite number > 0")
        strength, scaled = polynomial(self.dim + 2 * self.angular, self.degree)
        self.omega = (self.coupling / strength) ** 2
        self.energy = self.omega * (self.degree + self.dim + self.angular)
        self.coefficients = tuple(a * self.omega ** (k / 2) for k, a in enumerate(scaled))

    @property
    def angular(self) -> int:
        """Angular momentum l of the relative motion: 0 for the singlet, 1 for the triplet."""
        return int(self.state == "triplet")

    @property
    def system(self) -> QuantumDot:
        """The dot of which this is an eigenstate; both spins are up in the triplet."""
        return QuantumDot(2, self.dim, self.omega, self.coupling, n_up=1 + self.angular)

    @takes_configurations
    def log_psi(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and log abs psi, `(*)` each, of configurations `x` `(*, 2, dim)`; not normalised."""
        relative = x[..., 0, :] - x[..., 1, :]
        f, _, _ = self._polynomial(relative.square().sum(-1).sqrt())
        logabs = f.log() - self.omega / 2 * x.square().sum((-1, -2))
        if self.angular == 0:
            return torch.ones_like(logabs), logabs
        return relative[..., 0].sign(), logabs + relative[..., 0].abs().log()

    @takes_configurations
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return gradient `(*, 2, dim)` and Laplacian `(*)` of log abs psi in closed form.

        With $q = f'/f$ and unit vector $\hat s$: $\nabla_{1,2} = \pm q \hat s - \omega x_{1,2}$ and
        $\nabla^2 = 2 (f''/f - q^2 + (d-1) q / s) - 2 d \omega$; the triplet adds $\pm 1/(x_1 - x_2)$ and
        $-2/(x_1 - x_2)^2$.
        """
        relative = x[..., 0, :] - x[..., 1, :]
        s = relative.square().sum(-1).sqrt()
        f, slope, curvature = self._polynomial(s)
        q = slope / f
        gradient = q.unsqueeze(-1) * relative / s.unsqueeze(-1)
        laplacian = 2 * (curvature / f - q.square() + (self.dim - 1) * q / s) - 2 * self.dim * self.omega
        if self.angular == 1:
            inverse = relative[..., 0].reciprocal()
            gradient = gradient + torch.nn.functional.pad(inverse.unsqueeze(-1), (0, self.dim - 1))
            laplacian = laplacian - 2 * inverse.square()
        return torch.stack((gradient, -gradient), -2) - self.omega * x, laplacian

    def _polynomial(self, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return f, f' and f'' at distances `s` by Horner's scheme."""
        f, slope, half = torch.zeros_like(s), torch.zeros_like(s), torch.zeros_like(s)
        for a in reversed(self.coefficients):
            f, slope, half = f * s + a, slope * s + f, half * s + slope
        return f, slope, 2 * half

    def __repr__(self) -> str:
        return f"TautState(dim={self.dim}, state={self.state!r}, degree={self.degree}, coupling={self.coupling!r})"


def polynomial(dimension: int, degree: int) -> tuple[float, list[float]]:
    r"""Return the strength $g = \lambda / \sqrt\omega$ and the coefficients of f in oscillator lengths.

    The series ends at degree n where $g a_j = (j+1)(j+D-1) a_{j+1} + (n-j+1) a_{j-1}$ for j = 0 ... n: g is an
    eigenvalue of a matrix with positive entries beside its diagonal. Its largest one has positive coefficients
    (Perron and Frobenius), hence no node.

    Args:
        dimension: effective dimension $D = d + 2l$.
        degree: degree n.
    """
    j = np.arange(degree)
    above, below = (j + 1.0) * (j + dimension - 1), degree - j
    side = np.sqrt(above * below)
    strengths, vectors = np.linalg.eigh(np.diag(side, 1) + np.diag(side, -1))
    scale = np.cumprod(np.concatenate(([1.0], np.sqrt(below / above))))
    scaled = vectors[:, -1] / vectors[0, -1] * scale
    return float(strengths[-1]), [float(a) for a in scaled]
