"""The local energy of a wavefunction and its terms."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.ranks import gather
from physgen.observables.base import Findings, Observable
from physgen.stats import tails, v_score

#: why a value carries no error bar
NO_VARIANCE = "no error bar: infinite variance"
#: why 1/2 |grad ln|psi||^2 of a psi with nodes carries none
AT_NODES = f"{NO_VARIANCE} at nodes"


class LocalEnergy(Observable):
    r"""`energy` $E_L = H\psi/\psi$ with its terms, the virial residual, and the kinetic energy by the gradient.

    $\langle -\tfrac12 \nabla^2 \rangle = \tfrac12 \langle |\nabla \ln|\psi||^2 \rangle$ is an identity of exact
    sampling; beside them stand the variance of $E_L$, zero for an eigenstate, the V-score and the tails.

    Args:
        n: number of particles.
        virial_tolerance: residual of the virial theorem, relative to the energy, that is expected of a trained psi.
        nodes: whether psi vanishes on surfaces, where the squared gradient has no variance.
    """

    def __init__(self, n: int, virial_tolerance: float, nodes: bool) -> None:
        self.n, self.virial_tolerance, self.nodes = n, virial_tolerance, nodes
        self._energies: list[Tensor] = []

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return `energy`, its terms, and `virial` and `kinetic_by_gradient` where they are known."""
        terms = dict(at.local_energy(at.x))
        values = {"energy": terms.pop("total"), **terms}
        virial = at.system.virial(terms)
        if virial is not None:
            values["virial"] = virial
        gradient = at.known_gradient()
        if gradient is not None:
            values["kinetic_by_gradient"] = at.system.kinetic_by_gradient(gradient, at.x)
        self._energies.append(values["energy"].detach())
        return values

    def finish(self, found: Findings) -> None:
        """Add variance, V-score, autocorrelation and tails; say what cannot be quoted."""
        energy = found.means["energy"]
        value, variance = float(energy["mean"]), float(energy["variance"])
        energies = gather(torch.cat(self._energies))
        found.diagnostics |= {
            "variance": variance,
            "v_score": float(v_score(value, variance, self.n)),
            "tau": float(energy["tau"]),
            "rhat": float(energy["rhat"]),
            "samples": float(energy["count"]),
            **tails(energies),
        }
        lost = int((~energies.isfinite()).sum())
        if lost:
            found.diagnostics["nonfinite"] = lost / len(energies)
            found.notes.insert(0, f"{lost} of {len(energies)} local energies are not finite: there is no mean to quote")
        if "virial" in found.means:
            off, error = float(found.means["virial"]["mean"]), float(found.means["virial"]["error"])
            limit = self.virial_tolerance * abs(value)
            if abs(off) > max(3 * error, limit):
                found.notes.append(
                    f"the virial theorem is missed by {off:.3g}, more than 3 errors and {limit:.3g}: psi is not optimal"
                )
        if self.nodes and "kinetic_by_gradient" in found.estimates:
            # at distance d from a node its samples grow as 1/d^2, met as often as d^2
            by_gradient = found.estimates["kinetic_by_gradient"]
            found.estimates["kinetic_by_gradient"] = by_gradient.without_error(AT_NODES)
