import csv
import math

import pytest
import torch

from physgen.callbacks import BlowUpGuard
from physgen.cli import main
from physgen.core.errors import InputError
from physgen.models import GaussianBinaryRBM, MLPFlow
from physgen.models.base import Model
from physgen.runs.folder import last_checkpoint
from physgen.runs.result import Result

MODELS = {"GaussianBinaryRBM": GaussianBinaryRBM, "MLPFlow": MLPFlow}


def spoil(monkeypatch, kind, when):
    """Make parameters NaN before the iterations `when` says, and return the iterations with what they started from."""
    train, seen = kind.training_step, []

    def step(self, *arguments):
        seen.append({k: v.clone() for k, v in self.state_dict().items()})
        if when(len(seen)):
            with torch.no_grad():
                next(p for p in self.parameters() if p.requires_grad).fill_(math.nan)
        return train(self, *arguments)

    monkeypatch.setattr(kind, "training_step", step)
    return seen


@pytest.mark.parametrize("name", MODELS)
def test_a_step_that_is_not_finite_is_undone_and_counted(name, tiny, tmp_path, monkeypatch, caplog):
    seen = spoil(monkeypatch, MODELS[name], lambda step: step == 7)
    main(tiny(name, tmp_path, "--trainer.max_epochs 3 --guard.every 1"))
    assert len(seen) == 12 and "step 7 undone" in caplog.text
    assert all(torch.equal(seen[6][k], seen[7][k]) for k in seen[6]), "the state before the bad step"
    assert any(not torch.equal(seen[7][k], seen[11][k]) for k in seen[7]), "the training goes on"
    assert all(
        bool(v.isfinite().all()) for v in Model.load_from_checkpoint(last_checkpoint(tmp_path)).state_dict().values()
    )
    assert math.isfinite(Result.read(tmp_path / "result.json").headline.value)
    header, *rows = (tmp_path / "metrics.csv").read_text().splitlines()
    column = header.split(",").index("train/undone")
    step = header.split(",").index("step")
    assert [(r.split(",")[step], float(r.split(",")[column])) for r in rows if r.split(",")[column]] == [("7", 1)]


@pytest.mark.parametrize("name", MODELS)
def test_the_state_goes_back_to_the_last_snapshot(name, tiny, tmp_path, monkeypatch):
    seen = spoil(monkeypatch, MODELS[name], lambda step: step == 4)
    main(tiny(name, tmp_path, "--guard.every 100 --model.steps_per_epoch 6"))
    assert all(torch.equal(seen[0][k], seen[4][k]) for k in seen[0])


@pytest.mark.parametrize("name", MODELS)
def test_a_training_that_blows_up_again_and_again_stops_with_a_word(name, tiny, refused, tmp_path, monkeypatch):
    spoil(monkeypatch, MODELS[name], lambda step: step > 4)
    said = refused(tiny(name, tmp_path, "--trainer.max_epochs 9 --guard.limit 3"), "learning_rate", code=1)
    assert str(last_checkpoint(tmp_path)) in said and "3 returns" in said and "not finite" in said
    assert all(
        bool(v.isfinite().all()) for v in Model.load_from_checkpoint(last_checkpoint(tmp_path)).state_dict().values()
    )
    assert not (tmp_path / "result.json").exists()


def test_a_training_that_is_wrong_from_the_start_says_that_there_is_no_checkpoint(tiny, refused, tmp_path, monkeypatch):
    spoil(monkeypatch, MLPFlow, lambda step: True)
    refused(
        tiny("MLPFlow", tmp_path, "--trainer.max_epochs 9 --guard.limit 2"), "no checkpoint was written yet", code=1
    )


def test_without_a_guard_the_first_bad_step_stops_the_training(tmp_path, monkeypatch):
    from lightning import Trainer

    from physgen.core.errors import TrainingError
    from physgen.systems import ClassicalDot

    spoil(monkeypatch, MLPFlow, lambda step: step == 2)
    model = MLPFlow(ClassicalDot(n=2), hidden=[8, 8], batch_size=8, steps_per_epoch=4)
    off = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(max_epochs=1, accelerator="cpu", log_every_n_steps=1, **off)
    with pytest.raises(TrainingError, match="step 2"):
        trainer.fit(model)


def test_jumps_are_told_from_noise_by_robust_deviations():
    guard = BlowUpGuard(sigmas=10, memory=20)
    generator = torch.Generator().manual_seed(1)
    for value in torch.randn(19, generator=generator).tolist():
        guard.values.append(3 + 0.1 * value)
    assert not guard._jumps(3.5) and guard._jumps(6.0) and guard._jumps(-100.0) and not guard._jumps(2.5)
    guard.values.append(1e9)  # one outlier does not spoil the scale
    assert guard._jumps(6.0)


def test_a_leap_of_the_spread_and_a_value_far_below_the_reference_count():
    guard = BlowUpGuard(sigmas=10, memory=20)
    guard.values.extend([3.0, 3.1] * 10)
    guard.spreads.extend([0.10, 0.12] * 10)
    assert guard._spreads_out(3.0, 0.9) and not guard._spreads_out(3.0, 0.4)
    assert not guard._jumps(2.6), "within the spread of a batch"
    guard.spreads.extend([1e-9, 2e-9] * 10)
    assert not guard._spreads_out(3.0, 1e-7), "no one sees it"
    assert not guard._too_low(-1e9, 1.0), "nothing is known"
    guard.known = 3.0
    assert guard._too_low(-30.0, 1.0) and not guard._too_low(-20.0, 1.0) and not guard._too_low(-30.0, 10.0)


