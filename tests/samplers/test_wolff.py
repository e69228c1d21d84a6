"""Samplers of spins, against sums over all states."""

import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.samplers import Checkerboard, SpinFlip, Wolff
from physgen.samplers.lattice_bonds import local_fields

KINDS = [SpinFlip, Checkerboard, Wolff]


class Spins:
    """exp(sum of beta J s s') of neighbours on a lattice."""

    def __init__(self, bonds):
        self.bonds = bonds

    def __call__(self, x):
        across, down = self.bonds.to(x)
        return (across * x * x.roll(-1, 2) + down * x * x.roll(-1, 1)).sum((1, 2))

    def moments(self):
        """Means of products of all pairs of spins."""
        _, rows, columns = self.bonds.shape
        states = every_state(rows * columns, (-1.0, 1.0))
        p = self(states.view(-1, rows, columns)).softmax(0)
        return pairs(states, p[:, None] * states)


def pairs(x, y):
    first, second = torch.triu_indices(x.shape[1], x.shape[1], 1)
    return (y.mT @ x)[first, second]


def started(kind, shape, generator, walkers=300):
    sampler = kind(walkers=walkers)
    x = torch.randint(2, (walkers, *shape), generator=generator).double() * 2 - 1
    sampler.start(x, generator)
    return sampler


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("law", ["ferromagnet", "glass", "open"])
def test_one_law(kind, law, generator, agrees):
    bonds = 0.35 * torch.ones(2, 2, 4, dtype=torch.float64)
    if law == "glass":
        bonds = 0.4 * torch.randn(2, 2, 4, generator=generator, dtype=torch.float64)
    if law == "open":
        bonds[0, :, -1] = bonds[1, -1] = 0
    density, sampler = Spins(bonds), started(kind, (2, 4), generator)
    moves = 12 if kind is SpinFlip else 2
    sampler.warm_up(density, 20 * moves)
    first, second = torch.triu_indices(8, 8, 1)
    rows = []
    for _ in range(40):
        x = sampler.sample(density, moves).flatten(1)
        rows.append(x[:, first] * x[:, second])
    assert sampler.x.square().eq(1).all()
    agrees(torch.stack(rows).mean(0), density.moments())


def test_a_single_spin_is_its_own_cluster_without_bonds(generator):
    sampler = started(Wolff, (4, 4), generator, 8)
    before = sampler.x.clone()
    after = sampler.sample(Spins(torch.zeros(2, 4, 4)), 1)
    assert ((before != after).flatten(1).sum(1) == 1).all()


def test_all_spins_are_one_cluster_at_temperature_zero(generator):
    sampler = Wolff(walkers=4)
    sampler.start(torch.ones(4, 5, 3), generator)
    assert torch.equal(sampler.sample(Spins(1e3 * torch.ones(2, 5, 3)), 1), -torch.ones(4, 5, 3))


def test_local_fields_are_what_a_flip_costs(generator):
    density = Spins(torch.randn(2, 3, 4, generator=generator, dtype=torch.float64))
    x = torch.randint(2, (5, 3, 4), generator=generator).double() * 2 - 1
    flipped = x.clone()
    flipped[:, 1, 2] *= -1
    expected = (density(x) - density(flipped)) / (2 * x[:, 1, 2])
    assert torch.allclose(local_fields(x, density.bonds)[:, 1, 2], expected)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_state_goes_on_bit_for_bit(kind, generator):
    density, sampler, again = Spins(0.3 * torch.ones(2, 4, 4)), started(kind, (4, 4), generator), kind(walkers=300)
    sampler.sample(density)
    state = {k: v.clone() for k, v in sampler.state_dict().items()}
    expected = sampler.sample(density).clone()
    again.load_state_dict(state)
    assert torch.equal(again.sample(density), expected)


@pytest.mark.parametrize("kind", [Checkerboard, Wolff], ids=lambda kind: kind.__name__)
def test_densities_without_bonds_are_refused(kind, generator):
    with pytest.raises(InputError, match=f"^sampler {kind.__name__} needs .*use SpinFlip"):
        started(kind, (4, 4), generator, 4).sample(lambda x: x.sum((1, 2)))


def test_odd_rings_have_no_sublattices(generator):
    sampler = started(Checkerboard, (3, 4), generator, 4)
    bonds = torch.ones(2, 3, 4)
    with pytest.raises(InputError, match="even where they are periodic, got 3"):
        sampler.sample(Spins(bonds))
    bonds[1, -1] = 0  # open along the odd side
    sampler.sample(Spins(bonds))
