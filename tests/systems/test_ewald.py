"""Ewald's sum against other splittings, known lattices and plain sums."""

import math

import pytest
import torch

from physgen.systems.ewald import DOUBLE, MADELUNG, SINGLE, Ewald, ewald


@pytest.fixture
def x(generator):
    return torch.rand(6, 8, 3, dtype=torch.float64, generator=generator)


def test_madelung_constant_of_the_cube():
    assert MADELUNG == pytest.approx(-2.837297480, abs=1e-9)
    assert Ewald(*SINGLE).madelung == pytest.approx(MADELUNG, abs=1e-7)


@pytest.mark.parametrize(("kappa", "most"), [(4.5, 8), (6.0, 11)])
def test_nothing_depends_on_the_splitting(kappa, most, x):
    torch.testing.assert_close(Ewald(kappa, most)(x), ewald(x), rtol=0, atol=2e-9)


def test_single_precision(x):
    torch.testing.assert_close(ewald(x.float()).double(), ewald(x), rtol=0, atol=2e-4)
    torch.testing.assert_close(Ewald(*SINGLE)(x), ewald(x), rtol=0, atol=2e-6)


def test_waves_one_by_one(x):
    sums = Ewald(4.0, 2)
    found = torch.zeros(len(x), dtype=torch.float64)
    for wave in torch.cartesian_prod(*[torch.arange(-2, 3)] * 3).double():
        square = float(wave.square().sum())
        if 0 < square < 9:
            phase = 2 * math.pi * (x @ wave)
            factor = torch.cos(phase).sum(-1).square() + torch.sin(phase).sum(-1).square() - x.shape[1]
            found += 0.5 * math.exp(-(math.pi**2) * square / 16) / (math.pi * square) * factor
    torch.testing.assert_close(sums.reciprocal(x), found)


def test_a_crystal_is_as_many_small_cells():
    """Charges on 2 x 2 x 2 points are eight cells with one charge each, of half the side."""
    points = torch.cartesian_prod(*[torch.tensor([0.1, 0.6])] * 3).double()[None]
    assert ewald(points).item() == pytest.approx(8 * 2 * MADELUNG / 2, abs=1e-8)
    assert ewald(points[:, :1]).item() == pytest.approx(MADELUNG / 2, abs=1e-9)


def test_close_charges_repel_as_free_ones(x):
    pair = x[:1, :2].clone()
    pair[0, 1] = pair[0, 0] + torch.tensor([2.0**-14, 0, 0])
    assert (ewald(pair) - 2**14).item() == pytest.approx(2 * MADELUNG, abs=1e-7)


def test_mean_over_the_cube_is_that_of_the_background(generator, agrees):
    """v_E has the mean 0: what is left is the charges' own."""
    x = torch.rand(4000, 3, 3, dtype=torch.float64, generator=generator)
    agrees(ewald(x), torch.tensor([1.5 * MADELUNG]))
    assert DOUBLE[0] > SINGLE[0]
