"""Exact thermodynamics of spins on a lattice, against enumeration and against each other."""

import math

import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.systems.kaufman import HIGHEST, kaufman
from physgen.systems.transfer_matrix import transfer_matrix

CRITICAL = math.log(1 + math.sqrt(2)) / 2


def enumerated(couplings, beta):
    """ln Z, energy and entropy by a sum over all states."""
    _, rows, columns = couplings.shape
    s = every_state(rows * columns, (-1.0, 1.0)).view(-1, rows, columns)
    energy = -(couplings[0] * s * s.roll(-1, 2) + couplings[1] * s * s.roll(-1, 1)).sum((1, 2))
    log = -beta * energy
    p = log.softmax(0)
    sites = rows * columns
    return float(log.logsumexp(0)), float(p @ energy) / sites, float(-(p * log.log_softmax(0)).sum()) / sites


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (3, 3), (4, 3), (4, 4)])
@pytest.mark.parametrize("beta", [0.05, CRITICAL, 1.0])
def test_kaufman_is_a_sum_over_states(shape, beta):
    found = kaufman(*shape, beta)
    log_z, energy, entropy = enumerated(torch.ones(2, *shape, dtype=torch.float64), beta)
    assert found.log_z == pytest.approx(log_z, abs=1e-11)
    assert found.free_energy == pytest.approx(-log_z / beta / math.prod(shape), abs=1e-11)
    assert found.energy == pytest.approx(energy, abs=1e-11)
    assert found.entropy == pytest.approx(entropy, abs=1e-11)


def onsager(beta):
    """ln Z per site of the infinite lattice."""
    kappa = 2 * math.sinh(2 * beta) / math.cosh(2 * beta) ** 2
    angle = (torch.arange(4000, dtype=torch.float64) + 0.5) * math.pi / 2 / 4000
    mean = (0.5 * (1 + (1 - (kappa * angle.sin()).square()).sqrt())).log().mean()
    return math.log(2 * math.cosh(2 * beta)) + 0.5 * float(mean)


def test_kaufman_is_the_same_on_its_side_and_meets_its_limits():
    assert kaufman(6, 17, 0.41).log_z == pytest.approx(kaufman(17, 6, 0.41).log_z, abs=1e-10)
    assert -0.4 * kaufman(128, 128, 0.4).free_energy == pytest.approx(onsager(0.4), abs=1e-9)
    cold, hot = kaufman(16, 16, HIGHEST), kaufman(16, 16, 0.0)
    assert cold.log_z == pytest.approx(2 * 256 * HIGHEST + math.log(2)) and cold.energy == pytest.approx(-2)
    assert (
        hot.log_z == pytest.approx(256 * math.log(2)) and hot.energy == 0 and hot.entropy == pytest.approx(math.log(2))
    )
    # the two formulas for high temperatures meet
    for shape in [(2, 2), (2, 5), (5, 2), (4, 4)]:
        assert kaufman(*shape, 0.999e-6).energy / 0.999 == pytest.approx(
            kaufman(*shape, 1.001e-6).energy / 1.001, rel=1e-3
        )


@pytest.mark.parametrize("beta", [0.2, CRITICAL, 0.9])
def test_the_energy_is_the_slope_of_ln_z(beta):
    step = 1e-5
    slope = (kaufman(16, 12, beta + step).log_z - kaufman(16, 12, beta - step).log_z) / (2 * step)
    assert kaufman(16, 12, beta).energy == pytest.approx(-slope / 192, abs=1e-7)


@pytest.mark.parametrize(("name", "arguments"), [("rows", (1, 4, 1)), ("columns", (4, 2.5, 1)), ("beta", (4, 4, -1))])
def test_bad_arguments_are_named(name, arguments):
    with pytest.raises(InputError, match=rf"^{name} must be"):
        kaufman(*arguments)


def glass(shape, rows_open, columns_open, generator):
    couplings = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    if columns_open:
        couplings[0, :, -1] = 0
    if rows_open:
        couplings[1, -1] = 0
    return couplings


@pytest.mark.parametrize("open_edges", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("shape", [(2, 3), (4, 3), (3, 5)])
def test_transfer_matrix_of_any_couplings_is_a_sum_over_states(open_edges, shape, generator):
    couplings = glass(shape, *open_edges, generator)
    found = transfer_matrix(couplings, 0.7)
    log_z, energy, entropy = enumerated(couplings, 0.7)
    assert found.log_z == pytest.approx(log_z, abs=1e-11)
    assert found.energy == pytest.approx(energy, abs=1e-11) and found.entropy == pytest.approx(entropy, abs=1e-11)


def test_transfer_matrix_finds_kaufmans_value_and_the_published_open_lattice():
    assert transfer_matrix(torch.ones(2, 6, 40), 0.44).log_z == pytest.approx(kaufman(6, 40, 0.44).log_z, abs=1e-10)
    couplings = torch.ones(2, 4, 4)
    couplings[0, :, -1] = couplings[1, -1] = 0
    found = transfer_matrix(couplings, 0.44)
    assert found.log_z == pytest.approx(13.667552384, abs=1e-9) and found.energy == pytest.approx(
        -0.7966634240, abs=1e-9
    )


def test_too_wide_lattices_are_refused_with_what_they_would_need():
    with pytest.raises(InputError, match=r"at most 2\^20 states.*got 2\^22"):
        transfer_matrix(torch.ones(2, 11, 11), 0.44)
