"""The deuteron in momentum space against closed forms and coordinate space."""

import math

import numpy as np
import pytest
from scipy.special import spherical_jn

from physgen.systems.nuclear_forces import HBAR2_OVER_MASS
from physgen.systems.one_pion import one_pion_deuteron, one_pion_force
from physgen.systems.partial_waves import momentum_hamiltonian, momentum_mesh, partial_waves, spherical_bessel


def test_mesh():
    k, w = momentum_mesh(64, 30.0)
    assert (w * np.exp(-k)).sum() == pytest.approx(1, abs=1e-12)
    assert (w / (1 + k**2)).sum() == pytest.approx(math.atan(30), abs=1e-12)
    assert ((k > 0) & (k < 30)).all()


@pytest.mark.parametrize("order", [0, 2])
def test_bessel_functions(order):
    x = np.concatenate([np.linspace(0, 1, 1001), np.linspace(1, 900, 2001)])
    np.testing.assert_allclose(spherical_bessel(order, x), spherical_jn(order, x), atol=2e-13)


def lowest(momenta, weights, waves):
    kinetic, potential = momentum_hamiltonian(momenta, weights, waves, HBAR2_OVER_MASS)
    energies, states = np.linalg.eigh(np.diag(kinetic) + potential)
    return energies[0], states[:, 0]


def test_gaussian_force():
    """V(k, k') of a Gaussian in closed form, and the deuteron of the pionless force with cutoff 4 / fm."""
    depth, width = -505.1643, 0.5
    k, w = momentum_mesh(64, 30.0)
    waves = partial_waves(lambda r: (depth * np.exp(-((r / width) ** 2)))[:, None, None], k, (0,))
    a, b = k[:, None], k[None]
    both = np.exp(-((a - b) ** 2) * width**2 / 4) - np.exp(-((a + b) ** 2) * width**2 / 4)
    exact = depth * width * math.sqrt(math.pi) / (2 * math.pi * a * b) * both
    np.testing.assert_allclose(waves[0, :, 0], exact, atol=1e-10)
    assert lowest(k, w, waves)[0] == pytest.approx(-2.22515502, abs=2e-8)


def test_one_pion_exchange():
    """Both spaces agree; the contact force was chosen for -2.2246 MeV."""
    inside = one_pion_deuteron()
    k, w = momentum_mesh(64, 30.0)
    energy, state = lowest(k, w, partial_waves(one_pion_force, k))
    assert inside.energy == pytest.approx(-2.2246, abs=1e-6)
    assert energy == pytest.approx(inside.energy, abs=2e-6)
    assert (state[64:] ** 2).sum() == pytest.approx(inside.shares[1], abs=1e-7)
    assert 100 * inside.shares[1] == pytest.approx(5.4921, abs=1e-4)
    assert inside.radius == pytest.approx(1.91361, abs=1e-5)
    # waves are real: S and D have one sign each near their maxima, and D is opposite by the phase i^2
    assert np.sign(state[:64][np.abs(state[:64]).argmax()]) == np.sign(state[64:][np.abs(state[64:]).argmax()]) * -1


def test_far_from_the_force_only_a_pion_is_left():
    r = np.array([4.0])
    x = 138.03 * 4 / 197.327
    yukawa = -(138.03**3) / (4 * math.pi) * (1.29 / 184.8) ** 2 * math.exp(-x) / x
    force = one_pion_force(r)[0]
    assert force[0, 0] == pytest.approx(yukawa, rel=1e-9)
    assert force[0, 1] == force[1, 0] == pytest.approx(math.sqrt(8) * (1 + 3 / x + 3 / x**2) * yukawa, rel=1e-9)
    assert force[0, 0] - force[1, 1] == pytest.approx(2 * (1 + 3 / x + 3 / x**2) * yukawa, rel=1e-9)
