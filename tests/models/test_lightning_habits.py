"""What users of Lightning do with any module holds for these models."""

import csv
import re
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import (
    EarlyStopping,
    LearningRateFinder,
    ModelCheckpoint,
    RichProgressBar,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.tuner import Tuner

from physgen.core.errors import InputError
from physgen.models import AutoregressiveMLP, GaussianBinaryRBM, TiedFlow
from physgen.optim import Muon, Spring, StochasticReconfiguration
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


@pytest.mark.filterwarnings("ignore:.*are mutually exclusive.*")  # of the attribute and what loggers are told
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
    numbers = {f"test/{k}": v.value for k, v in model.result.estimates.items()}
    numbers |= {f"test/{k}_error": v.error for k, v in model.result.estimates.items()}
    assert name in numbers
    assert found == pytest.approx(numbers, rel=0, abs=0, nan_ok=True)
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


def test_any_progress_bar_shows_the_headline_with_error_and_reference(trainer):
    for bar in (RichProgressBar(), TQDMProgressBar()):
        model = wavefunction()
        run = trainer(enable_progress_bar=True, callbacks=[bar])
        run.log_every_n_steps = 5
        run.fit(model)
        run.fit_loop.max_epochs = 2
        run.fit(model)  # the bar is told once
        shown = bar.get_metrics(run, model)
        assert re.fullmatch(r"\d\.\d+\(\d+\)", shown["E"]) and shown["exact"] == "3" and "v_num" not in shown
        assert float(shown["E"].split("(")[0]) == pytest.approx(model.latest["energy"], abs=0.1)


@pytest.mark.parametrize("make", [wavefunction, density])
def test_loggers_hear_of_physics_and_training(make, trainer, tmp_path):
    model = make()
    run = trainer()
    run.loggers = [CSVLogger(tmp_path, "")]
    assert model.hparams["system"] == model.system.label and "max_epochs" not in model.hparams
    run.fit(model)
    heard = yaml.safe_load(Path(run.logger.log_dir, "hparams.yaml").read_text())
    assert heard["n"] == 2 and heard["dim"] == 2 and heard["model"] == type(model).__name__
    assert heard["max_epochs"] == 1 and heard["precision"] == "64-true" and heard["seed"] == torch.initial_seed()
    known = {"omega": 1.0, "sampler.walkers": 32} if make is wavefunction else {"beta": 2.0, "batch_size": 32}
    assert {k: heard[k] for k in known} == known
    assert all(isinstance(v, (int, float, str, type(None))) for v in heard.values())
    run.save_checkpoint(tmp_path / "last.ckpt")
    assert not {"hyper_parameters", "hparams_name"} & torch.load(tmp_path / "last.ckpt", weights_only=True).keys()


OPTIMIZERS = {
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01),
    "Spring": lambda p: Spring(p, lr=0.05),
    "StochasticReconfiguration": lambda p: StochasticReconfiguration(p, lr=0.05),
    "Muon": lambda p: Muon(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_an_optimiser_and_a_schedule_of_ones_own(name, interval, trainer):
    class Own(GaussianBinaryRBM):
        abstract = True

        def configure_optimizers(self):
            optimizer = OPTIMIZERS[name](self.parameters())
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": interval}}

    torch.manual_seed(1)
    model = Own(QuantumDot(), hidden=2, sampler=Metropolis(walkers=32, steps=2, warm_up_steps=10), steps_per_epoch=4)
    before = [p.detach().clone() for p in model.parameters()]
    run = trainer(epochs=2)
    run.fit(model)
    group = run.optimizers[0].param_groups[0]
    assert group["lr"] == pytest.approx(group["initial_lr"] * 0.5 ** {"step": 8, "epoch": 2}[interval])
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_spring_as_an_optimiser_takes_the_steps_of_the_option(trainer):
    class Own(GaussianBinaryRBM):
        abstract = True

        def configure_optimizers(self):
            optimizer = Spring(self.parameters(), lr=0.05, momentum=0.9)
            schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t / 200))
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    ends = []
    for kind, options in ((Own, {}), (GaussianBinaryRBM, {"optimizer": "spring"})):
        torch.manual_seed(1)
        sampler = Metropolis(walkers=32, steps=2, warm_up_steps=10)
        model = kind(QuantumDot(), hidden=2, sampler=sampler, steps_per_epoch=10, **options)
        trainer().fit(model)
        ends.append([p.detach() for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_a_schedule_that_follows_the_energy(trainer):
    class Own(GaussianBinaryRBM):
        abstract = True

        def configure_optimizers(self):
            optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=1e9)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "interval": "epoch"}}

    model = Own(QuantumDot(), hidden=2, sampler=Metropolis(walkers=32, steps=2, warm_up_steps=10), steps_per_epoch=4)
    run = trainer(epochs=3)
    run.fit(model)
    scheduler = run.lr_scheduler_configs[0].scheduler
    assert scheduler.last_epoch == 3 and run.optimizers[0].param_groups[0]["lr"] == pytest.approx(
        1e-5
    )  # none was better by so much


def test_optimisers_that_ask_for_more_than_a_loss_are_refused(trainer):
    model = density()
    model.configure_optimizers = lambda: Spring(model.parameters())
    with pytest.raises(InputError, match="optimizer must follow a loss for TiedFlow, got Spring"):
        trainer().fit(model)
    model = wavefunction()
    model.configure_optimizers = lambda: [torch.optim.Adam([p]) for p in model.parameters()]
    with pytest.raises(InputError, match="optimizer must be one for GaussianBinaryRBM"):
        trainer().fit(model)
