"""Free energies from a Gaussian to a system, against exact ones."""

import pytest
import torch

from physgen.monte_carlo import Settings
from physgen.monte_carlo.chains import MonteCarlo
from physgen.monte_carlo.ladders import ladder_of
from physgen.monte_carlo.mixing_ladder import MixingLadder
from physgen.systems import DoubleWellCluster, LennardJonesCluster, QuarticWell, ScalarPhi4


@pytest.mark.parametrize("system", [ScalarPhi4(2, mass2=1.0, coupling=0.0), DoubleWellCluster(2), ScalarPhi4(2)])
def test_free_energies_against_exact_ones(system):
    settings = Settings(error=0.03, walkers=16, warm_up=60, most_moves=300, seed=3)
    record, _ = MonteCarlo(system, settings).run()
    exact = {r.quantity: r.value for r in system.references()}
    for name in {"free_energy", "energy"} & set(exact):
        found = record.estimates[name]
        assert abs(found.value - exact[name]) < 4 * found.error < 0.8, name
    assert record.arrays and "repulsion" in record.arrays


def test_the_ladder_begins_at_the_system_and_ends_near_a_gaussian():
    system = LennardJonesCluster(3)
    ladder = ladder_of(system)
    assert isinstance(ladder, MixingLadder) and not isinstance(ladder_of(QuarticWell()), MixingLadder)
    nodes = len(ladder.scale)
    assert ladder.shares[0] == 1 and float(ladder.shares[-1]) < 1e-12
    x = system.initial(nodes * 4, torch.Generator().manual_seed(0), torch.float64).view(nodes, 4, 2, 3)
    features, gradient = ladder.evaluate(x)
    torch.testing.assert_close(features[1], system.energy(x))

    def log_density(y):
        gauss = 0.5 * y.square().sum((-1, -2)) / system.spread**2
        return (-(1 - ladder.shares[:, None]) * gauss - ladder.shares[:, None] * system.energy(y)).sum()

    torch.testing.assert_close(gradient, torch.autograd.functional.jacobian(log_density, x))


def test_particles_on_one_spot_have_no_weight_but_a_number():
    ladder = MixingLadder(LennardJonesCluster(2), 4)
    features, gradient = ladder.evaluate(torch.zeros(4, 1, 1, 3, dtype=torch.float64))
    assert features.isfinite().all() and gradient.isfinite().all() and float(features[1].min()) >= 1e299
