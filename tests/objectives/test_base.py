"""Objectives as objects: what a model asks of them, and what it does with another one."""

import pytest
import torch
from lightning import Trainer

from physgen.core.errors import InputError
from physgen.core.quantity import ENERGY, FREE_ENERGY
from physgen.models import DeuteronNetwork, GaussianBinaryRBM, InvertibleMLPFlow, NeuralBackflow, NuclearCorrelator
from physgen.objectives import (
    ComponentEnergy,
    EnergyAndSpin,
    ForwardKL,
    Objective,
    ReverseKL,
    Step,
    Typical,
    VariationalEnergy,
    typical_of,
)
from physgen.samplers import Metropolis
from physgen.systems import ClassicalDot, Deuteron, LightNucleus, QuantumDot


class Variance(Objective):
    """Variance of the local energy, by the loss alone: its gradient at fixed walkers vanishes here."""

    quantity = ENERGY

    def step(self, model, batch):
        energy = model.local_energy(batch)["total"].detach()
        return Step(typical_of(energy), lambda: 0 * model.log_psi(batch)[1].sum(), records={"energy": energy.mean()})


class VarGrad(Objective):
    quantity = FREE_ENERGY

    def step(self, model, batch):
        values = model.system.beta * model.system.energy(batch[0]) + batch[1]
        return Step(typical_of(values.detach()), lambda: 0.5 * values.var())


def fit(model):
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    Trainer(max_epochs=1, precision="64-true", accelerator="cpu", **quiet).fit(model)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (lambda: GaussianBinaryRBM(QuantumDot(2)), VariationalEnergy),
        (lambda: NeuralBackflow(QuantumDot(6), width=4, spin_penalty=0.1), EnergyAndSpin),
        (lambda: NuclearCorrelator(LightNucleus("2H"), width=4), ComponentEnergy),
        (lambda: InvertibleMLPFlow(ClassicalDot(2)), ReverseKL),
        (lambda: InvertibleMLPFlow(ClassicalDot(2), forward_fraction=1.0), ForwardKL),
    ],
)
def test_a_model_makes_its_own_objective_once(model, kind):
    model = model()
    assert type(model.objective) is kind and model.objective is model.objective


def test_a_model_with_steps_of_its_own_has_none():
    with pytest.raises(InputError, match="^DeuteronNetwork takes steps of its own"):
        DeuteronNetwork(Deuteron()).objective  # noqa: B018 the property raises
    with pytest.raises(InputError, match="^objective must be an Objective"):
        InvertibleMLPFlow(ClassicalDot(2)).objective = "energy"


@pytest.mark.parametrize(("optimizer", "fits"), [("adam", True), ("sr", False)])
def test_an_objective_without_rows_is_for_adam(optimizer, fits):
    options = {"learning_rate": 1e-2} if fits else {}
    sampler = Metropolis(walkers=16, warm_up_steps=5)
    model = GaussianBinaryRBM(QuantumDot(2), sampler=sampler, optimizer=optimizer, steps_per_epoch=2, **options)
    model.objective = Variance()
    if not fits:
        with pytest.raises(InputError, match="^optimizer must be adam for Variance, got 'sr'"):
            fit(model)
        return
    before = model.state_dict()["net.machine.b"].double().clone()
    fit(model)
    assert torch.equal(model.net.machine.b, before) and model.latest["energy"] > 2.9
    assert isinstance(model.step, Typical) and model.followed == "energy"


def test_the_log_variance_over_own_draws_has_the_gradient_of_the_free_energy(float64):
    """Of one batch, exactly: both are sums of (v - mean v) d ln p, with the same baseline."""
    torch.manual_seed(3)
    model = InvertibleMLPFlow(ClassicalDot(2, beta=1.3), hidden=[4], layers=1, batch_size=20, gradient="score").double()
    model.schedule.own_part = lambda: (1, 1)
    found = []
    for objective in (VarGrad(), model.objective):
        model.generator = torch.Generator().manual_seed(1)
        loss = objective.step(model, objective.batch(model)).loss()
        found.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))]))
    torch.testing.assert_close(*found)


def test_a_step_that_cannot_be_followed_has_no_loss():
    lost = typical_of(torch.tensor([1.0, torch.nan, 2.0]))
    assert lost.sound(0.5) and not lost.sound(0.1) and not Typical().sound()
    with pytest.raises(RuntimeError, match="no loss"):
        Step(lost).loss()
