import itertools
import math

import numpy as np
import pytest
import torch

from physgen.core.errors import InputError
from physgen.nn import forward_laplacian as fl
from physgen.nn.determinants.oscillator import OscillatorOrbitals, check_closed_shells, closed_shells
from physgen.nn.determinants.slater import inverse, log_product_of_orbitals, log_sum, sign_and_log


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(4)


def test_closed_shells():
    assert closed_shells(2, 30) == [1, 3, 6, 10, 15, 21, 28]
    assert closed_shells(3, 60) == [1, 4, 10, 20, 35, 56]
    for n, n_up, dim in [(2, 1, 2), (6, 3, 2), (4, 3, 2), (3, 3, 2), (3, 0, 2), (8, 4, 3), (240, 120, 3), (1, 1, 3)]:
        check_closed_shells(n, n_up, dim)


@pytest.mark.parametrize(
    ("n", "n_up", "dim", "words"),
    [
        (4, 2, 2, "n must fill closed shells in 2D, 2, 6, 12, 20, 30, 42, 56, got 4 with n_up = 2"),
        (6, 3, 3, "n must fill closed shells in 3D, 2, 8, 20, 40, got 6 with n_up = 3"),
        (2, 2, 2, "n_up must leave closed shells of both spins in 2D, 0 or 1, 3, 6, 10, 15, 21, 28 of a spin, got"),
        (12, 7, 2, "got n_up = 7 of n = 12"),
    ],
)
def test_open_shells_are_refused_with_the_closed_ones(n, n_up, dim, words):
    with pytest.raises(InputError) as refusal:
        check_closed_shells(n, n_up, dim)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize(("count", "dim"), [(1, 2), (6, 2), (15, 2), (10, 3), (20, 3)])
def test_orbitals_are_orthonormal(count, dim):
    """By Gauss-Hermite quadrature: < phi_i phi_j exp(-r^2) > = delta_ij pi^(dim/2)."""
    nodes, weights = (torch.from_numpy(v) for v in np.polynomial.hermite.hermgauss(12))
    x = torch.cartesian_prod(*[nodes] * dim)
    w = torch.stack([torch.stack(c).prod() for c in itertools.product(weights, repeat=dim)])
    phi = OscillatorOrbitals(count, dim)(x)
    overlap = phi.T @ (w[:, None] * phi) / math.pi ** (dim / 2)
    torch.testing.assert_close(overlap, torch.eye(count), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("count", "dim"), [(1, 2), (3, 2), (10, 2), (4, 3), (10, 3)])
def test_orbitals_are_eigenstates(count, dim, generator):
    """phi exp(-r^2/2) has the energy k + dim/2: lap phi - 2 r.grad phi = -2 k phi."""
    x = torch.randn(3, 5, dim, generator=generator)
    orbitals = OscillatorOrbitals(count, dim)
    jet = orbitals.jet(x)
    torch.testing.assert_close(jet.value, orbitals(x))
    drift = 2 * (jet.rows * x.permute(2, 0, 1).unsqueeze(-1)).sum(0)
    shell = orbitals.powers.sum(0)
    assert shell.tolist() == sorted(shell.tolist())
    torch.testing.assert_close(jet.laplacian - drift, -2.0 * shell * jet.value, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("m", [1, 3, 4, 6])
def test_determinants_and_inverses(m, generator):
    a = torch.randn(7, 2, m, m, generator=generator)
    sign, log = sign_and_log(a)
    torch.testing.assert_close(sign * log.exp(), torch.linalg.det(a))
    torch.testing.assert_close(inverse(a) @ a, torch.eye(m).expand_as(a), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("m", "dim"), [(1, 2), (3, 2), (4, 3)])
def test_derivatives_of_a_sum_of_determinants(m, dim, generator, by_autograd):
    n, k = 2 * m, 3
    mixing = torch.randn(n, n, generator=generator)
    columns = torch.randn(k * m, dim, generator=generator)
    weights = torch.tensor([0.5, -0.7, 1.1])

    def slater(x):
        jets = isinstance(x, fl.Jet)
        mixed = fl.Jet(mixing @ fl.spread_out(x).stack) if jets else mixing @ x
        h = fl.activation(fl.linear(mixed, columns), "tanh")
        whole = (h.stack if jets else h).unflatten(-1, (k, m))
        halves = [whole[..., :m, :, :].transpose(-2, -3), whole[..., m:, :, :].transpose(-2, -3)]
        return log_sum([fl.Jet(half) for half in halves] if jets else halves, weights)

    x = torch.randn(5, n, dim, generator=generator)
    jet = slater(fl.own_coordinates(x))
    sign, value = slater(x)
    assert set(sign.tolist()) <= {-1.0, 1.0}
    torch.testing.assert_close(jet.value, value)
    gradient, laplacian = by_autograd(lambda x: slater(x)[1], x)
    torch.testing.assert_close(jet.rows.T.reshape(x.shape), gradient, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(jet.laplacian, laplacian, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("m", "dim"), [(3, 2), (6, 2), (4, 3)])
def test_derivatives_of_plain_shells(m, dim, generator, by_autograd):
    orbitals = OscillatorOrbitals(m, dim)
    x = torch.randn(5, m, dim, generator=generator)
    gradient, laplacian = log_product_of_orbitals(orbitals.jet(x))
    expected = by_autograd(lambda x: sign_and_log(orbitals(x))[1], x)
    torch.testing.assert_close(gradient, expected[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(laplacian, expected[1], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("m", [1, 3, 4])
def test_a_node_has_the_logarithm_minus_infinity(m):
    matrix = torch.randn(2, 3, m, m)
    matrix[0, :, 0] = 0
    _, value = log_sum([matrix], torch.ones(3))
    assert value[0] == -math.inf and value[1].isfinite()
