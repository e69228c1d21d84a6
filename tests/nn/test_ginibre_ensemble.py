"""Eigenvalues of complex Gaussian matrices against closed forms of their determinantal process."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.nn.flows.ginibre_ensemble import GinibreEnsemble, NormalCloud


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(1)


def kernel(w, v, n):
    """K(w, v) of points `(..., 2)`, complex."""
    w, v = torch.view_as_complex(w), torch.view_as_complex(v)
    powers = torch.arange(n)
    terms = (w * v.conj()).unsqueeze(-1) ** powers / torch.exp(torch.lgamma(powers + 1.0))
    return torch.exp(-0.5 * (w.abs().square() + v.abs().square())) * terms.sum(-1) / math.pi


def drawn(n, num, seed=3):
    """Eigenvalues `(num, n, 2)`, without the unit of the flow."""
    cloud = GinibreEnsemble(n)
    return cloud.draw(num, torch.zeros(()), torch.Generator().manual_seed(seed)) / cloud.unit


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_density_is_the_determinant_of_the_kernel(n):
    """p(w) = det K(w_i, w_j) / n!, which is normalised: K projects on n orthonormal orbitals."""
    cloud = GinibreEnsemble(n)
    w = torch.randn(20, n, 2)
    det = torch.linalg.det(kernel(w[:, :, None].contiguous(), w[:, None].contiguous(), n)).real
    expected = det.log() - math.lgamma(n + 1) - 2 * n * math.log(cloud.unit)
    torch.testing.assert_close(cloud.log_prob(cloud.unit * w), expected, rtol=1e-9, atol=1e-9)


def test_one_particle_is_normal():
    z = torch.randn(5, 1, 2)
    torch.testing.assert_close(GinibreEnsemble(1).log_prob(z), NormalCloud(1, 2).log_prob(z))


def test_density_of_two_integrates_to_one():
    """On a grid of distances and of the centre, for a centre on a line and any direction of the pair."""
    cloud = GinibreEnsemble(2)
    step = 0.05
    centre, apart = (torch.arange(0, 9, step) + step / 2 for _ in range(2))
    c, r = torch.meshgrid(centre, apart, indexing="ij")
    z = torch.zeros(*c.shape, 2, 2)
    z[..., 0, 0], z[..., 1, 0] = c, c
    z[..., 0, 1], z[..., 1, 1] = r / 2, -r / 2
    p = cloud.log_prob(z.flatten(0, 1)).exp().view_as(c)
    total = (2 * math.pi) ** 2 * (p * c * r).sum() * step**2
    assert total.item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("n", [5, 20])
def test_numbers_within_a_radius(n, agrees):
    """N(r < R) is a sum of independent coin tosses of P(|w|^2 < R^2) = gamma(k, R^2) / Gamma(k), k = 1..n."""
    w = drawn(n, 4000)
    for share in (0.3, 0.7):
        edge = share * n
        chance = torch.special.gammainc(torch.arange(1.0, n + 1), torch.full((n,), edge))
        within = (w.square().sum(-1) < edge).double().sum(1)
        agrees(within, chance.sum())
        agrees((within - chance.sum()).square(), (chance * (1 - chance)).sum())


def test_pairs_have_the_two_point_density(agrees):
    """<sum_{i != j} exp(-|w_i - w_j|^2)> = int (rho rho - |K|^2) exp(-|w - v|^2), by quadrature."""
    n = 4
    w = drawn(n, 4000)
    square = (w[:, :, None] - w[:, None]).square().sum(-1)
    found = torch.exp(-square).sum((1, 2)) - n
    radius, turn = torch.linspace(0.025, 4.975, 100), torch.linspace(0, 2 * math.pi, 65)[:-1]
    a, b, t = torch.meshgrid(radius, radius, turn, indexing="ij")
    first = torch.stack([a, torch.zeros_like(a)], -1)
    second = torch.stack([b * t.cos(), b * t.sin()], -1)
    density = (kernel(first, first, n) * kernel(second, second, n)).real - kernel(first, second, n).abs().square()
    weight = 2 * math.pi * a * b * 0.05**2 * (2 * math.pi / 64)
    agrees(found, (weight * density * torch.exp(-(first - second).square().sum(-1))).sum())


def test_no_label_and_no_direction_is_special(agrees):
    z = GinibreEnsemble(6).draw(6000, torch.zeros(()), torch.Generator().manual_seed(5))
    agrees(z.square(), torch.ones(12))  # variance 1 of every coordinate of every particle
    agrees((z[:, :, 0] * z[:, :, 1]), torch.zeros(6))


@pytest.mark.parametrize("cloud", [GinibreEnsemble(7), NormalCloud(7, 2)], ids=lambda cloud: type(cloud).__name__)
def test_centre_and_symmetries(cloud, agrees):
    z = cloud.draw(6000, torch.zeros(()), torch.Generator().manual_seed(2))
    centre = z.mean(1)
    agrees(centre.square(), [cloud.centre_width**2] * 2)
    agrees(centre.square().sum(-1) * (z - centre[:, None]).square().sum((1, 2)), 2 * cloud.centre_width**2 * (
        14 - 14 * cloud.centre_width**2
    ), sigmas=4.5)  # fmt: skip
    log_prob = cloud.log_prob(z[:50])
    turn = torch.linalg.qr(torch.randn(2, 2))[0]
    for g in (turn, turn @ torch.diag(torch.tensor([1.0, -1.0]))):
        torch.testing.assert_close(cloud.log_prob((z[:50] @ g.mT)[:, torch.randperm(7)]), log_prob)


def test_draws_of_a_kind_and_a_seed():
    cloud = GinibreEnsemble(3)
    draws = [cloud.draw(4, torch.zeros((), dtype=torch.float32), torch.Generator().manual_seed(1)) for _ in range(2)]
    assert draws[0].dtype == torch.float32 and torch.equal(*draws)
    assert cloud.draw(4, torch.zeros((), dtype=torch.float16), None).dtype == torch.float16


def test_gradient_of_log_prob():
    cloud = GinibreEnsemble(4)
    z = torch.randn(2, 4, 2, requires_grad=True)
    assert torch.autograd.gradcheck(cloud.log_prob, z)


def test_no_particle_is_refused():
    with pytest.raises(InputError, match="^n must be"):
        GinibreEnsemble(0)
