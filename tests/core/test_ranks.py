import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from physgen.cli import main
from physgen.core.errors import InputError
from physgen.models import GaussianBinaryRBM
from physgen.runs.folder import RUN_FOLDER, last_checkpoint, shared_run_folder
from physgen.runs.result import Result
from physgen.samplers import Metropolis
from physgen.systems import QuantumDot

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_ranks_draw_apart_and_stay_equal(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.checks import ranks

    ways = list(ranks.WAYS)
    # one optimiser for each way to draw: walkers of a machine and of determinants, a flow
    drawing = ["Adam, wavefunction", "SPRING, neural backflow", "Adam, flow"]
    learning, still = [(way, 12, 1e-2) for way in ways], [(way, 60, 1e-12) for way in drawing]
    two, (one,) = ranks.train(2, learning + still), ranks.train(1, still)
    for way, *learnt in zip(ways, *two, strict=False):
        first, second = (rank["parameters"] for rank in learnt)
        assert (first - second).abs().max() <= 1e-12, way
        assert (learnt[0]["drawn"] - learnt[1]["drawn"]).abs().median() > 0.05, way
    for index, way in enumerate(drawing):
        learnt = [rank[ways.index(way)] for rank in two]
        found = ranks.compared(learnt, one[index], [rank[len(ways) + index] for rank in two])
        assert found["gap"] < 4, way
        assert 1.0 < found["effective"] < 4.0, way  # the benchmark has the samples to tell 1.8 from 2.2
        assert not torch.equal(learnt[0]["parameters"], two[0][len(ways) + index]["parameters"]), way


@pytest.mark.slow
def test_what_is_not_finite_on_one_rank_is_noticed_by_both(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.checks.nan_on_one_rank import Case, outcomes

    todo = [
        Case("GaussianBinaryRBM", "parameter"),
        Case("GaussianBinaryRBM", "walker"),
        Case("AutoregressiveMLP", "parameter"),
        Case("MLPFlow", "energy"),
        Case("GaussianBinaryRBM", "parameter", stays=True),
    ]
    for case, (words, well) in zip(todo, outcomes(todo), strict=True):
        assert well, f"{case}: {words}"


#: does several verbs one after another in the processes that torchrun starts, which import the package once
WORKER = "import json, sys\nfrom physgen.cli import main\nfor arguments in json.loads(sys.argv[1]): main(arguments)\n"


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_ranks_and_is_tested_on_two(tiny, tmp_path, caplog):
    run, tested = tmp_path / "run", tmp_path / "tested"
    main(tiny("GaussianBinaryRBM", run))
    assert len(torch.load(last_checkpoint(run), weights_only=True)["draws"]["generator"]) == 1

    two = ["--trainer.devices=2", "--trainer.strategy=ddp"]
    test = ["test", str(run), *two, f"--run_folder={tested}", "--trainer.accelerator=cpu", "--figures=false"]
    verbs = [
        [*tiny("GaussianBinaryRBM", run, "--trainer.max_epochs 2"), *two],
        [*test, *"--evaluation.samples=300 --evaluation.batch=100 --trainer.enable_progress_bar=false".split()],
    ]
    (tmp_path / "worker.py").write_text(WORKER)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = "-m torch.distributed.run --standalone --nproc-per-node 2".split()
    done = subprocess.run(
        [sys.executable, *command, str(tmp_path / "worker.py"), json.dumps(verbs)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "resumed on 2 ranks from a checkpoint of 1" in done.stderr
    # rank 0 alone speaks: at the start of the training, and after both evaluations
    assert done.stdout.count("continuing from") == 1 and done.stdout.count("run folder") == 3
    held = torch.load(last_checkpoint(run), weights_only=True)["draws"]
    assert len(held["generator"]) == 2 and held["state"]["x"].shape == (2, 16, 2, 2)
    assert not torch.isclose(held["state"]["x"][0], held["state"]["x"][1]).any()
    result = Result.read(tested / "result.json")
    assert result.diagnostics["samples"] == 600 and result.provenance["iterations"] == 8

    main(tiny("GaussianBinaryRBM", run, "--trainer.max_epochs 3"))
    assert "resumed on 1 ranks from a checkpoint of 2" in caplog.text and "dealt again" in caplog.text
    assert len(torch.load(last_checkpoint(run), weights_only=True)["draws"]["generator"]) == 1
    with (run / "metrics.csv").open(newline="") as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["train/energy"]]
    assert steps == [2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize("outside", [{"WORLD_SIZE": "2"}, {"SLURM_NTASKS": "8"}, {}])
def test_ranks_started_from_outside_need_a_common_folder(outside, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(RUN_FOLDER, raising=False)
    for name, value in outside.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="^run_folder must be given"):
        shared_run_folder(None, "system", "Model", machines=1 if outside else 2)
    assert shared_run_folder(str(tmp_path / "common"), "system", "Model", machines=2).path == tmp_path / "common"
    monkeypatch.delenv(RUN_FOLDER)


def test_the_script_of_slurm_starts_a_training(capsys):
    script = ROOT / "examples" / "slurm.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)", script.read_text(), re.MULTILINE))
    shown = subprocess.run(
        ["bash", "-c", f'srun() {{ printf "%s\\n" "$@"; }}; source {script}'],
        capture_output=True,
        text=True,
        check=True,
    )
    python, *arguments = shown.stdout.splitlines()
    assert [python, *arguments[:3]] == ["python", "-m", "physgen", "fit"]
    config = printed(arguments[2:], capsys)
    assert config["trainer"]["devices"] == asked["ntasks-per-node"] == asked["gpus-per-node"]
    assert str(config["trainer"]["num_nodes"]) == asked["nodes"] and config["run_folder"]


def test_commands_of_the_page_are_understood(capsys):
    page = (ROOT / "docs" / "several-machines.md").read_text().replace("\\\n", " ")
    commands = [shlex.split(line) for line in re.findall(r"^(?:python|torchrun) .*", page, re.MULTILINE)]
    assert len(commands) == 4
    for command in commands:
        verb, *rest = command[command.index("physgen") + 1 :]
        if verb == "test":
            rest = ["quantum-dot-2d-n6-omega1/neural-backflow", *rest[1:]]  # its run is not there
        config = printed([verb, *rest], capsys)
        assert config["trainer"]["strategy"] == "ddp"
        ranks = [command[i + 1] for i, word in enumerate(command) if word == "--nproc-per-node"]
        assert not ranks or [config["trainer"]["devices"]] == ranks


def printed(arguments, capsys):
    """Return the config that a command line means."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--print_config"])
    assert end.value.code in (0, None)
    return yaml.safe_load(capsys.readouterr().out)


def test_walkers_are_dealt_from_the_pool_of_other_ranks():
    model = GaussianBinaryRBM(QuantumDot(), hidden=2, sampler=Metropolis(walkers=6, warm_up_steps=0))
    model.generator = torch.Generator().manual_seed(1)
    pool = torch.randn(2, 4, model.system.n, 2)
    model.redistribute_training({"x": pool, "width": torch.tensor([0.2, 0.4])})
    assert torch.equal(model.sampler.x, pool.flatten(0, 1)[:6])
    assert model.sampler.width == pytest.approx(0.3)
