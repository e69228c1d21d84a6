import pytest
import torch

from physgen.nn.determinants.spline_jastrow import SplineJastrow
from physgen.systems import cusp


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(9)


def factor(n, dim, n_up, coupling=1.0, **arguments):
    jastrow = SplineJastrow(n, dim, n_up, coupling, **arguments)
    with torch.no_grad():
        jastrow.coefficients.copy_(0.3 * torch.randn_like(jastrow.coefficients))
    return jastrow


def basis(jastrow, r):
    """Every function alone, with its two derivatives, `(r, functions)` each."""
    functions = jastrow.coefficients.shape[1]
    r, kind = r.unsqueeze(-1).expand(-1, functions), torch.arange(functions)
    return jastrow.spline(r, kind, torch.eye(functions))


@pytest.mark.parametrize(("n", "dim", "n_up"), [(2, 2, 1), (3, 2, 2), (5, 3, 3), (2, 3, 2)])
def test_derivatives(n, dim, n_up, generator, by_autograd):
    jastrow = factor(n, dim, n_up, 1.7, knots=5, reach=4.0)
    x = 1.5 * torch.randn(8, n, dim, generator=generator)  # distances on both sides of the reach
    gradient, laplacian = jastrow.derivatives(x)
    expected = by_autograd(jastrow, x)
    torch.testing.assert_close(gradient, expected[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(laplacian, expected[1], rtol=1e-10, atol=1e-10)


def test_functions_add_up_to_one_and_end_at_the_reach():
    """Interior B-splines are a partition of unity; all have no slope at contact and vanish with two derivatives."""
    jastrow = SplineJastrow(2, 2, 1, 1.0, knots=8, reach=4.0)
    r = torch.linspace(0, 2.5, 61)
    value, slope, curvature = basis(jastrow, r)
    torch.testing.assert_close(value.sum(-1), torch.ones(61))
    torch.testing.assert_close(slope.sum(-1), torch.zeros(61), rtol=0, atol=1e-12)
    assert slope[0].abs().max() < 1e-15
    for part in basis(jastrow, torch.tensor([4.0, 5.0, 40.0])):
        assert part.abs().max() < 1e-14
    step = 1e-4
    ahead, behind = (basis(jastrow, r[1:] + s)[0] for s in (step, -step))
    torch.testing.assert_close((ahead - behind) / (2 * step), slope[1:], rtol=0, atol=1e-6)
    slopes = [basis(jastrow, r[1:] + s)[1] for s in (step, -step)]
    torch.testing.assert_close((slopes[0] - slopes[1]) / (2 * step), curvature[1:], rtol=0, atol=5e-3)


@pytest.mark.parametrize("dim", [2, 3])
def test_cusps_stay(dim):
    for n_up, slope in zip((1, 2), cusp(dim, 0.8), strict=True):
        jastrow = factor(2, dim, n_up, 0.8)
        x = torch.zeros(2, 2, dim)
        x[0, 0, 0] = 1e-6
        value = jastrow(x)
        assert (value[0] - value[1]).item() / 1e-6 == pytest.approx(slope, rel=1e-5)


def test_starts_as_the_pade_form(generator):
    jastrow = SplineJastrow(4, 2, 2, 1.0)
    x = torch.randn(5, 4, 2, generator=generator)
    assert torch.equal(jastrow(x), jastrow.pade(x))
