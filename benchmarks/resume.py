"""Trainings killed by SIGKILL at s and continued by the same command, against uninterrupted ones.

    python benchmarks/resume.py [MOMENTS] [SEED]

Weights, optimiser, walkers, generator and guard of the last checkpoints must be equal bit for bit, and metrics.csv the
same file. Half of the moments are spent on a wavefunction, half on a flow.
"""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
MODELS = {
    "GaussianBinaryRBM": "--model.system QuantumDot --model.hidden 4 --model.jastrow true --model.sampler.walkers 64",
    "MLPFlow": "--model.system ClassicalDot --model.system.n 4 --model.hidden [16,16] --model.batch_size 64 "
    "--model.anneal_from 0.1",
}
SHORT = (
    "--trainer.max_epochs {epochs} --trainer.accelerator cpu --model.steps_per_epoch 20 --trainer.log_every_n_steps 5 "
    "--evaluation.samples 200 --evaluation.batch 100 --evaluation.warm_up 10 --wandb off --figures false "
    "--trainer.enable_progress_bar false"
)
#: callbacks and loops that hold times and paths
TIMED = ("RunCard", "ModelCheckpoint", "loops")


def command(model: str, folder: Path, epochs: int = 12) -> list[str]:
    """Return the training of `model` into `folder`."""
    options = f"--model {model} {MODELS[model]} {SHORT.format(epochs=epochs)} --run_folder {folder}"
    return [sys.executable, "-m", "physgen", "fit", *options.split()]


def environment() -> dict[str, str]:
    """Return one thread, and this clone's package."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def train(model: str, folder: Path, epochs: int = 12) -> float:
    """Train to the end and return the seconds that it took."""
    start = time.perf_counter()
    done = subprocess.run(command(model, folder, epochs), env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - start


def kill_amid(model: str, folder: Path, share: float, epochs: int = 12) -> bool:
    """Start a training and kill it after the checkpoint of `share` of its epochs; return whether it was killed."""
    process = subprocess.Popen(
        command(model, folder, epochs), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wanted = int(share * epochs)
    while process.poll() is None:
        names = [int(p.stem) for p in folder.glob("checkpoints/*.ckpt") if p.stem.isdigit()]
        if max(names, default=-1) >= wanted:
            time.sleep(random.random() * 0.1)
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def last(folder: Path) -> dict[str, Any]:
    """Return the last checkpoint of a run folder."""
    file = max((folder / "checkpoints").glob("*.ckpt"), key=lambda p: p.stem)
    return torch.load(file, weights_only=True)


def records(folder: Path) -> list[dict[str, str]]:
    """Return the rows of `metrics.csv` without their times; the order of its columns says nothing."""
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k != "train/cpu_seconds"} for row in csv.DictReader(file)]


def differing(a: Any, b: Any, where: str = "") -> list[str]:
    """Return the places where two checkpoints differ in a bit."""
    if isinstance(a, torch.Tensor):
        return [] if isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b) else [where]
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        keys = [k for k in a if not str(k).startswith(TIMED)]
        return [place for k in keys for place in differing(a[k], b[k], f"{where}.{k}")]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        return [place for i, (x, y) in enumerate(zip(a, b, strict=True)) for place in differing(x, y, f"{where}[{i}]")]
    return [] if a == b or (a != a and b != b) else [where]


def main(moments: int = 10, seed: int = 1) -> int:
    """Kill and continue `moments` trainings; return how many differ."""
    random.seed(seed)
    equal = 0
    with tempfile.TemporaryDirectory() as name:
        whole = {model: Path(name) / model for model in MODELS}
        for model, folder in whole.items():
            print(f"{model}: uninterrupted in {train(model, folder):.0f} s", flush=True)
        for index in range(moments):
            model = list(MODELS)[index % len(MODELS)]
            folder = Path(name) / str(index)
            share = random.uniform(0, 0.95)
            killed = kill_amid(model, folder, share)
            held = sorted(p.name for p in folder.glob("checkpoints/*.ckpt"))
            train(model, folder)
            places = differing(last(whole[model]), last(folder))
            rows = records(whole[model]) == records(folder)
            good = killed and not places and rows
            equal += good
            verdict = "equal" if good else f"DIFFERENT, {killed=}, equal rows: {rows}, {places[:4]}"
            print(f"{model} killed after {held}: {verdict}", flush=True)
    print(f"{equal} of {moments} equal")
    return moments - equal


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
