"""Two nucleons in momentum space: a mesh of momenta and the partial waves of a force on it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

#: points and largest distance in fm of the quadrature that takes a force to momentum space
QUADRATURE, FARTHEST = 600, 25.0


def momentum_mesh(points: int, largest: float, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    r"""Return momenta k and weights w `(points,)` with $\int_0^{k_{max}} f\, dk \approx \sum_i w_i f(k_i)$.

    Gauss-Legendre points in y of $k = c \tan y$, half of which lie below c where the largest is far above.

    Args:
        points: number of momenta.
        largest: k_max, in 1/fm.
        scale: c, in 1/fm.
    """
    y, weights = np.polynomial.legendre.leggauss(points)
    end = math.atan(largest / scale)
    y, weights = 0.5 * end * (y + 1), 0.5 * end * weights
    return scale * np.tan(y), weights * scale / np.cos(y) ** 2


def spherical_bessel(order: int, x: np.ndarray) -> np.ndarray:
    """Return the spherical Bessel function of order 0 or 2.

    Args:
        order: 0 or 2.
        x: arguments >= 0.
    """
    if order == 0:
        return np.sinc(x / math.pi)
    series = x**2 / 15 * (1 - x**2 / 14 * (1 - x**2 / 36 * (1 - x**2 / 66)))
    safe = np.where(x > 0.3, x, 1)  # where the closed form loses digits
    closed = (3 / safe**3 - 1 / safe) * np.sin(safe) - 3 * np.cos(safe) / safe**2
    return np.where(x > 0.3, closed, series)


def partial_waves(
    force: Callable[[np.ndarray], np.ndarray], momenta: np.ndarray, orders: tuple[int, ...] = (0, 2)
) -> np.ndarray:
    r"""Return $V_{LL'}(k, k')$ `(channels, points, channels, points)` in MeV fm^3 of a force in coordinate space.

    $V_{LL'}(k, k') = \frac{2}{\pi}\, i^{L' - L} \int_0^\infty r^2\, j_L(k r)\, V_{LL'}(r)\, j_{L'}(k' r)\, dr$, whose
    phase makes the waves real and the coupling of S and D change sign. The quadrature follows products k r of up to
    about 900: beyond, the Bessel functions oscillate between its points, and energies look plausible and are wrong.

    Args:
        force: V of distances `(points,)` in fm, `(points, channels, channels)` in MeV.
        momenta: k `(points,)`, in 1/fm, at most 30.
        orders: L of the channels, 0 or 2.
    """
    y, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    r, weights = 0.5 * FARTHEST * (y + 1), 0.5 * FARTHEST * weights
    values = (2 / math.pi) * (weights * r**2)[:, None, None] * force(r)
    waves = np.stack([spherical_bessel(order, np.outer(momenta, r)) for order in orders])
    phases = np.array([[(-1.0) ** ((b - a) // 2) for b in orders] for a in orders])
    matrix: np.ndarray = np.einsum("akr,rab,bpr->akbp", waves, values * phases, waves, optimize=True)
    return matrix


def momentum_hamiltonian(
    momenta: np.ndarray, weights: np.ndarray, waves: np.ndarray, hbar2_over_mass: float
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return kinetic energy `(M,)` and potential energy `(M, M)`, M = channels points, of $\sqrt{w} k \psi(k)$.

    With these amplitudes norms are plain sums and both matrices are symmetric.

    Args:
        momenta: k `(points,)`, in 1/fm.
        weights: w `(points,)`.
        waves: V `(channels, points, channels, points)`, in MeV fm^3.
        hbar2_over_mass: in MeV fm^2.
    """
    measure = np.sqrt(weights) * momenta
    potential = measure[:, None, None] * waves * measure
    size = waves.shape[0] * len(momenta)
    return np.tile(hbar2_over_mass * momenta**2, waves.shape[0]), potential.reshape(size, size)
