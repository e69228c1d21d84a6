import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from physgen.cli import main
from physgen.models import GaussianBinaryRBM
from physgen.run_folder import last_checkpoint
from physgen.samplers import Metropolis
from physgen.systems import QuantumDot

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_two_ranks_draw_apart_and_stay_equal(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import ranks

    ways = list(ranks.WAYS)
    learning, still = [(way, 12, 1e-2) for way in ways], [(way, 60, 1e-12) for way in ways]
    two, (one,) = ranks.train(2, learning + still), ranks.train(1, still)
    for index, way in enumerate(ways):
        learnt = [rank[index] for rank in two]
        found = ranks.compared(learnt, one[index], [rank[len(ways) + index] for rank in two])
        assert found["parameters"] <= 1e-12, way
        assert found["draws"] > 0.05, way
        assert found["gap"] < 4, way
        assert 1.0 < found["effective"] < 4.0, way  # the benchmark has the samples to tell 1.8 from 2.2
        assert not torch.equal(learnt[0]["parameters"], two[0][len(ways) + index]["parameters"]), way


@pytest.mark.slow
def test_a_run_on_two_ranks_continues_on_one_and_says_so(tiny, tmp_path, caplog):
    arguments = tiny("GaussianBinaryRBM", tmp_path, "--trainer.devices 2 --trainer.strategy ddp")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [sys.executable, "-m", "physgen", *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    held = torch.load(last_checkpoint(tmp_path), weights_only=True)["draws"]
    assert len(held["generator"]) == 2 and held["state"]["x"].shape == (2, 16, 2, 2)
    assert not torch.isclose(held["state"]["x"][0], held["state"]["x"][1]).any()
    assert (tmp_path / "result.json").is_file()

    main(tiny("GaussianBinaryRBM", tmp_path, "--trainer.max_epochs 2"))
    assert "resumed on 1 ranks from a checkpoint of 2" in caplog.text and "dealt again" in caplog.text
    assert len(torch.load(last_checkpoint(tmp_path), weights_only=True)["draws"]["generator"]) == 1
    with (tmp_path / "metrics.csv").open(newline="") as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["train/energy"]]
    assert steps == [2, 4, 6, 8]


def test_walkers_are_dealt_from_the_pool_of_other_ranks():
    model = GaussianBinaryRBM(QuantumDot(), hidden=2, sampler=Metropolis(walkers=6, warm_up_steps=0))
    model.generator = torch.Generator().manual_seed(1)
    pool = torch.randn(2, 4, model.system.n, 2)
    model.redistribute_training({"x": pool, "width": torch.tensor([0.2, 0.4])})
    assert torch.equal(model.sampler.x, pool.flatten(0, 1)[:6])
    assert model.sampler.width == pytest.approx(0.3)
