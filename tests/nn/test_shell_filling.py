"""Which orbitals electrons fill, where the last shell of a spin may stay open."""

import pytest

from physgen.core.errors import InputError
from physgen.nn.determinants.shell_filling import LARGEST_LISTED, ShellFilling, degeneracy, last_shell


@pytest.mark.parametrize(
    ("n", "n_up", "momenta", "total"),
    [
        (2, 1, ((0,), (0,)), 0),
        (2, 2, ((1,), ()), 1),
        (3, 2, ((1,), (0,)), 1),
        (4, 3, ((1, -1), (0,)), 0),
        (4, 2, ((1,), (1,)), 2),
        (5, 3, ((1, -1), (1,)), 1),
        (7, 4, ((2,), (1, -1)), 2),
        (8, 5, ((2, -2), (1, -1)), 0),
        (9, 6, ((2, -2, 0), (1, -1)), 0),
        (10, 6, ((2, -2, 0), (2,)), 2),
        (11, 6, ((2, -2, 0), (2, -2)), 0),
        (13, 7, ((3,), (2, -2, 0)), 3),
    ],
)
def test_hunds_rule_in_two_dimensions(n, n_up, momenta, total):
    """M of the ground states as diffusion Monte Carlo has them (Pederiva, Umrigar and Lipparini,
    doi:10.1103/PhysRevB.62.8120): the largest |m| first, both signs of it together."""
    filling = ShellFilling(n, 2, n_up)
    assert filling.momenta == momenta and filling.angular_momentum == total


def test_other_angular_momenta_are_found_by_their_sum():
    assert ShellFilling(7, 2, 4, 0).momenta == ((0,), (1, -1))
    assert ShellFilling(8, 2, 5, 2).momenta == ((2, 0), (1, -1))
    assert sorted(ShellFilling(8, 2, 4).listed()) == [0, 4]  # the spin down takes what the spin up has
    assert ShellFilling(3, 2, 2, 1).momenta == ShellFilling(3, 2, 2).momenta


def test_shells_are_filled_from_below():
    for dim in (2, 3):
        for electrons in range(60):
            shell, held = last_shell(electrons, dim)
            assert sum(degeneracy(k, dim) for k in range(shell)) + held == electrons
            assert 0 <= held <= degeneracy(shell, dim) and (held > 0 or electrons == 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3, 2, 2, 0), "system.angular_momentum must be one of 1 for 2 + 1 electrons, got 0"),
        ((6, 2, 3, 1), "system.angular_momentum must be one of 0 for 3 + 3 electrons, got 1"),
        ((7, 2, 4, -2), "system.angular_momentum"),
        ((3, 3, 2, 1), "system.angular_momentum must be none but in two dimensions, got 1"),
        ((6, 3, 3), "got n_up = 3 of n = 6"),
        ((5, 3, 5), "system.n_up must leave closed shells in 3D"),
        ((90, 2, 50, 0), "system.angular_momentum must be none"),
    ],
)
def test_what_cannot_be_filled_is_said_in_a_line(arguments, words):
    with pytest.raises(InputError) as refusal:
        ShellFilling(*arguments)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


def test_p_shells_may_stay_open_in_three_dimensions():
    assert ShellFilling(3, 3, 2).momenta == ((0,), (0,))
    assert ShellFilling(4, 3, 3).momenta == ((0, 1), (0,))
    assert ShellFilling(90, 2, 45).sizes == (45, 45) and LARGEST_LISTED < 8
