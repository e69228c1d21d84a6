"""Determinant networks are made of parts, which may be exchanged, and files know their weights by their old names."""

import copy

import pytest
import torch
from torch import nn

from physgen.nn.determinants.determinant_network import DeterminantNetwork, shell_network
from physgen.nn.determinants.gaussian_envelope import GaussianEnvelope
from physgen.nn.determinants.message_passing import MessagePassing
from physgen.nn.determinants.neural_shells import NeuralShells
from physgen.nn.determinants.pade_jastrow import PadeJastrow
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.nn.determinants.shell_product import shell_product, trapped_product
from physgen.nn.determinants.slater import SlaterSum
from physgen.nn.determinants.smooth_jastrow import SmoothJastrow

N, DIM, N_UP = 4, 2, 3
OLD = {"weights", "log_alpha", "hidden", "hidden_bias", "readout", "correction.0", "correction.1"}


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(4)


def network(seed=0):
    torch.manual_seed(seed)
    body = MessagePassing(N, DIM, N_UP, 5, 3, 1, "tanh")
    return shell_network(ShellFilling(N, DIM, N_UP), body, 5, 2, PadeJastrow(N, DIM, N_UP, 1.0))


class Quartic(nn.Module):
    """An envelope of one's own, exp(-b sum r^4)."""

    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        return -self.b * x.square().sum(-1).square().sum(-1)

    def derivatives(self, x):
        r2 = x.square().sum(-1, keepdim=True)
        return -4 * self.b * r2 * x, -self.b * (4 * x.shape[-1] + 8) * r2.sum((-1, -2))


def autograd(net, x, by_autograd):
    return by_autograd(lambda y: net(y)[1], x)


def test_files_know_the_weights_of_parts_by_their_old_names():
    net, other = network(0), network(1)
    held = net.state_dict()
    assert held.keys() >= OLD and not any(k.startswith(("head", "envelope", "smooth", "orbitals")) for k in held)
    assert {"head.weights", "envelope.log_alpha", "orbitals.correction.0"} <= dict(net.named_parameters()).keys()
    assert held["log_alpha"].data_ptr() == net.envelope.log_alpha.data_ptr()
    x = torch.randn(6, N, DIM)
    assert not torch.equal(other(x)[1], net(x)[1])
    copied = copy.deepcopy(other)
    for fresh in (other, copied):
        fresh.load_state_dict(held)
        assert torch.equal(fresh(x)[1], net(x)[1])
    with pytest.raises(RuntimeError, match="log_alpha"):
        other.load_state_dict({k: v for k, v in held.items() if k != "log_alpha"})


def test_the_order_of_parameters_is_that_of_interrupted_trainings():
    sizes = [tuple(p.shape) for p in network().parameters()]
    assert sizes[:5] == [(2,), (), (5, 5), (5,), (1, 5)] and sizes[-2:] == [(6, 5), (2, 5)]


def test_without_corrections_it_is_a_product_of_shells():
    net = network()
    with torch.no_grad():
        net.head.weights.copy_(torch.tensor([0.3, 0.7]))
        net.envelope.log_alpha.fill_(0.2)
        for weight in (*net.orbitals.correction, net.smooth.readout):
            weight.zero_()
    product = trapped_product(ShellFilling(N, DIM, N_UP), net.jastrow)
    product.load_state_dict({"log_alpha": torch.tensor(0.2)}, strict=False)
    x = torch.randn(8, N, DIM)
    for found, expected in zip(net(x), product(x), strict=True):
        torch.testing.assert_close(found, expected)
    for found, expected in zip(net.derivatives(x), product.derivatives(x), strict=True):
        torch.testing.assert_close(found, expected)


def test_parts_of_ones_own_take_the_place_of_others(by_autograd):
    factor = PadeJastrow(N, DIM, N_UP, 1.0)
    body = MessagePassing(N, DIM, N_UP, 5, 3, 1, "tanh")
    orbitals = NeuralShells(ShellFilling(N, DIM, N_UP), 5, 2)
    parts = (orbitals, SlaterSum(orbitals.weights), Quartic(), factor, SmoothJastrow(5))
    nets = [
        DeterminantNetwork(body, *parts),
        shell_product(ShellFilling(N, DIM, N_UP), {"well": Quartic(), "envelope": GaussianEnvelope()}),
    ]
    x = torch.randn(3, N, DIM)
    for net in nets:
        for found, expected in zip(net.derivatives(x), autograd(net, x, by_autograd), strict=True):
            torch.testing.assert_close(found, expected)
