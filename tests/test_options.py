"""Every option of the command line has an effect that is seen here, or is refused; one without an entry fails."""

import logging
from types import SimpleNamespace

import pytest
import torch

from physgen.callbacks import BlowUpGuard
from physgen.cli.training import TrainingCLI, run
from physgen.core.errors import TrainingError
from physgen.dmc.fixed_node import DiffusionSettings
from physgen.dmc.run import diffuse
from physgen.models import GaussianBinaryRBM, TiedFlow
from physgen.runs.evaluation import Evaluation
from physgen.samplers import Metropolis
from physgen.systems import ClassicalDot, QuantumDot


class Built(TrainingCLI):
    """The command line up to a trainer that has not begun."""

    def _run_subcommand(self, subcommand):
        pass


def callbacks_of(trainer):
    return [type(c).__name__ for c in trainer.callbacks]


#: options of the trainer: another value than the default, and what is seen of it on the trainer that is built
TRAINER = {
    "accelerator": ("auto", lambda t: type(t.accelerator).__name__),
    "strategy": ("ddp", lambda t: type(t.strategy).__name__),
    "devices": ("2", lambda t: t.num_devices),
    "num_nodes": ("2", lambda t: t.num_nodes),
    "precision": ("32-true", lambda t: t.precision),
    "callbacks": ("LearningRateMonitor", lambda t: "LearningRateMonitor" in callbacks_of(t)),
    "fast_dev_run": ("2", lambda t: t.fast_dev_run),
    "max_epochs": ("3", lambda t: t.max_epochs),
    "min_epochs": ("2", lambda t: t.min_epochs),
    "max_steps": ("7", lambda t: t.max_steps),
    "min_steps": ("3", lambda t: t.min_steps),
    "max_time": ("00:00:05:00", lambda t: "Timer" in callbacks_of(t)),
    "limit_train_batches": ("2", lambda t: t.limit_train_batches),
    "limit_test_batches": ("2", lambda t: t.limit_test_batches),
    "log_every_n_steps": ("3", lambda t: t.log_every_n_steps),
    "enable_progress_bar": ("true", lambda t: "EnergyProgressBar" in callbacks_of(t)),
    "enable_model_summary": ("true", lambda t: "RichModelSummary" in callbacks_of(t)),
    "accumulate_grad_batches": ("2", lambda t: t.accumulate_grad_batches),
    "gradient_clip_val": ("0.5", lambda t: t.gradient_clip_val),
    "gradient_clip_algorithm": ("value", lambda t: t.gradient_clip_algorithm),
    "deterministic": ("true", lambda t: torch.are_deterministic_algorithms_enabled()),
    "profiler": ("simple", lambda t: type(t.profiler).__name__),
    "detect_anomaly": ("true", lambda t: t._detect_anomaly),
    "logger": ("CSVLogger --trainer.logger.save_dir csvs", lambda t: [type(logger).__name__ for logger in t.loggers]),
    "plugins": ("AsyncCheckpointIO", lambda t: type(t.strategy.checkpoint_io).__name__),
}
#: what has an effect only beside another option
BESIDE = {
    "min_epochs": "--trainer.max_time 00:01:00:00 --trainer.max_epochs 5",
    "min_steps": "--trainer.max_time 00:01:00:00",
    "gradient_clip_algorithm": "--trainer.gradient_clip_val 1",
    "num_nodes": "--trainer.strategy ddp",
    "devices": "--trainer.strategy ddp",
}
#: refused by `fit` in one line
REFUSED = {"limit_predict_batches": "2"}
#: other options, each with the test that sees its effect
ELSEWHERE = {
    "run_folder": "tests/cli/test_session.py",
    "wandb": "tests/callbacks/test_wandb_logger.py",
    **{
        f"wandb_{name}": "tests/callbacks/test_wandb_record.py"
        for name in ("project", "entity", "name", "tags", "notes")
    },
    "threads": "tests/cli/test_session.py",
    "output": "tests/runs/test_config_file.py",
    "warm_start": "tests/zoo/test_warm_start.py",
    "orthogonal_to": "tests/zoo/test_orthogonal.py",
    "overlap_penalty": "tests/zoo/test_orthogonal.py",
    "data": "tests/data/test_samples.py",
    "at": "tests/models/test_family_member.py",
    "figures": "tests/cli/test_session.py",
    "figure_format": "tests/figures/test_style.py",
    "ckpt_path": "tests/models/test_resumable.py",
    "seed_everything": "tests/cli/test_session.py",
    "optimizer": "tests/cli/test_chosen_optimizer.py",
    "lr_scheduler": "tests/cli/test_chosen_optimizer.py",
}
FLOW = (
    "--model TiedFlow --model.system ClassicalDot --model.system.n 2 --model.system.beta 2 --model.layers 1 "
    "--trainer.max_epochs 2 --trainer.accelerator cpu --wandb off --figures false --trainer.enable_progress_bar false"
)


