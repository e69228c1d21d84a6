"""`--optimizer`, `--lr_scheduler` and `--trainer.logger`, as LightningCLI gives them."""

import csv
import sys

import pytest
import yaml

from physgen.cli import main

SETTINGS = "--trainer.log_every_n_steps 1 --trainer.max_epochs 2 "


def rates(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [float(row["train/learning_rate"]) for row in csv.DictReader(file) if row["train/learning_rate"]]


def test_an_optimiser_and_a_schedule_by_name(tiny, tmp_path, capsys):
    options = SETTINGS + "--optimizer.lr 0.02 --optimizer AdamW --lr_scheduler ExponentialLR --lr_scheduler.gamma 0.5"
    logger = f" --trainer.logger CSVLogger --trainer.logger.save_dir {tmp_path} --trainer.logger.name own"
    main(tiny("GaussianBinaryRBM", tmp_path / "run", f"{options}{logger} --model.learning_rate 0.3"))
    assert rates(tmp_path / "run") == [0.02] * 4 + [0.01] * 4
    assert "model.learning_rate without an effect beside --optimizer" in capsys.readouterr().out
    held = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert held["optimizer"]["class_path"] == "torch.optim.AdamW" and held["optimizer"]["init_args"]["lr"] == 0.02
    assert rates(tmp_path / "own" / "version_0") == rates(tmp_path / "run")
    assert yaml.safe_load((tmp_path / "own" / "version_0" / "hparams.yaml").read_text())["omega"] == 1.0


@pytest.mark.parametrize("name", ["Spring", "StochasticReconfiguration", "physgen.optim.Muon"])
def test_the_optimisers_of_the_package_are_choices(name, tiny, tmp_path):
    main(tiny("GaussianBinaryRBM", tmp_path / "run", f"{SETTINGS} --optimizer {name} --optimizer.lr 0.03"))
    assert set(rates(tmp_path / "run")) == {0.02 if "Muon" in name else 0.03}  # of Muon that of the matrices


def test_a_config_repeats_the_optimiser(tiny, tmp_path, records):
    main(tiny("MLPFlow", tmp_path / "first", SETTINGS + "--optimizer SGD --optimizer.lr 1e-4"))
    config = tmp_path / "first" / "config.yaml"
    main(["fit", "--config", str(config), "--run_folder", str(tmp_path / "again"), "--wandb", "off"])
    assert records(tmp_path / "first") == records(tmp_path / "again")


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("GaussianBinaryRBM", "--optimizer AdamW --optimizer.lr -1", "optimizer: Invalid learning rate: -1.0"),
        ("GaussianBinaryRBM", "--lr_scheduler ExponentialLR --lr_scheduler.gamma 1", "without --optimizer"),
        ("MLPFlow", "--optimizer Spring", "optimizer must follow a loss for MLPFlow, got Spring"),
        ("MLPFlow", "--trainer.logger true", "trainer.logger must be a logger such as CSVLogger"),
        ("MLPFlow", "--optimizers SGD", "--optimizers is not known"),
    ],
)
def test_what_cannot_be_followed_is_one_line(model, options, words, tiny, tmp_path, refused):
    refused(tiny(model, tmp_path / "run", options), words)
    assert not (tmp_path / "run" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("group", "held", "words"),
    [
        ("optimizer", "evil_optimizers.Adam", "evil_optimizers.Adam is not known"),
        ("optimizer", {"class_path": "evil_optimizers.Adam"}, "evil_optimizers.Adam is not known"),
        ("lr_scheduler", {"class_path": "evil_optimizers.Wave", "init_args": {}}, "evil_optimizers.Wave is not known"),
        ("lr_scheduler", {"class_path": "LambdaLR", "init_args": {"lr_lambda": "evil_optimizers.f"}}, "a function"),
        ("optimizer", {"class_path": "Adam", "init_args": {"lr": {"class_path": "evil_optimizers.X"}}}, "evil"),
        ("optimizer", ["Adam"], "a name or {class_path, init_args}"),
    ],
)
def test_a_config_imports_no_optimiser(group, held, words, tiny, tmp_path, refused, monkeypatch):
    (tmp_path / "evil_optimizers.py").write_text("import pathlib\npathlib.Path('ran').touch()\n")
    monkeypatch.chdir(tmp_path)
    content = {"optimizer": {"class_path": "Adam"}, group: held}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(content))
    refused(tiny("GaussianBinaryRBM", tmp_path / "run", "--config c.yaml"), words)
    assert not (tmp_path / "ran").exists() and "evil_optimizers" not in sys.modules


def test_an_evaluation_takes_no_optimiser(refused):
    refused(["test", "quantum-dot-2d-n2-omega1/rbm-jastrow", "--optimizer", "Adam"], "optimizer has no effect on test")
