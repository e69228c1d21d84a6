"""What chains of reference Monte Carlo found: means with errors, free energies, diagnostics, structure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from physgen.core.version import __version__
from physgen.monte_carlo.free_energy import by_quadrature, uncoupled
from physgen.monte_carlo.ladders import trapped_charges
from physgen.monte_carlo.record import ReferenceRecord
from physgen.observables.base import as_arrays
from physgen.runs.result import Estimate
from physgen.stats import blocked_error, integrated_autocorrelation_time, split_rhat
from physgen.systems import ClassicalSystem, Reference
from physgen.systems.references import closed_form

if TYPE_CHECKING:
    from physgen.monte_carlo.chains import MonteCarlo

# Relative error of sums in float64; the virial makes some energies exact.
ROUNDING = 1e-12


@dataclass
class Means:
    """Every mean with its blocked error, F where it is known, and what is to be said of F."""

    estimates: dict[str, Estimate] = field(default_factory=dict)
    diagnostics: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def means(chains: MonteCarlo) -> Means:
    """Return what the chains have measured so far."""
    series = {name: torch.stack(values) for name, values in chains.series.items()}
    fine, coarse = series.pop("fine", None), series.pop("coarse", None)
    virial = series.get("virial")
    found = Means()
    for name, values in series.items():
        if virial is not None and name not in ("virial", "centre2") and values.any():
            centred = virial - virial.mean()
            values = values - (values * centred).mean() / centred.square().mean().clamp_min(1e-300) * virial
        blocked = blocked_error(values)
        mean = float(blocked.mean)
        found.estimates[name] = Estimate(mean, max(float(blocked.error), ROUNDING * abs(mean)))
    if chains.coupled is not None and fine is not None and coarse is not None:
        blocked = blocked_error(fine)
        quadrature = float((fine - coarse).mean().abs())
        # the coarse rule is the worse one by orders of magnitude, and noise is part of the difference
        noise = float(blocked_error(fine - coarse).error)
        error = math.hypot(float(blocked.error), max(quadrature - 2 * noise, 0.0))
        found.diagnostics["quadrature_difference"] = quadrature
        found.estimates["free_energy"] = Estimate(chains.coupled.free_energy + float(blocked.mean), error)
    elif trapped_charges(chains.system):
        found.estimates["free_energy"] = Estimate(uncoupled(chains.system), 0.0)
    if chains.bridging is not None:
        if "free_energy" in found.estimates:
            found.estimates["free_energy_integration"] = found.estimates["free_energy"]
        found.estimates["free_energy"], diagnostics, found.notes = chains.bridging.estimate()
        found.diagnostics = {**diagnostics, **found.diagnostics}
    return found


def identities(system: ClassicalSystem) -> list[Reference]:
    """Return what is exact for any number of charges: the virial theorem and the centre of mass."""
    if not trapped_charges(system):
        return []
    centre = system.dim / (2 * system.beta * system.n)
    return closed_form({"virial": 0.0, "centre2": centre}, "physgen: exact identity")


def record_of(chains: MonteCarlo, worst: float) -> ReferenceRecord:
    """Return all that was found; `worst` is the error that the chains stopped at."""
    system, settings = chains.system, chains.settings
    found = means(chains)
    estimates, notes = found.estimates, []
    if "free_energy" not in estimates:
        direct = by_quadrature(system)
        if direct is None:
            notes.append("free energy is not available: the system has no coupling and more than two coordinates")
        else:
            estimates["free_energy"] = direct
    if worst > settings.error:
        notes.append(f"error {worst:.2g} after {chains.moves} moves did not reach the wanted {settings.error:g}")
    energy = torch.stack(chains.series["energy"])
    rhat = float(split_rhat(energy))
    if rhat > 1.1:
        notes.append(f"R-hat {rhat:.2f} of the energy: chains have not mixed, errors may be too small")
    diagnostics = {
        "moves": chains.moves,
        "walkers": settings.walkers,
        "replicas": len(chains.ladder.scale),
        "tau_energy": float(integrated_autocorrelation_time(energy)),
        "rhat": rhat,
        "acceptance": float(torch.stack(chains.accepted)[:, 0].mean()),
        "width": float(chains.chains.widths[0]),
    }
    if "r2" in chains.series:
        diagnostics["tau_r2"] = float(integrated_autocorrelation_time(torch.stack(chains.series["r2"])))
    if len(chains.ladder.scale) > 1:
        swaps = torch.stack(chains.swapped).nanmean(0)
        diagnostics.update(swap_least=float(swaps.min()), swap_mean=float(swaps.mean()))
    kept, arrays = torch.stack(chains.kept), {}
    for observable in system.space.observables():
        arrays.update(as_arrays(observable.histograms(kept)))
    diagnostics.update(found.diagnostics)
    if chains.coupled is not None:
        arrays["couplings"] = chains.coupled.shares.numpy()
        arrays["repulsion"] = torch.stack(chains.integrands).mean(0).numpy()
    return ReferenceRecord(
        system=system.spec(),
        settings=vars(settings).copy(),
        estimates={k: v for k, v in sorted(estimates.items(), key=lambda item: item[0] != "free_energy")},
        diagnostics=diagnostics,
        notes=notes + found.notes,
        references=system.references() + identities(system),
        provenance={"version": __version__, "seed": settings.seed, "label": system.label},
        arrays=arrays,
    )
