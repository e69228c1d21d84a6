"""The law |psi|^2 of two electrons, against the exact state, closed forms and a grid."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.data.monte_carlo_samples import monte_carlo_samples
from physgen.samplers import MALA
from physgen.systems import TautDensity


@pytest.mark.parametrize(("dim", "degree"), [(2, 1), (3, 1), (2, 3)])
def test_it_is_the_square_of_the_exact_state(dim, degree, generator):
    law = TautDensity(dim, degree)
    x = torch.randn(50, 2, dim, generator=generator, dtype=torch.float64)
    terms = law.terms(x)
    assert torch.allclose(law.energy(x), -2 * law.state.log_psi(x)[1])
    assert torch.allclose(terms["trap"], law.state.omega * x.square().sum((1, 2)))


def test_the_integral_of_the_square_is_known_in_closed_form():
    """In two dimensions f = 1 + s at omega = 1: Z = (pi/2) 2 pi int s (1 + s)^2 e^{-s^2/2} ds, by gamma functions."""
    integral = 1 + 2 * math.sqrt(math.pi / 2) + 2
    found = TautDensity().solution
    assert found.log_z == pytest.approx(math.log(math.pi**2 * integral), abs=1e-12)
    square = (2 + 2 * 3 * math.sqrt(math.pi / 2) + 8) / integral
    assert found.square_distance == pytest.approx(square, abs=1e-12) and found.trap == pytest.approx(1 + square / 2)


def test_means_are_those_of_monte_carlo(generator, agrees):
    law = TautDensity()
    sampler = MALA(walkers=2000, steps=20, warm_up_steps=100)
    x = monte_carlo_samples(law, sampler, 2000, generator, torch.device("cpu"), False).double()
    known = {r.quantity: r.value for r in law.references()}
    terms = law.terms(x)
    found = torch.stack([terms["trap"], terms["correlation"], law.energy(x), x[:, 0, 0] ** 2], 1)
    agrees(found, torch.tensor([*(known[k] for k in ("trap", "correlation", "energy")), law.spread**2]).double())
    assert known["log_likelihood"] == pytest.approx(-known["energy"] - law.solution.log_z)


@pytest.mark.parametrize(("arguments", "words"), [({"dim": 4}, "dim must be"), ({"degree": 11}, "degree must be")])
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=f"^{words}"):
        TautDensity(**arguments)
