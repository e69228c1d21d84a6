"""What `test` and `predict` leave behind: what was asked for, and nothing else."""

import numpy as np
import pytest

from physgen.cli import main
from physgen.systems import Reference

ENTRY = "quantum-dot-2d-n2-omega1/rbm-jastrow"
SHORT = ["--evaluation.samples=200", "--evaluation.batch=100", "--evaluation.warm_up=10", "--trainer.accelerator=cpu",
         "--trainer.enable_progress_bar=false"]  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_evaluation_leaves_no_folder_unless_asked(here, capsys):
    main(["test", ENTRY, *SHORT])
    shown = capsys.readouterr().out
    assert "nothing was written; --run_folder FOLDER keeps result and figures" in shown and "run folder " not in shown
    assert list(here.iterdir()) == []
    main(["test", ENTRY, *SHORT, "--run_folder=kept"])
    shown = capsys.readouterr().out
    assert "run folder kept" in shown and {p.name for p in (here / "kept").iterdir()} >= {"result.json", "g_of_r.png"}


def test_draws_go_into_the_file_that_is_named(here, capsys):
    main(["predict", ENTRY, *SHORT, "--output=drawn/x.npz"])
    assert "wrote drawn/x.npz: x (200, 2, 2)" in capsys.readouterr().out
    assert [p.name for p in here.iterdir()] == ["drawn"]
    with np.load(here / "drawn" / "x.npz") as held:
        assert held["x"].shape == (200, 2, 2) and np.isfinite(held["log_psi"]).all()


def test_other_verbs_have_no_file_to_name(refused):
    for words in (["test", ENTRY], ["fit"]):
        refused([*words, "--output=x.npz"], f"output has no effect on {words[0]}, it draws nothing into a file")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(3.000000000003356, 0.0, "3"), (1.65977213, 0.0, "1.6597721"), (20.15932, 0.00008, "20.15932(8)"),
     (-0.25, 0.0, "-0.25"), (157.5645, 0.0011, "157.5645(11)")],
)  # fmt: skip
def test_a_reference_is_written_in_one_way(value, error, text):
    assert Reference("energy", value, error, "x", "y").number == text


def test_the_panel_says_exact_values_short_and_free_energies_in_nats(here, capsys):
    main(["test", ENTRY, *SHORT])
    shown = capsys.readouterr().out
    assert "exact 3:" in shown and "3.0000 " not in shown and "nan" not in shown
    main(["test", "quartic-well-beta1/invertible-flow", *SHORT])
    shown = capsys.readouterr().out
    assert " nats)" in shown and "exact -1.3408587: " in shown
