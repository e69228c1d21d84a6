"""Weights of one training as the start of another, and the sweep over frequencies."""

import json

import pytest
import torch

from physgen.cli import main
from physgen.core.errors import InputError
from physgen.models import GaussianBinaryRBM, MLPFlow, Model, RBMSlater, SlaterJastrow
from physgen.runs.folder import last_checkpoint
from physgen.systems import ClassicalDot, QuantumDot
from physgen.zoo.warm_start import warm_start


@pytest.fixture
def saved(tmp_path):
    """Write a model as a checkpoint and return its path."""

    def write(model):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.ckpt"
        recipe = {"format": 1, "version": "0", **model.spec()}
        torch.save({"physgen": recipe, "state_dict": model.state_dict()}, path)
        return str(path)

    return write


def test_weights_of_another_frequency(saved, generator):
    """Without repulsion psi is the same function of coordinates in units of the length."""
    torch.manual_seed(1)
    there = RBMSlater(QuantumDot(6, omega=1.0, coupling=0.0), jastrow="simple")
    here = RBMSlater(QuantumDot(6, omega=0.25, coupling=0.0), jastrow="simple")
    x = torch.randn(5, 6, 2, generator=generator)
    assert not torch.allclose(here.log_psi(2 * x)[1], there.log_psi(x)[1])
    text = warm_start(here, saved(there))
    assert text.startswith("warm start: 6 of 6 weights of ") and text.endswith("(quantum-dot-2d-n6-omega1-coupling0)")
    torch.testing.assert_close(here.log_psi(2 * x)[1], there.log_psi(x)[1])
    assert here.system.omega == 0.25 and here.spec() != there.spec()


def test_parts_of_the_family(saved):
    torch.manual_seed(1)
    plain, product = (RBMSlater(QuantumDot(6), jastrow=j) for j in ("none", "pade"))
    before = product.net.positive.jastrow.raw.clone()
    text = warm_start(product, saved(plain))
    assert "5 of 6 weights" in text and text.endswith("net.positive.jastrow.raw start anew")
    assert torch.equal(product.net.positive.machine.weight, plain.net.positive.machine.weight)
    assert torch.equal(product.net.positive.jastrow.raw, before)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (SlaterJastrow(QuantumDot(12)), "must have n = 6 as the system, it has n = 12"),
        (SlaterJastrow(QuantumDot(8, dim=3)), "must have n = 6"),
        (SlaterJastrow(QuantumDot(6, n_up=6)), "must have n_up = 3"),
        (GaussianBinaryRBM(QuantumDot(6)), "shares no weights with SlaterJastrow, it is a GaussianBinaryRBM"),
        (MLPFlow(ClassicalDot(6), hidden=[12]), "must have n_up = 3"),
        (SlaterJastrow(QuantumDot(6), jastrow="spline"), "shares"),
    ],
)
def test_what_does_not_fit_is_refused(other, words, saved):
    model = SlaterJastrow(QuantumDot(6))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    if words == "shares":  # the spline holds its Pade form under another name, the width is shared
        assert "1 of 2 weights" in warm_start(model, saved(other))
        return
    with pytest.raises(InputError) as refusal:
        warm_start(model, saved(other))
    assert words in str(refusal.value) and "\n" not in str(refusal.value)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_another_dimension_and_shape(saved):
    with pytest.raises(InputError, match="must have dim = 2 as the system, it has dim = 3"):
        warm_start(GaussianBinaryRBM(QuantumDot(2)), saved(GaussianBinaryRBM(QuantumDot(2, dim=3))))
    with pytest.raises(InputError, match=r"does not fit RBMSlater: net.positive.machine.b has the shape \(3,\), not"):
        warm_start(RBMSlater(QuantumDot(6), hidden=4), saved(RBMSlater(QuantumDot(6), hidden=3)))


def test_the_command_line_starts_warm(tiny, tmp_path, capfd, refused):
    main(tiny("GaussianBinaryRBM", tmp_path / "a"))
    warm = f"--model.system.omega 0.5 --seed_everything 3 --warm_start {tmp_path / 'a'} --model.steps_per_epoch 1"
    main(tiny("GaussianBinaryRBM", tmp_path / "b", f"{warm} --model.learning_rate 1e-12"))
    assert "weights of " in capfd.readouterr().out
    a, b = (Model.load_from_checkpoint(last_checkpoint(tmp_path / name)) for name in "ab")
    assert b.system.omega == 0.5
    for one, other in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-7)
    held = json.loads((tmp_path / "b" / "result.json").read_text())
    assert held["provenance"]["warm_start"] == str(tmp_path / "a")
    refused(tiny("GaussianBinaryRBM", tmp_path / "c", "--warm_start none-such"), "none-such")
    refused(tiny("GaussianBinaryRBM", tmp_path / "c", f"--warm_start {tmp_path / 'a'} --model.system.dim 3"), "dim = 3")
    refused(["test", tmp_path / "a", "--warm_start", tmp_path / "a"], "warm_start")
    checkpoint = last_checkpoint(tmp_path / "a")
    both = ["fit", "--ckpt_path", checkpoint, "--warm_start", checkpoint]
    refused([*both, "--run_folder", tmp_path / "c"], "warm_start")
    assert not (tmp_path / "c").exists()


