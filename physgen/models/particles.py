"""What a wavefunction makes of the particles of its system: spins, statistics, cusps, and results that follow."""

from __future__ import annotations

import dataclasses
import logging

from physgen.models.walked import WalkedModel
from physgen.observables import Findings, Observable
from physgen.observables.local_energy import LocalEnergy
from physgen.observables.spin import TotalSpin
from physgen.systems import Reference
from physgen.systems.singularity import cusp_notes

log = logging.getLogger("physgen")
#: notes about cusps that were said in this process
SAID: set[str] = set()


class ParticleModel(WalkedModel):
    """A wavefunction of particles, which may be identical, carry spins and repel each other."""

    abstract = True
    #: whether psi changes sign under exchange of two particles of one spin
    antisymmetric = False
    #: virial residual, relative to the energy, that is expected of a trained psi beside the statistical error
    virial_tolerance = 5e-3

    @property
    def spins(self) -> tuple[int, int] | None:
        """Numbers of electrons with spin up and down where psi has a total spin, None where it has not, or only one."""
        n_up = getattr(self.system, "n_up", self.system.n)
        spins = (n_up, self.system.n - n_up)
        fermions = self.system.statistics == "fermions" and (self.antisymmetric or max(spins) <= 1)
        return spins if fermions and min(spins) > 0 else None

    @property
    def exchanged_kinds(self) -> tuple[int, int] | None:
        """Numbers of particles that exchange places in a walk: spins up and down of more than two electrons."""
        return self.spins if self.system.n > 2 else None

    @property
    def alike(self) -> bool:
        """Whether two particles have the same spin."""
        n_up = getattr(self.system, "n_up", self.system.n)
        return max(n_up, self.system.n - n_up) > 1

    @property
    def scaled_coupling(self) -> float:
        """Strength of the repulsion that the system declares, in units of its length and energy scale."""
        return (self.system.coulomb_coupling or 0.0) / (self.system.energy_scale * self.system.length)

    def note_cusps(self, cusped: bool) -> None:
        """Note, and say once, where psi lacks a cusp that the system's terms ask for; `cusped` if it has a factor."""
        for note in cusp_notes(self.system.representative, cusped):
            self.notes.append(note)
            if note not in SAID:
                SAID.add(note)
                log.warning(note)

    # ---- evaluation

    def headline_observables(self) -> list[Observable]:
        """Return the local energy and its terms."""
        return [LocalEnergy(self.system.n, self.virial_tolerance, self.antisymmetric and self.alike)]

    def observables(self) -> list[Observable]:
        """Return the total spin where psi has one."""
        return [] if self.spins is None else [TotalSpin(self.spins, self.system.space.distances)]

    def reference(self, found: Findings) -> Reference | None:
        """Return the reference; that of fermions raises no alarm, since a symmetric psi may lie below it."""
        known = super().reference(found)
        symmetric = self.system.statistics == "fermions" and not self.antisymmetric
        if known is None or not (symmetric and self.alike):
            return known
        found.notes.append("the reference is that of fermions, psi is not antisymmetric: its energy may lie below")
        return dataclasses.replace(known, exact=False)

    def finish(self, found: Findings) -> None:
        """Add the acceptance of the walkers' moves."""
        found.diagnostics["acceptance"] = sum(self.acceptances) / len(self.acceptances)
        if self.exchanged_kinds is not None:
            found.diagnostics["exchange_acceptance"] = self.fresh.exchange_acceptance
