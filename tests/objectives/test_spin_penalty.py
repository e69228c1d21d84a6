"""The penalty on the total spin: its gradient against a closed form, and which models take it."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import NeuralBackflow, RBMSlater, SlaterJastrow
from physgen.objectives.spin_penalty import spin_penalty
from physgen.observables.spin import TotalSpin, spin_square
from physgen.samplers import Metropolis
from physgen.systems import At, QuantumDot


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(8)


class Tilted:
    """psi = exp(t (x_1 - x_2) - r^2/2) of two electrons on a line: <S^2> = 1 - exp(-2 t^2)."""

    spins = (1, 1)

    def __init__(self, tilt):
        self.tilt = torch.tensor(tilt, requires_grad=True)

    def log_psi(self, x):
        log = self.tilt * (x[:, 0, 0] - x[:, 1, 0]) - 0.5 * x.square().sum((-1, -2))
        return torch.ones_like(log), log


@pytest.mark.parametrize("share", [1, 4])
def test_the_weights_give_the_gradient_of_the_square_of_the_spin(share):
    """2 <weights d ln|psi|/dt> = strength d<S^2>/dt = strength 4 t exp(-2 t^2)."""
    t, strength, rounds, walkers = 0.4, 0.7, 30, 4000
    model = Tilted(t)
    sampler = Metropolis(walkers=walkers, steps=10)
    generator = torch.Generator().manual_seed(1)
    sampler.start(torch.randn(walkers, 2, 1, generator=generator), generator, 0.8)
    with torch.no_grad():
        sampler.warm_up(lambda x: 2 * model.log_psi(x)[1], 100)
    slopes, squares = [], []
    for _ in range(rounds):
        with torch.no_grad():
            x = sampler.sample(lambda x: 2 * model.log_psi(x)[1])
        weights, square = spin_penalty(model, x, strength, clip=None, part=walkers // share)
        (slope,) = torch.autograd.grad(2 * (weights * model.log_psi(x)[1]).mean(), model.tilt)
        slopes.append(slope)
        squares.append(square)
    for found, exact in ((slopes, strength * 4 * t * math.exp(-2 * t**2)), (squares, 1 - math.exp(-2 * t**2))):
        found = torch.stack(found)
        error = found.std() / rounds**0.5
        assert abs(found.mean() - exact) < 4 * error < 0.1 * exact


def test_a_pure_state_gets_no_weights_and_no_noise():
    model = SlaterJastrow(QuantumDot(6, coupling=0.0))  # cusps of like and unlike spins differ: no pure state
    weights, square = spin_penalty(model, model.system.initial(50), 3.0)
    assert weights.abs().max() < 1e-7 and abs(square) < 1e-7


def test_of_many_electrons_some_walkers_measure_the_spin():
    model = NeuralBackflow(QuantumDot(12), width=8, pair_width=4, determinants=2)
    x = model.system.initial(40)
    found = TotalSpin(model.spins).measure(At(model, x))
    assert len(found["spin_square"]) == 11  # ten pairs of 36 a walker, of 40
    assert torch.equal(found["spin_square"], spin_square(model.log_psi, x[:11], (6, 6)))
    assert len(found["unlike_neighbours"]) == 40


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "much", True])
def test_penalties_that_mean_nothing_are_refused(value):
    with pytest.raises(InputError, match="^spin_penalty must be a number >= 0, got"):
        NeuralBackflow(QuantumDot(6), spin_penalty=value)


def test_models_without_a_total_spin_take_no_penalty():
    with pytest.raises(InputError, match="spin_penalty must be 0 without symmetric"):
        RBMSlater(QuantumDot(6), symmetric=False, spin_penalty=0.1)
    with pytest.raises(InputError, match="spin_penalty must be 0 where all electrons have one spin"):
        NeuralBackflow(QuantumDot(3, n_up=3), spin_penalty=0.1)
    assert RBMSlater(QuantumDot(6), symmetric=False).spins is None
    assert not NeuralBackflow(QuantumDot(3, n_up=3)).observables()
