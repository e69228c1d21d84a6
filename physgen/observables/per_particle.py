"""Energies per particle, and what lies between them and plane waves."""

from __future__ import annotations

import math

from torch import Tensor

from physgen.observables.base import Findings, Observable
from physgen.stats.estimate import Estimate


class PerParticle(Observable):
    r"""`energy_per_particle` E/N, and `correlation_per_particle` $(E - E_{HF})/N$ below plane waves.

    Where the correlation energy is known, `correlation_percent` is the share of it that was found; its error is that of
    E alone.

    Args:
        n: N.
        hartree_fock: E_HF, the energy of determinants of plane waves, None where it is not known.
        correlation: the best known $(E - E_{HF})/N$, None where none is.
    """

    def __init__(self, n: int, hartree_fock: float | None, correlation: float | None = None) -> None:
        self.n, self.hartree_fock, self.correlation = n, hartree_fock, correlation

    def measure(self, at: object) -> dict[str, Tensor]:
        """Return nothing: all follows from the energy."""
        return {}

    def finish(self, found: Findings) -> None:
        """Add what follows from the energy."""
        energy = found.estimates.get("energy")
        if energy is None:
            return
        error = math.nan if energy.known_error is None else energy.known_error / self.n
        found.estimates["energy_per_particle"] = Estimate(energy.value / self.n, error, energy.note)
        if self.hartree_fock is None:
            return
        below = (energy.value - self.hartree_fock) / self.n
        found.estimates["correlation_per_particle"] = Estimate(below, error, energy.note)
        if self.correlation is not None:
            scale = 100 / self.correlation
            found.estimates["correlation_percent"] = Estimate(scale * below, abs(scale) * error, energy.note)
