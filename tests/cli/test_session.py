import csv
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import physgen
from physgen.cli import main
from physgen.cli.completion import complete
from physgen.cli.training import ArgumentsOnly, run
from physgen.core.lock import locks_released
from physgen.core.shipped import shipped
from physgen.models import Model
from physgen.runs.folder import last_checkpoint, open_run_folder
from physgen.samplers import Sampler
from physgen.systems import QuantumDot, System
from physgen.zoo.index import read_index

ROOT = Path(physgen.__file__).parents[1]
MODELS = ("GaussianBinaryRBM", "MLPFlow")


def steps_of(folder):
    """Return the steps of the training's rows, without that of the evaluation."""
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [int(row["step"]) for row in rows if not any(v for k, v in row.items() if k.startswith("test/"))]


#: what a run in the plane draws, and the numbers behind it
PICTURES = {
    *("training_curve.png", "radial_density.png", "g_of_r.png", "density_map.png"),
    "structure.npz",
}


@pytest.mark.parametrize("model", MODELS)
def test_a_fit_leaves_config_metrics_checkpoint_result_and_figures(model, tiny, tmp_path, capsys):
    main(tiny(model, tmp_path / "run", "--figures true --trainer.max_epochs 2"))
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert names == {"config.yaml", "metrics.csv", "checkpoints", "result.json", *PICTURES}
    assert steps_of(tmp_path / "run") == [2, 4, 6, 8]
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    quantity = result["quantity"]
    assert result["estimates"][quantity]["error"] > 0 and result["provenance"]["model"] == model
    assert result["provenance"]["iterations"] == 8 and result["provenance"]["seed"] == 1
    assert result["provenance"]["evaluated_precision"] == "float64"
    shown = capsys.readouterr().out
    assert result["reference"]["exact"] and "exact" in shown and "--config" in shown


@pytest.mark.parametrize("model", MODELS)
def test_the_config_of_a_run_repeats_it_to_equal_weights(model, tiny, tmp_path, same, records):
    main(tiny(model, tmp_path / "a", "--seed_everything 5"))
    main(["fit", "--config", str(tmp_path / "a" / "config.yaml"), "--run_folder", str(tmp_path / "b")])
    same(*(last_checkpoint(tmp_path / name) for name in "ab"))
    assert records(tmp_path / "a") == records(tmp_path / "b") != []
    results = [json.loads((tmp_path / name / "result.json").read_text())["estimates"] for name in "ab"]
    assert results[0] == results[1]


def test_another_seed_gives_other_weights(tiny, tmp_path):
    for seed in (1, 2):
        main(tiny("MLPFlow", tmp_path / str(seed), f"--seed_everything {seed}"))
    a, b = (Model.load_from_checkpoint(last_checkpoint(tmp_path / seed)) for seed in "12")
    assert not torch.equal(next(a.parameters()), next(b.parameters()))


