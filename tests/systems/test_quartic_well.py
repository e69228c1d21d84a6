import math

import pytest
import torch
from scipy import integrate

from physgen.core.errors import InputError
from physgen.systems import QuarticWell


def test_table():
    well = QuarticWell()
    values = {r.quantity: r.value for r in well.references()}
    assert well.partition_function() == pytest.approx(3.82232446, abs=5e-9)
    assert values["free_energy"] == pytest.approx(-1.34085874, abs=5e-9)
    assert values["r2"] == pytest.approx(0.82190633, abs=5e-9)
    assert values["energy"] == values["well"] == 0.5


@pytest.mark.parametrize("beta", [1.0, 7.0])
def test_quadrature(beta):
    well = QuarticWell(beta)

    def integral(observable):
        def integrand(y, x):
            v = x**4 + y**4 - x * x * y * y
            return observable(x, y, v) * math.exp(-beta * v)

        return 4 * integrate.dblquad(integrand, 0, 4, 0, 4, epsabs=1e-10, epsrel=1e-10)[0]

    z = well.partition_function()
    values = {r.quantity: r.value for r in well.references()}
    assert z == pytest.approx(integral(lambda x, y, v: 1.0), abs=1e-8)
    assert values["energy"] == pytest.approx(integral(lambda x, y, v: v) / z, abs=1e-8)
    assert values["r2"] == pytest.approx(integral(lambda x, y, v: x * x + y * y) / z, abs=1e-8)


def test_energy_and_scaling():
    x = torch.tensor([[[1.0, 2.0]], [[0.0, 3.0]]])
    assert QuarticWell().terms(x)["well"].tolist() == [13.0, 81.0]
    assert QuarticWell(4).partition_function() == pytest.approx(QuarticWell(1).partition_function() / 2)


def test_group_of_the_square():
    group = QuarticWell.group(torch.float64)
    products = (group[:, None] @ group[None]).reshape(-1, 2, 2)
    assert group.shape == (8, 2, 2) and len(group.unique(dim=0)) == 8
    assert len((products + 0.0).unique(dim=0)) == 8
    torch.testing.assert_close(group @ group.mT, torch.eye(2, dtype=group.dtype).expand(8, 2, 2))


@pytest.mark.parametrize("beta", [0, -1.0, math.nan, math.inf, True, "1", None])
def test_bad_beta_is_named(beta):
    with pytest.raises(InputError, match="^beta must be .*, got "):
        QuarticWell(beta)
