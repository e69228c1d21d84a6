"""A user's own Hamiltonian and ansatz, in one file outside of the package, through every verb."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import physgen
from physgen.cli import main
from physgen.cli.extensions import ENTRIES, brought
from physgen.core.shipped import shipped
from physgen.models import Model
from physgen.runs.again import own_modules
from physgen.runs.folder import last_checkpoint
from physgen.runs.result import Result
from physgen.systems import System
from physgen.zoo.index import write_index

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "anharmonic_trap.py"
NAME = "anharmonictrap-strength0.1/trap-network"
QUIET = ["--figures=false", "--trainer.enable_progress_bar=false", "--evaluation.batch=100", "--evaluation.warm_up=50"]
FIT = (
    "fit --model anharmonic_trap.TrapNetwork --model.system anharmonic_trap.AnharmonicTrap --run_folder run "
    "--trainer.accelerator cpu --model.sampler.walkers 256 --evaluation.samples 4000"
).split()


def forget():
    """Make the user's module unknown, as to a new process."""
    sys.modules.pop("anharmonic_trap", None)
    System.registry.pop("AnharmonicTrap", None)
    Model.registry.pop("TrapNetwork", None)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder that holds the user's file and nothing else."""
    shutil.copy(EXAMPLE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENTRIES, raising=False)
    yield tmp_path
    forget()


def test_the_example_is_one_short_file():
    assert len(EXAMPLE.read_text().splitlines()) <= 30


def exact(strength):
    """Lowest eigenvalue of p^2/2 + x^2/2 + strength x^4 in a basis of oscillator functions."""
    x = np.diag(np.sqrt(np.arange(1, 120) / 2), 1)
    x = x + x.T
    return np.linalg.eigvalsh(np.diag(np.arange(120) + 0.5) + strength * np.linalg.matrix_power(x, 4))[0]


def test_every_verb_takes_a_users_own_system_and_model(place, refused, capfd):
    main([*FIT, *QUIET, "--wandb=offline", "--trainer.max_epochs=1"])
    assert list(place.glob("run/wandb/offline-run-*"))
    main([*FIT, *QUIET, "--wandb=off", "--trainer.max_epochs=2"])
    assert "continuing from" in capfd.readouterr().out
    result = Result.read("run/result.json")
    assert result.provenance["iterations"] == 100 and result.reference.exact
    assert result.reference.value == pytest.approx(exact(0.1), abs=1e-10)
    energy = result.headline
    assert abs(energy.value - exact(0.1)) < 4 * energy.error + 2e-3  # of a training of seconds

    forget()  # what follows may be another day
    refused(["test", "run"], "--import anharmonic_trap")
    own = ["--import", "anharmonic_trap"]
    main(["test", "run", *own, *QUIET, "--evaluation.samples=2000", "--run_folder=tested"])
    assert Result.read("tested/result.json").provenance["model"] == "TrapNetwork"
    main([*own, "predict", "run", *QUIET, "--evaluation.samples=200", "--run_folder=drawn"])
    assert np.load("drawn/samples.npz")["x"].shape == (200, 1, 1)

    main(["publish", "run", NAME, "--folder", "zoo", *own])
    entry = place / "zoo" / NAME
    kept = {"weights.ckpt", "config.yaml", "result.json", "card.md", "metrics.csv"}
    assert {p.name for p in entry.iterdir()} == kept
    assert "run_folder" not in (entry / "config.yaml").read_text()
    assert ENTRIES not in os.environ
    capfd.readouterr()
    main(["list", "pretrained", "--folder=zoo"])
    main(["show", NAME, "--folder=zoo"])
    shown = capfd.readouterr().out
    assert NAME in shown and "import anharmonic_trap" in shown and "quantum-dot" in shown
    assert NAME not in physgen.list_pretrained() and physgen.list_pretrained(folder="zoo") == [NAME]
    model = physgen.load_pretrained(NAME, folder="zoo")
    trained = Model.load_from_checkpoint(last_checkpoint(place / "run"))
    x = model.sample(20, 3, numpy=True)
    assert np.array_equal(model.log_psi(x)[1], trained.log_psi(x)[1])
    main(["verify", NAME, "--folder=zoo", "--seconds=2"])
    assert "1 of 1 entries pass" in capfd.readouterr().out
    forget()  # the command that the card names stands alone
    words = shlex.split(Result.read(entry / "result.json").provenance["command"])[3:]
    assert "--import=anharmonic_trap" in words and "--import=anharmonic_trap" in result.provenance["command"]
    main([*words, "--run_folder=again", *QUIET, "--evaluation.samples=2000", "--trainer.max_epochs=1", "--wandb=off"])
    assert json.loads((place / "again" / "result.json").read_text())["provenance"]["iterations"] == 50


def test_modules_that_cannot_be_imported_are_refused_in_one_line(place, refused):
    refused(["list", "--import", "nowhere_to_be_found"], "--import nowhere_to_be_found")
    (place / "broken.py").write_text("1 / 0\n")
    refused(["list", "--import=broken"], "--import broken failed: ZeroDivisionError")
    refused(["list", "--import"], "--import needs a value")


def test_path_and_folder_are_as_before(place, monkeypatch):
    path = list(sys.path)
    with brought(["list", "--folder=a", "systems", "--folder", "b"]) as rest:
        assert rest == ["list", "systems"] and os.environ[ENTRIES] == "b"
    assert ENTRIES not in os.environ and sys.path == path
    monkeypatch.setenv(ENTRIES, "kept")
    with brought(["--folder=a"]):
        pass
    assert os.environ[ENTRIES] == "kept"


@pytest.mark.parametrize("text", [None, "", "[]", '{"a/b": 3}', '{"a/b": {"value": 1}}', "\x00"])
def test_a_folder_without_a_sound_index_is_refused_in_one_line(text, place, refused):
    if text is not None:
        (place / "index.json").write_text(text)
    for verb in (["list", "pretrained"], ["show", "a/b"], ["verify", "a/b"], ["test", "a/b"]):
        refused([*verb, "--folder=."], "folder . of entries")


@pytest.mark.parametrize("linked", ["card.md", "weights.ckpt", "."])
def test_an_entry_with_links_out_of_its_folder_is_refused_in_one_line(linked, place, refused):
    entry = place / "zoo" / NAME
    shutil.copytree(shipped("checkpoints") / "quantum-dot-2d-n2-omega1" / "rbm-symmetric", entry)
    write_index(place / "zoo")
    main(["show", NAME, "--folder=zoo"])
    secret = place / "secret"
    shutil.copytree(entry, secret)
    path = entry / linked
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(secret / linked)
    for verb in ("show", "test", "verify"):
        refused([verb, NAME, "--folder=zoo"], "is a link out of the folder")


def test_modules_of_a_recipe():
    system = {"class_path": "mine.Trap", "init_args": {"file": "a.npz", "parts": [{"class_path": "other.deep.Part"}]}}
    recipe = {"class_path": "physgen.models.MLPFlow", "init_args": {"system": system, "again": system}}
    assert own_modules(recipe) == ["mine", "other.deep"]
    assert own_modules({"class_path": "__main__.Trap"}) == [] == own_modules({"class_path": "MLPFlow"})
