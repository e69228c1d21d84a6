"""Orbitals and states of open shells: angular momenta, norms, derivatives, sums of determinants."""

import math

import numpy as np
import pytest
import torch

from physgen.nn.determinants.gaussian_envelope import GaussianEnvelope
from physgen.nn.determinants.open_shells import angular, filled_orbitals
from physgen.nn.determinants.oscillator import OscillatorOrbitals
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.nn.determinants.shell_product import shell_product
from physgen.nn.determinants.slater import log_sum_of_orbitals

STATES = [(2, 2, None), (3, 2, None), (4, 2, None), (4, 4, 0), (7, 4, None), (8, 4, None), (8, 5, 2), (14, 7, None)]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(4)


def rotated(x, angle):
    c, s = math.cos(angle), math.sin(angle)
    return x @ torch.tensor([[c, s], [-s, c]])


@pytest.mark.parametrize(("shell", "m"), [(1, 1), (2, 0), (2, 2), (3, 1), (3, 3), (4, 2)])
def test_orbitals_turn_as_cosine_and_sine(shell, m):
    """phi_cos(R x) = cos(m a) phi_cos(x) - sin(m a) phi_sin(x), and both are normalised and of one sign."""
    closed = (shell + 1) * (shell + 2) // 2
    orbitals, x, angle = OscillatorOrbitals(closed, 2), torch.randn(20, 2), 0.37
    names = [angular(shell, m, sine) for sine in ([False, True] if m else [False])]
    for column in names:
        assert np.linalg.norm(column) == pytest.approx(1)

    def values(places):
        return [orbitals(places)[:, closed - shell - 1 :] @ torch.from_numpy(column) for column in names]

    here, there = values(x), values(rotated(x, angle))
    if m:
        expected = math.cos(m * angle) * here[0] - math.sin(m * angle) * here[1]
        torch.testing.assert_close(there[0], expected)
    else:
        torch.testing.assert_close(there[0], here[0])


@pytest.mark.parametrize(("n", "n_up", "momentum"), STATES)
def test_states_are_real_parts_of_eigenstates(n, n_up, momentum):
    """psi(R x) for R by a quarter of the period 2 pi/M is minus that by minus it: only cos(M a) and sin(M a)."""
    filling = ShellFilling(n, 2, n_up, momentum)
    net = shell_product(filling, {"envelope": GaussianEnvelope()})
    x, total = torch.randn(10, n, 2), filling.angular_momentum

    def psi(angle):
        sign, log = net(rotated(x, angle))
        return sign * log.exp()

    a = 0.41
    # f(a) + f(-a) = 2 cos(M a) f(0) for combinations of cos(M a) and sin(M a)
    torch.testing.assert_close(psi(a) + psi(-a), 2 * math.cos(total * a) * psi(0.0), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("n", "n_up", "momentum"), STATES)
def test_derivatives_of_sums_of_determinants(n, n_up, momentum):
    net = shell_product(ShellFilling(n, 2, n_up, momentum), {"envelope": GaussianEnvelope()})
    x = torch.randn(3, n, 2)
    gradient, laplacian = net.derivatives(x)
    for index in range(3):
        own = x[index].clone().requires_grad_()
        slope = torch.autograd.grad(net(own)[1], own)[0]
        torch.testing.assert_close(gradient[index], slope, rtol=1e-8, atol=1e-8)
        hessian = torch.autograd.functional.hessian(lambda y: net(y)[1], x[index]).reshape(2 * n, 2 * n)
        torch.testing.assert_close(laplacian[index], hessian.trace(), rtol=1e-8, atol=1e-7)


def test_the_number_of_determinants_is_that_of_the_real_part():
    products = {(4, 2): 2, (5, 3): 1, (8, 4): 2, (3, 2): 1}
    for (n, n_up), expected in products.items():
        orbitals, weights = filled_orbitals(ShellFilling(n, 2, n_up))
        assert len(weights) == expected and {part.sets for part in orbitals} <= {1, expected}
    _, weights = filled_orbitals(ShellFilling(4, 2, 2))
    assert weights.tolist() == [1, -1]  # x x - y y = Re (x + i y)^2


def test_one_product_has_the_derivatives_of_its_determinants():
    orbitals, weights = filled_orbitals(ShellFilling(6, 2, 3))
    x = torch.randn(4, 3, 2)
    whole = log_sum_of_orbitals([part.jets(x) for part in orbitals], weights)
    twice = log_sum_of_orbitals([part.jets(x).repeat(1, 1, 2, 1, 1) for part in orbitals], torch.tensor([0.3, 0.7]))
    for found, expected in zip(twice, whole, strict=True):
        torch.testing.assert_close(found, expected)
