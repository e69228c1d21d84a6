"""The share of an angular momentum in a wavefunction, by rotations of all particles."""

import pytest
import torch

from physgen.models import NeuralBackflow, SlaterJastrow
from physgen.observables.angular_momentum import FOREIGN, AngularMomentum
from physgen.systems import QuantumDot
from physgen.systems.at import At


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(2)


def share(model, momentum, generator, walkers=240):
    view = At(model, model.system.initial(walkers, generator))
    return AngularMomentum(momentum).measure(view)["angular_momentum_share"]


@pytest.mark.parametrize(
    ("arguments", "momentum"), [({"n": 3}, 1), ({"n": 4}, 2), ({"n": 7}, 2), ({"n": 11, "n_up": 6}, 0)]
)
def test_eigenstates_have_it_without_variance(arguments, momentum, generator):
    """Jastrow factors do not turn: a determinant of open shells keeps its angular momentum with them."""
    model = SlaterJastrow(QuantumDot(**arguments))
    for other in range(5):
        expected = torch.full((20,), float(other == momentum))
        torch.testing.assert_close(share(model, other, generator), expected, rtol=1e-8, atol=1e-8)


def test_mixtures_have_shares_of_both(generator):
    """psi = a f_1 + b f_0 of orthonormal states: a^2 and b^2, within the errors of independent draws."""

    class Mixed:
        system = QuantumDot(1)

        def log_psi(self, x):  # (0.8 sqrt(2) x + 0.6) exp(-r^2/2): 1 and sqrt(2) x are orthonormal
            value = 0.6 + 0.8 * 2**0.5 * x[:, 0, 0]
            return value.sign(), value.abs().log() - 0.5 * x.square().sum((-1, -2))

    # draws from psi^2 by weights: x of the Gaussian density, weighted by the square of the polynomial
    x = torch.randn(200_000, 1, 2, generator=generator) / 2**0.5
    weight = (0.6 + 0.8 * 2**0.5 * x[:, 0, 0]).square()
    for momentum, expected in [(1, 0.64), (0, 0.36)]:
        local = AngularMomentum(momentum).measure(At(Mixed(), x))["angular_momentum_share"]
        weighted = local * weight[: len(local)]
        error = weighted.std() / len(local) ** 0.5
        assert abs(weighted.mean() - expected) < 4 * error and error < 0.02


def test_models_measure_it_where_shells_are_open(generator):
    names = {type(part).__name__ for part in NeuralBackflow(QuantumDot(3), width=8, pair_width=4).observables()}
    assert "AngularMomentum" in names
    for closed in (QuantumDot(6), QuantumDot(3, dim=3)):
        assert not any(isinstance(part, AngularMomentum) for part in SlaterJastrow(closed).observables())
    assert 0 < FOREIGN < 0.5
