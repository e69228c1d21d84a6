import math

import pytest

from physgen.core.errors import InputError
from physgen.systems import pair_levels, thermal_pair, two_electrons
from physgen.systems.thermal_gas import free_energies

#: omega, beta omega, and F, E, S of electrons, polarised electrons and bosons by Chebyshev collocation, as printed
TABLE = """
1 1 0.221576 5.341461 5.11988 1.653220 5.427981 3.77476 1.482993 5.122528 3.63954
1 2 2.297074 3.817224 3.04030 3.079973 4.001246 1.84255 2.789847 3.508201 1.43671
1 5 2.943977 3.154230 1.05126 3.455127 3.610420 0.77647 2.997005 3.015724 0.09359
1 10 2.998462 3.009140 0.10678 3.527175 3.596590 0.69415 2.999991 3.000092 0.00101
0.28 2 0.790852 1.234718 3.17047 0.997221 1.260831 1.88293 0.953461 1.177408 1.59962
0.1 2 0.348187 0.511899 3.27423 0.419434 0.516341 1.93813 0.412116 0.500388 1.76543
"""
#: lowest levels, centre of mass at rest: omega, then n = 0, 1 of m = 0, 1, 2
LEVELS = """
1 3.0 4.84698945 3.59649888 5.53237690 4.45929138 6.42395547
0.5 1.65977215 2.57364647 1.91393330 2.87196281 2.32181120 3.29782949
0.1 0.44079189 0.62066550 0.47254157 0.65850391 0.53879361 0.72968229
"""


@pytest.mark.parametrize("row", [line for line in TABLE.split("\n") if line])
def test_against_an_independent_table(row):
    omega, t, *values = map(float, row.split())
    for i, species in enumerate(("electrons", "polarised", "bosons")):
        found = thermal_pair(omega, t / omega, 1.0, species)
        free, energy, entropy = values[3 * i : 3 * i + 3]
        assert found.free_energy == pytest.approx(free, abs=6e-7) and found.energy == pytest.approx(energy, abs=6e-7)
        assert found.entropy == pytest.approx(entropy, abs=6e-6)
        assert found.kinetic + found.trap + found.coulomb == pytest.approx(found.energy, abs=1e-12)
        # the virial theorem holds in equilibrium
        assert 2 * found.kinetic - 2 * found.trap + found.coulomb == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("species", ["electrons", "polarised", "bosons"])
def test_without_repulsion_it_is_the_free_gas(species):
    free, energy = free_energies(2, 1.0, species)
    found = thermal_pair(0.5, 2.0, 0.0, species)
    assert found.free_energy == pytest.approx(0.5 * free, abs=1e-9)
    assert found.energy == pytest.approx(0.5 * energy, abs=1e-8)


def test_derivative_by_the_coupling_is_the_repulsion():
    below, above = (thermal_pair(1.0, 2.0, 1 + h, "bosons").free_energy for h in (-1e-3, 1e-3))
    assert (above - below) / 2e-3 == pytest.approx(thermal_pair(1.0, 2.0, 1.0, "bosons").coulomb, abs=1e-6)


@pytest.mark.parametrize("row", [line for line in LEVELS.split("\n") if line])
def test_levels(row):
    omega, *known = map(float, row.split())
    found = {}
    for energy, m, _ in pair_levels(omega, most=12):
        found.setdefault(m, []).append(energy)
    for m in range(3):
        for value, exact in zip(found[m], known[2 * m : 2 * m + 2], strict=False):
            assert value == pytest.approx(exact, abs=6e-9)
    assert found[1] == found[-1]
    assert found[0][0] == pytest.approx(two_electrons(omega).energy, abs=1e-9)
    assert found[1][0] == pytest.approx(two_electrons(omega, state="triplet").energy, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"beta": 0.1}, "beta must be at least 0.25"),
        ({"beta": 0.0}, "beta must be a finite number > 0"),
        ({"coupling": 200.0}, "coupling must be at most 100"),
        ({"species": "anyons"}, "species must be one of electrons, polarised, bosons"),
        ({"omega": math.nan}, "omega must be"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(InputError, match=words) as refusal:
        thermal_pair(**{"omega": 1.0, "beta": 2.0, **arguments})
    assert "\n" not in str(refusal.value)