@pytest.fixture
def trainer_of(tmp_path, monkeypatch):
    """Build the trainer that a command line asks for; global switches of torch are put back."""
    monkeypatch.setattr(logging.getLogger("physgen"), "level", logging.ERROR)
    before = torch.are_deterministic_algorithms_enabled()

    def build(more):
        return run(["fit", *FLOW.split(), "--run_folder", str(tmp_path / "run"), *more.split()], Built)

    yield build
    torch.use_deterministic_algorithms(before)


def test_every_option_has_an_entry(trainer_of):
    config = trainer_of("").config["fit"]
    groups = {"config", "model", "trainer", "evaluation", "guard", "dmc"}
    assert set(config.as_dict()) - groups == set(ELSEWHERE)
    assert set(config["trainer"].as_dict()) == set(TRAINER) | set(REFUSED)
    assert set(config["evaluation"].as_dict()) == set(EVALUATION)
    assert set(config["guard"].as_dict()) == set(GUARD)
    assert set(config["dmc"].as_dict()) == set(DIFFUSION) | {"enabled"}


ALONE = ["fast_dev_run", "max_time", "plugins", "num_nodes", "devices", "strategy", "accelerator", "deterministic"]


def test_options_of_the_trainer_reach_it(trainer_of):
    plain = trainer_of("").trainer
    before = {name: seen(plain) for name, (_, seen) in TRAINER.items()}
    together = [name for name in TRAINER if name not in ALONE]
    asked = " ".join(f"--trainer.{name} {TRAINER[name][0]}" for name in together)
    changed = trainer_of(f"{BESIDE['min_epochs']} {asked}").trainer
    for name in together:
        assert TRAINER[name][1](changed) != before[name], name
    for name in ALONE:
        if name != "accelerator":  # another one than the CPU is not everywhere
            changed = trainer_of(f"{BESIDE.get(name, '')} --trainer.{name} {TRAINER[name][0]}").trainer
            assert TRAINER[name][1](changed) != before[name], name


def test_a_profile_lies_in_the_run_folder(tiny, tmp_path):
    from physgen.cli import main

    main(tiny("MLPFlow", tmp_path / "run", "--trainer.profiler simple"))
    for stage in ("fit", "test"):
        assert "Profiler Report" in (tmp_path / "run" / f"{stage}-profile.txt").read_text()


def test_a_seed_that_nobody_chose_is_recorded(trainer_of):
    drawn = [trainer_of("--seed_everything true") for _ in range(2)]
    seeds = [cli.config["fit"]["seed_everything"] for cli in drawn]
    assert seeds[0] != seeds[1] and all(cli.card.seed == seed for cli, seed in zip(drawn, seeds, strict=True))


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("--trainer.limit_predict_batches 2", "limit_predict_batches has no effect on fit"),
        ("--trainer.min_epochs 1", "min_epochs 1 has no effect"),
        ("--trainer.min_epochs 9 --trainer.max_time 00:01:00:00", "min_epochs must be at most"),
        ("--trainer.gradient_clip_algorithm value", "gradient_clip_algorithm has no effect without"),
        ("--trainer.accumulate_grad_batches 0", "accumulate_grad_batches must be an integer >= 1"),
        ("--trainer.strategy ddp_spawn", "trainer.strategy must be"),
        ("--trainer.limit_test_batches 0", "limit_test_batches must be above 0"),
        ("--trainer.callbacks BatchSizeFinder", "BatchSizeFinder"),
        ("--dmc.enabled false --dmc.walkers 7", "dmc.walkers has no effect"),
        ("--evaluation.max_samples 300", "max_samples 300 has no effect without"),
        ("--trainer.sync_batchnorm true", "sync_batchnorm"),
        ("--model.data_file nowhere.npz", "nowhere.npz"),
        ("--model.advantage_clip 3", "advantage_clip has no effect"),
    ],
)
def test_an_option_without_an_effect_is_refused_before_a_folder_is_made(more, named, refused, tmp_path):
    refused(["fit", *FLOW.split(), "--run_folder", tmp_path / "run", *more.split()], named)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("more", ["--trainer.gradient_clip_val 1", "--trainer.accumulate_grad_batches 2"])
def test_a_wavefunction_refuses_automatic_optimisation_before_a_folder_is_made(more, tiny, refused, tmp_path):
    refused(tiny("GaussianBinaryRBM", tmp_path / "run", more), "has no effect on GaussianBinaryRBM")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["test", "predict"])
def test_options_of_a_training_are_refused_by_other_verbs(verb, refused, tmp_path):
    entry = "quantum-dot-2d-n2-omega1/rbm-jastrow"
    for more in ("--trainer.max_epochs 3", "--guard.every 3", "--seed_everything 4", "--trainer.precision 32-true"):
        name = more.split()[0].lstrip("-")
        refused([verb, entry, *more.split(), "--run_folder", tmp_path / "run"], f"{name} has no effect on {verb}")
    assert not list(tmp_path.iterdir())


# ---- evaluation, guard, diffusion Monte Carlo

