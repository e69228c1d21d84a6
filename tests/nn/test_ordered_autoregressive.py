"""Orders of particles as maps of the gas to the cube, and the autoregressive density on them."""

import math

import pytest
import torch

from physgen.nn.autoregressive import log_linear
from physgen.nn.autoregressive.ordered_autoregressive import OrderedAutoregressive
from physgen.nn.autoregressive.particle_order import ORDERS


def network(order: str, n: int, strength: float = 0.0, seed: int = 0) -> OrderedAutoregressive:
    torch.manual_seed(seed)
    return OrderedAutoregressive(ORDERS[order](n, 1.3), strength, 16, 1, 1, 8, 6, 3, 2, 0.2).double()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def roughened(net: OrderedAutoregressive) -> OrderedAutoregressive:
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator(3), dtype=p.dtype))
    return net


def test_log_linear_density_is_normalised_and_sampled():
    logits = 3 * torch.randn(4, 9, generator=generator(), dtype=torch.float64)
    s = (torch.arange(80_000, dtype=torch.float64) + 0.5) / 80_000
    density = log_linear.log_prob(logits[:, None].expand(-1, len(s), -1), s.expand(4, -1)).exp()
    torch.testing.assert_close(density.mean(1), torch.ones(4, dtype=torch.float64), atol=1e-7, rtol=0)
    drawn, survival = log_linear.sample(logits[:, None].expand(-1, 40_000, -1), generator(1))
    torch.testing.assert_close(drawn + survival, torch.ones_like(drawn), atol=1e-14, rtol=0)
    exact = (density * s).mean(1)
    error = drawn.std(1) / 200
    assert ((drawn.mean(1) - exact).abs() < 4 * error).all()


def test_log_linear_density_with_flat_and_steep_logits():
    logits = torch.tensor([[0.0, 0.0, 0.0], [0.0, 500.0, -500.0], [1e-13, 0.0, -1e-13]], dtype=torch.float64)
    s, survival = log_linear.sample(logits, generator())
    assert s.isfinite().all() and ((s >= 0) & (s <= 1) & (survival >= 0)).all()
    flat = torch.full((3,), 0.3, dtype=torch.float64)
    assert log_linear.log_prob(logits, flat)[0] == pytest.approx(0.0, abs=1e-12)
    assert log_linear.log_prob(logits, flat).isfinite().all()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_gas_is_uniform_on_the_cube(order, n):
    gas = ORDERS[order](n, 1.3)
    x = 1.3 / 2**0.5 * torch.randn(20_000, n, 2, generator=generator(), dtype=torch.float64)
    s, t = gas.cube(*gas.order(x))
    coordinates = [*s.T, *t.T[1:]]
    for u in coordinates:
        # moments of a uniform number: 1/2 and 1/3, errors by sqrt(1/12) and sqrt(4/45) over sqrt(20000)
        assert abs(float(u.mean()) - 0.5) < 5 * (1 / 12 / 20_000) ** 0.5
        assert abs(float(u.square().mean()) - 1 / 3) < 5 * (4 / 45 / 20_000) ** 0.5
    if len(coordinates) > 1:
        correlation = torch.corrcoef(torch.stack(coordinates)) - torch.eye(len(coordinates))
        assert float(correlation.abs().max()) < 5 / 20_000**0.5


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_network_of_zeros_is_the_gas(order, n):
    net = network(order, n)
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    x = torch.randn(50, n, 2, generator=generator(), dtype=torch.float64)
    gas = -(x.square().sum((1, 2)) / 1.3**2) - n * math.log(math.pi * 1.3**2)
    torch.testing.assert_close(net.log_prob(*net.order.order(x)), gas, atol=1e-11, rtol=0)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n", [1, 2, 6])
def test_draws_come_back_in_order_with_the_same_density(order, n):
    net = roughened(network(order, n, strength=2.0))
    radius, angle = net.sample(200, generator(1))
    x = net.place(radius, angle, generator(2))
    again = net.order.order(x)
    torch.testing.assert_close(again[0], radius, atol=1e-12, rtol=0)
    torch.testing.assert_close(again[1], angle, atol=1e-11, rtol=0)
    torch.testing.assert_close(net.log_prob(*again), net.log_prob(radius, angle), atol=1e-9, rtol=0)


@pytest.mark.parametrize("order", ORDERS)
def test_density_is_normalised_over_labelled_configurations(order):
    net = roughened(network(order, 2, strength=1.0))
    wide = 1.6
    x = wide * torch.randn(60_000, 2, 2, generator=generator(5), dtype=torch.float64)
    log_gas = -0.5 * (x / wide).square().sum((1, 2)) - 4 * math.log(wide) - 2 * math.log(2 * math.pi)
    with torch.no_grad():
        weight = (net.log_prob(*net.order.order(x)) - log_gas).exp()
    error = float(weight.std()) / 60_000**0.5
    assert error < 0.04
    assert abs(float(weight.mean()) - 1) < 4 * error


@pytest.mark.parametrize("order", ORDERS)
def test_symmetries_of_the_orders(order):
    net = roughened(network(order, 5, strength=1.0))
    x = torch.randn(30, 5, 2, generator=generator(), dtype=torch.float64)
    value = net.log_prob(*net.order.order(x))
    turn = torch.tensor([[math.cos(0.7), -math.sin(0.7)], [math.sin(0.7), math.cos(0.7)]], dtype=torch.float64)
    torch.testing.assert_close(net.log_prob(*net.order.order(x @ turn)), value, atol=1e-9, rtol=0)
    swapped = net.log_prob(*net.order.order(x[:, [3, 0, 4, 1, 2]]))
    if net.order.canonical:
        torch.testing.assert_close(swapped, value, atol=1e-9, rtol=0)
    else:
        assert float((swapped - value).detach().abs().max()) > 1e-3


def test_geometry_stays_double_in_a_single_precision_network():
    net = network("angle", 6, strength=1.0).float()
    radius, angle = net.sample(10, generator())
    assert radius.dtype == angle.dtype == net.log_prob(radius, angle).dtype == torch.float64
    assert net.radial.weight.dtype == torch.float32
