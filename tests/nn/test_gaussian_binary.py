import itertools
import math

import pytest
import torch

from physgen.nn.machines.gaussian_binary import GaussianBinary

SHAPES = [(1, 2, 3), (2, 2, 4), (2, 3, 2), (3, 2, 1), (4, 3, 5)]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(8)


def machine(n, dim, hidden, power=1.0, symmetric=False):
    net = GaussianBinary(n, dim, hidden, power, train_sigma=True, symmetric=symmetric)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape))
        net.log_sigma.fill_(-0.3)
    return net


def fixture():
    """The machine of 2 + 2 units whose ln Z was computed by quadrature elsewhere."""
    net = GaussianBinary(2, 1, 2, power=1.0, train_sigma=False, symmetric=False)
    with torch.no_grad():
        net.a.copy_(torch.tensor([0.3, -0.2]))
        net.b.copy_(torch.tensor([0.1, -0.4]))
        net.weight.copy_(torch.tensor([[0.5, -0.3], [0.2, 0.7]]))
        net.log_sigma.fill_(math.log(0.8) / 2)
    return net


def energy(net, x, h):
    """E(x, h) as the class states it, of one configuration and one state of the hidden units."""
    a, b, weight = net.units()
    variance, v = torch.exp(2 * net.log_sigma), x.flatten()
    return (v - a).square().sum() / (2 * variance) - b @ h - v @ weight @ h / variance


def states(net):
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=len(net.units()[1]))))


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("power", [0.5, 1.0])
def test_marginal_is_the_sum_over_hidden_units(power, symmetric, generator):
    net = machine(2, 2, 2, power, symmetric)
    x = torch.randn(5, 2, 2, generator=generator)
    expected = torch.stack([torch.stack([-energy(net, one, h) for h in states(net)]).logsumexp(0) for one in x])
    torch.testing.assert_close(net(x), power * expected, rtol=1e-12, atol=1e-12)


def test_normalisation_by_quadrature_and_in_closed_form():
    net = fixture()
    grid = torch.linspace(-14, 14, 561)
    plane = torch.cartesian_prod(grid, grid)[:, :, None]
    log_z = net(plane).exp().sum().log() + 2 * math.log(grid[1] - grid[0])
    assert log_z.item() == pytest.approx(3.0796610531, abs=1e-10)
    a, b, weight = net.units()
    h = states(net)
    exponent = h @ b + ((a + h @ weight.mT).square().sum(1) - a.square().sum()) / (2 * 0.8)
    assert (exponent.logsumexp(0) + math.log(2 * math.pi * 0.8)).item() == pytest.approx(log_z.item(), abs=1e-12)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("power", [0.5, 1.0])
@pytest.mark.parametrize(("n", "dim", "hidden"), SHAPES)
def test_derivatives(n, dim, hidden, power, symmetric, generator, by_autograd, by_differences):
    net = machine(n, dim, hidden, power, symmetric)
    x = torch.randn(6, n, dim, generator=generator)
    gradient, laplacian = net.derivatives(x)
    expected = by_autograd(net, x)
    torch.testing.assert_close(gradient, expected[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(laplacian, expected[1], rtol=1e-10, atol=1e-10)
    expected = by_differences(net, x, step=5e-3)
    torch.testing.assert_close(gradient, expected[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(laplacian, expected[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n", [2, 3])
def test_exchange_symmetry(n, generator):
    x = torch.randn(20, n, 2, generator=generator)
    tied, free = machine(n, 2, 3, symmetric=True), machine(n, 2, 3)
    for order in itertools.permutations(range(n)):
        torch.testing.assert_close(tied(x[:, order]), tied(x), rtol=1e-13, atol=1e-13)
        gradient, laplacian = tied.derivatives(x[:, order])
        torch.testing.assert_close(gradient, tied.derivatives(x)[0][:, order], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(laplacian, tied.derivatives(x)[1], rtol=1e-12, atol=1e-12)
        if order != tuple(range(n)):
            assert (free(x[:, order]) - free(x)).abs().mean() > 0.1


def test_symmetric_machine_is_the_plain_one_of_its_orbits(generator):
    tied = machine(3, 2, 2, symmetric=True)
    free = machine(3, 2, 6)
    with torch.no_grad():
        for parameter, value in zip((free.a, free.b, free.weight), tied.units(), strict=True):
            parameter.copy_(value)
    x = torch.randn(5, 3, 2, generator=generator)
    torch.testing.assert_close(tied(x), free(x))
    # weights of particle 1 to hidden unit (j, i) are its own for i = 1, the others' for i = 0
    weight = tied.units()[2].view(3, 2, 2, 3)
    assert torch.equal(weight[1, :, :, 1], tied.weight) and torch.equal(weight[1, :, :, 0], tied.other)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_empty_machine_is_the_oscillator(power, generator):
    net = GaussianBinary(2, 3, 2, power, train_sigma=True, symmetric=False)
    with torch.no_grad():
        net.a.zero_()
        net.weight.zero_()
    x = torch.randn(5, 2, 3, generator=generator)
    gradient, laplacian = net.derivatives(x)
    torch.testing.assert_close(gradient, -x)
    torch.testing.assert_close(laplacian, torch.full((5,), -6.0))


@pytest.mark.parametrize("symmetric", [False, True])
def test_conditionals(symmetric, generator, agrees):
    """p(h|x) and p(x|h) are those of exp(-E), for one x and for one state of the hidden units."""
    net = machine(2, 2, 2, 0.5, symmetric)
    a, _, weight = net.units()
    x = 0.3 * torch.randn(1, 2, 2, generator=generator)
    joint = torch.stack([-energy(net, x[0], h) for h in states(net)]).softmax(0).detach()
    drawn = net.draw_hidden(x.expand(20_000, -1, -1), generator)
    hit = (drawn[:, None] == states(net)).all(-1).double()
    assert (hit.sum(1) == 1).all()
    likely = joint > 1e-2
    assert likely.sum() >= 3
    agrees(hit[:, likely], joint[likely])
    hidden = states(net)[-2]
    seen = net.draw_visible(hidden.expand(20_000, -1), generator).flatten(1).detach()
    offset = seen - (a + weight @ hidden).detach()
    variance = math.exp(-0.6)
    agrees(torch.cat([offset, offset.square(), offset[:, :1] * offset[:, 1:2]], 1), [0.0] * 4 + [variance] * 4 + [0.0])


def test_trained_parameters():
    names = {name for name, p in machine(2, 2, 2).named_parameters() if p.requires_grad}
    assert names == {"log_sigma", "a", "b", "weight"}
    frozen = GaussianBinary(2, 2, 2, 1.0, train_sigma=False, symmetric=True)
    assert {name for name, p in frozen.named_parameters() if p.requires_grad} == {"a", "b", "weight", "other"}
