import pytest
import torch

from physgen.core.errors import InputError
from physgen.samplers import MALA, ParallelTempering, ReplicaExchange
from physgen.samplers.parallel_tempering import Tempered


def two_wells(x):
    """Equal mixture of N(-4, 0.5^2) and N(4, 0.5^2) in the first coordinate, N(0, 1) in the others."""
    first = x[..., 0, 0]
    wells = torch.logaddexp(-2 * (first - 4).square(), -2 * (first + 4).square())
    return wells - 0.5 * (x.square().sum((-1, -2)) - first.square())


def in_one_well(walkers=200):
    x = torch.zeros(walkers, 2, 2, dtype=torch.float64)
    x[:, 0, 0] = 4
    return x


def test_walkers_cross_a_barrier_that_stops_others(generator):
    sampler = ParallelTempering(walkers=200, replicas=8, hottest=0.03)
    sampler.start(in_one_well(), generator, 0.3)
    sampler.warm_up(two_wells, 200)
    share = torch.stack([(sampler.sample(two_wells, 5)[:, 0, 0] > 0).double() for _ in range(30)]).mean(0)
    assert share.mean().item() == pytest.approx(0.5, abs=4 * share.std().item() / 200**0.5 + 0.02)
    assert 0.1 < sampler.swap_acceptance < 1
    stuck = MALA(walkers=200)
    stuck.start(in_one_well(), generator, 0.3)
    assert (stuck.warm_up(two_wells, 400)[:, 0, 0] > 0).all()


@pytest.mark.parametrize("width", [0.05, 0.4, 1.0])
def test_exact_draws_of_every_replica_stay_exact(width, generator, agrees):
    walkers, powers = 10_000, torch.tensor([1.0, 0.5, 0.2], dtype=torch.float64)
    x = torch.randn(3, walkers, 2, 2, generator=generator, dtype=torch.float64) / powers.view(3, 1, 1, 1).sqrt()
    ladder = Tempered(lambda x: -0.5 * x.square().sum((-1, -2)), powers)
    chains = ReplicaExchange(ladder, x, width / powers.sqrt(), generator)
    for _ in range(6):
        chains.move()
    assert (chains.acceptance > 0.05).all()
    whitened = (chains.x * powers.view(3, 1, 1, 1).sqrt()).transpose(0, 1).flatten(1)
    agrees(torch.cat([whitened, whitened.square(), whitened**4], 1), [0.0] * 12 + [1.0] * 12 + [3.0] * 12)


def test_features_belong_to_the_configurations_after_swaps(generator):
    sampler = ParallelTempering(walkers=50)
    sampler.start(in_one_well(50), generator, 0.3)
    chains = sampler.evaluate(two_wells, sampler.all)
    for _ in range(20):
        chains.move(0.8)
    assert torch.equal(chains.features[0], two_wells(chains.x))


def test_two_particles_almost_on_one_spot_come_apart(generator):
    x = torch.zeros(20, 2, 2, dtype=torch.float64)
    x[:, 1, 0] = 1e-3
    sampler = ParallelTempering(walkers=20)
    sampler.start(x, generator, 0.1)
    x = sampler.warm_up(lambda x: -10 * (x.square().sum((-1, -2)) + 1 / (x[:, 0] - x[:, 1]).norm(dim=-1)), 100)
    assert ((x[:, 0] - x[:, 1]).norm(dim=-1) > 0.5).all()


@pytest.mark.parametrize(
    ("name", "value"), [("replicas", 1), ("replicas", 2.0), ("hottest", 0.0), ("hottest", 1.0), ("leaps", 0)]
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(InputError, match=rf"^sampler\.{name} must be .*, got "):
        ParallelTempering(**{name: value})
