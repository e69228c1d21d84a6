import pytest
import torch
from torch.func import functional_call, jacfwd, jacrev, vmap

from physgen.core.errors import InputError
from physgen.nn.flows.jacobian_mlp import ACTIVATIONS, JacobianMLP

WIDTHS = [[3, 3], [1, 4, 1], [2, 5, 2], [4, 7, 6, 4], [6, 6, 6, 6, 6]]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(2)


def network(widths, activation):
    net = JacobianMLP(widths, activation)
    with torch.no_grad():
        for layer in net.layers:
            layer.weight.add_(0.3 * torch.randn(layer.weight.shape))
            layer.bias.normal_()
    return net


@pytest.fixture(params=list(ACTIVATIONS))
def activation(request):
    return request.param


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_jacobian_and_determinant(widths, activation, generator):
    net = network(widths, activation)
    z = torch.randn(40, widths[0], generator=generator)
    expected = vmap(jacfwd(net.value))(z)
    x, transposed = net.jacobian(z)
    torch.testing.assert_close(x, net.value(z))
    torch.testing.assert_close(transposed.mT, expected, rtol=1e-11, atol=1e-12)
    y, log_det, sign = net(z)
    reference = torch.linalg.slogdet(expected)
    assert torch.equal(y, x) and torch.equal(sign, reference.sign)
    torch.testing.assert_close(log_det, reference.logabsdet, rtol=1e-9, atol=1e-9)


def test_both_signs_occur(generator):
    net = network([2, 5, 2], "tanh")
    z = 3 * torch.randn(500, 2, generator=generator)
    sign = net(z)[2]
    assert set(sign.tolist()) == {-1.0, 1.0}
    assert torch.equal(sign, torch.linalg.slogdet(vmap(jacfwd(net.value))(z)).sign)


def test_rectangular_jacobian(activation, generator):
    net = network([3, 5, 2], activation)
    z = torch.randn(6, 3, generator=generator)
    x, transposed = net.jacobian(z)
    assert x.shape == (6, 2) and transposed.shape == (6, 3, 2)
    torch.testing.assert_close(transposed.mT, vmap(jacfwd(net.value))(z))


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_gradients_of_parameters_and_inputs(widths, activation, generator):
    net = network(widths, activation)
    z = torch.randn(8, widths[0], generator=generator, requires_grad=True)
    weight = torch.randn(8, generator=generator)
    leaves = [*net.parameters(), z]

    def loss(log_det, x):
        return (weight * (log_det + x.square().sum(1))).sum()

    x, log_det, _ = net(z)
    found = torch.autograd.grad(loss(log_det, x), leaves)
    full = vmap(jacrev(lambda one: net.value(one[None])[0]))(z)
    expected = torch.autograd.grad(loss(torch.linalg.slogdet(full).logabsdet, net.value(z)), leaves)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_gradients_by_finite_differences(activation, generator):
    """Against numbers alone: second order through determinants is where automatic differentiation has been wrong."""
    net = network([2, 3, 2], activation)
    z = torch.randn(5, 2, generator=generator)
    names = [name for name, _ in net.named_parameters()]
    leaves = tuple(p.detach().clone().requires_grad_(True) for p in net.parameters())

    def function(*values):
        return functional_call(net, dict(zip(names, values, strict=True)), (z,))[:2]

    assert torch.autograd.gradcheck(function, leaves)


@pytest.mark.parametrize("widths", [[3, 3], [3, 8, 3], [3, 5, 9, 3]], ids=str)
def test_affine_start(widths, activation, generator):
    """z -> gain z + c about z = 0 for every activation and depth, without a fold among many draws."""
    net = JacobianMLP(widths, activation)
    centre = torch.tensor([0.3, -1.0, 2.0])
    net.start_affine(0.6, centre)
    x, transposed = net.jacobian(torch.zeros(1, 3))
    torch.testing.assert_close(x[0], centre, rtol=0, atol=1e-12)
    torch.testing.assert_close(transposed[0], 0.6 * torch.eye(3), rtol=1e-12, atol=1e-12)
    assert (net(torch.randn(2000, 3, generator=generator))[2] == 1).all()


def test_which_images_are_bounded(activation, generator):
    net = network([2, 4, 2], activation)
    far = net.value(1e6 * torch.randn(50, 2, generator=generator))
    bound = net.layers[1].weight.abs().sum(1) + net.layers[1].bias.abs()
    assert net.bounded == bool((far.abs() <= bound).all())
    assert not network([2, 2], activation).bounded


@pytest.mark.parametrize("widths", [[], [2], [2, 0, 2], [2, -1, 2], [2, 2.0], [2, True], [2, "3"]], ids=str)
def test_bad_widths_are_named(widths):
    with pytest.raises(InputError, match="^widths must be at least two integers >= 1, got "):
        JacobianMLP(widths)


def test_unknown_activations_suggest_near_ones():
    with pytest.raises(InputError, match="^activation must be one of .* did you mean softplus"):
        JacobianMLP([2, 2], "soft-plus")