#: another value, and what goes with it
EVALUATION = {
    "samples": (300, {}),
    "batch": (50, {}),
    "thin": (3, {}),
    "warm_up": (9, {}),
    "repeats": (3, {}),
    "anneal": (2, {}),
    "until_error": (1e-9, {"max_samples": 500}),
    "max_samples": (600, {"until_error": 1e-9, "max_samples": 500}),
    "seed": (2, {}),
}


def evaluated(kind, **settings):
    torch.manual_seed(0)
    model = GaussianBinaryRBM(QuantumDot(), hidden=2, sampler=Metropolis(walkers=8, steps=2))
    if kind is TiedFlow:
        model = TiedFlow(ClassicalDot(2, beta=2.0), layers=1)
    result = model.evaluate(Evaluation(**{"samples": 200, "batch": 100, "thin": 2, "warm_up": 5, **settings}))
    return {k: (e.value, e.error) for k, e in result.estimates.items()}, str(result.diagnostics), result.notes


@pytest.mark.parametrize("name", EVALUATION)
def test_a_setting_of_the_evaluation_has_an_effect(name):
    value, beside = EVALUATION[name]
    kind = TiedFlow if name in ("repeats", "anneal") else GaussianBinaryRBM
    assert evaluated(kind, **{**beside, name: value}) != evaluated(kind, **({} if name == "until_error" else beside))


def test_what_an_evaluation_does_not_do_to_the_letter_is_noted(caplog):
    notes = evaluated(TiedFlow, samples=250, until_error=1e-9, max_samples=500)[2]
    assert any("evaluation.samples 250 is rounded up to 300" in note for note in notes)
    assert any("evaluation.until_error 1e-09 is not reached with 500 samples" in note for note in notes)
    assert "evaluation.warm_up has no effect on TiedFlow: its draws are independent" in caplog.text
    evaluated(GaussianBinaryRBM, repeats=3)
    assert "evaluation.repeats has no effect on GaussianBinaryRBM" in caplog.text


GUARD = {"sigmas": 3.0, "memory": 8, "every": 2, "limit": 1}


class _Stand:
    """What a guard asks of a model and a trainer."""

    part, quantity, followed, iteration, optimizers, guarded, lost_limit = "", "energy", "energy", 0, (), False, 0.02

    def __init__(self):
        self.taken = []
        self.step = SimpleNamespace(value=0.0, spread=1.0, lost=0.0, worst=0.0)

    def said(self):
        return "lost"

    def state_dict(self):
        return {}

    training_state = state_dict

    def parameters(self):
        return iter([torch.zeros(())])

    def load_state_dict(self, state):
        self.taken.append("back")

    def restore_training(self, state):
        pass

    def last_good(self):
        return ""

    def record_event(self, **values):
        pass


def guarded(**settings):
    stand, guard, seen = _Stand(), BlowUpGuard(**settings), []
    take = guard._take
    guard._take = lambda *at: seen.append("kept") or take(*at)
    guard.on_train_epoch_start(stand, stand)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(60, generator=generator).tolist()
    values[12] = values[30] = 40.0
    values[50] = values[51] = values[52] = float("nan")
    for value in values:
        stand.step.value = value
        try:
            guard.on_train_batch_end(stand, stand)
        except TrainingError:
            seen.append("stopped")
            break
        seen.append(guard.undone)
    return seen


@pytest.mark.parametrize("name", GUARD)
def test_a_setting_of_the_guard_has_an_effect(name):
    assert guarded(**{name: GUARD[name]}) != guarded()


DIFFUSION = {
    "walkers": (12, {}),
    "time_steps": ([0.1, 0.2, 0.24], {}),
    "time": (20.0, {}),
    "warm_up": (1.0, {}),
    "memory": (1.0, {}),
    "until_error": (1e-9, {}),
    "max_time": (45.0, {"until_error": 1e-9, "max_time": 30.0}),
    "seed": (2, {}),
}


def diffused(**settings):
    torch.manual_seed(0)
    model = GaussianBinaryRBM(QuantumDot(n=1), hidden=1, sampler=Metropolis(walkers=8, steps=2))
    model.evaluate(Evaluation(samples=40, batch=20, thin=1, warm_up=5))
    model.evaluation = Evaluation(samples=40, batch=20, thin=1, warm_up=5)
    small = {"walkers": 10, "time_steps": [0.1, 0.2, 0.25], "time": 13.0, "warm_up": 0.5, "memory": 0.5}
    limit = {"max_time": 30.0} if "until_error" in settings and "max_time" not in settings else {}
    diffuse(model, DiffusionSettings(**{**small, **limit, **settings}), shown=False)
    return {k: (e.value, e.error) for k, e in model.result.estimates.items()}


@pytest.mark.parametrize("name", DIFFUSION)
def test_a_setting_of_diffusion_monte_carlo_has_an_effect(name):
    value, beside = DIFFUSION[name]
    assert diffused(**{**beside, name: value}) != diffused(**beside)
