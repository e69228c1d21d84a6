"""Data modules of samples: what they hold, how models learn from them, and what is refused."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Trainer

from physgen.cli.verbs import main
from physgen.core.errors import InputError
from physgen.data import FileSamples, Samples, SystemSamples
from physgen.data.batches import Batches
from physgen.models import (
    AutoregressiveLattice,
    BoltzmannMachine,
    DiffusionModel,
    GaussianBinaryRBM,
    Model,
    VariationalAutoencoder,
)
from physgen.runs.result import Result
from physgen.samplers import MALA, Metropolis
from physgen.systems import BarsAndStripes, ClassicalDot, Ising2D, QuantumDot, TautDensity
from physgen.zoo.entry_samples import EntrySamples

ISING = Ising2D(3, beta=0.3)


@pytest.fixture
def spins(tmp_path):
    path = tmp_path / "spins.npz"
    draws = SystemSamples(size=500, seed=3)
    np.savez(path, x=draws.samples_for(ISING).numpy())
    return str(path)


def trainer(tmp_path, epochs=1, **arguments):
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    settings = {"accelerator": "cpu", "max_epochs": epochs, "log_every_n_steps": 2, "default_root_dir": tmp_path}
    return Trainer(**{**quiet, **settings, **arguments})


def machine(**arguments):
    torch.manual_seed(1)
    return BoltzmannMachine(ISING, **{"hidden": 4, "chains": 16, "batch_size": 50, **arguments})


def command(words):
    """The exit code of a command line."""
    try:
        return main(words) or 0
    except SystemExit as stop:
        return stop.code


def test_batches_are_every_row_once_an_epoch_and_go_on_where_they_were_left():
    x = torch.arange(10.0)
    whole = Batches(x, 3, seed=1)
    first, second = [torch.cat(list(whole)) for _ in range(2)]
    assert len(whole) == 3 and len(first.unique()) == 9 and not torch.equal(first, second)
    part = Batches(x, 3, seed=1)
    rest = iter(part)
    begun = [next(rest), next(rest)]
    again = Batches(x, 3, seed=1)
    again.load_state_dict(part.state_dict())
    assert torch.equal(torch.cat([*begun, *again]), first) and torch.equal(torch.cat(list(again)), second)
    next(rest)
    assert part.state_dict() == {"epoch": 1, "position": 0}  # the last batch was given
    ranks = [torch.cat(list(Batches(x, 2, 5, rank, 2))) for rank in range(2)]
    assert len(torch.cat(ranks).unique()) == 8
    assert torch.equal(torch.cat(list(Batches(x, 4))), x)  # in order, nothing left out


@pytest.mark.parametrize("kind", [BoltzmannMachine, VariationalAutoencoder, AutoregressiveLattice, DiffusionModel])
def test_models_learn_from_a_data_module(kind, tmp_path):
    particles = kind is DiffusionModel
    system = ClassicalDot(2, beta=2.0) if particles else ISING
    sampler = {"sampler": MALA(walkers=100, steps=10, warm_up_steps=50)} if particles else {}
    small = {"width": 4} if kind is AutoregressiveLattice else {"hidden": 4}
    small |= {"layers": 1, "steps": 1} if particles else {}
    torch.manual_seed(1)
    model = kind(system, batch_size=50, **small)
    data = SystemSamples(size=400, validation=0.25, seed=2, **sampler)
    run = trainer(tmp_path, epochs=2)
    run.fit(model, datamodule=data)
    assert run.global_step == 2 * (300 // 50) and len(data.held) == 100
    assert torch.isfinite(run.callback_metrics["val/flow_matching" if particles else "val/log_likelihood"])
    model.observe(samples=1000)
    assert any("Monte Carlo samples (forward KL)" in note for note in model.result.notes)
    # trained alike by a plain loader of tensors
    again = kind(system, batch_size=50, **small)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(data.trained), batch_size=100)
    trainer(tmp_path).fit(again, loader)
    assert again.trained_on == "samples of a data loader"


def test_resumed_training_on_a_file_goes_on_bit_for_bit(tmp_path, spins):
    whole, part, again = machine(), machine(), machine()
    trainer(tmp_path, 2).fit(whole, datamodule=FileSamples(spins))
    first = trainer(tmp_path, 2, max_steps=13)  # in the middle of an epoch of nine
    first.fit(part, datamodule=FileSamples(spins))
    first.save_checkpoint(tmp_path / "half.ckpt")
    trainer(tmp_path, 2).fit(again, datamodule=FileSamples(spins), ckpt_path=tmp_path / "half.ckpt")
    assert torch.equal(again.net.weight, whole.net.weight) and again.global_step == whole.global_step == 18
    assert Model.load_from_checkpoint(tmp_path / "half.ckpt").trained_on == "samples of spins.npz"
    with pytest.raises(InputError, match="^data must be those that the training began with"):
        trainer(tmp_path, 2).fit(machine(), datamodule=FileSamples(spins, seed=1), ckpt_path=tmp_path / "half.ckpt")


def test_draws_of_another_model_are_samples(tmp_path):
    torch.manual_seed(1)
    wave = GaussianBinaryRBM(QuantumDot(2), sampler=Metropolis(walkers=50, warm_up_steps=20))
    x = wave.sample(300, 1)
    model = BoltzmannMachine(ClassicalDot(2), hidden=4, chains=16, batch_size=50)
    trainer(tmp_path).fit(model, datamodule=Samples(x))
    assert model.trained_on == "samples of an array" and torch.equal(model.fresh_samples(), model.unseen)


def test_an_entry_on_the_command_line(tmp_path, monkeypatch):
    """|psi|^2 of a wavefunction is learned, and judged by the exact state."""
    monkeypatch.chdir(tmp_path)
    words = ["fit", "--model", "BoltzmannMachine", "--model.system", "TautDensity", "--model.hidden", "4"]
    words += ["--model.chains", "64", "--trainer.max_epochs", "2", "--model.learning_rate", "0.02"]
    data = ["--data", "quantum-dot-2d-n2-omega1/rbm-symmetric", "--data.size", "2000"]
    brief = ["--evaluation.samples", "1000", "--wandb", "off", "--figures", "false", "--run_folder", "run"]
    assert command([*words, *data, *brief]) == 0
    result = Result.read(tmp_path / "run" / "result.json")
    assert "trained on draws of quantum-dot-2d-n2-omega1/rbm-symmetric (forward KL)" in result.notes
    known = {r.quantity: r.value for r in TautDensity().references()}
    assert result.quantity == "log_likelihood" and result.reference.value == known["log_likelihood"]
    assert result.headline.value < known["log_likelihood"]
    assert "EntrySamples" in (tmp_path / "run" / "config.yaml").read_text()


def test_draws_of_an_entry_are_repeated_by_their_seed():
    first, again, other = (
        EntrySamples("quantum-dot-2d-n2-omega1/rbm-symmetric", size=64, seed=seed).samples_for(TautDensity())
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other) and first.shape == (64, 2, 2)
    density = EntrySamples("classical-dot-n2-beta2/invertible-flow", size=16).samples_for(ClassicalDot(2, beta=2.0))
    assert density.shape == (16, 2, 2)


def test_a_file_on_the_command_line(tmp_path, spins, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["fit", "--model", "BoltzmannMachine", "--model.system", "Ising2D", "--model.system.size", "3"]
    words += ["--model.system.beta", "0.3", "--model.hidden", "4", "--model.chains", "16", "--trainer.max_epochs", "2"]
    brief = ["--evaluation.samples", "1000", "--wandb", "off", "--figures", "false"]
    named = ["--data", "FileSamples", "--data.file", spins, "--data.validation", "0.2"]
    for folder, data in (("a", ["--data", spins]), ("b", named)):
        assert command([*words, *data, *brief, "--run_folder", folder]) == 0
        result = Result.read(tmp_path / folder / "result.json")
        assert "trained on samples of spins.npz (forward KL)" in result.notes
        assert result.estimates["log_likelihood"].value < 0
    assert "a pass over samples of spins.npz" in capsys.readouterr().out
    config = (tmp_path / "b" / "config.yaml").read_text()
    assert "FileSamples" in config and "spins.npz" in config
    assert command(["fit", "--config", "b/config.yaml", "--run_folder", "c", "--wandb", "off"]) == 0


WRONG = [
    (["--data", "nowhere.npz"], "data.file nowhere.npz must be an npz file"),
    (["--data", "empty.npz"], "data.file empty.npz must hold an array x, got y"),
    (["--data", "large.npz"], "must be real of shape"),
    (["--data", "bits.npz"], "must be one of -1, 1, got 0"),
    (["--data", "nan.npz"], "x in data.file nan.npz must be finite, got 1 of 8 configurations that are not"),
    (["--data", "integers.npz"], "must be real of shape (N, 3, 3), got int64 (8, 3, 3)"),
    (["--data", "none.npz"], "must be real of shape (N, 3, 3), got float32 (0, 3, 3)"),
    (["--data", "one.npz"], "data must be at least 2, got '1 samples to train on'"),
    (["--data", "nothing.npz"], "data.file nothing.npz must be an npz file with x of shape (N, n, dim), got"),
    (["--data", "text.npz"], "data.file text.npz must be an npz file with x of shape (N, n, dim), got"),
    (["--model.data", "Checkerboard"], "Checkerboard needs sides that are even where they are periodic, got 3"),
    (["--model.negative", "exact", "--model.system.size", "5", "--model.hidden", "21"], "2^21 = 2.1e+06 states"),
    (["--data", "FileSample"], "samples must be one of"),
    (["--data", "quantum-dot-2d-n2-omega1/rbm-symetric"], "did you mean quantum-dot-2d-n2-omega1/rbm-symmetric"),
    (
        ["--data", "quantum-dot-2d-n2-omega1/rbm-jastrow"],
        "data must be configurations (3, 3) for ising-2d-l3-",
    ),
    (["--data", "SystemSamples", "--data.size", "1"], "size must be"),
    (["--data", "SystemSamples", "--data.validation", "2"], "validation must be"),
]


@pytest.mark.parametrize(("given", "words"), WRONG)
def test_wrong_data_are_one_line(given, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("empty.npz", y=np.zeros(3))
    np.savez("large.npz", x=np.ones((8, 4, 4), np.float32))
    np.savez("bits.npz", x=np.zeros((8, 3, 3), np.float32))
    np.savez("nan.npz", x=np.where(np.arange(72) == 5, np.nan, 1.0).reshape(8, 3, 3).astype(np.float32))
    np.savez("integers.npz", x=np.ones((8, 3, 3), np.int64))
    np.savez("none.npz", x=np.ones((0, 3, 3), np.float32))
    np.savez("one.npz", x=np.ones((1, 3, 3), np.float32))
    Path("nothing.npz").touch()
    Path("text.npz").write_text("spins")
    words_of_model = ["--model", "BoltzmannMachine", "--model.system", "Ising2D", "--model.system.size", "3"]
    assert command(["fit", *words_of_model, *given, "--wandb", "off"]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said and said.startswith("physgen: error: ") and "\n" not in said


def test_models_that_take_no_data_say_so(tmp_path, spins, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(1)
    wave = GaussianBinaryRBM(QuantumDot(2), sampler=Metropolis(walkers=50, warm_up_steps=20))
    warnings.filterwarnings("ignore", message=".*val_dataloader. but have no .validation_step.*")
    with pytest.raises(InputError, match="^data must be left out: GaussianBinaryRBM learns from its Hamiltonian"):
        trainer(tmp_path).fit(wave, datamodule=Samples(wave.sample(20, 1)))
    paths = DiffusionModel(ClassicalDot(2), objective="log_variance", hidden=4)
    with pytest.raises(InputError, match="^data must be left out: objective log_variance"):
        trainer(tmp_path).fit(paths, datamodule=SystemSamples())
    with pytest.raises(InputError, match="^data must be left out beside data_file"):
        trainer(tmp_path).fit(machine(data_file=spins), datamodule=FileSamples(spins))
    assert command(["fit", "--data", spins, "--wandb", "off"]) == 2
    assert "data must be left out: GaussianBinaryRBM" in capsys.readouterr().err
    assert command(["fit", "--model", "BoltzmannMachine", "--model.system", "QuantumDot", "--wandb", "off"]) == 2
    assert "system must be a classical system for BoltzmannMachine, got QuantumDot" in capsys.readouterr().err
    assert command(["test", "quantum-dot-2d-n2-omega1/rbm", "--data", spins]) == 2
    assert "data goes with fit" in capsys.readouterr().err
    with pytest.raises(InputError, match="^x must be real numbers"):
        Samples("spins")
    with pytest.raises(InputError, match="^system must be a classical one"):
        SystemSamples(size=8).samples_for(QuantumDot(2))
    assert BarsAndStripes(3).space.values == (0.0, 1.0)
