import types

import pytest
import torch

from physgen.observables.ensemble_energies import EnsembleEnergies
from physgen.observables.measurements import Measurements
from physgen.systems import ThermalQuantumDot


def view(norm=1.0, num=200):
    generator = torch.Generator().manual_seed(0)
    noise = 0.01 * torch.randn(num, generator=generator, dtype=torch.float64)
    free, energy = 2.0 + noise, 3.0 + 2 * noise
    system = ThermalQuantumDot(2, omega=0.5, beta=4.0, species="bosons")
    sums = types.SimpleNamespace(free_energy=free, energy=energy, norm=[norm + noise])
    return types.SimpleNamespace(system=system, x=system.initial(num, generator, torch.float64), sums=sums, more={})


def measured(norm=1.0, exact=None):
    measurements = Measurements([EnsembleEnergies(4.0, 0.5, exact)])
    for _ in range(2):
        measurements.add(view(norm))
    return measurements.findings([])


def test_thermodynamics_and_terms():
    found = measured(exact=0.9)
    e = {name: estimate.value for name, estimate in found.estimates.items()}
    assert e["free_energy"] == pytest.approx(1.0, abs=0.01) and e["energy"] == pytest.approx(1.5, abs=0.01)
    assert e["entropy"] == pytest.approx(4 * (e["energy"] - e["free_energy"]))
    assert e["kinetic"] + e["trap"] + e["coulomb"] == pytest.approx(e["energy"])
    assert e["virial"] == pytest.approx(2 * e["kinetic"] - 2 * e["trap"] + e["coulomb"])
    assert e["kl"] == pytest.approx(4 * (e["free_energy"] - 0.9)) and not found.alarms
    assert found.diagnostics["variance"] == pytest.approx(0.25e-4, rel=0.3) and found.diagnostics["samples"] == 400


def test_a_trace_off_one_is_an_alarm():
    assert "trace of the density matrix" in measured(norm=0.9).alarms[0]
