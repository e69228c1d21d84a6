"""Identical particles in a harmonic trap of two dimensions that do not feel each other, at T > 0."""

from __future__ import annotations

import math

import numpy as np

#: what can be in a trap at T > 0: electrons of both spins, electrons of one spin, bosons without spin
SPECIES = ("electrons", "polarised", "bosons")
#: shells whose Boltzmann factors lie below exp(-FAINTEST) of the lowest are left out
FAINTEST = 40.0


def log_partitions(n: int, t: float, sign: int) -> np.ndarray:
    r"""Return ln Z `(n + 1,)` of 0, 1, ..., n identical particles of one spin in the canonical ensemble.

    $\sum_n Z_n y^n = \prod_k (1 \pm y e^{-t (k + 1)})^{\pm (k + 1)}$ over shells k of k + 1 states, the upper sign for
    fermions; all terms of the expansion are positive, so that no digits are lost at low temperature.

    Args:
        n: number of particles, at least 0.
        t: beta omega.
        sign: 1 for bosons, -1 for fermions.
    """
    found = np.full(n + 1, -np.inf)
    found[0] = 0.0
    for k in range(int(FAINTEST / t) + 2 * n + 2):
        ways = [math.comb(k + j, j) if sign > 0 else math.comb(k + 1, j) for j in range(n + 1)]
        shell = np.array([math.log(w) - t * (k + 1) * j if w else -math.inf for j, w in enumerate(ways)])
        found = np.array([np.logaddexp.reduce(found[: m + 1] + shell[m::-1]) for m in range(n + 1)])
    return found


def log_free_partition(n: int, t: float, species: str) -> float:
    """Return ln Z of n free particles of a species at beta omega = t; spins of electrons are summed over."""
    parts = log_partitions(n, t, 1 if species == "bosons" else -1)
    if species == "electrons":
        return float(np.logaddexp.reduce(parts + parts[::-1]))
    return float(parts[n])


def free_energies(n: int, t: float, species: str) -> tuple[float, float]:
    """Return F and E in units of omega; E by differences of ln Z, to nine digits."""

    def slope(step: float) -> float:
        upper, lower = (log_free_partition(n, t + h, species) for h in (step, -step))
        return (upper - lower) / (2 * step)

    # Richardson's combination of two central differences, whose error is of fourth order
    energy = -(4 * slope(1e-3 * t) - slope(2e-3 * t)) / 3
    return -log_free_partition(n, t, species) / t, energy
