"""Spin-isospin bases against angular-momentum algebra."""

import pytest
import torch

from physgen.systems.spin_isospin import SpinIsospin, spin_isospin


@pytest.fixture(autouse=True)
def double(float64):
    pass


NUCLEI = [(2, 1, 1, 0), (2, 2, 0, 1), (3, 1, 0.5, 0.5), (3, 2, 0.5, 0.5), (4, 2, 0, 0)]


def sigma(basis):
    return 2 * basis.spin_exchanges - torch.eye(basis.components)


@pytest.mark.parametrize("nucleus", NUCLEI)
def test_total_spin_isospin_and_charge(nucleus):
    nucleons, protons, spin, isospin = nucleus
    basis = SpinIsospin(*nucleus)
    unit = torch.eye(basis.components)
    torch.testing.assert_close(basis.states.T @ basis.states, unit)
    square = 0.75 * nucleons * unit + 0.5 * sigma(basis).sum(0)
    torch.testing.assert_close(square, spin * (spin + 1) * unit)
    tau = 2 * basis.isospin_exchanges - unit
    torch.testing.assert_close(0.75 * nucleons * unit + 0.5 * tau.sum(0), isospin * (isospin + 1) * unit)
    torch.testing.assert_close(basis.proton.sum(0), protons * unit)
    torch.testing.assert_close(basis.proton_pair.sum(0), protons * (protons - 1) / 2 * unit)


@pytest.mark.parametrize("nucleus", NUCLEI)
def test_the_first_state_is_antisymmetric(nucleus):
    basis = SpinIsospin(*nucleus)
    for exchange in basis.exchanges:
        torch.testing.assert_close(exchange @ basis.first, -basis.first)


@pytest.mark.parametrize(("nucleus", "components"), [(NUCLEI[0], 1), (NUCLEI[2], 3), (NUCLEI[4], 3)])
def test_operators_within_the_basis(nucleus, components):
    """sigma.sigma of Phi is -1 for every pair of three or four nucleons and 1 in the deuteron; squares obey algebra."""
    basis = SpinIsospin(*nucleus)
    assert basis.components == components
    for one in sigma(basis):
        assert float(basis.first @ one @ basis.first) == pytest.approx(1 if nucleus[0] == 2 else -1)
        # sigma.sigma Phi stays in the basis, so that (sigma.sigma)^2 = 3 - 2 sigma.sigma holds on Phi
        torch.testing.assert_close(one @ one @ basis.first, 3 * basis.first - 2 * one @ basis.first)


@pytest.mark.parametrize(
    ("nucleus", "expected"), [((3, 1, 0.5), [0, 0, -3]), ((3, 2, 0.5), [-3, 0, 0]), ((4, 2, 0), [-3, 0, 0, 0, 0, -3])]
)
def test_labels_pair_identical_nucleons_to_spin_zero(nucleus, expected):
    basis = SpinIsospin(*nucleus, None)
    assert basis.components == 2
    found = [float(basis.first @ one @ basis.first) for one in sigma(basis)]
    assert found == pytest.approx(expected, abs=1e-12)
    total = nucleus[0] * (nucleus[0] - 1) / 2
    assert sum(found) == pytest.approx(-total)


def test_a_state_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="0 antisymmetric states"):
        SpinIsospin(2, 2, 1, 1)
    assert spin_isospin(2, 1, 1, 0) is spin_isospin(2, 1, 1, 0)
