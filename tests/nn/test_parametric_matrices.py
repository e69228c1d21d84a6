"""Parametric matrices, against eigenvalues of given matrices and finite differences."""

import math

import pytest
import torch

from physgen.nn.parametric_matrices import EigenvalueMatrices, TransitionMatrices, UnitaryMatrices, hermitian
from physgen.optim.levenberg_marquardt import LevenbergMarquardt, damped_solution

pytestmark = pytest.mark.usefixtures("float64")

NETS = {
    "eigenvalues": lambda: EigenvalueMatrices(2, (0, 2), 0, 3, 4, True),
    "observables": lambda: EigenvalueMatrices(2, (0,), 2, 3, 4, False),
    "unitary": lambda: UnitaryMatrices(3, (0, 1), 3, 4),
    "transitions": lambda: TransitionMatrices(2, 2, 2, 3, 4, True),
}


def made(name):
    torch.manual_seed(4)
    net = NETS[name]()
    c = torch.tensor([[-0.3], [0.0], [0.5]]) if name == "unitary" else torch.randn(3, 2)
    return net, c


@pytest.mark.parametrize("imaginary", [True, False])
def test_packed_matrices_are_hermitian(imaginary):
    matrix = hermitian(torch.randn(3, 5, 5), imaginary)
    assert torch.equal(matrix, matrix.mH) and matrix.is_complex() == imaginary


def test_outputs_are_eigenvalues_and_means_in_the_ground_state():
    net, c = made("observables")
    out = net(c)
    family = hermitian(net.hamiltonian, False)
    for r in range(3):
        for b in range(3):
            energies, vectors = torch.linalg.eigh(c[b, 0] * family[r, 0] + c[b, 1] * family[r, 1])
            ground = vectors[:, 0]
            means = [ground @ hermitian(net.operators, False)[r, q] @ ground for q in range(2)]
            assert torch.allclose(out[r, b], torch.stack([energies[0], *means]))


def test_energies_of_a_product_of_exponentials_and_their_limit():
    net, _ = made("unitary")
    generators = hermitian(net.generators, True)
    steps = torch.tensor([[0.05], [-0.05], [0.0], [1e-7]])
    out = net(steps)
    for r in range(3):
        for b in (0, 1):
            unitary = torch.eye(4, dtype=torch.complex128)
            for matrix in generators[r]:
                unitary = unitary @ torch.linalg.matrix_exp(-1j * steps[b] * matrix)
            energies = (-torch.linalg.eigvals(unitary).angle() / steps[b]).sort().values
            assert torch.allclose(out[r, b], energies[:2])
        assert torch.allclose(out[r, 2], torch.linalg.eigvalsh(generators[r].sum(0))[:2])
        assert torch.allclose(out[r, 3], out[r, 2], atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_the_jacobian_is_that_of_finite_differences(name):
    net, c = made(name)
    found = net.jacobian(c)
    with torch.no_grad():
        columns = []
        for parameter in net.parameters():
            flat = parameter.view(3, -1)
            for k in range(flat.shape[1]):
                ends = []
                for shift in (1e-6, -2e-6):
                    flat[:, k] += shift
                    ends.append(net(c))
                flat[:, k] += 1e-6
                columns.append((ends[0] - ends[1]) / 2e-6)
    assert torch.allclose(found, torch.stack(columns, -1), atol=1e-6)


def test_the_lowest_eigenvalue_is_concave_in_the_features():
    net, _ = made("eigenvalues")
    first, second = torch.randn(50, 2), torch.randn(50, 2)
    middle = net((first + second) / 2)[..., 0]
    assert (middle >= 0.5 * (net(first) + net(second))[..., 0] - 1e-12).all()


def train(net, c, y, steps):
    optimizer = LevenbergMarquardt(net.parameters())

    def closure():
        return (net(c) - y).flatten(1), lambda: net.jacobian(c).flatten(1, 2)

    return [optimizer.step(closure) for _ in range(steps)]


def test_a_random_family_is_recovered():
    """Two eigenvalues of a 3x3 family, learned from 12 points and followed far outside of them."""
    torch.manual_seed(8)
    truth = EigenvalueMatrices(2, (0, 1), 0, 1, 3, False)
    net = EigenvalueMatrices(2, (0, 1), 0, 8, 3, False)
    x = torch.linspace(-1, 1, 12)[:, None]
    c, far = (torch.cat([torch.ones_like(t), t], 1) for t in (x, 10 * x))
    with torch.no_grad():
        costs = train(net, c, truth(c), 150)
        best = costs[-1].argmin()
        assert costs[-1][best] < 1e-24
        assert torch.allclose(net(far)[best], truth(far)[0], rtol=1e-6)
    assert all((after <= before).all() for before, after in zip(costs[:-1], costs[1:], strict=True))


def test_spins_in_a_field_need_no_more_than_two_rows():
    """-sqrt(1 + c^2)/2 per spin, whatever their number."""
    torch.manual_seed(2)
    net = EigenvalueMatrices(2, (0,), 0, 6, 2, False)
    x = torch.linspace(0.1, 1.0, 6)[:, None]
    y = -0.5 * (1 + x.square()).sqrt()
    with torch.no_grad():
        costs = train(net, torch.cat([torch.ones_like(x), x], 1), y, 100)
        far = torch.tensor([[1.0, 30.0], [1.0, -4.0]])
        found = net(far)[costs[-1].argmin(), :, 0]
    assert found[0].item() == pytest.approx(-0.5 * math.sqrt(901), rel=1e-9)
    assert found[1].item() == pytest.approx(-0.5 * math.sqrt(17), rel=1e-9)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 7, 3)])
def test_damped_systems_are_solved_in_either_space(shape):
    torch.manual_seed(1)
    jacobian, residuals, mu = torch.randn(shape), torch.randn(shape[:2]), torch.tensor([0.1, 2.0])
    found = damped_solution(jacobian, residuals, mu)
    for r in range(2):
        normal = jacobian[r].T @ jacobian[r] + mu[r] * torch.eye(shape[2])
        assert torch.allclose(found[r], torch.linalg.solve(normal, jacobian[r].T @ residuals[r]))
