"""Every layer's value, Jacobian rows and Laplacian against double backward and finite differences, in float64."""

import pytest
import torch

from physgen.nn import forward_laplacian as fl
from physgen.nn.determinants.message_passing import MessagePassing
from physgen.nn.determinants.self_attention import SelfAttention

N, WIDTH = 3, 4


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(3)


def weight(rows, columns):
    return torch.randn(rows, columns) / columns**0.5


def features(x, dim):
    """Nonlinear features of all coordinates, so that every layer under test gets general derivatives."""
    mixing = torch.linspace(-1, 1, N * N).view(N, N) ** 2
    first = fl.linear(x, torch.linspace(-1, 1, WIDTH * dim).view(WIDTH, dim))
    if isinstance(first, fl.Jet):
        first = fl.Jet(mixing @ fl.spread_out(first).stack)
    else:
        first = mixing @ first
    return fl.activation(first, "tanh")


W1, W2, W3 = (torch.linspace(-1, 1, 16, dtype=torch.float64).view(4, 4).roll(k, 0) ** (k + 1) for k in range(3))
BIAS = torch.linspace(-1, 1, 2 * N * N, dtype=torch.float64).view(2, N, N)
LAYERS = {
    "linear": lambda h: fl.linear(h, W1, W2[0]),
    "product": lambda h: fl.product(h, fl.linear(h, W1)),
    "product with numbers": lambda h: fl.add(fl.product(W1[:N], h), fl.product(h, W2[:N])),
    "mean": lambda h: fl.mean(fl.product(h, h), -2),
    "layer norm": lambda h: fl.layer_norm(fl.linear(h, W1, torch.linspace(-1, 2, 4, dtype=torch.float64))),
    "attention": lambda h: fl.attention(fl.linear(h, W1), fl.linear(h, W2), fl.linear(h, W3), 2),
    "attention with bias": lambda h: fl.attention(fl.linear(h, W1), fl.linear(h, W2), h, 2, BIAS),
    "residual": lambda h: fl.activation(fl.linear(h, W1), "tanh", residual=h),
    **{name: lambda h, name=name: fl.activation(h, name) for name in fl.ACTIVATIONS},
}


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, dim, generator, by_autograd, by_differences):
    x = torch.randn(4, N, dim, generator=generator)
    jet = LAYERS[name](features(fl.own_coordinates(x), dim))
    plain = LAYERS[name](features(x, dim))
    torch.testing.assert_close(jet.value, plain, rtol=1e-13, atol=1e-13)
    weights = torch.randn(plain.shape[1:], generator=generator)

    def value(x):
        return (LAYERS[name](features(x, dim)) * weights).flatten(1).sum(1)

    found = [(part * weights).flatten(-len(weights.shape)).sum(-1) for part in (jet.rows, jet.laplacian)]
    for expected, tolerance in ((by_autograd(value, x), 1e-10), (by_differences(value, x), 1e-6)):
        torch.testing.assert_close(found[0].T.reshape(x.shape), expected[0], rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(found[1], expected[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dim", [2, 3])
def test_smooth_features(dim, generator, by_autograd):
    """Also at the origin, where the distance itself has no derivative."""
    u = torch.randn(5, 1, dim, generator=generator)
    u[0] = 0
    jet = fl.smooth_features(fl.own_coordinates(u))
    for index in range(dim + 1):
        gradient, laplacian = by_autograd(lambda u, index=index: fl.smooth_features(u)[:, 0, index], u)
        torch.testing.assert_close(jet.rows[:, :, 0, index].T, gradient[:, 0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(jet.laplacian[:, 0, index], laplacian, rtol=1e-12, atol=1e-12)
    assert jet.value[0].abs().max() == 0
    with pytest.raises(ValueError, match="no other jet"):
        fl.smooth_features(fl.spread_out(fl.own_coordinates(torch.zeros(1, 2, dim))))


BODIES = {
    "messages": lambda n, dim, n_up: MessagePassing(n, dim, n_up, 6, 3, layers=3),
    "one layer": lambda n, dim, n_up: MessagePassing(n, dim, n_up, 6, 3, layers=1, nonlinearity="silu"),
    "attention": lambda n, dim, n_up: SelfAttention(n, dim, n_up, 6, 2, layers=2),
    "normalised attention": lambda n, dim, n_up: SelfAttention(n, dim, n_up, 6, 3, 1, "softplus", normalise=True),
}
DOTS = [(1, 2, 1), (2, 2, 1), (4, 2, 3), (5, 3, 1), (3, 3, 3), (3, 2, 0)]


def body_of(name, n, dim, n_up):
    body = BODIES[name](n, dim, n_up)
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return body


@pytest.mark.parametrize("dot", DOTS)
@pytest.mark.parametrize("name", BODIES)
def test_body(name, dot, generator, by_autograd, by_differences):
    """The pair stream carries derivatives by r_i - r_j alone; both particles' shares come out right."""
    n, dim, n_up = dot
    body = body_of(name, n, dim, n_up)
    x = 1.5 * torch.randn(4, n, dim, generator=generator)
    weights = torch.randn(n, 6, generator=generator)

    def value(x):
        return (body(x, fl.differences(x)) * weights).sum((1, 2))

    with torch.no_grad():
        jet = body(fl.own_coordinates(x), fl.pair_differences(x))
    assert jet.stack.shape == (2 + n * dim, 4, n, 6)
    found = (jet.stack * weights).sum((-1, -2))
    torch.testing.assert_close(found[0], value(x))
    for expected, tolerance in ((by_autograd(value, x), 1e-10), (by_differences(value, x), 1e-6)):
        torch.testing.assert_close(found[2:].T.reshape(x.shape), expected[0], rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(found[1], expected[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", BODIES)
def test_bodies_are_equivariant(name, generator):
    n, n_up = 6, 3
    body = body_of(name, n, 2, n_up)
    x = torch.randn(4, n, 2, generator=generator)
    h = body(x, fl.differences(x))
    for order in ([1, 0, 2, 3, 4, 5], [0, 1, 2, 5, 3, 4], [3, 4, 5, 0, 1, 2]):  # the last turns all spins over
        y = x[:, order]
        torch.testing.assert_close(body(y, fl.differences(y)), h[:, order], rtol=1e-12, atol=1e-12)
    y = x[:, [3, 1, 2, 0, 4, 5]]
    assert (body(y, fl.differences(y)) - h[:, [3, 1, 2, 0, 4, 5]]).abs().max() > 1e-3
