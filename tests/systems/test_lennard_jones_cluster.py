"""Clusters without a centre of mass: exact values against other integrals, the virial theorem, conventions."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.systems import DoubleWellCluster, LennardJonesCluster
from physgen.systems.double_well_cluster import REACH, double_well
from physgen.systems.pair_quadrature import planar_cluster


def exact(system):
    return {r.quantity: r.value for r in system.references() if r.exact}


def test_ln_z_of_four_double_wells():
    found = exact(DoubleWellCluster(4))
    assert found["free_energy"] == pytest.approx(-29.6672322329, abs=2e-9)
    assert found["energy"] == pytest.approx(-22.5415096, abs=1e-6)
    assert found["entropy"] == pytest.approx(7.1257226, abs=1e-6)
    # the grid is fine enough
    coarse = planar_cluster(4, double_well, REACH, 0.16)
    assert coarse.log_z == pytest.approx(-found["free_energy"], abs=1e-8)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_clusters_of_springs_have_a_closed_form(n):
    """U = k/2 sum r_ij^2 = n k/2 sum x_a^2 in relative vectors; where pairs may meet, the rule errs by h^2."""
    coarse, fine = (planar_cluster(n, lambda r: 0.35 * r.square(), 9.0, spacing) for spacing in (0.24, 0.12))
    log_z, energy, square = (n - 1) * math.log(2 * math.pi / (0.7 * n)), n - 1, 4 / (0.7 * n)
    assert (4 * fine.log_z - coarse.log_z) / 3 == pytest.approx(log_z, abs=1e-4)
    assert (4 * fine.energy - coarse.energy) / 3 == pytest.approx(energy, abs=1e-3)
    assert (4 * fine.square_distance - coarse.square_distance) / 3 == pytest.approx(square, abs=1e-3)


def test_two_and_three_double_wells_against_importance_sampling():
    generator = torch.Generator().manual_seed(0)
    for n in (2, 3):
        system = DoubleWellCluster(n)
        width = 1.5 * system.spread
        x = width * torch.randn(400_000, n - 1, 2, dtype=torch.float64, generator=generator)
        log_q = -0.5 * x.square().sum((1, 2)) / width**2 - (n - 1) * math.log(2 * math.pi * width**2)
        weight = torch.exp(-system.energy(x) - log_q + exact(system)["free_energy"])
        assert abs(float(weight.mean()) - 1) < 4 * float(weight.std()) / len(x) ** 0.5 < 0.1


@pytest.mark.parametrize("system", [DoubleWellCluster(3), LennardJonesCluster(4), LennardJonesCluster(3, 1.0)])
def test_the_virial_is_the_radial_derivative_of_the_energy(system):
    x = system.initial(6, torch.Generator().manual_seed(1), torch.float64).requires_grad_(True)
    (slope,) = torch.autograd.grad(system.energy(x).sum(), x)
    expected = (slope * x).sum((1, 2)) - system.space.size
    found = system.virial_of(x) if hasattr(system, "virial_of") else system.virial(system.terms(x))
    torch.testing.assert_close(found, expected)


def test_lennard_jones_energy_of_a_triangle():
    """Three particles at the distance of the lowest pair: -3 kappa, and 1/2 for the trap."""
    for kappa in (1.0, 2.0):
        system = LennardJonesCluster(3, kappa)
        corners = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.75**0.5, 0.0]], dtype=torch.float64)
        x = system.space.vectors @ corners
        assert float(system.energy(x)) == pytest.approx(-3 * kappa + 0.5)


@pytest.mark.parametrize("kappa", [0.5, 2.0])
def test_two_lennard_jones_particles_against_importance_sampling(kappa):
    system = LennardJonesCluster(2, kappa)
    generator, known = torch.Generator().manual_seed(2), exact(system)
    x = torch.randn(400_000, 1, 3, dtype=torch.float64, generator=generator)
    energy = system.energy(x)
    weight = torch.exp(-energy + 0.5 * x.square().sum((1, 2)))
    log_z, error = 1.5 * math.log(2 * math.pi) + float(weight.mean().log()), float(weight.std() / weight.mean()) / 632
    assert abs(log_z + known["free_energy"]) < 4 * error < 0.02
    terms = system.terms(x)
    for name, value in {"energy": energy, "trap": terms["trap"]}.items():
        centred = value - known[name]
        share = weight / weight.sum()
        centred = torch.where(weight > 0, centred, 0.0)
        assert abs(float((share * centred).sum())) < 4 * float((share.square() * centred.square()).sum().sqrt())


def test_labels_keep_conventions_apart():
    twice, once = LennardJonesCluster(13), LennardJonesCluster(13, pair_factor=1)
    assert twice.label == "lennard-jones-n13-pairs2" and once.label == "lennard-jones-n13-pairs1"
    assert twice != once
    assert not [r for r in once.references() if r.quantity != "virial"]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: DoubleWellCluster(5), "n must be an integer from 2 to 4"),
        (lambda: DoubleWellCluster(1), "n must be"),
        (lambda: LennardJonesCluster(13, 0), "pair_factor must be a finite number > 0"),
        (lambda: LennardJonesCluster(13, -1.0), "pair_factor must be"),
        (lambda: LennardJonesCluster(1), "n must be"),
    ],
)
def test_bad_clusters_are_refused_in_one_line(make, name):
    with pytest.raises(InputError, match=name) as refusal:
        make()
    assert "\n" not in str(refusal.value)
