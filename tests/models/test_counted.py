"""Energies that a training and an evaluation ask for are counted, once each."""

import torch

from physgen.models import InvertibleMLPFlow, Model
from physgen.runs.evaluation import Evaluation
from physgen.systems import ClassicalDot, DoubleWellCluster


def test_a_system_counts_configurations_once():
    class Twice(ClassicalDot):
        def terms(self, x):
            return {k: 2 * v for k, v in super().terms(x).items()}

    try:
        for system in (ClassicalDot(3), Twice(3)):
            x = system.initial(7)
            system.energy(x)
            system.terms(x=x)
            system.terms(x[0])
            system.energy(x.numpy())
            assert system.evaluations == 22
            assert type(system)(3).evaluations == 0 and type(system)(3) == system
    finally:
        ClassicalDot.registry.pop("Twice", None)


def test_a_training_and_an_evaluation_are_counted(trainer, tmp_path):
    torch.manual_seed(0)
    model = InvertibleMLPFlow(DoubleWellCluster(3), hidden=[4], layers=1, batch_size=16, steps_per_epoch=5)
    run = trainer("32-true")
    run.fit(model)
    assert model.energy_evaluations == 5 * 16
    result = model.evaluate(Evaluation(samples=300, batch=100))
    assert result.provenance["energy_evaluations"] == 80
    assert 300 <= result.diagnostics["evaluation_energies"] <= 400  # a few more where particles meet
    run.save_checkpoint(tmp_path / "model.ckpt")
    assert Model.load_from_checkpoint(tmp_path / "model.ckpt").energy_evaluations == 80
