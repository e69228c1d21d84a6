import math

import numpy as np
import pytest
import torch
from scipy import integrate

from physgen.core.errors import InputError
from physgen.systems import ClassicalDot, two_charges


def exact(system):
    return {r.quantity: r.value for r in system.references() if r.exact}


def test_terms_of_a_hand_made_configuration():
    x = torch.tensor([[[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]], dtype=torch.float64)
    terms = ClassicalDot(3, coupling=2).terms(x)
    assert terms["trap"].item() == pytest.approx(26)
    assert terms["coulomb"].item() == pytest.approx(2 * (1 / 5 + 1 + 1 / math.sqrt(18)))
    assert not ClassicalDot(2, coupling=0).terms(torch.zeros(1, 2, 2))["coulomb"].any()


@pytest.mark.parametrize(("dim", "beta"), [(2, 0.5), (2, 10.0), (3, 2.0)])
def test_one_charge_by_quadrature(dim, beta):
    z, _ = integrate.quad(lambda x: math.exp(-beta * x * x), -np.inf, np.inf)
    values = exact(ClassicalDot(1, dim, beta))
    assert values["free_energy"] == pytest.approx(-dim * math.log(z) / beta, abs=1e-12)
    assert values["energy"] == values["trap"] == dim / (2 * beta) and values["coulomb"] == 0


def test_free_charges():
    assert exact(ClassicalDot(20, coupling=0))["free_energy"] == pytest.approx(-2 * math.log(math.pi / 10))


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(("beta", "coupling"), [(0.5, 1.0), (10.0, 1.0), (1.0, 1e-3), (3.0, 20.0)])
def test_two_charges_by_quadrature(dim, beta, coupling):
    solid = 2 * math.pi ** (dim / 2) / math.gamma(dim / 2)
    rest = (coupling) ** (1 / 3)  # position of the minimum of r^2 / 2 + coupling / r
    shift = 1.5 * coupling ** (2 / 3)

    def mean(observable):
        def integrand(r):
            return observable(r) * r ** (dim - 1) * math.exp(-beta * (r * r / 2 + coupling / r - shift))

        return sum(
            integrate.quad(integrand, *ends, epsabs=1e-14, epsrel=1e-13, limit=400)[0]
            for ends in ((0, rest), (rest, rest + 3), (rest + 3, rest + 20))
        )

    z = mean(lambda r: 1.0)
    centre = (math.pi / (2 * beta)) ** (dim / 2)
    solution = two_charges(beta, dim, coupling)
    assert solution.free_energy == pytest.approx(shift - math.log(solid * centre * z) / beta, abs=1e-10)
    assert solution.trap == pytest.approx(dim / (2 * beta) + mean(lambda r: r * r / 2) / z, abs=1e-10)
    assert solution.coulomb == pytest.approx(mean(lambda r: coupling / r) / z, abs=1e-10)


# beta: F, <E> as printed; coupling integration by Monte Carlo agrees
TABLE = {
    0.5: (-6.61334562, 4.99439532),
    1.0: (-1.37302848, 3.16928491),
    1.5: (0.03033173, 2.58616822),
    2.0: (0.63029331, 2.30233515),
    5.0: (1.44058075, 1.80981048),
    10.0: (1.57678936, 1.65260447),
}


@pytest.mark.parametrize(("beta", "free_energy", "energy"), [(beta, *row) for beta, row in TABLE.items()])
def test_two_charges_table(beta, free_energy, energy):
    system = ClassicalDot(2, beta=beta)
    values = exact(system)
    assert values["free_energy"] == pytest.approx(free_energy, abs=5.1e-9)
    assert values["energy"] == pytest.approx(energy, abs=5.1e-9)
    assert system.virial(values) == pytest.approx(0, abs=1e-12)


def test_thermodynamic_identities():
    """<E> = d(beta F)/dbeta and <coulomb> = lambda dF/dlambda."""
    beta, h = 2.0, 1e-3

    def slope(f):
        return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)

    s = two_charges(beta)
    assert s.energy == pytest.approx(slope(lambda e: (beta + e) * two_charges(beta + e).free_energy), abs=1e-9)
    assert s.coulomb == pytest.approx(slope(lambda e: two_charges(beta, 2, 1 + e).free_energy), abs=1e-9)


@pytest.mark.parametrize(("beta", "coupling"), [(1e-4, 1e-12), (1.0, 0.0), (1e3, 10.0)])
def test_two_charges_at_the_ends(beta, coupling):
    s = two_charges(beta, 2, coupling)
    assert beta * (2 * s.trap - s.coulomb) == pytest.approx(4, abs=1e-8)
    if beta == 1:
        assert s.free_energy == pytest.approx(-2 * math.log(math.pi), abs=1e-12)


def test_twenty_charges():
    dot = ClassicalDot(20, beta=10)
    first, talk = [r for r in dot.references() if r.quantity == "free_energy"]
    assert (first.value, first.error, first.exact) == (157.56336, 0.00014, True)
    assert (talk.value, talk.error, talk.exact) == (162.4838, 0.0032, False)
    assert dot.sector_floor == pytest.approx(161.797, abs=1e-3) and talk.value > dot.sector_floor
    assert exact(dot)["minimum"] == pytest.approx(158.99226539) and exact(dot)["energy"] == 160.8986
    assert exact(ClassicalDot(20, beta=1.5))["free_energy"] == pytest.approx(129.2576, abs=3e-4)
    assert {"free_energy", "energy"} <= set(exact(ClassicalDot(3, beta=2))) & set(exact(ClassicalDot(6)))


def test_unknown_free_energies_have_no_floor():
    dot = ClassicalDot(20, beta=3)
    assert dot.sector_floor is None and [r.quantity for r in dot.references()] == ["minimum"]
    assert ClassicalDot(20, dim=3).references() == [] == ClassicalDot(20, coupling=2).references()
    assert ClassicalDot(2).sector_floor == pytest.approx(1.57678936 + math.log(2) / 10, abs=1e-8)


def test_spread_is_that_of_the_cloud():
    # the minimum of 20 charges has <r^2> = E / 60 and its outermost ring at 2.3
    assert ClassicalDot(20).spread == pytest.approx(math.sqrt(158.99 / 60 / 2), rel=0.15)
    assert ClassicalDot(1, beta=2).spread == pytest.approx(0.5)


def test_labels():
    assert ClassicalDot().label == "classical-dot-n20-beta10"
    assert ClassicalDot(3, 3, 1.5, 0.5).label == "classical-dot-3d-n3-beta1.5-coupling0.5"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("n", v) for v in (0, 2.0, True, "2")],
        *[("dim", v) for v in (1, 4, 2.0, True)],
        *[("beta", v) for v in (0, -1.0, math.nan, math.inf, True, "1", None)],
        *[("coupling", v) for v in (-0.1, math.nan, True, "1")],
    ],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(InputError, match=f"^{name} must be .*, got "):
        ClassicalDot(**{name: value})