def test_sweep_walks_the_frequencies_and_goes_on_where_it_stopped(tiny, tmp_path, capsys):
    arguments = [a for a in tiny("GaussianBinaryRBM", "unused")[1:] if a not in ("--run_folder", "unused")]
    root = tmp_path / "sweep"
    main(["sweep", "--over", "model.system.omega=1,0.5", "--in_turn", *arguments, "--run_folder", str(root)])
    shown = capsys.readouterr().out
    rows = json.loads((root / "sweep.json").read_text())["estimates"]
    assert list(rows) == ["omega=1", "omega=0.5"] and "omega0.5" in shown
    assert all(row["energy"][1] > 0 and "coulomb" in row for row in rows.values())
    results = [json.loads((root / f"omega={w}" / "result.json").read_text()) for w in ("1", "0.5")]
    assert [r["provenance"].get("warm_start") for r in results] == [None, str(root / "omega=1")]
    assert results[1]["provenance"]["system"] == "quantum-dot-2d-n2-omega0.5"
    stamps = [(root / f"omega={w}" / "result.json").stat().st_mtime_ns for w in ("1", "0.5")]
    main(["sweep", "--over", "model.system.omega=1,0.5", "--in_turn", *arguments, "--run_folder", str(root)])
    assert stamps == [(root / f"omega={w}" / "result.json").stat().st_mtime_ns for w in ("1", "0.5")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "over"),
        (["--over", "model.system.omega=1,x", "--in_turn"], "omega"),
        (["--over", "model.system.omega=1,-0.5", "--in_turn"], "omega"),
        (["--over", "model.system.omega=1,1", "--in_turn"], "omega"),
        (["--over", "model.system.omega=1", "--in_turn", "--ckpt_path", "x"], "ckpt_path"),
        (["--over", "model.system.omega=1", "--in_turn", "--model.system.omega", "2"], "model.system.omega"),
    ],
)
def test_bad_sweeps(arguments, words, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(["sweep", *arguments], words)
    assert not list(tmp_path.iterdir())


def test_diffusion_follows_an_evaluation(tiny, tmp_path, refused):
    main(tiny("GaussianBinaryRBM", tmp_path / "run", "--model.jastrow true"))
    short = (
        "--dmc.walkers 20 --dmc.time 10 --dmc.warm_up 2 --dmc.time_steps [0.05,0.1,0.2] --evaluation.samples 200 "
        "--evaluation.batch 100 --figures false --trainer.enable_progress_bar false"
    )
    main(["test", str(tmp_path / "run"), "--dmc", *short.split(), "--run_folder", str(tmp_path / "test")])
    held = json.loads((tmp_path / "test" / "result.json").read_text())
    energy = held["estimates"]["energy_dmc"]
    assert energy["error"] > 0 and abs(energy["value"] - 3) < 5 * energy["error"] + 0.02
    assert {"trap_mixed", "trap_dmc", "coulomb_dmc", "kinetic_dmc"} <= set(held["estimates"])
    mixed, guess = held["estimates"]["trap_mixed"]["value"], held["estimates"]["trap"]["value"]
    assert held["estimates"]["trap_dmc"]["value"] == pytest.approx(2 * mixed - guess)
    assert held["provenance"]["dmc"]["walkers"] == 20 and len(held["provenance"]["dmc"]["energies"]) == 3
    assert held["quantity"] == "energy"
    for arguments, words in (
        (["test", tmp_path / "run", "--dmc", "--dmc.time_steps", "[0.1,0.2,-0.3]"], "dmc.time_steps"),
        (["test", tmp_path / "run", "--dmc.time_step", "0"], "time_step"),
        (["test", "classical-dot-n2-beta2/invertible-flow", "--dmc"], "a density"),
        (["predict", tmp_path / "run", "--dmc"], "dmc"),
        (tiny("GaussianBinaryRBM", tmp_path / "no", "--model.system.n 6 --dmc"), "not antisymmetric"),
    ):
        refused(arguments, words)
    assert not (tmp_path / "no").exists()
