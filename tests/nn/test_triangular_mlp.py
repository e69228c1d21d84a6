import pytest
import torch
from torch.func import jacfwd, vmap

from physgen.core.errors import InputError
from physgen.nn.flows.jacobian_mlp import ACTIVATIONS
from physgen.nn.flows.triangular_mlp import TriangularMLP


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(4)


def layer(size, hidden=(8, 8), activation="tanh", reverse=False):
    net = TriangularMLP(size, hidden, activation, reverse)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.7 * torch.randn(parameter.shape))
    return net


@pytest.fixture(params=[False, True], ids=["forth", "back"])
def reverse(request):
    return request.param


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("size", [1, 2, 7])
def test_jacobian_is_triangular_with_the_stated_determinant(size, activation, reverse, generator):
    net = layer(size, activation=activation, reverse=reverse)
    z = torch.randn(20, size, generator=generator)
    full = vmap(jacfwd(lambda one: net(one[None])[0][0]))(z)
    lower = full.flip(1, 2) if reverse else full
    assert torch.equal(lower, lower.tril()) and (lower.diagonal(dim1=1, dim2=2) > 0).all()
    # and it is no less than triangular: each coordinate depends on all before
    assert (lower.tril(-1).abs().sum(0) > 0).sum() == size * (size - 1) // 2
    expected = torch.linalg.slogdet(full)
    assert (expected.sign == 1).all() and expected.logabsdet.abs().max() > 0.1
    torch.testing.assert_close(net(z)[1], expected.logabsdet, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("hidden", [(), (3,), (8, 8)], ids=str)
@pytest.mark.parametrize("size", [1, 2, 7])
def test_inverse(size, hidden, reverse, generator):
    net = layer(size, hidden, reverse=reverse)
    z = 2 * torch.randn(50, size, generator=generator)
    x, log_det = net(z)
    back, log_det_back = net.inverse(x)
    torch.testing.assert_close(back, z, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(log_det_back, log_det, rtol=1e-9, atol=1e-9)
    assert (x - z).abs().mean() > 0.1


def test_every_configuration_has_a_preimage(reverse, generator):
    net = layer(3, reverse=reverse)
    x = 30 * torch.randn(50, 3, generator=generator)
    torch.testing.assert_close(net(net.inverse(x)[0])[0], x, rtol=1e-9, atol=1e-9)


def test_inverse_can_be_differentiated(reverse, generator):
    net = layer(3, reverse=reverse)
    x = torch.randn(4, 3, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(net.inverse, x)


def test_one_coordinate_is_shifted_and_scaled(generator):
    net = layer(1)
    z = torch.randn(9, 1, generator=generator)
    shift, raw = net.layers[-1].bias.detach()
    torch.testing.assert_close(net(z)[0], shift + torch.exp(3 * torch.tanh(raw / 3)) * z)


def test_log_scales_are_limited_smoothly(generator):
    net = layer(3)
    with torch.no_grad():
        net.layers[-1].bias.mul_(1e4)
    z = torch.randn(9, 3, generator=generator)
    assert net.shift_and_log_scale(z)[1].abs().max().item() == pytest.approx(3)


def test_starts_near_the_identity(generator, reverse):
    z = torch.randn(50, 4, generator=generator)
    x, log_det = TriangularMLP(4, (16, 16), "tanh", reverse)(z)
    torch.testing.assert_close(x, z, rtol=0, atol=0.1)
    assert log_det.abs().max() < 0.1 and not torch.equal(x, z)


def test_unknown_activation():
    with pytest.raises(InputError, match="^activation must be one of"):
        TriangularMLP(2, (4,), "relu", False)