def moved(monkeypatch, kind, name, value, when):
    """Set one number of parameter `name` at the iterations that `when` picks."""
    train, count = kind.training_step, []

    def step(self, *arguments):
        count.append(1)
        if when(len(count)):
            with torch.no_grad():
                dict(self.named_parameters())[name].view(-1)[0] = value
        return train(self, *arguments)

    monkeypatch.setattr(kind, "training_step", step)


FITTED = (
    "--model.jastrow true --model.sampler.walkers 128 --model.sampler.warm_up_steps 100 --model.steps_per_epoch 45 "
    "--trainer.max_epochs 1 --evaluation.samples 2000 --evaluation.batch 200 --evaluation.warm_up 100"
)


@pytest.mark.parametrize("value, looks", [(1e6, True), (100.0, True), (100.0, False), (-10.0, False)])
def test_a_parameter_that_leaps_ends_in_a_right_result(value, looks, tiny, tmp_path, monkeypatch, caplog):
    if not looks:  # the energies alone must tell
        monkeypatch.setattr("physgen.callbacks.step_judge.FASTER", math.inf)
    moved(monkeypatch, GaussianBinaryRBM, "net.machine.a", value, lambda step: step == 35)
    main(tiny("GaussianBinaryRBM", tmp_path, FITTED))
    assert "step 35 undone" in caplog.text
    assert Result.read(tmp_path / "result.json").headline.value == pytest.approx(3.0, abs=0.05)


def test_a_parameter_that_leaps_again_and_again_stops_with_a_word(tiny, refused, tmp_path, monkeypatch):
    moved(monkeypatch, GaussianBinaryRBM, "net.machine.a", 1e6, lambda step: step >= 35)
    said = refused(tiny("GaussianBinaryRBM", tmp_path, f"{FITTED} --guard.limit 2"), "a parameter moved", code=1)
    assert "2 returns" in said


def test_a_snapshot_that_did_not_help_gives_way_to_the_one_before(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("physgen.callbacks.step_judge.MOVED", math.inf)  # so that the leap enters a snapshot
    train, seen = MLPFlow.training_step, []

    def step(self, *arguments):
        seen.append(next(self.parameters()).detach().clone())
        if len(seen) == 6:
            with torch.no_grad():
                next(self.parameters()).view(-1)[0] = 1e3
        if len(seen) in (9, 10):  # what the leap leads to
            with torch.no_grad():
                next(self.parameters()).fill_(math.nan)
        return train(self, *arguments)

    monkeypatch.setattr(MLPFlow, "training_step", step)
    monkeypatch.setattr(BlowUpGuard, "_jumps", lambda self, value: False)
    main(tiny("MLPFlow", tmp_path, "--guard.every 3 --model.steps_per_epoch 12"))
    assert seen[9].view(-1)[0] > 100, "back to the last snapshot, which holds the leap"
    assert seen[10].view(-1)[0] < 100 and torch.equal(seen[10], seen[3]), "to the one before"


@pytest.mark.parametrize("rows, step", [(slice(None), 5), (slice(0, 1), 14)])
def test_walkers_that_are_not_finite_are_undone_few_of_them_after_ten_iterations(
    rows, step, tiny, tmp_path, monkeypatch, caplog
):
    train, count = GaussianBinaryRBM.training_step, []

    def spoilt(self, *arguments):
        count.append(1)
        if len(count) == 5:
            self.sampler.x[rows] = math.nan
        return train(self, *arguments)

    monkeypatch.setattr(GaussianBinaryRBM, "training_step", spoilt)
    many = "--model.sampler.walkers 100 --model.steps_per_epoch 20 --guard.every 4 --trainer.log_every_n_steps 1"
    main(tiny("GaussianBinaryRBM", tmp_path, many))
    assert f"step {step} undone" in caplog.text and caplog.text.count("undone") == 1
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lost = [float(r["train/nonfinite"]) for r in rows if r["train/nonfinite"]]
    assert lost == ([0.0] * 4 + [1.0] + [0.0] * 15 if step == 5 else [0.0] * 4 + [0.01] * 11 + [0.0] * 6)
    assert all(math.isfinite(float(r["train/energy"])) for r in rows if r["train/energy"])


def test_a_young_guard_does_not_judge():
    guard = BlowUpGuard(memory=20)
    guard.values.extend([1.0] * 9)
    assert not guard._jumps(1e9)


def test_the_memory_round_trips():
    guard, other = BlowUpGuard(memory=4), BlowUpGuard(memory=4)
    guard.values.extend([1.0, 2.0])
    guard.undone, guard.in_a_row, guard.sound = 3, 2, 1
    other.load_state_dict(guard.state_dict())
    assert other.state_dict() == guard.state_dict() and other.values.maxlen == 4


@pytest.mark.parametrize("name, value", [("sigmas", -1.0), ("memory", 3), ("every", 0), ("limit", 0)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(InputError, match=f"guard.{name}"):
        BlowUpGuard(**{name: value})
