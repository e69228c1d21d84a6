"""Autoregressive densities of identical particles: symmetries, trainings with and without data."""

import math

import lightning
import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import AutoregressiveMLP, MLPFlow
from physgen.runs.evaluation import Evaluation
from physgen.samplers import MALA
from physgen.systems import ClassicalDot


def trainer(epochs: int, precision: str = "64-true") -> lightning.Trainer:
    return lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        precision=precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def small(n: int = 3, beta: float = 2.0, **arguments) -> AutoregressiveMLP:
    lightning.seed_everything(1, verbose=False)
    return AutoregressiveMLP(ClassicalDot(n, beta=beta), hidden=16, radial_cells=12, angular_cells=10, **arguments)


def test_density_is_invariant_under_permutations_rotations_and_reflections():
    model = small(5).double()
    x, log_prob = model.sample(40, torch.Generator().manual_seed(0))
    turn = torch.tensor([[math.cos(1.1), -math.sin(1.1)], [math.sin(1.1), math.cos(1.1)]], dtype=torch.float64)
    for y in (x[:, [4, 2, 0, 1, 3]], x @ turn, x * x.new_tensor([1.0, -1.0])):
        torch.testing.assert_close(model.log_prob(y), log_prob, atol=1e-9, rtol=0)


def test_labels_of_draws_are_random():
    x, _ = small(3).double().sample(3000, torch.Generator().manual_seed(0))
    innermost = x.square().sum(-1).argmin(1).bincount(minlength=3) / 3000
    assert ((innermost - 1 / 3).abs() < 4 * (2 / 9 / 3000) ** 0.5).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "training",
    [
        {"batch_size": 256},
        {"batch_size": 256, "forward_fraction": 0.7, "data": MALA(512, 10, 100), "data_size": 8000},
        {"batch_size": 256, "order": "labelled"},
        {"batch_size": 256, "order": "radius"},
    ],
    ids=["no data", "data, then none", "labelled", "radius"],
)
def test_trained_density_gives_the_exact_free_energy_of_two_charges(training):
    model = small(2, steps_per_epoch=40, **training)
    model.evaluation = Evaluation(samples=8_000, batch=500)
    run = trainer(5)
    run.fit(model)
    run.test(model, verbose=False)
    result = model.result
    free = result.estimates["free_energy_importance"]
    exact = {r.quantity: r.value for r in model.system.references()}
    assert abs(free.value - exact["free_energy"]) < 4 * free.error
    assert -4 * result.estimates["kl"].error < result.estimates["kl"].value < 0.5
    for estimator in ("energy_importance", "energy_metropolis"):
        found = result.estimates[estimator]
        assert abs(found.value - exact["energy"]) < 4 * found.error
    said = "Monte Carlo" if "data" in training else "no data"
    assert any(note.startswith(f"trained on {said}") for note in result.notes)


def test_training_with_data_continues_bit_for_bit(tmp_path):
    def model():
        return small(2, batch_size=32, steps_per_epoch=5, forward_fraction=0.8, data=MALA(64, 1, 20), data_size=200)

    whole = model()
    trainer(4).fit(whole)
    half = model()
    first = trainer(4)
    first.fit_loop.max_epochs = 4
    stopper = lightning.pytorch.callbacks.LambdaCallback(
        on_train_epoch_end=lambda t, m: t.save_checkpoint(tmp_path / "half.ckpt") if t.current_epoch == 1 else None
    )
    first.callbacks.append(stopper)
    first.fit(half)
    resumed = model()
    trainer(4).fit(resumed, ckpt_path=tmp_path / "half.ckpt", weights_only=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    assert torch.equal(whole.pool[0], resumed.pool[0]) and whole.pool[0].shape == (200, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"order": "spiral"}, "order"),
        ({"hidden": 0}, "hidden"),
        ({"gas_length": -1.0}, "gas_length"),
        ({"softening": 0.0}, "softening"),
        ({"gradient": "path"}, "gradient"),
        ({"forward_fraction": 1.5}, "forward_fraction"),
        ({"matrix_learning_rate": -1.0}, "matrix_learning_rate"),
        ({"angles_ahead": -1}, "angles_ahead"),
        ({"mirror": 1}, "mirror"),
    ],
)
def test_bad_arguments_are_named(arguments, named):
    with pytest.raises(InputError, match=named):
        AutoregressiveMLP(ClassicalDot(3), **arguments)


def test_three_dimensions_and_flows_without_gradients_are_refused():
    with pytest.raises(InputError, match="plane"):
        AutoregressiveMLP(ClassicalDot(3, dim=3))
    with pytest.raises(InputError, match="forward_fraction"):
        MLPFlow(ClassicalDot(2), forward_fraction=0.5)
