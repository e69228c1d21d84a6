import math

import numpy as np
import pytest
import torch

from physgen.core.errors import InputError
from physgen.monte_carlo import MonteCarlo, Settings, reference
from physgen.monte_carlo.ladders import CouplingLadder, clenshaw_curtis
from physgen.monte_carlo.repulsion import repulsion_with_gradient
from physgen.stats import deviation
from physgen.systems import ClassicalDot, QuantumDot, QuarticWell, two_charges


def settings(error=0.02, **others):
    return Settings(**{"error": error, "walkers": 32, "warm_up": 150, **others})


def check_against_references(record, sigmas=4.0, quantities=None):
    exact = {}
    for known in record.references:
        if known.exact:
            exact.setdefault(known.quantity, known)
    # the log-likelihood is that of samples under a density, no mean over chains
    for quantity in quantities or exact.keys() - {"log_likelihood"}:
        found, known = record.estimates[quantity], exact[quantity]
        assert abs(deviation(found.value, found.error, known.value, known.error)) < sigmas, quantity


@pytest.mark.parametrize("dim", [2, 3])
def test_one_charge(dim):
    record = reference(ClassicalDot(1, dim, beta=2.0), settings(warm_up=50))
    check_against_references(record, quantities=["free_energy", "energy", "trap", "centre2", "virial"])
    assert "g_of_r" not in record.arrays


@pytest.mark.parametrize(("dim", "beta", "coupling"), [(2, 1.5, 1.0), (2, 10.0, 0.5), (3, 4.0, 1.0)])
def test_two_charges(dim, beta, coupling):
    record = reference(ClassicalDot(2, dim, beta, coupling), settings(0.006))
    check_against_references(record)
    assert record.estimates["free_energy"].error <= 0.006


def test_free_charges_have_the_closed_form():
    record = reference(ClassicalDot(3, beta=2.0, coupling=0.0), settings(0.05))
    free, energy = record.estimates["free_energy"], record.estimates["energy"]
    assert free.value == pytest.approx(-3 / 2 * math.log(math.pi / 2), abs=1e-12) and free.error == 0
    assert energy.value == pytest.approx(1.5, abs=1e-9)
    g, error = record.arrays["g_of_r"], record.arrays["g_of_r_error"]
    sure = (error > 0) & (error < 0.15)
    assert sure.sum() > 15 and (np.abs(g - 1) < 5 * error)[sure].all()


def test_six_charges_at_low_temperature():
    record = reference(ClassicalDot(6, beta=10.0), settings(0.01, walkers=64))
    check_against_references(record, quantities=["free_energy", "energy", "virial", "centre2"])
    arrays = record.arrays
    assert len(arrays["shell_edges"]) == 1 and 0.4 < arrays["shell_edges"][0] < 0.8
    assert arrays["shell_occupation"][:, [1, 5]].max(1) == pytest.approx([0.77, 0.77], abs=0.06)
    volumes = math.pi * np.diff(arrays["radius_edges"] ** 2)
    assert arrays["radial_density"] @ volumes == pytest.approx(6, abs=1e-9)
    assert arrays["g_of_r"][:5].max() < 0.01  # charges keep away from each other
    energy = record.estimates
    assert energy["trap"].value + energy["coulomb"].value == pytest.approx(energy["energy"].value, abs=1e-9)
    assert energy["r2"].value == pytest.approx(energy["trap"].value / 6, abs=1e-9)


def test_well_by_quadrature_and_tempering():
    record = reference(QuarticWell(2.0), settings(0.01))
    check_against_references(record, quantities=["energy", "well", "r2"])
    exact = next(r.value for r in record.references if r.quantity == "free_energy")
    assert record.estimates["free_energy"].value == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("beta", [0.1, 1.5, 10.0, 100.0])
def test_rule_of_the_coupling_integral_without_noise(beta):
    ladder = CouplingLadder(ClassicalDot(2, 2, beta, 0.7), nodes=12)
    repulsion = torch.tensor([two_charges(beta, 2, float(v)).coulomb / float(v) for v in ladder.couplings])
    exact = two_charges(beta, 2, 0.7).free_energy - two_charges(beta, 2, 0.0).free_energy
    fine, coarse = (ladder.weights @ repulsion.double() - exact).abs().tolist()
    assert fine < 1e-5 and fine < max(coarse, 1e-9)


@pytest.mark.parametrize("intervals", [2, 8, 20])
def test_clenshaw_curtis_is_exact_for_polynomials(intervals):
    s, w = clenshaw_curtis(intervals)
    for power in range(intervals + 1):
        assert w @ s**power == pytest.approx(1 / (power + 1), abs=1e-13)


@pytest.mark.parametrize(("n", "dim"), [(2, 2), (3, 2), (5, 3), (8, 2)])
def test_closed_form_of_the_forces(n, dim, generator):
    x = torch.randn(7, n, dim, generator=generator, dtype=torch.float64, requires_grad=True)
    value, gradient = repulsion_with_gradient(x.detach())
    expected = ClassicalDot(n, dim).terms(x)["coulomb"]
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.sum(), x)[0])


def test_same_seed_same_record_and_global_state_untouched():
    before = torch.get_rng_state()
    runs = [
        MonteCarlo(ClassicalDot(2, beta=4.0), settings(0.5, seed=s, warm_up=50)).run()[0].estimates for s in (1, 1, 2)
    ]
    assert runs[0] == runs[1] and runs[0] != runs[2]
    assert torch.equal(before, torch.get_rng_state())


def test_a_wanted_error_out_of_reach_is_said():
    record = reference(ClassicalDot(2, beta=4.0), settings(1e-6, most_moves=200))
    assert any("did not reach" in note for note in record.notes)


@pytest.mark.parametrize(
    ("name", "value"),
    [("error", 0.0), ("error", float("nan")), ("samples", -1), ("seed", -1), ("walkers", 1), ("most_moves", 1)],
)
def test_bad_settings_are_named(name, value):
    with pytest.raises(InputError, match=rf"^{name} must be .*, got "):
        Settings(**{name: value})


def test_a_quantum_system_is_refused():
    with pytest.raises(InputError, match="^system must be a classical system"):
        reference(QuantumDot(2), settings())
