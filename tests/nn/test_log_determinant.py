import math

import pytest
import torch

from physgen.nn.flows.log_determinant import log_determinant


def matrices(size, num=12):
    generator = torch.Generator().manual_seed(size)
    return torch.randn(num, size, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20])
def test_values_and_signs(size):
    matrix = matrices(size)
    value, sign = log_determinant(matrix)
    expected = torch.linalg.slogdet(matrix)
    assert set(sign.tolist()) == {-1.0, 1.0}
    torch.testing.assert_close(value, expected.logabsdet, rtol=1e-12, atol=1e-12)
    assert torch.equal(sign, expected.sign)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_gradients(size):
    matrix = matrices(size).requires_grad_(True)
    weight = torch.arange(1.0, 13.0, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((weight * log_determinant(matrix)[0]).sum(), matrix)
    (expected,) = torch.autograd.grad((weight * torch.linalg.slogdet(matrix).logabsdet).sum(), matrix)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-9)
    assert torch.autograd.gradcheck(lambda m: log_determinant(m)[0], matrix[:3].detach().requires_grad_(True))


@pytest.mark.parametrize("power", [4, 8, 12])
def test_nearly_singular(power):
    """diag(1, 1, 10^-power) between orthogonal matrices: value and gradient are known from the factors."""
    left, right = torch.linalg.qr(matrices(3, 2))[0]
    small = torch.tensor([1.0, 1.0, 10.0**-power], dtype=torch.float64)
    matrix = (left @ torch.diag(small) @ right)[None].requires_grad_(True)
    value, sign = log_determinant(matrix)
    tolerance = 1e-14 * 10**power
    assert value.item() == pytest.approx(-power * math.log(10), abs=tolerance)
    assert sign.item() == (torch.det(left) * torch.det(right)).sign().item()
    (gradient,) = torch.autograd.grad(value.sum(), matrix)
    exact = left @ torch.diag(1 / small) @ right
    assert (gradient[0] - exact).norm() < tolerance * exact.norm()


def test_signs_of_permutations():
    eye = torch.eye(4, dtype=torch.float64)
    orders = [[0, 1, 2, 3], [1, 0, 2, 3], [1, 2, 0, 3], [1, 2, 3, 0], [1, 0, 3, 2], [3, 2, 1, 0]]
    value, sign = log_determinant(torch.stack([eye[order] for order in orders]))
    assert sign.tolist() == [1, -1, 1, -1, 1, 1] and not value.any()
    assert log_determinant(-torch.eye(3)[None])[1].item() == -1


def test_singular_matrix():
    value, sign = log_determinant(torch.ones(1, 2, 2, dtype=torch.float64))
    assert value.item() == -math.inf and sign.item() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    matrix = matrices(4).to(dtype)
    value, _ = log_determinant(matrix)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), torch.linalg.slogdet(matrix.double()).logabsdet, rtol=1e-5, atol=1e-5)


def test_second_derivatives():
    """A graph of the first must not take the factors of the forward pass for constants."""
    matrix = matrices(3).requires_grad_(True)

    def penalty(function):
        (gradient,) = torch.autograd.grad(function(matrix)[-1].sum(), matrix, create_graph=True)
        return torch.autograd.grad((gradient * matrix**2).sum(), matrix)[0]

    found = penalty(lambda m: log_determinant(m)[:1])
    torch.testing.assert_close(found, penalty(torch.linalg.slogdet), rtol=1e-9, atol=1e-9)
    torch.autograd.gradgradcheck(lambda m: log_determinant(m)[0], matrices(3, 2).requires_grad_(True))
