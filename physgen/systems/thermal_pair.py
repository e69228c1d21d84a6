"""Two particles in a harmonic trap of two dimensions at T > 0: the whole spectrum of the relative motion, summed up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from physgen.core.errors import check, check_choice
from physgen.systems.coulomb import check_coupling, check_scale
from physgen.systems.thermal_gas import SPECIES
from physgen.systems.two_electrons import jacobi

#: smallest beta omega and largest coupling / sqrt(omega) that are summed
HOTTEST, STRONGEST = 0.25, 100.0
#: levels whose Boltzmann factors lie below exp(-FAINTEST) of the largest are left out
FAINTEST = 30.0


@dataclass(frozen=True)
class ThermalSolution:
    """Free energy, entropy and mean energies in equilibrium; `kinetic + trap + coulomb = energy`.

    Args:
        free_energy: F = -ln Z / beta, of identical particles.
        energy: mean energy, centre of mass included.
        entropy: beta (E - F), in units of Boltzmann's constant.
        kinetic: mean kinetic energy.
        trap: mean energy in the trap.
        coulomb: mean repulsion.
    """

    free_energy: float
    energy: float
    entropy: float
    kinetic: float
    trap: float
    coulomb: float


@dataclass(frozen=True)
class RadialLevels:
    """Levels of one angular momentum in units of omega, with means of s^2 and 1/s in oscillator lengths."""

    energy: np.ndarray
    square: np.ndarray
    inverse: np.ndarray


def thermal_pair(omega: float, beta: float, coupling: float = 1.0, species: str = "electrons") -> ThermalSolution:
    r"""Return the canonical equilibrium of two particles in a two-dimensional harmonic trap.

    $Z = Z_{cm} \sum_m g_m \sum_n e^{-\beta E_{n|m|}}$ with the levels of the relative motion at angular momentum m
    and the centre of mass $Z_{cm} = (2 \sinh \tfrac12 \beta \omega)^{-2}$. Space wavefunctions are even for even m: of
    electrons these are singlets (g = 1) and odd m are triplets (g = 3); polarised electrons have odd m, bosons even m.

    Args:
        omega: frequency of the trap.
        beta: inverse temperature, at least 0.25 / omega.
        coupling: strength of the repulsion 1/r, at most 100 sqrt(omega).
        species: `electrons`, `polarised` or `bosons`.

    Raises:
        InputError: an argument out of its range.

    Source: the relative motion as M. Taut, doi:10.1088/0305-4470/27/3/040; accurate to 1e-8 omega or better.

    Example:
        >>> round(thermal_pair(omega=1.0, beta=5.0, species="polarised").free_energy, 6)
        3.455127
    """
    omega, coupling = check_scale("omega", omega), check_coupling(coupling)
    beta = check_scale("beta", beta)
    check(beta * omega >= HOTTEST, "beta", beta, f"at least {HOTTEST} / omega = {HOTTEST / omega:g}")
    check(coupling <= STRONGEST * omega**0.5, "coupling", coupling, f"at most {STRONGEST:g} sqrt(omega)")
    return _sum(omega, beta, coupling, check_choice("species", species, SPECIES))


def weights(species: str) -> tuple[int, int]:
    """Return how often levels of even and of odd angular momentum count."""
    return {"electrons": (1, 3), "polarised": (0, 1), "bosons": (1, 0)}[species]


@lru_cache(maxsize=256)
def _sum(omega: float, beta: float, coupling: float, species: str) -> ThermalSolution:
    strength, t = coupling / math.sqrt(omega), beta * omega
    parts = []
    lowest, m, above = 0.0, 0, FAINTEST / t
    while above > 0:
        degeneracy = weights(species)[m % 2] * (1 if m == 0 else 2)
        if degeneracy:
            levels = radial_levels(strength, m, above)
            lowest = lowest or float(levels.energy[0])
            parts.append((degeneracy, levels))
            # the lowest level rises with the angular momentum: what is in reach of it shrinks
            above = FAINTEST / t - (float(levels.energy[0]) - lowest)
        m += 1
    names = ("energy", "square", "inverse")
    energy, square, inverse = (np.concatenate([getattr(part, name) for _, part in parts]) for name in names)
    p = np.concatenate([g * np.exp(-t * (part.energy - lowest)) for g, part in parts])
    log_z = math.log(p.sum()) - t * lowest
    p = p / p.sum()
    # the centre of mass, half of whose energy is kinetic
    centre = 1 / math.tanh(t / 2)
    free = -log_z / t + 2 * math.log(2 * math.sinh(t / 2)) / t
    total = float(p @ energy) + centre
    repulsion = strength * float(p @ inverse)
    trap = float(p @ square) / 4 + centre / 2
    return ThermalSolution(
        free_energy=omega * free,
        energy=omega * total,
        entropy=t * (total - free),
        kinetic=omega * (total - trap - repulsion),
        trap=omega * trap,
        coulomb=omega * repulsion,
    )


@lru_cache(maxsize=1024)
def radial_levels(strength: float, m: int, above: float) -> RadialLevels:
    r"""Return the levels of the relative motion at angular momentum m, up to about `above` over its lowest.

    $-h'' - \frac{2m+1}{s} h' + (\tfrac14 s^2 + g/s) h = E h$, by Galerkin's method as in `two_electrons`.

    Args:
        strength: g, the coupling over sqrt(omega).
        m: angular momentum, at least 0.
        above: range of energies that is wanted, in units of omega.
    """
    power = 2 * m + 1
    bottom = 0.75 * (2 * strength) ** (2 / 3) + m + 1
    reach = 2 * math.sqrt(bottom + above + 2 * strength ** (2 / 3)) + 9
    count = 32 + int(1.5 * reach + 0.75 * above)
    nodes, weight = np.polynomial.legendre.leggauss(count + m + 8)
    value, slope = jacobi(count, power, nodes)
    weight = weight * (1 + nodes) ** power
    s, slope = reach * (1 + nodes) / 2, slope * 2 / reach
    matrix = (slope * weight) @ slope.T + (value * (weight * (s**2 / 4 + strength / s))) @ value.T
    energies, vectors = np.linalg.eigh(matrix)
    kept = energies <= energies[0] + above
    energies, vectors = energies[kept], vectors[:, kept]
    density = weight * (vectors.T @ value) ** 2
    return RadialLevels(energies, density @ s**2, density @ (1 / s))


def pair_levels(
    omega: float, coupling: float = 1.0, most: int = 6, species: str = "electrons"
) -> list[tuple[float, int, int]]:
    r"""Return the lowest levels of two particles whose centre of mass is in its ground state, each of $\pm m$ alone.

    Args:
        omega: frequency of the trap.
        coupling: strength of the repulsion.
        most: how many.
        species: `electrons`, `polarised` or `bosons`.

    Returns:
        energy, m and the degeneracy of the spins of every level, from below.
    """
    strength = coupling / math.sqrt(omega)
    found = []
    for m in range(most + 1):
        spins = weights(species)[m % 2]
        if spins:
            energies = (omega * (radial_levels(strength, m, 2.0 * most).energy + 1)).tolist()[:most]
            found += [(energy, sign * m, spins) for energy in energies for sign in ((1, -1) if m else (1,))]
    return sorted(found)[:most]
