"""`~` is the home folder wherever a path can be given, and never a folder of that name."""

import numpy as np
import pytest
import torch

from physgen.cli import main
from physgen.core.errors import InputError
from physgen.core.own_entries import own_folder
from physgen.core.paths import command, user_path
from physgen.models import Model
from physgen.runs.folder import last_checkpoint
from physgen.runs.samples_file import load_samples, save_samples
from physgen.systems import ClassicalDot
from physgen.zoo.pretrained import list_pretrained, load_pretrained


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, beside a current folder that must stay without one named `~`."""
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path / "home"
    assert not (tmp_path / "here" / "~").exists()


def test_paths_that_no_file_system_takes_are_refused(home):
    assert user_path("~/a b") == home / "a b" and user_path("a/~") == user_path("a") / "~"
    for bad in ("", "\0", "a\nb", "a" * 300, "a/" * 3000, "~nobody-of-this-name/x", 3, None, b"a"):
        with pytest.raises(InputError, match="folder") as refusal:
            user_path(bad, "folder")
        assert len(str(refusal.value)) < 300 and "\n" not in str(refusal.value)


def test_commands_can_be_pasted():
    assert command("fit", "--config", "a b/[c]*'d.yaml") == """python -m physgen fit --config 'a b/[c]*'"'"'d.yaml'"""


def test_every_option_and_argument_knows_the_home_folder(home, tiny, capsys):
    main(tiny("MLPFlow", "~/runs/a"))
    assert (home / "runs" / "a" / "result.json").is_file()
    short = "--evaluation.samples 100 --evaluation.batch 50 --figures false --trainer.enable_progress_bar false".split()
    main(["test", "~/runs/a", *short, "--run_folder=~/test"])
    held = f"~/{last_checkpoint(home / 'runs' / 'a').relative_to(home)}"
    main(["predict", f"--ckpt_path={held}", *short, "--run_folder=~/draws"])
    main(["compare", "~/runs/a", "--out=~/compared"])
    assert all((home / name).is_dir() for name in ("test", "draws", "compared"))
    (home / "run.yaml").write_text("run_folder: ~/runs/b\nwarm_start: ~/runs/a\n")
    options = [a for a in tiny("MLPFlow", "x")[1:] if a not in ("x", "--run_folder")]
    main(["fit", "--config=~/run.yaml", *options])
    assert "warm start" in capsys.readouterr().out
    path = last_checkpoint(home / "runs" / "b")
    models = [Model.load_from_checkpoint(p) for p in (path, f"~/{path.relative_to(home)}")]
    assert torch.equal(*(next(model.parameters()) for model in models))


def test_samples_in_the_home_folder(home):
    np.savez(home / "x.npz", x=0.7 * np.random.default_rng(0).normal(size=(20, 2, 2)))
    assert load_samples("~/x.npz", ClassicalDot(n=2)).shape == (20, 2, 2)
    assert save_samples("~/y/x.npz", torch.zeros(1, 2, 2)) == home / "y" / "x.npz"


def test_folders_of_entries_in_the_home_folder(home, monkeypatch):
    (home / "zoo").mkdir()
    (home / "zoo" / "index.json").write_text("{}")
    assert list_pretrained(folder="~/zoo") == []
    monkeypatch.setenv("PHYSGEN_ENTRIES", "~/zoo")
    assert own_folder() == home / "zoo"
    with pytest.raises(InputError, match="no entries yet"):
        load_pretrained("a/b", folder="~/zoo")


def test_references_and_their_cache_in_the_home_folder(home, monkeypatch):
    monkeypatch.setenv("PHYSGEN_CACHE", "~/cache")
    main("reference --system ClassicalDot --system.n 1 --error 0.2 --walkers 8 --output=~/reference".split())
    assert (home / "reference" / "reference.json").is_file() and (home / "cache" / "reference").is_dir()
