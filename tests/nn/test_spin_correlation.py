"""Wavefunctions of spin-isospin components against autograd, and their antisymmetry in the product of all states."""

import itertools

import pytest
import torch
from torch.func import hessian, jacrev, vmap

from physgen.nn.correlators.pair_correlator import PairCorrelator
from physgen.nn.correlators.spline_correlator import SplineCorrelator
from physgen.systems.spin_isospin import spin_isospin

#: nucleons, protons, spin, isospin
NUCLEI = [(2, 1, 1, 0), (3, 1, 0.5, 0.5), (3, 2, 0.5, 0.5), (4, 2, 0, 0)]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(5)


def relative(nucleons):
    """Orthonormal vectors `(A - 1, A)` that a common shift leaves alone, and the differences of pairs in them."""
    centred = torch.eye(nucleons) - 1 / nucleons
    vectors = torch.linalg.svd(centred)[0][:, : nucleons - 1].T
    return vectors, torch.stack([vectors[:, i] - vectors[:, j] for i, j in itertools.combinations(range(nucleons), 2)])


def network(basis):
    _, frame = relative(basis.nucleons)
    sigma = 2 * basis.spin_exchanges - torch.eye(basis.components)
    net = PairCorrelator(frame, basis.pairs, basis.first, sigma @ basis.first, 0.5, width=8)
    with torch.no_grad():  # far from its start, so that everything counts
        net.spin_out *= 300
        net.out *= 20
        net.pool_out *= 20
    return net


def splines(basis):
    _, frame = relative(basis.nucleons)
    ends = torch.zeros(len(basis.pairs), basis.nucleons)
    for k, pair in enumerate(basis.pairs):
        ends[k, list(pair)] = 1
    net = SplineCorrelator(frame, ends, basis.first, knots=6, reach=3.0)
    with torch.no_grad():
        net.coefficients += 0.3 * torch.randn_like(net.coefficients)
        net.legs += 0.3 * torch.randn_like(net.legs)
    return net


def vector(net, x):
    direction, log = net(x)
    return direction * log.exp().unsqueeze(-1)


@pytest.mark.parametrize("make", [network, splines])
@pytest.mark.parametrize("nucleus", NUCLEI)
@pytest.mark.parametrize("labelled", [False, True])
def test_derivatives_of_every_component(make, nucleus, labelled):
    basis = spin_isospin(*nucleus[:3], None if labelled else nucleus[3])
    net, x = make(basis), torch.randn(6, nucleus[0] - 1, 3)
    direction, rows, laplacian = net.component_derivatives(x)
    norm = net(x)[1].exp().unsqueeze(-1)

    def psi(one):
        return vector(net, one)

    second = vmap(hessian(psi))(x).flatten(4, 5).flatten(2, 3)
    expected = second.diagonal(dim1=-2, dim2=-1).sum(-1).detach()
    size = second.detach().abs().amax()
    torch.testing.assert_close(laplacian * norm / size, expected / size, rtol=0, atol=1e-12)
    torch.testing.assert_close(direction * norm, vector(net, x).detach(), rtol=1e-12, atol=0)
    slopes = vmap(jacrev(psi))(x).flatten(2).detach()
    products = torch.einsum("rbc,rbd->bcd", rows * norm, rows * norm)
    torch.testing.assert_close(products, slopes @ slopes.mT, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("make", [network, splines])
@pytest.mark.parametrize("nucleus", NUCLEI)
def test_derivatives_of_the_norm(make, nucleus, by_autograd):
    net = make(spin_isospin(*nucleus))
    x = torch.randn(6, nucleus[0] - 1, 3)
    for found, expected in zip(net.derivatives(x), by_autograd(lambda x: net(x)[1], x), strict=True):
        torch.testing.assert_close(found, expected.detach(), rtol=1e-9, atol=1e-9)


def test_derivatives_where_nucleons_lie_on_a_line():
    basis = spin_isospin(*NUCLEI[3])
    net, x = network(basis), torch.randn(4, 3, 1) * torch.tensor([1.0, -0.5, 2.0])
    second = vmap(hessian(lambda one: vector(net, one)))(x).flatten(4, 5).flatten(2, 3)
    expected = second.diagonal(dim1=-2, dim2=-1).sum(-1).detach()
    found = net.component_derivatives(x)[2] * net(x)[1].exp().unsqueeze(-1)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("make", [network, splines])
@pytest.mark.parametrize("nucleus", NUCLEI)
def test_antisymmetric_in_positions_spins_and_isospins_together(make, nucleus):
    basis = spin_isospin(*nucleus)
    net, positions = make(basis), torch.randn(5, nucleus[0], 3)
    vectors, _ = relative(nucleus[0])

    def full(at):
        return vector(net, vectors @ at).detach() @ basis.states.T

    psi = full(positions)
    assert psi.norm() > 0
    for i, j in basis.pairs:
        moved = positions.clone()
        moved[:, [i, j]] = positions[:, [j, i]]
        exchange = basis.spin_exchange(i, j) @ basis.isospin_exchange(i, j)
        assert (full(moved) @ exchange.T + psi).norm() < 1e-12 * psi.norm()


@pytest.mark.parametrize("nucleus", NUCLEI)
def test_labels_are_one_arrangement_of_the_isospins(nucleus):
    """With the same weights: the labelled state is the part of the full one whose first Z nucleons are protons."""
    whole, labelled = (spin_isospin(*nucleus[:3], isospin) for isospin in (nucleus[3], None))
    nets = [network(whole), network(labelled)]
    nets[1].load_state_dict(nets[0].state_dict())
    x = torch.randn(7, nucleus[0] - 1, 3)
    first, second = (vector(net, x).detach() for net in nets)
    rows = [whole.products.index(product) for product in labelled.products]
    part, alone = first @ whole.states[rows].T, second @ labelled.states.T
    ratio = (part * alone).sum() / alone.square().sum()
    torch.testing.assert_close(part, ratio * alone, rtol=1e-11, atol=1e-13)
    arrangements = {t for _, t in whole.products}
    assert abs(ratio.square() * len(arrangements) - 1) < 1e-12  # every arrangement has the same share


def test_rotations_and_reflections_change_nothing():
    basis = spin_isospin(*NUCLEI[3])
    net, x = network(basis), torch.randn(5, 3, 3)
    turn = torch.linalg.qr(torch.randn(3, 3))[0]
    for moved in (x @ turn, -x):
        torch.testing.assert_close(vector(net, moved), vector(net, x), rtol=1e-12, atol=0)
