"""Two nucleons in coordinate space: coupled radial equations on a mesh, to machine accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: points and scale in fm of the mesh; it reaches to about 40 fm
POINTS, SCALE = 150, 0.07


@dataclass(frozen=True)
class TwoNucleonState:
    """The ground state of two nucleons.

    Args:
        energy: in MeV.
        radius: rms distance of a nucleon from the centre of mass, in fm.
        shares: probability of every channel `(channels,)`.
        distance: r in fm `(points,)`.
        waves: u_L(r) `(channels, points)`, normalised to integral of sum u_L^2 = 1, in fm^(-1/2).
    """

    energy: float
    radius: float
    shares: np.ndarray
    distance: np.ndarray
    waves: np.ndarray


def laguerre_mesh(points: int = POINTS, scale: float = SCALE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the points r `(N,)`, their weights `(N,)` and $-d^2/dr^2$ `(N, N)` in functions that vanish at r = 0.

    The mesh is that of the zeros of a Laguerre polynomial; in it a potential is diagonal.

    Source: D. Baye, The Lagrange-mesh method, doi:10.1016/j.physrep.2014.11.006, section 3.3.

    Args:
        points: N.
        scale: length that the zeros are multiplied with.
    """
    x, weights = np.polynomial.laguerre.laggauss(points)
    i = np.arange(points)
    difference = x[:, None] - x
    np.fill_diagonal(difference, 1)
    kinetic = (-1.0) ** (i[:, None] - i) * (x[:, None] + x) / np.sqrt(x[:, None] * x) / difference**2
    np.fill_diagonal(kinetic, (4 + (4 * points + 2) * x - x**2) / (12 * x**2))
    return scale * x, scale * weights * np.exp(x), kinetic / scale**2


def two_nucleons(
    potential: Callable[[np.ndarray], np.ndarray],
    momenta: tuple[int, ...] = (0,),
    hbar2_over_mass: float = 1.0,
    points: int = POINTS,
    scale: float = SCALE,
) -> TwoNucleonState:
    r"""Return the lowest state of coupled partial waves of two nucleons of equal mass.

    $$-\frac{\hbar^2}{m} \left( u_L'' - \frac{L(L+1)}{r^2} u_L \right) + \sum_{L'} V_{LL'}(r)\, u_{L'} = E u_L$$

    Args:
        potential: V of the distances `(points,)`, in MeV, `(points, channels, channels)`.
        momenta: L of the channels.
        hbar2_over_mass: in MeV fm^2.
        points: points of the mesh.
        scale: its scale, in fm.
    """
    r, weights, kinetic = laguerre_mesh(points, scale)
    channels = len(momenta)
    hamiltonian = np.zeros((channels, points, channels, points))
    values = np.asarray(potential(r)).reshape(points, channels, channels)
    here = np.arange(points)
    for a, angular in enumerate(momenta):
        hamiltonian[a, :, a, :] = hbar2_over_mass * (kinetic + np.diag(angular * (angular + 1) / r**2))
        for b in range(channels):
            hamiltonian[a, here, b, here] += values[:, a, b]
    energies, states = np.linalg.eigh(hamiltonian.reshape(channels * points, -1))
    state = states[:, 0].reshape(channels, points)
    state = state * np.sign(state[0, np.abs(state[0]).argmax()])
    shares = (state**2).sum(1)
    radius = 0.5 * math.sqrt(float((state**2 * r**2).sum()))
    return TwoNucleonState(float(energies[0]), radius, shares, r, state / np.sqrt(weights))
