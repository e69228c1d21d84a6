"""Nuclear forces against their formulas, written out pair by pair."""

import itertools
import math

import numpy as np
import pytest
import torch

from physgen.core.errors import InputError
from physgen.systems.nuclear_forces import HBAR2_OVER_MASS, LoPionless, ModelO, coulomb_of_protons
from physgen.systems.spin_isospin import spin_isospin
from physgen.systems.two_nucleons import two_nucleons


@pytest.fixture(autouse=True)
def double(float64):
    pass


def deuteron(forces):
    pair_forces = forces.pair_forces(spin_isospin(2, 1, 1, 0))

    def potential(r):
        one = torch.ones(len(r), 1)
        return sum(force.on(torch.tensor(r)[:, None] ** 2, one) for force in pair_forces).numpy()

    return two_nucleons(potential, (0,), HBAR2_OVER_MASS)


@pytest.mark.parametrize(
    ("forces", "energy", "radius"),
    [
        (LoPionless(2.0, True), -2.224574, 1.79421),
        (LoPionless(4.0, True), -2.225155, 1.65743),
        (LoPionless(6.0, True), -2.225728, 1.61271),
        (ModelO(1.0, True), -2.242270, 1.93962),
    ],
)
def test_deuteron(forces, energy, radius):
    state = deuteron(forces)
    assert state.energy == pytest.approx(energy, abs=1e-6)
    assert state.radius == pytest.approx(radius, abs=2e-5)


def apart(nucleons):
    return 0.5 + torch.rand(4, nucleons * (nucleons - 1) // 2, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("nucleus", [(3, 1, 0.5, 0.5), (4, 2, 0, 0)])
def test_pionless_terms(nucleus):
    basis = spin_isospin(*nucleus)
    terms, squares = LoPionless(4.0, True).terms(basis, coulomb=False), apart(nucleus[0])
    assert list(terms) == ["two_body", "three_body"]
    state = torch.randn(4, basis.components, generator=torch.Generator().manual_seed(2))
    for row in range(4):
        pair = dict(zip(basis.pairs, torch.exp(-4 * squares[row]), strict=True))
        unit = torch.eye(basis.components)
        sigma = dict(zip(basis.pairs, 2 * basis.spin_exchanges - unit, strict=True))
        two = sum(g * (-487.6128 * unit - 17.5515 * sigma[key]) for key, g in pair.items())
        three = 0
        for i, j, k in itertools.combinations(range(nucleus[0]), 3):
            a, b, c = pair[i, j], pair[i, k], pair[j, k]
            three = three + 677.7989 * (a * b + a * c + b * c)
        for name, expected in (("two_body", two @ state[row]), ("three_body", three * state[row])):
            found = sum(force.on(squares, state) for force in terms[name])[row]
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-10)


def test_model_o_acts_on_pairs_of_even_exchange_only():
    """A pair with S, T = 1, 0 or 0, 1 feels its Gaussian; nothing acts where S = T."""
    squares = torch.tensor([[0.7]])
    for nucleus, (range, depth) in {
        (2, 1, 1, 0): (1.54592984, -67.5289),
        (2, 1, 0, 1): (1.83039397, -30.4836),
    }.items():
        basis = spin_isospin(*nucleus)
        found = sum(f.on(squares, torch.ones(1, 1)) for f in ModelO(1.0, False).pair_forces(basis))
        assert float(found) == pytest.approx(depth * math.exp(-0.7 / range**2), rel=1e-5)
    basis = spin_isospin(4, 2, 0, 0)
    weights = [force.operators for force in ModelO(1.0, False).pair_forces(basis)]
    for pair in zip(*weights, strict=True):
        for projector in pair:
            torch.testing.assert_close(projector, projector.T)
            assert torch.linalg.eigvalsh(projector).min() > -1e-12
            assert torch.linalg.eigvalsh(projector).max() < 1 + 1e-12


def test_three_body_force_of_model_o():
    basis = spin_isospin(3, 1, 0.5, 0.5)
    (force,) = ModelO(1.1, True).terms(basis, coulomb=False)["three_body"]
    strength = 1.2945 / (92.4**4 * 1000) * 197.327**6 / (math.pi**3 * 1.1**6)
    found = force.on(torch.zeros(1, 3), torch.eye(3)[:1])
    assert float(found[0, 0]) == pytest.approx(3 * strength)


def test_protons_are_points_from_afar_and_finite_at_contact():
    r = torch.tensor([0.0, 1e-3, 0.3, 1.0, 3.0, 20.0])
    x = 4.27 * r[1:]
    form = 1 - (1 + 11 / 16 * x + 3 / 16 * x**2 + x**3 / 48) * torch.exp(-x)
    found = coulomb_of_protons(r**2)
    torch.testing.assert_close(found[1:], 197.327 / 137.035999 * form / r[1:], rtol=1e-9, atol=0)
    assert float(found[0]) == pytest.approx(197.327 / 137.035999 * 4.27 * 5 / 16)
    assert float(found[-1]) == pytest.approx(197.327 / 137.035999 / 20)


def test_coulomb_counts_pairs_of_protons():
    basis = spin_isospin(4, 2, 0, 0)
    (force,) = ModelO(1.0, True).terms(basis, coulomb=True)["coulomb"]
    found = force.on(torch.full((1, 6), 2.0), basis.first[None]) @ basis.first
    assert float(found) == pytest.approx(float(coulomb_of_protons(torch.tensor(2.0))))  # one pair among six


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LoPionless(5.0, True), "cutoff must be one of 2, 4, 6 in 1/fm, whose constants are known, got 5"),
        (lambda: ModelO(1.2, True), "r3 must be one of 1, 1.1, 1.5, 2, 2.5 in fm, whose c_E is known, got 1.2"),
    ],
)
def test_unknown_constants(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_scattering_length_of_the_singlet():
    """The zero-energy wave of the singlet of every cutoff, followed outward: the neutron-proton length -23.8 fm."""
    for cutoff, expected in {2.0: -23.769, 4.0: -23.784, 6.0: -23.802}.items():
        (force,) = LoPionless(cutoff, True).pair_forces(spin_isospin(2, 1, 0, 1))
        r = np.linspace(0, 8, 16001)
        depth = force.on(torch.tensor(r)[:, None] ** 2, torch.ones(len(r), 1))[:, 0].numpy() / HBAR2_OVER_MASS
        step = r[1] ** 2 / 12
        u = np.zeros_like(r)  # Numerov's method for u'' = depth u
        u[1] = r[1]
        for k in range(1, len(r) - 1):
            u[k + 1] = (2 * (1 + 5 * step * depth[k]) * u[k] - (1 - step * depth[k - 1]) * u[k - 1]) / (
                1 - step * depth[k + 1]
            )
        slope = (u[-1] - u[-2]) / (r[-1] - r[-2])
        assert r[-1] - u[-1] / slope == pytest.approx(expected, abs=0.01)
