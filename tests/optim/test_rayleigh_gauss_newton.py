"""Gauss-Newton steps for a Rayleigh quotient against diagonalisation."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, jacrev

from physgen.core.errors import InputError
from physgen.nn.correlators.momentum_waves import MomentumWaves
from physgen.optim import RayleighGaussNewton
from physgen.systems.nuclear_forces import HBAR2_OVER_MASS
from physgen.systems.one_pion import one_pion_force
from physgen.systems.partial_waves import momentum_hamiltonian, momentum_mesh, partial_waves


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(3)


def symmetric(size):
    matrix = torch.randn(size, size)
    return matrix + matrix.T


def test_free_vector_finds_the_lowest_state():
    h = symmetric(12)
    state = torch.nn.Parameter(torch.randn(12))
    optimizer = RayleighGaussNewton([state], h)
    energies = []
    for _ in range(60):
        optimizer.step(lambda: (state.detach(), lambda: torch.eye(12)))
        at = state.detach()
        energies.append(float(at @ h @ at / (at @ at)))
    assert all(b <= a + 1e-12 for a, b in zip(energies, energies[1:], strict=False))
    assert energies[-1] == pytest.approx(float(torch.linalg.eigvalsh(h)[0]), abs=1e-9)


def test_step_by_hand():
    """Two parameters of a three-dimensional state: the formula, written out."""
    h, mix = symmetric(3), torch.randn(3, 2)
    theta = torch.nn.Parameter(torch.tensor([0.4, -0.7]))
    before = theta.detach().clone()
    psi = mix @ before
    norm = psi.norm()
    unit, slopes = psi / norm, mix / norm
    slopes = slopes - torch.outer(unit, unit @ slopes)
    energy = unit @ h @ unit
    values, vectors = torch.linalg.eigh(slopes.T @ (h - energy * torch.eye(3)) @ slopes)
    inverse = vectors @ torch.diag(1 / (values.clamp_min(0) + 0.5)) @ vectors.T
    expected = before - inverse @ slopes.T @ h @ unit
    optimizer = RayleighGaussNewton([theta], h, damping=0.5)
    optimizer.step(lambda: (mix @ theta.detach(), lambda: mix))
    torch.testing.assert_close(theta.detach(), expected)
    assert optimizer.param_groups[0]["damping"] == pytest.approx(0.1)


def test_at_the_lowest_state_nothing_moves():
    h = symmetric(5)
    state = torch.nn.Parameter(torch.linalg.eigh(h)[1][:, 0])
    before = state.detach().clone()
    optimizer = RayleighGaussNewton([state], h)
    optimizer.step(lambda: (state.detach(), lambda: torch.eye(5)))
    torch.testing.assert_close(state.detach(), before)


@pytest.mark.parametrize(("activation", "envelope"), [("sigmoid", True), ("sigmoid", False), ("softplus", False)])
def test_ten_units_learn_the_deuteron(activation, envelope):
    k, w = momentum_mesh(64, 30.0)
    kinetic, potential = momentum_hamiltonian(k, w, partial_waves(one_pion_force, k), HBAR2_OVER_MASS)
    h = torch.tensor(np.diag(kinetic) + potential)
    net, momenta, measure = MomentumWaves((0, 2), 10, activation, envelope), torch.tensor(k), torch.tensor(w**0.5 * k)

    def psi(parameters):
        return (measure * functional_call(net, parameters, (momenta,))).flatten()

    def closure():
        found = {name: p.detach() for name, p in net.named_parameters()}
        return psi(found), lambda: torch.cat([part.flatten(1) for part in jacrev(psi)(found).values()], 1)

    optimizer = RayleighGaussNewton(net.parameters(), h)
    for _ in range(200):
        optimizer.step(closure)
    state = closure()[0]
    state = state / state.norm()
    exact = torch.linalg.eigh(h)
    assert 0 < float(state @ h @ state - exact[0][0]) < 2e-3
    assert float((state @ exact[1][:, 0]) ** 2) > 1 - 1e-4


def test_damping_is_positive():
    with pytest.raises(InputError, match="damping must be"):
        RayleighGaussNewton([torch.nn.Parameter(torch.ones(2))], torch.eye(2), damping=0)
