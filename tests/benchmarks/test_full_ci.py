"""Full configuration interaction against what is known: matrix elements in closed form, two electrons, variation."""

import math

import numpy as np
import pytest

from benchmarks.measurements.full_ci import continued, ground_energy, orbitals, repulsion
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.systems.two_electrons import two_electrons


def test_matrix_elements_in_closed_form():
    """<00|1/r|00> = sqrt(pi/2) and that of an exchanged p orbital, sqrt(pi/2)/4, at omega = 1."""
    pairs, index = repulsion(3), {quanta: i for i, quanta in enumerate(orbitals(3))}
    m, s, p = len(index), index[0, 0], index[1, 0]
    assert pairs[s * m + s, s * m + s] == pytest.approx(math.sqrt(math.pi / 2), rel=1e-9)
    assert pairs[s * m + p, p * m + s] == pytest.approx(math.sqrt(math.pi / 2) / 4, rel=1e-9)
    assert pairs[s * m + p, s * m + p] == pytest.approx(0.75 * math.sqrt(math.pi / 2), rel=1e-9)
    np.testing.assert_allclose(pairs, pairs.T, atol=1e-12)


@pytest.mark.parametrize(("n_up", "state", "within"), [(1, "singlet", 0.03), (2, "triplet", 0.004)])
def test_two_electrons_from_above(n_up, state, within):
    exact = two_electrons(1.0, 2, 1.0, state).energy
    found = [ground_energy(ShellFilling(2, 2, n_up), shells, 1.0) for shells in (3, 4, 5)]
    assert exact < found[2] < found[1] < found[0] and found[1] - exact < within
    limit, error = continued(found, found, exact)
    assert limit == pytest.approx(exact, abs=1e-9) and error < 1e-9


def test_three_electrons_are_above_their_wavefunction():
    """The network's energy is an upper bound as well: both meet the exact one from above."""
    assert 6.3558 < ground_energy(ShellFilling(3, 2, 2), 5, 1.0) < 6.41
