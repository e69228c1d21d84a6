"""Autoregressive densities of spins, by sums over all states."""

import math

import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.nn.autoregressive.spin_autoregressive import MaskedDense, SiteNetworks, markov_boundary

pytestmark = pytest.mark.usefixtures("float64")


def lattice(rows, columns, periodic=True, values=None):
    """Couplings `(N, N)` of neighbours on a lattice, from those of every site to the right and below."""
    site = torch.arange(rows * columns).view(rows, columns)
    couplings = torch.zeros(rows * columns, rows * columns)
    values = torch.ones(2, rows, columns) if values is None else values
    for axis, value in zip((1, 0), values, strict=True):
        for i, j, v in zip(site.flatten(), site.roll(-1, axis).flatten(), value.flatten(), strict=True):
            if periodic or j > i:
                couplings[i, j] += v
                couplings[j, i] += v
    return couplings


def shaken(net, seed=1):
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return net


NETS = {
    "boundary": lambda even: SiteNetworks(lattice(3, 3), 0.4, width=5, even=even),
    "all": lambda even: SiteNetworks(lattice(3, 3), 0.4, "all", width=5, even=even),
    "no hidden": lambda even: SiteNetworks(lattice(3, 3), 0.4, width=0, even=even),
    "masked": lambda even: MaskedDense(9, 2, even),
}


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("name", NETS)
def test_density_is_normalised_and_even_where_it_says_so(name, even):
    net = shaken(NETS[name](even))
    s = every_state(9, (-1.0, 1.0))
    with torch.no_grad():
        log_prob = net.log_prob(s)
        assert abs(log_prob.logsumexp(0).item()) < 1e-12
        assert torch.equal(net.log_prob(-s), log_prob) == even


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("name", NETS)
def test_draws_follow_the_density_and_know_it(name, even, generator, agrees):
    net = shaken(NETS[name](even))
    s, log_prob = net.sample(30_000, generator)
    assert s.square().eq(1).all() and torch.allclose(log_prob, net.log_prob(s))
    states = every_state(9, (-1.0, 1.0))
    p = net.log_prob(states).exp().detach()
    i, j = torch.triu_indices(9, 9, 1)
    expected = p @ torch.cat([states, states[:, i] * states[:, j]], 1)
    agrees(torch.cat([s, s[:, i] * s[:, j]], 1), expected)


@pytest.mark.parametrize("width", [0, 4])
def test_a_tree_is_exact_without_training(width):
    """Conditionals of a chain with open ends are the Hamiltonian's own term, whatever its couplings."""
    couplings = torch.zeros(7, 7)
    for i in range(6):
        couplings[i, i + 1] = couplings[i + 1, i] = 0.3 * (-1) ** i * (i + 1)
    net = SiteNetworks(couplings, 0.8, width=width)
    s = every_state(7, (-1.0, 1.0))
    exact = (0.4 * torch.einsum("bi,ij,bj->b", s, couplings, s)).log_softmax(0)
    assert torch.allclose(net.log_prob(s).detach(), exact)
    assert markov_boundary(couplings != 0) == [[], [0], [1], [2], [3], [4], [5]]


def test_the_boundary_holds_all_that_a_conditional_depends_on(generator):
    """Conditionals of a glass by sums over states: they change with the spins of the boundary and with no other."""
    values = torch.randn(2, 3, 4, generator=generator)
    for periodic in (True, False):
        couplings = lattice(3, 4, periodic, values)
        boundary = markov_boundary(couplings != 0)
        s = every_state(12, (-1.0, 1.0))
        p = (0.5 * torch.einsum("bi,ij,bj->b", s, couplings, s)).softmax(0)
        table = p.view(*[2] * 12).permute(*range(11, -1, -1))  # the first spin along the first axis
        for i in range(12):
            marginal = table.sum(tuple(range(i + 1, 12))) if i < 11 else table
            up = marginal[..., 1] / marginal.sum(-1)
            depends = [j for j in range(i) if not torch.allclose(*up.unbind(j), rtol=1e-9)]
            assert depends == boundary[i]
        if not periodic:
            assert boundary[6] == [2, 3, 4, 5]  # the last row's worth


def test_without_weights_every_spin_is_a_fair_coin():
    net = SiteNetworks(lattice(3, 3), 0.0)
    assert torch.allclose(net.log_prob(every_state(9, (-1.0, 1.0))), torch.tensor(-9 * math.log(2)))
