"""Free energy, energy, entropy and levels of an ensemble of states at fresh draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from physgen.observables.base import Findings, Observable
from physgen.stats.estimate import Estimate

#: standard errors that the norm may be off 1
NORM_LIMIT = 4.0


class EnsembleEnergies(Observable):
    r"""`free_energy`, `energy`, `entropy` and what else an ensemble knows of its states, its terms and the virial.

    `trap` and `coulomb` are means over configurations of the ensemble; `kinetic` is the rest of the energy. `norm`, the
    trace of the density matrix, is 1 where draws cover all states.

    Args:
        beta: inverse temperature.
        omega: unit of the energies of the view.
        exact: free energy where it is known.
    """

    def __init__(self, beta: float, omega: float, exact: float | None = None) -> None:
        self.beta, self.omega, self.exact = beta, omega, exact

    def measure(self, at: Any) -> Mapping[str, Tensor]:
        """Return the samples of one batch of draws, and the terms at its configurations."""
        free, energy = self.omega * at.sums.free_energy, self.omega * at.sums.energy
        terms = at.system.terms(at.x)
        terms = {"kinetic": energy - sum(terms.values()), **terms}
        values = {"free_energy": free, "energy": energy, "entropy": self.beta * (energy - free), **terms}
        virial = at.system.virial(terms)
        if virial is not None:
            values["virial"] = virial
        return {**values, **at.more, "norm": sum(at.sums.norm)}

    def finish(self, found: Findings) -> None:
        """Add the divergence from equilibrium and the variance of F; say where draws do not cover all states."""
        free, norm = found.estimates["free_energy"], found.estimates["norm"]
        if self.exact is not None:
            found.estimates["kl"] = Estimate(self.beta * (free.value - self.exact), self.beta * free.error)
        found.diagnostics["variance"] = float(found.means["free_energy"]["variance"])
        found.diagnostics["samples"] = float(found.means["free_energy"]["count"])
        if abs(norm.value - 1) > NORM_LIMIT * norm.error + 1e-9:
            found.alarms.append(f"ALARM: the trace of the density matrix is {norm}, not 1: suspect parts of space")
