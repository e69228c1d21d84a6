"""The factor of two attracting particles against their Schroedinger equation."""

import pytest
import torch

from physgen.nn.determinants.periodic_pair_state import PeriodicPairState
from physgen.systems import FermiGas


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(5)


@pytest.mark.parametrize("inverse_akf", [-0.5, 0.0, 0.5])
def test_pair_state_is_that_of_two_particles(inverse_akf):
    """At every distance -(u'' + u'^2 + 2 u'/r) + v = -gamma^2 of two particles, without healing."""
    gas = FermiGas(2, 0.2, inverse_akf)
    momentum, decay = gas.mu * gas.side, gas.pair_decay * gas.side
    factor = PeriodicPairState(2, 1, momentum, decay, healing=1e9)
    r = torch.tensor([1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3]).view(-1, 1)
    with torch.no_grad():
        slope, curvature = factor.slopes(r)
    potential = -2 * gas.v0 * (momentum / torch.cosh(momentum * r)).square()
    energy = potential - curvature - slope.square() - 2 * slope / r
    assert inverse_akf * gas.pair_decay >= 0
    torch.testing.assert_close(energy, torch.full_like(r, -(decay**2)), rtol=0, atol=2e-5 * momentum**2)
