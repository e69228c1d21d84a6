"""Spectra and functions of the benchmarks of parametric matrices, against values found elsewhere."""

import numpy as np
import pytest
import torch

from benchmarks.measurements.functions import FUNCTIONS
from benchmarks.measurements.spectra import Chain, lipkin


@pytest.mark.parametrize(
    ("seed", "energies"),
    [(0, (-36.58520573, -36.14532423, -35.6954134)), (1, (-36.94010995, -36.37743652, -36.25736873))],
)
def test_energies_of_the_chain(seed, energies):
    assert Chain(np.random.default_rng(seed).random(10)).energies(0) == pytest.approx(energies, abs=1e-7)


def test_short_steps_approach_the_chain_without_steps():
    chain = Chain(np.random.default_rng(3).random(6))
    exact = chain.energies(0)
    errors = [np.abs(chain.energies(step) - exact).max() for step in (2e-3, 1e-3)]
    assert errors[1] < 1e-2 and errors[1] < 0.6 * errors[0]


@pytest.mark.parametrize(
    ("xi", "first", "second", "number"),
    [
        (0.1, 0.0998854, 0.10055523, 0.000022),
        (0.2, 0.19961846, 0.19966872, 0.003443),
        (0.3, 0.19540155, 0.19540155, 0.417048),
    ],
)
def test_lipkin_model(xi, first, second, number):
    energies, found = lipkin(xi)
    assert energies == pytest.approx((first, second), abs=1e-8) and found == pytest.approx(number, abs=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_a_regression_take_a_square_of_doubles(name):
    x = torch.rand(2, 30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    values = FUNCTIONS[name](*x)
    assert values.shape == (30,) and values.dtype == torch.float64 and bool(values.isfinite().all())
