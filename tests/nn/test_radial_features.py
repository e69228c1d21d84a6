"""Functions of a particle's distance to the centre: values by their formulas, slopes by autograd."""

import pytest
import torch

from physgen.nn.flows.radial_features import bumps, ladder, soft_ranks


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(1)


def slopes(function, x):
    return torch.autograd.functional.jacobian(function, x)


def test_ladder():
    square = torch.rand(3, 1)
    values, rate = ladder(square, torch.tensor(0.4), 3)
    expected = torch.stack([torch.exp(-(2.0**k) * square / torch.exp(torch.tensor(0.4))) for k in range(3)], -2)
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(rate, 2.0 ** torch.arange(3) * torch.exp(torch.tensor(-0.4)))


def test_bumps():
    square = 5 * torch.rand(7)
    values, rate = bumps(square, 5, 4.0)
    for k in range(5):
        torch.testing.assert_close(values[:, k], torch.exp(-0.5 * (square - k) ** 2))
    full = slopes(lambda s: bumps(s, 5, 4.0)[0], square)
    torch.testing.assert_close(rate, full.diagonal(dim1=0, dim2=2).mT)


def test_soft_ranks():
    square = 4 * torch.rand(2, 6)
    widths = torch.tensor([0.3, 1e-4])
    ranks, rate = soft_ranks(square, widths)
    order = square.argsort(1).argsort(1).double()  # 0 nearest
    torch.testing.assert_close(ranks[..., 1], (order * 2 / 6) - 1, rtol=0, atol=0.01)
    full = slopes(lambda s: soft_ranks(s, widths[:1])[0][..., 0], square)
    for row in range(2):
        expected = torch.diag(rate[row, :, 0].sum(-1)) - rate[row, :, 0]
        torch.testing.assert_close(full[row, :, row], expected)
