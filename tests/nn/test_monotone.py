import pytest
import torch

from physgen.nn.flows.monotone import affine, affine_inverse, spline, spline_inverse


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(2)


def maps():
    values, shift, gain = 3 * torch.randn(50, 9), torch.randn(50), 0.4 * torch.randn(50)
    return {
        "spline": (lambda u: spline(u, values), lambda v: spline_inverse(v, values)),
        "affine": (lambda u: affine(u, shift, gain), lambda v: affine_inverse(v, shift, gain)),
    }


@pytest.mark.parametrize("kind", ["spline", "affine"])
def test_rises_from_0_to_1_and_back(kind):
    forward, inverse = maps()[kind]
    for point in torch.linspace(0.001, 0.999, 23).tolist():
        u = torch.full((50,), point, requires_grad=True)
        v, log_slope = forward(u)
        (slope,) = torch.autograd.grad(v.sum(), u)
        torch.testing.assert_close(slope.log(), log_slope)
        assert (slope > 0).all()
        back, log_back = inverse(v)
        torch.testing.assert_close(back, u, rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(log_back, -log_slope, rtol=1e-7, atol=1e-7)
    for end in (0.0, 1.0) if kind == "spline" else ():  # the logit is infinite there
        torch.testing.assert_close(forward(torch.full((50,), end))[0], torch.full((50,), end), rtol=0, atol=1e-6)


def test_spline_is_the_integral_of_its_density():
    """rho runs in straight lines between exp(values), here small enough not to be bounded."""
    values = 0.01 * torch.randn(5)
    grid = torch.linspace(0, 1, 4001)
    knots = torch.linspace(0, 1, 5)
    left = (grid * 4).long().clamp_max(3)
    rho = values.exp()
    line = rho[left] + (rho[left + 1] - rho[left]) * (grid - knots[left]) * 4
    expected = torch.cumulative_trapezoid(line, grid)
    expected = expected / expected[-1]
    v, log_slope = spline(grid, values.expand(4001, -1))
    torch.testing.assert_close(v[1:], expected, rtol=0, atol=1e-7)
    torch.testing.assert_close(log_slope, (line / torch.trapezoid(line, grid)).log(), rtol=0, atol=1e-7)


def test_no_density_comes_near_zero():
    """Values beyond all bounds leave an inverse that float64 resolves."""
    values = 1e4 * torch.randn(200, 9)
    u = torch.rand(200)
    v, log_slope = spline_inverse(u, values)
    torch.testing.assert_close(spline(v, values)[0], u, rtol=0, atol=1e-12)
    assert log_slope.isfinite().all() and log_slope.max() < 17
