"""Sweeps over seeds and options, and the sweep files of W&B."""

import json

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from physgen.callbacks import ResultWriter
from physgen.cli import main
from physgen.cli.sweep import run as sweep
from physgen.cli.training import ArgumentsOnly
from physgen.cli.training import run as train
from physgen.cli.words import taken
from physgen.core.errors import TrainingError
from physgen.core.shipped import shipped
from physgen.models import GaussianBinaryRBM, Model
from physgen.runs.result import Result


@pytest.fixture
def options(tiny):
    """Return options of a short training without a folder."""
    return taken(tiny("GaussianBinaryRBM", "unused")[1:], "--run_folder")[1]


@pytest.fixture
def free(options):
    """The same without the number of hidden units."""
    return taken(options, "--model.hidden")[1]


def test_a_grid_trains_every_combination_once(free, tmp_path, capsys):
    root = tmp_path / "sweep"
    command = ["--over", "model.hidden=2,3", *free, "--run_folder", str(root)]
    results = sweep(["--seeds", "1,2", *command])
    shown = capsys.readouterr().out
    names = ["hidden=2_seed=1", "hidden=2_seed=2", "hidden=3_seed=1", "hidden=3_seed=2"]
    assert sorted(p.name for p in root.iterdir()) == [*names, "sweep.json"]
    assert "hidden=2_seed={1,2}" in shown and "spread" in shown
    sources = [result.provenance for result in results]
    assert [(s["recipe"]["init_args"]["hidden"], s["seed"], s["evaluation_seed"]) for s in sources] == [
        (2, 1, 1), (2, 2, 2), (3, 1, 1), (3, 2, 2)]  # fmt: skip
    assert len({result.headline.value for result in results}) == 4
    stamps = {name: (root / name / "result.json").stat().st_mtime_ns for name in names}
    again = sweep(["--seeds", "1,2,7", *command])
    assert len(again) == 6 and again[0].text() == results[0].text()
    assert stamps == {name: (root / name / "result.json").stat().st_mtime_ns for name in names}


def test_seeds_alone_and_their_order(options, tmp_path):
    main(["sweep", "--seeds=3,1", *options, "--evaluation.seed=5", "--run_folder", str(tmp_path / "s")])
    sources = [Result.read(tmp_path / "s" / f"seed={seed}" / "result.json").provenance for seed in (3, 1)]
    assert [(s["seed"], s["evaluation_seed"]) for s in sources] == [(3, 5), (1, 5)]


def test_options_of_another_sweep_are_refused(options, tmp_path, refused):
    root = tmp_path / "sweep"
    main(["sweep", "--seeds", "1", *options, "--run_folder", str(root)])
    before = (root / "sweep.json").read_text()
    refused(["sweep", "--seeds", "1,2", *options, "--model.jastrow=true", "--run_folder", root], "--model.jastrow=true")
    assert (root / "sweep.json").read_text() == before and not (root / "seed=2").exists()
    (root / "sweep.json").write_text("[]")
    refused(["sweep", "--seeds", "1", *options, "--run_folder", root], "another sweep")


@pytest.mark.parametrize("kind", ["seeds", "in_turn"])
def test_what_was_finished_survives_an_interruption(kind, options, tmp_path, monkeypatch):
    root, write = tmp_path / "new" / "sweep", ResultWriter.on_test_end
    first = "seed=1" if kind == "seeds" else "omega=1"

    def once(self, trainer, model):
        if (root / first / "result.json").is_file():
            raise KeyboardInterrupt
        write(self, trainer, model)

    values = {"seeds": ["--seeds", "1,2"], "in_turn": ["--over", "model.system.omega=1,0.5", "--in_turn"]}[kind]
    with monkeypatch.context() as patch:
        patch.setattr(ResultWriter, "on_test_end", once)
        with pytest.raises(SystemExit):
            main(["sweep", *values, *options, "--run_folder", str(root)])
    kept = Result.read(root / first / "result.json")
    results = sweep([*values, *options, "--run_folder", str(root)])
    assert len(results) == 2 and results[0].text() == kept.text()


