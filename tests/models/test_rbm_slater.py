"""Antisymmetry or its defect, cusps and shells of the machine times determinants."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import RBMSlater
from physgen.runs.evaluation import Evaluation
from physgen.samplers import MALA
from physgen.systems import QuantumDot

JASTROWS = ("none", "simple", "pade", "spline")


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(4)


def moved(system, **arguments):
    model = RBMSlater(system, **arguments)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("jastrow", JASTROWS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("dot", [QuantumDot(6), QuantumDot(8, dim=3), QuantumDot(3, n_up=0)], ids=lambda d: d.label)
def test_derivatives_and_antisymmetry(dot, symmetric, jastrow, generator, by_autograd):
    model = moved(dot, jastrow=jastrow, symmetric=symmetric)
    x = dot.initial(6, generator)
    found, right = model.derivatives(x), by_autograd(lambda x: model.log_psi(x)[1], x)
    for one, other in zip(found, right, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    defect = model.exchange.defect(model.log_psi, x)
    assert model.antisymmetric == symmetric
    if symmetric:
        torch.testing.assert_close(defect, torch.zeros(6), rtol=0, atol=1e-10)
        assert not any("not antisymmetric" in note for note in model.notes)
    else:
        assert defect.abs().min() > 1e-4 and any("not antisymmetric" in note for note in model.notes)


def test_without_weights_and_repulsion_it_is_the_exact_state(generator):
    dot = QuantumDot(6, omega=0.5, coupling=0.0)
    model = RBMSlater(dot, jastrow="none", symmetric=False)
    with torch.no_grad():
        for parameter in (model.net.positive.machine.weight, model.net.positive.machine.a):
            parameter.zero_()
    energy = model.local_energy(dot.initial(20, generator))["total"]
    torch.testing.assert_close(energy, torch.full((20,), dot.shell_energy()), rtol=1e-9, atol=1e-9)


def test_only_the_cusped_factors_keep_the_energy_finite_at_contact(generator):
    dot, energies = QuantumDot(6), {}
    for jastrow in JASTROWS:
        model = moved(dot, jastrow=jastrow)
        x = dot.initial(1, generator).repeat(2, 1, 1)
        x[:, 3] = x[:, 0]
        x[:, 3, 0] += torch.tensor([2e-5, 1e-5])
        energy = model.local_energy(x)["total"]
        energies[jastrow] = float((energy[1] - energy[0]).abs())
    assert min(energies[k] for k in ("none", "simple")) > 1e3 and max(energies[k] for k in ("pade", "spline")) < 1


@pytest.mark.parametrize("symmetric", [True, False])
def test_training_and_evaluation_report_the_defect(symmetric, trainer):
    sampler = MALA(walkers=32, warm_up_steps=20, steps=2)
    model = RBMSlater(QuantumDot(6), symmetric=symmetric, sampler=sampler, steps_per_epoch=4)
    run = trainer()
    run.fit(model)
    assert ("exchange_defect" in model.latest) is not symmetric
    model.evaluation = Evaluation(samples=400, batch=100, thin=2, warm_up=20)
    run.test(model, verbose=False)
    defect = model.result.estimates["exchange_defect"]
    assert defect.error >= 0 and math.isfinite(defect.value)
    assert abs(defect.value) < 1e-9 if symmetric else defect.value != 0
    assert any("not antisymmetric" in note for note in model.result.notes) is not symmetric


def test_units_and_slopes():
    assert RBMSlater(QuantumDot(6), symmetric=False).net.positive.machine.b.shape == (6,)
    assert RBMSlater(QuantumDot(6), hidden=3).net.positive.machine.b.shape == (3,)
    simple = [RBMSlater(QuantumDot(6), jastrow="simple", symmetric=s).net.positive.jastrow for s in (True, False)]
    assert [factor.slope.numel() for factor in simple] == [2, 15]


@pytest.mark.parametrize("argument", [{"hidden": 0}, {"hidden": 2.5}, {"symmetric": 1}, {"jastrow": "padee"}])
def test_bad_arguments(argument):
    (name,) = argument
    with pytest.raises(InputError, match=f"^{name} must be"):
        RBMSlater(QuantumDot(6), **argument)
    with pytest.raises(InputError, match="closed shells"):
        RBMSlater(QuantumDot(6, dim=3), jastrow="none")
