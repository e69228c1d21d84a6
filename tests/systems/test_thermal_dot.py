import math

import pytest

from physgen.core.errors import InputError
from physgen.models import NeuralBackflow, SlaterJastrow, TransformerFlow
from physgen.systems import ThermalQuantumDot


def exact(system):
    return {r.quantity: r.value for r in system.references() if r.exact}


def test_references_follow_the_species():
    values = [
        exact(ThermalQuantumDot(2, beta=5.0, species=s))["free_energy"] for s in ("electrons", "polarised", "bosons")
    ]
    assert values == pytest.approx([2.943977, 3.455127, 2.997005], abs=6e-7)


def test_free_particles():
    t = 0.7
    found = exact(ThermalQuantumDot(1, omega=2.0, beta=t / 2, species="polarised"))
    assert found["free_energy"] == pytest.approx(2 * 2 * math.log(2 * math.sinh(t / 2)) / t)
    assert found["energy"] == pytest.approx(2 / math.tanh(t / 2)) and found["coulomb"] == 0
    spins = exact(ThermalQuantumDot(1, omega=2.0, beta=t / 2))
    assert spins["entropy"] == pytest.approx(found["entropy"] + math.log(2))


def test_lengths_map_dots_on_each_other():
    """Lengths in units of 1 / coupling: F(lambda, omega, beta) = lambda^2 F(1, omega / lambda^2, beta lambda^2)."""
    strong = exact(ThermalQuantumDot(2, omega=4.0, beta=0.5, coupling=2.0))
    unit = exact(ThermalQuantumDot(2, omega=1.0, beta=2.0))
    assert strong["free_energy"] == pytest.approx(4 * unit["free_energy"], abs=1e-8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"beta": 0}, "beta must be a finite number > 0"),
        ({"beta": -1.0}, "beta must be a finite number > 0"),
        ({"beta": 1e-3}, "beta must be at least 0.01 / omega = 0.01; a hotter gas is classical"),
        ({"species": "fermions"}, "species must be one of electrons, polarised, bosons"),
        ({"n": 0}, "n must be an integer"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(InputError, match=words) as refusal:
        ThermalQuantumDot(**arguments)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", [SlaterJastrow, NeuralBackflow])
def test_a_wavefunction_is_no_ensemble(kind):
    with pytest.raises(InputError, match=f"^beta of the system must be None for {kind.__name__}.*got 2.0$") as refusal:
        kind(ThermalQuantumDot())
    assert "QuantumEnsemble" in str(refusal.value)


def test_a_classical_density_is_refused():
    with pytest.raises(InputError, match="classical system for TransformerFlow"):
        TransformerFlow(ThermalQuantumDot())
