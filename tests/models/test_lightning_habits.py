"""What users of Lightning do with any module holds for these models."""

import csv

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, LearningRateFinder, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.tuner import Tuner

from physgen.core.errors import InputError
from physgen.models import AutoregressiveMLP, GaussianBinaryRBM, TiedFlow
from physgen.runs.evaluation import Evaluation
from physgen.samplers import Metropolis
from physgen.systems import ClassicalDot, QuantumDot


def wavefunction(**arguments):
    torch.manual_seed(1)
    sampler = Metropolis(walkers=32, steps=2, warm_up_steps=10)
    return GaussianBinaryRBM(QuantumDot(), hidden=2, sampler=sampler, **{"steps_per_epoch": 10, **arguments})


def density(**arguments):
    torch.manual_seed(1)
    system = ClassicalDot(n=2, beta=2.0)
    return TiedFlow(system, layers=1, batch_size=32, **{"steps_per_epoch": 10, **arguments})


def autoregressive():
    torch.manual_seed(1)
    return AutoregressiveMLP(ClassicalDot(n=2, beta=2.0), hidden=4, batch_size=16, steps_per_epoch=25)


def rows(logger):
    with open(f"{logger.log_dir}/metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


MAKERS = {
    "sr": lambda: wavefunction(steps_per_epoch=25),
    "adam": lambda: wavefunction(steps_per_epoch=25, optimizer="adam"),
    "flow": lambda: density(steps_per_epoch=25),
    "muon": autoregressive,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_tuner_finds_a_learning_rate_and_the_training_takes_it(make, trainer):
    model, asked = make(), make()
    search = dict(min_lr=1e-4, max_lr=0.1)
    tuned = Tuner(trainer()).lr_find(asked, **search, num_training=20, early_stop_threshold=None)
    assert len(tuned.results["lr"]) == len(tuned.results["loss"]) == 20
    assert all(a < b for a, b in zip(tuned.results["lr"], tuned.results["lr"][1:], strict=False))
    assert torch.tensor(tuned.results["loss"]).isfinite().all()
    run = trainer(callbacks=[LearningRateFinder(**search, num_training_steps=20, early_stop_threshold=None)])
    run.fit(model)
    assert model.learning_rate == asked.learning_rate == tuned.suggestion()
    assert model.spec()["init_args"]["learning_rate"] == model.learning_rate  # what a checkpoint will say
    schedule = run.lr_scheduler_configs[0].scheduler
    assert model.learning_rate in schedule.base_lrs and run.global_step == 25
    assert schedule.get_last_lr()[-1] == pytest.approx(model.learning_rate * schedule.lr_lambdas[-1](25))
    plain = make()
    plain.learning_rate = plain.init_args["learning_rate"] = model.learning_rate
    trainer().fit(plain)  # the search has left nothing else behind
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), model.parameters(), strict=True))


def test_a_search_is_refused_where_a_training_continues(trainer, tmp_path):
    run = trainer()
    run.fit(wavefunction())
    run.save_checkpoint(tmp_path / "half.ckpt")
    search = LearningRateFinder(min_lr=1e-4, num_training_steps=12)
    with pytest.raises(InputError, match="LearningRateFinder begins a new training, it continues none"):
        trainer(epochs=2, callbacks=[search]).fit(wavefunction(), ckpt_path=tmp_path / "half.ckpt")


def test_the_batch_size_finder_is_refused(trainer):
    with pytest.raises(InputError, match="BatchSizeFinder looks for the batch of a data loader"):
        Tuner(trainer()).scale_batch_size(density())


@pytest.mark.parametrize("make", [wavefunction, density])
def test_an_evaluation_returns_its_numbers_and_writes_one_row(make, trainer, tmp_path):
    model = make()
    model.evaluation = Evaluation(samples=200, batch=100, warm_up=10)
    run = trainer()
    run.fit(model)
    run.loggers = [CSVLogger(tmp_path, "")]
    (found,) = run.test(model, verbose=False)
    name, headline = f"test/{model.quantity}", model.result.headline
    assert found == pytest.approx({name: headline.value, f"{name}_error": headline.error}, rel=0, abs=0, nan_ok=True)
    assert float(run.callback_metrics[name]) == headline.value
    (row,) = rows(run.logger)
    assert float(row[name]) == headline.value and int(row["step"]) == 10


@pytest.mark.parametrize("make", [wavefunction, density])
def test_metrics_are_known_at_every_end_of_an_epoch(make, trainer, tmp_path):
    model, seen = make(steps_per_epoch=3), []
    name = f"train/{model.quantity}"

    class Watch(EarlyStopping):
        def on_train_epoch_end(self, trainer, model):
            seen.append(float(trainer.callback_metrics[name]))
            super().on_train_epoch_end(trainer, model)

    stopping = Watch(name, patience=5)
    saving = ModelCheckpoint(tmp_path / "kept", monitor=name)
    run = trainer(epochs=4, callbacks=[stopping])
    run.callbacks.append(saving)
    run.log_every_n_steps = 50  # more than there are
    run.fit(model)
    assert len(set(seen)) == 4  # each of its own epoch
    assert saving.best_model_path and float(stopping.best_score) == pytest.approx(min(seen), rel=1e-6)


def test_accumulated_gradients_make_one_row_a_step(trainer, tmp_path):
    logger = CSVLogger(tmp_path, "")
    model, singles = density(steps_per_epoch=10), []
    record = model.record
    model.record = lambda values: singles.append(float(values["energy"])) or record(values)
    run = trainer(accumulate_grad_batches=4)  # of 10 batches: steps of 4, 4 and 2
    run.loggers = [logger]
    run.fit(model)
    assert run.global_step == 3
    (row,) = [r for r in rows(logger) if r["train/energy"]]
    assert int(row["step"]) == 2
    assert float(row["train/energy"]) == pytest.approx(sum(singles[:8]) / 8)


def test_gradients_of_densities_are_clipped_as_the_trainer_says(trainer):
    steps = {}
    for value, how in ((None, None), (1e-3, "norm"), (1e-3, "value")):
        model = density(steps_per_epoch=2)
        norms = []
        run = trainer(gradient_clip_val=value, gradient_clip_algorithm=how)

        def keep(optimizer, norms=norms):
            norms.append([float(p.grad.norm()) for p in optimizer.param_groups[0]["params"] if p.grad is not None])

        model.on_before_zero_grad = keep
        run.fit(model)
        steps[how] = sum(n**2 for n in norms[-1]) ** 0.5
    assert steps["norm"] == pytest.approx(1e-3, rel=1e-3)
    assert 1e-3 < steps["value"] < steps[None] / 10


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"gradient_clip_algorithm": "value"}, "gradient_clip_algorithm has no effect without"),
        ({"gradient_clip_val": -1.0}, "gradient_clip_val must be a finite number > 0"),
    ],
)
def test_a_clipping_that_clips_nothing_is_refused(settings, named, trainer):
    with pytest.raises(InputError, match=named):
        trainer(**settings).fit(density())


@pytest.mark.parametrize("settings", [{"gradient_clip_val": 1.0}, {"accumulate_grad_batches": 2}])
def test_a_wavefunction_refuses_what_belongs_to_automatic_optimisation(settings, trainer):
    with pytest.raises(Exception, match="manual optimization|no effect on GaussianBinaryRBM"):
        trainer(**settings).fit(wavefunction())