def test_a_failing_training_is_said_after_the_others(options, tmp_path, monkeypatch, refused):
    step = GaussianBinaryRBM.training_step

    def fail(self, *args):
        if self.system.coupling == 2:
            raise TrainingError("energy is nan")
        return step(self, *args)

    monkeypatch.setattr(GaussianBinaryRBM, "training_step", fail)
    arguments = ["sweep", "--over", "model.system.coupling=2,0.5", *options, "--run_folder", tmp_path / "s"]
    refused(arguments, "coupling=2: energy is nan", code=1)
    assert (tmp_path / "s" / "coupling=0.5" / "result.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--seeds 1,x", "seeds"),
        ("--seeds 1,1", "seeds"),
        ("--seeds -1", "seeds"),
        ("--seeds 1 --seed_everything 2", "seed_everything"),
        ("--seeds 1 --ckpt_path x", "ckpt_path"),
        ("--omegas 1,2", "--over model.system.omega=1,2 --in_turn"),
        ("--seeds 1 --in_turn", "in_turn"),
        ("--seeds 1 --over model.hidden", "over"),
        ("--seeds 1 --over model.hidden=", "over"),
        ("--over model.hidden=2,2", "over model.hidden"),
        ("--over model.hidden=2 --over model.hidden=3", "over"),
        ("--over model.hidden=2 --model.hidden 4", "model.hidden"),
        ("--over seed_everything=1,2", "seed_everything"),
        ("--over model.hiden=2,3", "hiden"),
        ("--over model.learning_rate=0.1,-1", "learning_rate"),
        ("--seeds 1 --model.learning_rate=-1", "learning_rate"),
        ("--over model.system.omega=1,2 --in_turn --model MLPFlow --model.system ClassicalDot", "omega"),
        ("--over model.system.omega=1,-2 --in_turn", "omega"),
        ("--over model.system.n=2,6 --in_turn", "n = 6"),
        ("--over model.hidden=2,3 --in_turn", "has the shape"),
    ],
)
def test_bad_grids_are_refused_before_any_training(arguments, words, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(["sweep", *arguments.split()], words)
    assert not list(tmp_path.iterdir())


def test_values_in_turn_start_from_the_one_before_of_the_same_seed(options, tmp_path, capsys):
    root = tmp_path / "s"
    rest = taken(options, "--seed_everything")[1]
    chain = ["--over", "model.system.omega=1,0.5", "--in_turn", "--seeds", "1,2"]
    results = sweep([*chain, *rest, "--run_folder", str(root)])
    names = ["omega=1_seed=1", "omega=1_seed=2", "omega=0.5_seed=1", "omega=0.5_seed=2"]
    assert [Result.read(root / name / "result.json").text() for name in names] == [r.text() for r in results]
    started = [r.provenance.get("warm_start") for r in results]
    assert started == [None, None, str(root / names[0]), str(root / names[1])]
    kept = json.loads((root / "sweep.json").read_text())["estimates"]
    assert list(kept) == names
    assert all(row["energy"][1] > 0 and "coulomb" in row for row in kept.values())


def test_what_follows_a_failed_training_is_said(options, tmp_path, monkeypatch, refused):
    def fail(self, *args):
        raise TrainingError("energy is nan")

    monkeypatch.setattr(GaussianBinaryRBM, "training_step", fail)
    command = ["sweep", "--over", "model.system.omega=1,0.5", "--in_turn", *options, "--run_folder", tmp_path / "s"]
    refused(command, "omega=0.5: omega=1 left no weights", code=1)


def test_a_list_is_one_value(tiny, tmp_path):
    flow = taken(taken(tiny("MLPFlow", "unused")[1:], "--run_folder")[1], "--model.hidden")[1]
    results = sweep(["--over", "model.hidden=[4],[4,5]", *flow, "--run_folder", str(tmp_path / "s")])
    assert [r.provenance["recipe"]["init_args"]["hidden"] for r in results] == [[4], [4, 5]]
    assert {p.name for p in (tmp_path / "s").iterdir()} == {"hidden=4", "hidden=4-5", "sweep.json"}


#: all but what a family makes of itself
MODELS = sorted(
    name for name, kind in Model.registry.items() if kind.__module__.startswith("physgen.") and name != "FamilyMember"
)


def ends_of(space):
    """Return the first and the last value that a sweep may try."""
    return (space["values"][0], space["values"][-1]) if "values" in space else (space["min"], space["max"])


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_sweep_file_that_fit_accepts(model, tmp_path, monkeypatch):
    sweep = yaml.safe_load((shipped("configs") / "sweeps" / f"{model}.yaml").read_text(encoding="utf-8"))
    assert set(sweep) == {"program", "project", "name", "method", "metric", "command", "parameters"}
    assert sweep["name"] == model and sweep["method"] in ("grid", "random", "bayes")
    assert sweep["method"] != "grid" or all("values" in space for space in sweep["parameters"].values())
    assert sweep["command"][:5] == ["${env}", "python", "-m", "physgen", "fit"] and sweep["command"][-1] == "${args}"
    assert sweep["metric"]["goal"] == "minimize"
    (config,) = (part.removeprefix("--config=configs/") for part in sweep["command"][5:-1])
    entry = shipped("checkpoints") / config.removesuffix(".yaml") / "result.json"
    known = json.loads(entry.read_text())["estimates"] if entry.is_file() else {"free_energy", "energy"}
    assert sweep["metric"]["name"] in known
    monkeypatch.chdir(tmp_path)
    for end in (0, 1):
        chosen = {name: {"value": ends_of(space)[end]} for name, space in sweep["parameters"].items()}
        arguments = create_sweep_command_args({"args": chosen})["args"]  # as W&B's agent writes them
        parsed = train(["fit", f"--config={shipped('configs') / config}", *arguments], ArgumentsOnly)
        assert type(parsed.model).__name__ == model
        recipe = parsed.model.spec()["init_args"]
        for name, value in chosen.items():
            if name.startswith("model."):
                assert recipe[name.removeprefix("model.")] == value["value"]
            else:
                assert parsed.config["fit"][name] == value["value"]
    assert not list(tmp_path.iterdir())


def test_no_sweep_file_is_left_over():
    assert sorted(p.stem for p in (shipped("configs") / "sweeps").glob("*")) == MODELS
