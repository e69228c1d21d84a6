import itertools
import math

import pytest

from physgen.systems.thermal_gas import free_energies, log_free_partition, log_partitions

QUANTA = 24
LEVELS = [q + 1 for q in range(QUANTA) for _ in range(q + 1)]


@pytest.mark.parametrize("sign", [1, -1])
def test_partition_functions_of_two_and_three_by_enumeration(sign):
    t = 2.0
    choose = itertools.combinations_with_replacement if sign > 0 else itertools.combinations
    for n, levels in ((2, LEVELS), (3, LEVELS[:66])):
        total = sum(math.exp(-t * sum(state)) for state in choose(levels, n))
        assert log_partitions(n, t, sign)[n] == pytest.approx(math.log(total), abs=1e-7)  # shells that are left out


@pytest.mark.parametrize("sign", [1, -1])
def test_recursion_of_the_canonical_gas(sign):
    """Z_n = 1/n sum_k (+-1)^(k+1) z(k t) Z_(n-k)."""
    t, n = 0.7, 5
    z = [math.exp(v) for v in log_partitions(n, t, sign)]
    single = [0, *((2 * math.sinh(k * t / 2)) ** -2 for k in range(1, n + 1))]
    total = sum(sign ** (k + 1) * single[k] * z[n - k] for k in range(1, n + 1)) / n
    assert z[n] == pytest.approx(total, rel=1e-9)


def test_low_temperatures_give_the_lowest_state():
    # six electrons fill shells of two and four: 2 x 1 + 4 x 2
    free, energy = free_energies(6, 40.0, "electrons")
    assert free == pytest.approx(10, abs=1e-9) and energy == pytest.approx(10, abs=1e-9)
    free, _ = free_energies(12, 200.0, "polarised")
    assert free == pytest.approx(1 + 4 + 9 + 16 + 2 * 5 - math.log(10) / 200, abs=1e-9)


def test_energy_is_the_slope_of_the_partition_function():
    t, n = 1.3, 4
    pair = [log_free_partition(n, t + h, "bosons") for h in (1e-5, -1e-5)]
    assert free_energies(n, t, "bosons")[1] == pytest.approx(-(pair[0] - pair[1]) / 2e-5, rel=1e-6)
