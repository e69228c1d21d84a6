"""What W&B shows of a project with many systems: flat columns to sort and group by, no text that is a file."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import wandb

from physgen.callbacks.wandb_logger import GuardedWandbLogger
from physgen.callbacks.wandb_record import bands, run_config, run_name
from physgen.cli import main
from physgen.models import GaussianBinaryRBM, MLPFlow, SlaterJastrow
from physgen.runs.evaluation import Evaluation
from physgen.systems import ClassicalDot, QuantumDot
from physgen.zoo.compare import compare
from physgen.zoo.open_run import open_run

pytestmark = pytest.mark.usefixtures("no_service_left_behind")

SYSTEMS = [QuantumDot(n=2, omega=omega) for omega in (1.0, 0.5, 0.28, 0.1)]
MODELS = {
    "rbm": lambda system: GaussianBinaryRBM(system, hidden=2),
    "jastrow": lambda system: GaussianBinaryRBM(system, hidden=2, jastrow=True),
    "slater": SlaterJastrow,
}


def inspected(folder):
    """Return config, summary and name of an offline run, by W&B's own command."""
    (file,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    command = [sys.executable, "-P", "-m", "wandb", "leet", "inspect", "--json", str(file)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    records = [json.loads(line) for line in text.splitlines()]
    command.insert(-2, "--summary")
    whole = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    (run,) = (record["run"] for record in records if record["type"] == "run")
    return whole["config"], whole["summary"], run, file.parent


class Server:
    """A server that keeps what its runs were told; it has no service and no network."""

    def __init__(self, root):
        self.root, self.runs = root, []

    def init(self, config, name, group, **told):
        summary, artifacts = {}, []
        run = SimpleNamespace(config=config, name=name, group=group, summary=summary, artifacts=artifacts, told=told)
        run.dir = str(self.root / f"files{len(self.runs)}")
        Path(run.dir).mkdir()
        run.define_metric = run.log = run.save = lambda *_, **__: None
        run.log_artifact = artifacts.append
        self.runs.append(run)
        return run


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Four systems by three models, evaluated as they start, and what a server holds of them."""
    root, found = tmp_path_factory.mktemp("project"), {}
    server = Server(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wandb, "init", server.init)
        patch.setattr(wandb, "finish", lambda: None)
        for system in SYSTEMS:
            for name, make in MODELS.items():
                torch.manual_seed(1)
                model = make(system)
                folder = root / f"{name}-{system.omega}"
                folder.mkdir()
                model.evaluate(Evaluation(samples=200, batch=50, warm_up=20, thin=2))
                model.result.provenance |= {"seed": 1, "train_seconds": 2.0, "train_cpu_seconds": 1.5}
                model.result.write(folder / "result.json")
                config = run_config(model, {"threads": 1}) | {"seed": 1}
                logger = GuardedWandbLogger(folder, "online", system.label, config, run_name(model, 1))
                logger.close(model.result, folder)
                assert not logger.dead
                found[system.omega, name] = (server.runs[-1], model.result)
    return found


def test_a_project_is_sorted_by_gap_and_grouped_by_frequency(project):
    for (omega, _), (run, result) in project.items():
        config, summary = run.config, run.summary
        assert (config["omega"], config["n"], config["dim"], config["seed"]) == (omega, 2, 2, 1)
        assert config["system"] == run.group == result.provenance["system"]
        assert run.name == f"{config['system']} {config['model']} seed 1" and run.told["project"] == "physgen"
        assert summary["gap_percent"] == result.percent and summary["gap_sigmas"] == result.sigmas
        assert summary["v_score"] == result.diagnostics["v_score"] and summary["train_cpu_seconds"] == 1.5
        assert all(isinstance(v, (int, float)) for v in summary.values())
        assert all(isinstance(v, (int, float, str, type(None))) and len(str(v)) < 60 for v in config.values())
        assert [a.type for a in run.artifacts] == ["result"] and run.artifacts[0].manifest.entries.keys() == {
            "result.json"}  # fmt: skip
    ordered = sorted(project, key=lambda key: project[key][0].summary["gap_percent"])
    assert ordered == sorted(project, key=lambda key: project[key][1].percent)
    groups = {}
    for run, _ in project.values():
        groups.setdefault(run.config["omega"], set()).add(run.config["system"])
    assert len(groups) == 4 and all(len(systems) == 1 for systems in groups.values())


def test_a_server_gives_the_same_table(project, monkeypatch):
    def served(path):
        run, _ = list(project.values())[int(path.rsplit("/", 1)[1])]

        def file(name):
            return SimpleNamespace(name=name, download=lambda root, replace: shutil.copy(f"{run.dir}/{name}", root))

        return SimpleNamespace(summary_metrics=run.summary, files=lambda: [file("result.json")], file=file,
                               scan_history=lambda keys: [])  # fmt: skip

    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setattr(wandb, "Api", lambda timeout: SimpleNamespace(run=served))
    runs = [open_run(f"me/physgen/{i}") for i in range(3)]
    assert [run.result.text() for run in runs] == [result.text() for _, result in list(project.values())[:3]]
    assert len(compare(runs).rows) == 3


def test_names_projects_tags_and_notes_are_what_was_asked_for(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "from-the-environment")
    monkeypatch.setenv("WANDB_NAME", "named-outside")
    main(tiny("MLPFlow", tmp_path / "a", "--wandb offline --figures true"))
    config, summary, run, _ = inspected(tmp_path / "a")
    assert (run["project"], run["display_name"]) == ("from-the-environment", "named-outside")
    assert (config["beta"], config["n"], config["trainer.max_epochs"], config["evaluation.samples"]) == (10, 2, 1, 200)
    assert config["max_epochs"] == 1 and config["torch"] == torch.__version__ and "recipe" not in config
    assert summary["gap_nats"] >= 0 and summary["ess"] > 0 and summary["radial_density_table"]["_type"] == "table-file"
    assert summary["radial_density_band_table"]["_type"] == "table-file"
    (place,) = (tmp_path / "a" / "wandb").glob("offline-run-*")
    assert {file.name for file in (place / "files").iterdir()} >= {"result.json", "structure.npz"}
    assert open_run(str(place)).result.text() == open_run(str(tmp_path / "a")).result.text()
    options = "--wandb_project mine --wandb_name own --wandb_tags one,two --wandb_entity us --wandb_notes words"
    main(tiny("MLPFlow", tmp_path / "b", f"--wandb offline {options}"))
    _, _, run, _ = inspected(tmp_path / "b")
    assert (run["project"], run["display_name"], run["entity"]) == ("mine", "own", "us")
    assert run["tags"] == ["one", "two"] and run["notes"] == "words"


def test_options_of_wandb_without_an_effect_are_refused(tiny, tmp_path, refused):
    refused(tiny("MLPFlow", tmp_path / "run", "--wandb_project mine"), "wandb_project has no effect with wandb off")
    refused(["test", "quartic-well-beta1/invertible-flow", "--wandb_tags", "x"], "wandb_tags has no effect on test")


def test_physics_of_a_density_has_its_columns():
    columns = run_config(MLPFlow(ClassicalDot(n=3, beta=2.0)), {"guard": {"limit": 3, "other": None}})
    assert (columns["beta"], columns["n"], columns["coupling"], columns["guard.limit"]) == (2.0, 3, 1.0, 3)
    assert "guard.other" not in columns and columns["model_class"] == "MLPFlow"


def test_bands_lie_one_error_on_either_side(tmp_path):
    steps = range(10, 310, 10)
    lines = [f"{step},{3 + (-1) ** (step // 10) * 0.1}" for step in steps]
    (tmp_path / "metrics.csv").write_text("\n".join(["step,train/energy", *lines]) + "\n")
    density, error = np.array([2.0, 1.0, 0.5]), np.array([0.1, 0.2, np.nan])
    arrays = {"radius_edges": np.arange(4.0), "radial_density": density, "radial_density_error": error}
    np.savez(tmp_path / "structure.npz", **arrays)
    found = bands(tmp_path, "energy")
    axis, what, (x, low, middle, high) = found["radial_density_band"]
    assert (axis, what, x) == ("r", "radial_density", [0.5, 1.5])  # bins without an error are left out
    np.testing.assert_allclose([low, middle, high], [[1.9, 0.8], [2.0, 1.0], [2.1, 1.2]])
    axis, what, (x, low, middle, high) = found["training_band"]
    assert (axis, what) == ("iteration", "energy") and min(x) > 10 and max(x) < 300
    windows = np.array(middle)
    assert (abs(windows - 3) < 0.03).all() and (np.array(high) - windows == pytest.approx(windows - np.array(low)))
    assert set(bands(tmp_path, "free_energy")) == {"radial_density_band"}
