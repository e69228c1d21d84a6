import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from physgen.stats import BlockedMean, ImportanceWeights


@pytest.mark.slow
def test_two_processes_agree_with_one(ar1, tmp_path):
    series = ar1(32, 8, rho=0.5)
    torch.save(series, tmp_path / "data.pt")
    worker = Path(__file__).with_name("rank_worker.py")
    root = worker.parents[2]
    paths = [str(tmp_path / name) for name in ("rendezvous", "data.pt", "result")]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen([sys.executable, worker, str(rank), *paths], env=environment, stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    try:
        for process in processes:
            _, stderr = process.communicate(timeout=60)
            assert process.returncode == 0, stderr.decode()
    finally:
        for process in processes:
            process.kill()

    mean, tail, weights = BlockedMean(), BlockedMean(), ImportanceWeights(observables=["energy"])
    mean.update(series)
    tail.update(series[:, 3:])
    weights.update(series.flatten(), energy=series.flatten() ** 2)
    expected = {"mean": mean.compute(), "empty": tail.compute(), "weights": weights.compute()}
    for rank in range(2):
        result = torch.load(tmp_path / f"result{rank}", weights_only=True)
        torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-13)