def test_print_config_shows_nested_options_by_short_names(tiny, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main([*tiny("GaussianBinaryRBM", tmp_path / "run", "--model.system.omega 0.5 --model.sampler.steps 3"),
              "--print_config"])  # fmt: skip
    shown = capsys.readouterr().out
    assert end.value.code in (0, None)
    assert "class_path: physgen.models.GaussianBinaryRBM" in shown and "class_path: physgen.systems.QuantumDot" in shown
    assert "omega: 0.5" in shown and "class_path: physgen.samplers.Metropolis" in shown and "walkers: 16" in shown
    assert not (tmp_path / "run").exists()


def test_fit_without_arguments_builds_the_default(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--print_config"])
    shown = capsys.readouterr().out
    for words in ("GaussianBinaryRBM", "jastrow: true", "symmetric: true", "max_epochs: 20"):
        assert words in shown


def test_the_default_takes_options_and_numbers_its_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = (
        "--trainer.max_epochs 1 --model.steps_per_epoch 2 --evaluation.samples 20 --evaluation.batch 10 --wandb off"
    )
    for _ in range(2):
        main(["fit", *options.split(), "--figures=false", "--trainer.enable_progress_bar=false",
              "--model.sampler.walkers=8"])  # fmt: skip
    runs = tmp_path / "runs" / "quantum-dot-2d-n2-omega1" / "GaussianBinaryRBM"
    assert sorted(p.name for p in runs.iterdir()) == ["1", "2"]
    model = Model.load_from_checkpoint(last_checkpoint(runs / "2"))
    assert model.sampler.walkers == 8 and type(model.sampler).__name__ == "Metropolis" and model.init_args["jastrow"]


@pytest.mark.parametrize(("model", "sampler"), [("GaussianBinaryRBM", "Metropolis"), ("SlaterJastrow", "MALA")])
def test_options_of_a_sampler_mean_the_one_that_the_model_takes_unasked(model, sampler):
    asked = complete("fit", ["--model", model, "--model.system=QuantumDot", "--model.sampler.walkers=8"])
    assert f"--model.sampler={sampler}" in asked
    assert Model.lookup(model)(QuantumDot(2)).sampler.spec()["class_path"].endswith(sampler)


def test_a_trained_run_is_evaluated_and_drawn_from(tiny, tmp_path, capsys):
    import numpy

    main(tiny("MLPFlow", tmp_path / "run"))
    config = (tmp_path / "run" / "config.yaml").read_text()
    short = (
        "--evaluation.samples 300 --evaluation.batch 100 --figures false --trainer.enable_progress_bar false "
        "--run_folder"
    )
    for argument in ([str(tmp_path / "run")], ["--ckpt_path", str(last_checkpoint(tmp_path / "run"))]):
        main(["test", *argument, *short.split(), str(tmp_path / "test")])
    result = json.loads((tmp_path / "test" / "result.json").read_text())
    assert result["diagnostics"]["samples"] == 300 and result["provenance"]["seed"] == 1
    main(["predict", str(tmp_path / "run"), *short.split(), str(tmp_path / "draws")])
    held = numpy.load(tmp_path / "draws" / "samples.npz")
    assert held["x"].shape == (300, 2, 2) and held["weight"].mean() == pytest.approx(1)
    assert config == (tmp_path / "run" / "config.yaml").read_text()


@pytest.mark.parametrize("until, samples", [(1e-9, 2000), (1e6, 1000)])
def test_evaluation_goes_on_until_an_error_or_its_cap(until, samples, tiny, tmp_path):
    main(
        tiny(
            "MLPFlow",
            tmp_path,
            f"--evaluation.samples 200 --evaluation.until_error {until} --evaluation.max_samples 2000",
        )
    )
    assert json.loads((tmp_path / "result.json").read_text())["diagnostics"]["samples"] == samples


def test_callbacks_of_lightning_work(tiny, tmp_path):
    more = (
        "--trainer.max_epochs 6 --trainer.callbacks+=EMAWeightAveraging --trainer.callbacks+=LearningRateMonitor "
        "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor=train/energy --trainer.callbacks.patience=1 "
        "--trainer.callbacks.min_delta=1e9"
    )
    main(tiny("GaussianBinaryRBM", tmp_path, more))
    assert max(steps_of(tmp_path)) < 24  # stopped early
    with (tmp_path / "metrics.csv").open() as file:
        columns = next(csv.reader(file))
    assert any(c.startswith("lr-") for c in columns)
    assert "averaging_state" in torch.load(last_checkpoint(tmp_path), weights_only=True)
    assert type(Model.load_from_checkpoint(last_checkpoint(tmp_path))).__name__ == "GaussianBinaryRBM"


CONFIGS = read_index()["configs"]


def kind(name):
    """Return what a config trains: its classes, not their numbers."""
    return tuple(
        re.findall(r"(?:class_path|data|objective|optimizer|pairing): (\w+)", (shipped("configs") / name).read_text())
    )


#: one of each kind
TRAINED = list({kind(name): name for name in CONFIGS}.values())


class OneParser(ArgumentsOnly):
    """Reads configs one after another with the parser of the first: to build one takes as long as to parse."""

    kept = {}

    def setup_parser(self, *arguments):
        if not self.kept:
            super().setup_parser(*arguments)
            names = ("parser", "_subcommand_parsers", "_subcommand_method_arguments")
            self.kept.update({name: vars(self)[name] for name in names})
        vars(self).update(self.kept)


@pytest.mark.parametrize("name", [name for name in CONFIGS if name not in TRAINED])  # those are read and trained
def test_every_config_is_read(name):
    model = run(["fit", "--config", str(shipped("configs") / name)], OneParser).model
    assert model.system.label == name.split("/")[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_every_kind_of_config_trains(name, tmp_path):
    short = (
        "--trainer.max_epochs 1 --trainer.accelerator cpu --trainer.log_every_n_steps 1 --model.steps_per_epoch 2 "
        "--figures false --trainer.enable_progress_bar false --evaluation.samples 8 --evaluation.batch 4 "
        "--evaluation.warm_up 2 --wandb off"
    )
    config = shipped("configs") / name
    # its samples by Monte Carlo take as long for two steps as for all
    few = "--model.data=MALA --model.data.walkers=8 --model.data.warm_up_steps=2 --model.data_size=16"
    less = few.split() if "forward_fraction" in config.read_text() else []
    if "DiffusionModel" in config.read_text() and "log_variance" not in config.read_text():
        less = "--data=SystemSamples --data.size=36 --data.batch_size=16 --data.sampler=MALA".split()
        less += ["--data.sampler.walkers=8", "--data.sampler.warm_up_steps=2"]
    elif any(model in config.read_text() for model in ("VariationalAutoencoder", "BoltzmannMachine")):
        less = "--data=SystemSamples --data.size=36 --data.batch_size=16".split()  # two batches
    if "DiffusionModel" in config.read_text():  # the divergence of its field is integrated for every draw
        less += ["--model.hidden=8", "--model.layers=1", "--model.steps=2"]
    determinants = name.startswith("quantum") and ("/rbm" not in name or "/rbm-slater" in name)
    if determinants or "class_path: MALA" in config.read_text():  # its own sampler warms up hundreds of walkers
        less = "--model.sampler=MALA --model.sampler.walkers=16 --model.sampler.warm_up_steps=2".split()
    main(["fit", "--config", str(config), *less, *short.split(), "--run_folder", str(tmp_path)])
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["provenance"]["system"] == name.split("/")[0]
    assert list(dict.fromkeys(steps_of(tmp_path))) == [1, 2]  # what an epoch ends with has a row of its own


RBM, FLOW, DOT = "GaussianBinaryRBM", "MLPFlow", "--model.system=QuantumDot"


@pytest.mark.parametrize(
    "arguments, named",
    [
        ("fit --model.system.omega -1", "omega"),
        ("fit --model.system.omega nan", "omega"),
        ("fit --model.system.omega 1e400", "omega"),
        ("fit --model.system.n 0", "n must"),
        ("fit --model.system.n 2.5", "n must be int"),
        ("fit --model.system.dim 4", "dim"),
        (f"fit --model {RBM}", "system"),
        (f"fit --model {RBM} --model.system QuantumDott", "did you mean QuantumDot"),
        (f"fit --model {RBM} --model.system ClassicalDot", "system"),
        ("fit --model MLPFlo", "did you mean MLPFlow"),
        ("fit --model os.system", "model"),
        ("fit --model physgen.models.WavefunctionModel --model.system QuantumDot", "model"),
        (f"fit --model {RBM} {DOT} --model.sampler Gibs", "did you mean Gibbs"),
        (f"fit --model {RBM} {DOT} --model.sampler Gibbs", "sampler"),
        (f"fit --model {RBM} {DOT} --model.sampler Sampler", "sampler"),
        (f"fit --model {FLOW} --model.system ClassicalDot --model.hidden [3,3]", "hidden"),
        (f"fit --model {FLOW} --model.system ClassicalDot --model.hidden [64,x]", "hidden"),
        ("fit --model.hiden 3", "hiden"),
        ("fit --modle MLPFlow", "modle"),
        ("fit --trainer.max_epoch 3", "max_epoch"),
        ("fit --trainer.max_epochs many", "max_epochs"),
        ("fit --trainer.max_epochs -3 --wandb off", "max_epochs"),
        ("fit --wandb off --trainer.precision 12", "precision"),
        ("fit --wandb off --trainer.accelerator abacus", "accelerator"),
        ("fit --trainer.log_every_n_steps -1", "log_every_n_steps"),
        ("fit --seed_everything -1", "seed_everything"),
        ("fit --seed_everything 4294967296", "seed_everything"),
        ("fit --figures maybe", "figures"),
        ("fit --wandb sometimes", "wandb"),
        *[
            (f"fit --model {m} --model.system ClassicalDot --model.system.beta {beta}", "beta must be")
            for m in ("MLPFlow", "AutoregressiveMLP")
            for beta in ("0", "-1.5", ".nan", ".inf")
        ],
        ("fit --guard 5", "guard"),
        ("fit --guard.sigmas nan", "guard.sigmas"),
        ("fit --evaluation.samples 0", "evaluation.samples"),
        ("fit --evaluation.samples 10 --evaluation.batch 20", "evaluation.samples"),
        ("fit --evaluation.until_error -1", "evaluation.until_error"),
        ("fit --config nowhere.yaml", "nowhere.yaml"),
        ("fit --config", "config"),
        ("fit --config .", "config"),
        ("fit --ckpt_path nowhere.ckpt", "nowhere.ckpt"),
        ("fit --guard.sigmas", "guard.sigmas"),
        ("test", "test needs"),
        ("predict", "predict needs"),
        ("test no/such", "no/such"),
        ("test nowhere.ckpt", "nowhere.ckpt"),
        ("test no/such --model.hidden 3", "--model.hidden"),
        ("fitt", "did you mean fit"),
        ("publish", "publish"),
        ("publish nowhere", "nowhere"),
        ("index now", "now"),
        ("list --all", "--all"),
        ("list nothing-like-this", "nothing-like-this"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, named, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(arguments.split(), named)
    assert not list(tmp_path.rglob("*.ckpt")), "nothing may be trained"


@pytest.mark.parametrize(
    "text, named",
    [
        ("model: [", "bad.yaml"),
        ("trainer: {max_epochs: 1", "line 1"),
        ("trainer: 5", "trainer"),
        ("- a\n- b", "bad.yaml"),
        ("model: {class_path: MLPFlow, init_args: [1]}", "model.init_args"),
        ("model: {class_path: MLPFlow, init_args: {system: {init_args: {n: 2}}}}", "system"),
        ("model: {class_path: builtins.eval, init_args: {system: QuantumDot}}", "model"),
        ("model: {class_path: MLPFlow, init_args: {system: {class_path: os.system}}}", "system"),
        ("trainer: !!python/object/apply:os.system ['touch ran']", "bad.yaml"),
        ("evaluation: {sample: 3}", "sample"),
        ("\x00", "bad.yaml"),
    ],
)
def test_bad_configs_are_refused_in_one_line(text, named, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text(text)
    refused(["fit", "--config", "bad.yaml"], named)
    assert not (tmp_path / "ran").exists()


def test_a_run_folder_that_cannot_be_written_is_refused(tiny, refused, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        refused(tiny("MLPFlow", place), "run_folder")
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize(
    "late, named",
    [
        ("--trainer.precision 12", "precision"),  # by the trainer's constructor
        ("--trainer.limit_train_batches 7.5", "limit_train_batches"),
        ("--trainer.callbacks+=LearningRateMonitor --trainer.callbacks.logging_interval=never", "logging_interval"),
    ],
)
def test_what_the_trainer_refuses_late_leaves_no_folder(late, named, tiny, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(tiny("MLPFlow", tmp_path / "a" / "b", late), named)
    assert not list(tmp_path.iterdir())


def test_what_the_start_of_the_fit_refuses_leaves_no_folder(tiny, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = "--trainer.gradient_clip_val 1 --wandb offline"  # the RBM's optimiser steps by itself
    refused(tiny("GaussianBinaryRBM", tmp_path / "run", more), "gradient_clip_val")
    assert not list(tmp_path.iterdir())


def test_a_metric_that_no_callback_finds_is_said_in_one_line(tiny, refused, tmp_path):
    more = "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor=nothing"
    refused(tiny("MLPFlow", tmp_path, more), "monitor")


def test_a_test_that_finds_a_damaged_checkpoint_leaves_no_folder(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.ckpt").write_bytes(b"PK")
    refused(["test", "bad.ckpt"], "bad.ckpt is damaged")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.ckpt"]


def test_a_run_folder_goes_with_its_new_parents_and_stays_when_it_was_used(tmp_path):
    for held in (None, "metrics.csv", "result.json"):
        folder = open_run_folder(None, "system", "Model", tmp_path / "runs")
        (folder.path / "config.yaml").write_text("model: MLPFlow")
        if held:
            (folder.path / held).write_text("a record")
        with pytest.raises(KeyboardInterrupt), folder.kept_if_used():
            raise KeyboardInterrupt
        assert (tmp_path / "runs").exists() == folder.path.exists() == bool(held)
    (tmp_path / "own").mkdir()
    with pytest.raises(ValueError), open_run_folder(tmp_path / "own", "", "").kept_if_used():
        raise ValueError
    assert (tmp_path / "own").exists(), "a folder of the user's stays"


def test_the_row_of_the_evaluation_has_all_digits(tiny, tmp_path):
    main(tiny("GaussianBinaryRBM", tmp_path))
    with (tmp_path / "metrics.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[-1]
    found = json.loads((tmp_path / "result.json").read_text())["estimates"]["energy"]
    assert [float(row["test/energy"]), float(row["test/energy_error"])] == [found["value"], found["error"]]
    assert row["step"] == "4"


def test_a_run_folder_that_holds_another_run_is_refused(tiny, refused, tmp_path):
    main(tiny("MLPFlow", tmp_path))
    before = (tmp_path / "config.yaml").read_text()
    assert "hidden" in refused(tiny("MLPFlow", tmp_path, "--model.hidden [9,9]"), "run_folder")
    refused(tiny("GaussianBinaryRBM", tmp_path), "run_folder")
    said = refused(
        ["fit", "--model", "GaussianBinaryRBM", "--ckpt_path", last_checkpoint(tmp_path)], "GaussianBinaryRBM"
    )
    assert "MLPFlow" in said
    assert (tmp_path / "config.yaml").read_text() == before


@pytest.mark.parametrize("name", ["MLPFlow", "AutoregressiveMLP"])
@pytest.mark.parametrize("particles", [1, 3])
def test_a_checkpoint_of_another_number_of_particles_is_refused(name, particles, refused, tmp_path):
    system = {"class_path": "ClassicalDot", "init_args": {"n": 2, "beta": 2.0}}
    hidden = [8] if name == "MLPFlow" else 8
    model = Model.of({"class_path": name, "init_args": {"system": system, "hidden": hidden}})
    recipe = {"format": 1, "version": physgen.__version__, **model.spec()}
    file = tmp_path / "two.ckpt"
    torch.save({"physgen": recipe, "state_dict": model.state_dict()}, file)
    run = ["--run_folder", tmp_path / "run", "--wandb", "off"]
    said = refused(["fit", "--ckpt_path", file, "--model.system.n", particles, *run], "ckpt_path")
    assert f"n = 2 there, {particles} here" in said and "beta" not in said
    recipe["init_args"]["system"]["init_args"]["n"] = particles
    torch.save({"physgen": recipe, "state_dict": model.state_dict()}, file)
    for verb in ("test", "predict"):
        assert "does not fit" in refused([verb, file], "two.ckpt")
    recipe["init_args"]["system"]["init_args"].update(n=2, beta=-2.0)
    torch.save({"physgen": recipe, "state_dict": model.state_dict()}, file)
    refused(["test", file], "beta must be a finite number > 0")
    assert not list(tmp_path.rglob("result.json"))


def test_free_numbers_of_run_folders_are_taken_in_turn(tmp_path):
    with locks_released():
        taken = [open_run_folder(None, "system", "Model", tmp_path).path.name for _ in range(3)]
    assert taken == ["1", "2", "3"]


def test_ranks_open_one_run_folder_at_the_same_time(tmp_path):
    with locks_released(), ThreadPoolExecutor(8) as ranks:
        opened = list(ranks.map(lambda _: open_run_folder(tmp_path / "run", "", "").path, range(2000)))
    assert set(opened) == {tmp_path / "run"} and not list((tmp_path / "run").iterdir())


def test_help_and_version_are_short(capsys):
    main([])
    main(["--version"])
    shown = capsys.readouterr().out
    assert physgen.__version__ in shown and all(verb in shown for verb in ("fit", "test", "predict", "list"))


HELP = [
    "--help all",
    *[f"--model.help {name}" for name in Model.registry],
    *[f"--model GaussianBinaryRBM --model.system.help {name}" for name in System.registry],
    *[f"--model GaussianBinaryRBM --model.sampler.help {name}" for name in Sampler.registry],
]


@pytest.mark.parametrize("which", HELP)
def test_help_says_what_every_option_means(which, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as end:
        main(["fit", *which.split()])
    options = re.split(r"\n(?=  -)", capsys.readouterr().out)[1:]
    assert end.value.code in (0, None) and options
    for option in options:
        name, meaning = re.fullmatch(r"\s+(-\S+)(?:\n|.*?(?:\n| {2,}))(.*)", option, flags=re.DOTALL).groups()
        assert re.match(r"\s*[\w`(-]", meaning) and not re.match(r"\s*\((type|required|default)", meaning), name


@pytest.mark.slow
@pytest.mark.parametrize("arguments, shown", [(["--help"], "predict"), (["list"], "GaussianBinaryRBM")])
def test_help_and_list_do_not_import_torch(arguments, shown):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = [sys.executable, "-X", "importtime", "-m", "physgen", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0 and shown in done.stdout
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "physgen.cli.verbs" in imported and not imported & {"torch", "lightning", "wandb", "matplotlib", "numpy"}


@pytest.mark.parametrize("form", ["--config {}", "--config={}", "-c {}"])
def test_configs_of_the_package_are_found_from_any_folder(form, tmp_path, monkeypatch):
    from physgen.cli.completion import complete

    monkeypatch.chdir(tmp_path)
    name = "configs/quantum-dot-2d-n2-omega1/rbm-jastrow.yaml"
    held = str(shipped("configs").parent / name)
    assert complete("fit", form.format(name).split()) == form.format(held).split()
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("model: GaussianBinaryRBM\n")
    assert complete("fit", form.format(name).split()) == form.format(name).split()  # one's own comes first
