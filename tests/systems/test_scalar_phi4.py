"""A scalar field: the transfer matrix against direct quadrature, closed forms and identities."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.spaces import FieldLattice
from physgen.systems import ScalarPhi4
from physgen.systems.field_transfer import field_thermodynamics, log_partition


@pytest.mark.parametrize("coupling", [6.975, 0.4])
def test_four_sites_against_direct_quadrature(coupling):
    mass2 = -1.5
    x = torch.linspace(-3.2, 3.2, 161, dtype=torch.float64)
    weight = torch.exp(-(4 + mass2) * x.square() - coupling * x**4)
    bond = torch.exp(4 * x[:, None] * x)  # of a side of two, every bond is double
    path = bond @ (weight[:, None] * bond)
    z = float((weight[:, None] * weight * path.square()).sum()) * float(x[1] - x[0]) ** 4
    assert log_partition(2, mass2, coupling)[0] == pytest.approx(math.log(z), abs=1e-9)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_free_fields(size):
    """ln Z of a Gaussian from the determinant of the action."""
    system = ScalarPhi4(size, mass2=1.0, coupling=0.0)
    x = torch.zeros(size, size, dtype=torch.float64)
    hessian = torch.func.hessian(lambda y: system.energy(y.view(1, size, size))[0])(x.flatten())
    log_z = 0.5 * size**2 * math.log(2 * math.pi) - 0.5 * float(torch.logdet(hessian))
    found = {r.quantity: r.value for r in system.references()}
    assert found["free_energy"] == pytest.approx(-log_z, abs=1e-10)
    assert found["energy"] == pytest.approx(size**2 / 2)


@pytest.mark.parametrize("size", [2, 3])
def test_a_weak_coupling_is_perturbation_theory(size):
    """ln Z = ln Z_0 - 3 lambda L^2 G^2 + O(lambda^2), G = <phi^2> of the free field."""
    k = 2 - 2 * torch.cos(2 * math.pi * torch.arange(size, dtype=torch.float64) / size)
    square = float((0.5 / (4.0 + k[:, None] + k)).mean())
    small = 2e-3
    free, weak = (field_thermodynamics(size, 4.0, coupling) for coupling in (0.0, small))
    assert weak.log_z - free.log_z == pytest.approx(-3 * small * size**2 * square**2, rel=6e-3)
    assert weak.quartic == pytest.approx(3 * small * size**2 * square**2, rel=1.2e-2)


@pytest.mark.parametrize(("size", "log_z"), [(3, 1.9698243), (4, 3.2183289)])
def test_an_interacting_field_against_importance_sampling(size, log_z):
    known = field_thermodynamics(size, -4.0, 6.975)
    assert known.log_z == pytest.approx(log_z, abs=1e-6)
    generator, width = torch.Generator().manual_seed(size), 0.45
    weights, actions = [], []
    for _ in range(5):
        x = width * torch.randn(200_000, size, size, dtype=torch.float64, generator=generator)
        log_q = -0.5 * x.square().sum((1, 2)) / width**2 - 0.5 * size**2 * math.log(2 * math.pi * width**2)
        actions.append(ScalarPhi4(size).energy(x))
        weights.append(torch.exp(-actions[-1] - log_q))
    weight, action = torch.cat(weights), torch.cat(actions)
    error = float(weight.std() / weight.mean()) / len(weight) ** 0.5
    assert abs(float(weight.mean().log()) - known.log_z) < 4 * error < 0.2
    share = weight / weight.sum()
    off = float((share * (action - known.action)).sum())
    assert abs(off) < 4 * float((share.square() * (action - known.action).square()).sum().sqrt())


def test_no_value_where_it_is_not_exact():
    assert not ScalarPhi4(8).references()
    assert field_thermodynamics(3, -4.0, 0.05) is None  # fields too wide for the functions that are kept


def test_the_virial_is_the_derivative_by_the_field():
    system = ScalarPhi4(4)
    x = system.initial(5, torch.Generator().manual_seed(0), torch.float64).requires_grad_(True)
    (slope,) = torch.autograd.grad(system.energy(x).sum(), x)
    torch.testing.assert_close(system.virial(system.terms(x)), (slope * x).sum((1, 2)) - 16)


def test_the_space_of_a_field():
    space = ScalarPhi4(3).space
    assert isinstance(space, FieldLattice) and space.continuous
    group = space.group("torus")
    assert len(group) == 72
    x = ScalarPhi4(3).initial(4, torch.Generator().manual_seed(0), torch.float64)
    energy = ScalarPhi4(3).energy(space.images(x, group).flatten(0, 1)).view(72, 4)
    torch.testing.assert_close(energy, energy[:1].expand_as(energy))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"coupling": -0.1}, "coupling must be a finite number >= 0"),
        ({"coupling": 0.0}, "mass2 must be above 0 without coupling"),
        ({"size": 1}, "size must be an integer from 2 to 128"),
        ({"mass2": math.inf}, "mass2 must be a finite number"),
    ],
)
def test_bad_fields_are_refused_in_one_line(arguments, name):
    with pytest.raises(InputError, match=name) as refusal:
        ScalarPhi4(**arguments)
    assert "\n" not in str(refusal.value)
