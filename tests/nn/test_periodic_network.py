"""Wavefunctions in a periodic cube: derivatives against autograd, and what they promise about symmetries."""

import pytest
import torch

from physgen.nn.derivatives import check_derivatives
from physgen.nn.determinants.dressed_waves import DressedWaves
from physgen.nn.determinants.pairing import PairingHead, SlaterHead, pairing_orbitals
from physgen.nn.determinants.periodic_jastrow import JastrowProduct, PeriodicCosines, PeriodicCusps, PeriodicWell
from physgen.nn.determinants.periodic_messages import PeriodicMessages
from physgen.nn.determinants.periodic_network import PeriodicNetwork
from physgen.nn.determinants.periodic_pair_state import PeriodicPairState
from physgen.nn.determinants.plane_waves import PlaneWaves
from physgen.nn.determinants.shell_product import Norm, ShellProduct


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(5)


def moved(module, by=0.1):
    """The module away from its start."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(by * torch.randn_like(parameter))
    return module


FACTORS = {
    "cusps": lambda n, n_up: PeriodicCusps(n, n_up, 4.0),
    "well": lambda n, n_up: PeriodicWell(n, n_up, 30.0),
    "cosines": lambda n, n_up: PeriodicCosines(n, n_up),
    "pair": lambda n, n_up: PeriodicPairState(n, n_up, 30.0, 4.0),
}


def network(n, n_up, pairing, copies, factor="cusps"):
    body = PeriodicMessages(n, 3, n_up, 6, 4, 2)
    count = pairing_orbitals(n_up) if pairing else n_up
    head = PairingHead(n_up, count, 3, 4, copies) if pairing else SlaterHead(body.sizes)
    orbitals = DressedWaves(count, 3, 6, copies, 0.1)
    return moved(PeriodicNetwork(body, orbitals, head, JastrowProduct([FACTORS[factor](n, n_up)])))


CASES = {
    "slater": (14, 7, False, 1),
    "slaters": (14, 7, False, 2),
    "polarised": (7, 7, False, 1),
    "pairs": (14, 7, True, 1),
    "pairs, twice": (14, 7, True, 2),
    "one pair": (2, 1, True, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_derivatives_are_those_of_autograd(case, generator):
    n = CASES[case][0]
    net = network(*CASES[case], factor="cusps" if n == 7 else "well")
    check_derivatives(net, torch.rand(2, n, 3, generator=generator), 1e-9)


@pytest.mark.parametrize("factor", FACTORS)
def test_jastrow_derivatives_are_those_of_autograd(factor, generator):
    factors = {"norm": Norm(), "more": moved(FACTORS[factor](14, 7)), "cusps": FACTORS["cusps"](14, 7)}
    net = ShellProduct([PlaneWaves(7), PlaneWaves(7)], factors)
    check_derivatives(net, torch.rand(3, 14, 3, generator=generator), 1e-10)


@pytest.mark.parametrize("case", ["slaters", "pairs"])
def test_symmetries(case, generator):
    net, x = network(*CASES[case]), torch.rand(4, 14, 3, generator=generator)
    sign, log = net(x)
    swapped = torch.tensor([1, 0, *range(2, 14)])
    turned = torch.tensor([*range(7, 14), *range(7)])
    walls = torch.randint(-2, 3, x.shape, generator=generator).double()
    for name, (image, flips) in {
        "all moved together": (x + torch.rand(4, 1, 3, generator=generator), 1),
        "through the walls": (x + walls, 1),
        "spins turned over": (x[:, turned], 0),
        "two of one spin exchanged": (x[:, swapped], -1),
    }.items():
        other, moved_log = net(image)
        torch.testing.assert_close(moved_log, log, rtol=0, atol=1e-11, msg=name)
        if flips:
            assert torch.equal(other, flips * sign), name


def test_pairing_contains_slater(generator):
    """With the Fermi sea alone the determinant of pairs is the product of both Slater determinants."""
    paired, slater = network(14, 7, True, 1), network(14, 7, False, 1)
    with torch.no_grad():
        paired.head.pair.zero_()
        paired.head.amplitudes.zero_()
        paired.head.amplitudes[:, :4] = 1  # 1 and three pairs of waves
        weight = torch.zeros(33, 6)
        weight[0], weight[1:4], weight[17:20] = torch.zeros(6), *torch.randn(2, 3, 6)
        paired.orbitals.weight.copy_(weight)
        slater.orbitals.weight.copy_(torch.cat([weight[:4], weight[17:20]]))
    shared = {k: v for k, v in slater.state_dict().items() if not k.startswith("orbitals")}
    paired.load_state_dict(shared, strict=False)
    x = torch.rand(5, 14, 3, generator=generator)
    for found, expected in zip(paired(x), slater(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_cusps_are_those_of_two_charges():
    """Slopes 1/2 and 1/4 where two particles meet, and no kink half a side apart."""
    factor = PeriodicCusps(14, 7, 3.0)
    step = torch.tensor([1e-5, 2e-5]).view(2, 1).expand(2, len(factor.first))
    value = factor.factor(step)
    slope = (value[1] - value[0]) / 1e-5
    expected = torch.where(factor.parallel == 1, 3.0 / 4, 3.0 / 2)
    torch.testing.assert_close(slope, expected, rtol=1e-3, atol=0)
    x = torch.rand(1, 14, 3)
    x[0, 1] = x[0, 0] + torch.tensor([0.5, 0.0, 0.0])
    around = torch.stack([x[0], x[0]])
    around[0, 1, 0] -= 1e-6
    around[1, 1, 0] += 1e-6
    with torch.no_grad():
        gradient, _ = factor.derivatives(around)
    torch.testing.assert_close(gradient[0], gradient[1], rtol=0, atol=1e-4)


def test_well_cancels_the_depth_of_the_potential(generator):
    """tanh(kr)/r solves the radial equation at zero energy in the well -2 k^2/cosh^2 kr, here of two particles."""
    momentum = 30.0
    factor = PeriodicWell(2, 1, momentum, healing=1e6)
    x = torch.rand(6, 1, 3, generator=generator)
    away = torch.randn(6, 1, 3, generator=generator)
    away *= torch.tensor([1e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2]).view(-1, 1, 1) / away.norm(dim=-1, keepdim=True)
    pair = torch.cat([x, x + away], 1)
    with torch.no_grad():
        gradient, laplacian = factor.derivatives(pair)
    kinetic = -0.5 * (laplacian + gradient.square().sum((1, 2)))
    potential = -2 * momentum**2 / torch.cosh(momentum * away.norm(dim=-1)[:, 0]).square()
    assert float((kinetic + potential).abs().max()) < 0.02 * float(potential.abs().max())
