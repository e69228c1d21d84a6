"""Iterations of trainings as they are against an older commit, in turn.

    python -m benchmarks iteration_speed                                   # four configs, 5 runs of 50 iterations each
    python -m benchmarks iteration_speed --n 6 12 20 --batch 512 --iterations 9 --runs 1 --against 4204794

Configs are trained as they are; `--n` stands for `NeuralBackflow` of its default size on the two-dimensional dot,
float32, with 5 Langevin moves of a batch of walkers, local energies, gradients of every sample and a step of SPRING.
Both commits train by Lightning's `Trainer` in processes of one thread, which take turns iteration by iteration.
CPU-milliseconds of an iteration: the median of every run, then median [lowest, highest] over the runs, and alike for
the median ratio of iterations that followed each other, before / now. The last column says by how much the parameters
differ after the last iteration. The older commit is checked out into a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.places import RESULTS, ROOT

CONFIGS = (
    "quantum-dot-2d-n2-omega1/rbm-symmetric",
    "quantum-dot-2d-n6-omega1/neural-backflow",
    "classical-dot-n20-beta10/autoregressive",
    "classical-dot-n20-beta10/transformer-flow",
)
COLUMNS = ("training", "iterations", "before (ms)", "now (ms)", "before / now", "parameters differ by")
#: iterations before the first that counts
FIRST = 2
WORKER = """
import json, sys, time, warnings
sys.path.insert(0, sys.argv[1])
case, steps, weights = json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
import torch
from lightning import Callback, Trainer, seed_everything
import physgen, physgen.models, physgen.systems
assert physgen.__file__.startswith(sys.argv[1]), physgen.__file__
torch.set_num_threads(1)
warnings.simplefilter("ignore")
answers = sys.stdout
sys.stdout = sys.stderr


class Turns(Callback):
    def on_train_batch_start(self, *_):
        sys.stdin.readline()
        self.start = time.process_time()

    def on_train_batch_end(self, *_):
        print(1e3 * (time.process_time() - self.start), file=answers, flush=True)


def made(room, spec):
    return getattr(room, spec["class_path"])(**spec["init_args"])


seed_everything(1, verbose=False)
arguments = dict(case["model"]["init_args"], steps_per_epoch=steps)
arguments["system"] = made(physgen.systems, arguments["system"])
model = getattr(physgen.models, case["model"]["class_path"])(**arguments)
options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "callbacks": [Turns()]}
options |= {"precision": case["precision"], "accelerator": "cpu", "enable_model_summary": False}
Trainer(max_epochs=1, **options).fit(model)
torch.save(torch.cat([p.detach().double().flatten() for p in model.parameters()]), weights)
"""


def of_config(name: str) -> dict[str, Any]:
    """Return model and precision of a config."""
    held = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8"))
    return {"model": held["model"], "precision": held["trainer"].get("precision", "64-true")}


def of_dot(n: int, batch: int) -> dict[str, Any]:
    """Return the backflow network of `n` electrons."""
    sampler = {"class_path": "MALA", "init_args": {"walkers": batch, "warm_up_steps": 8}}
    system = {"class_path": "QuantumDot", "init_args": {"n": n}}
    arguments = {"system": system, "sampler": sampler, "optimizer": "spring"}
    return {"model": {"class_path": "NeuralBackflow", "init_args": arguments}, "precision": "32-true"}


class Training:
    """A training in a process of its own, which makes an iteration when it is asked to."""

    def __init__(self, tree: Path, case: dict[str, Any], steps: int, weights: Path) -> None:
        command = [sys.executable, "-c", WORKER, str(tree), json.dumps(case), str(steps), str(weights)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, cwd=tree, **pipes)

    def iterate(self) -> float:
        """Make an iteration; return its CPU-milliseconds."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Give a folder with the files of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit, "physgen"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder).resolve()


def cell(values: list[float]) -> str:
    """Return median and range."""
    return f"{statistics.median(values):.4g} [{min(values):.4g}, {max(values):.4g}]"


def one_run(before: Path, case: dict[str, Any], iterations: int) -> tuple[float, float, float, float]:
    """Return median CPU-ms of both commits, their median ratio and the largest difference of parameters."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.pt" for i in (0, 1)]
        old, new = (
            Training(tree, case, FIRST + iterations, file) for tree, file in zip((before, ROOT), files, strict=True)
        )
        taken = []
        for number in range(FIRST + iterations):
            pair = (old.iterate(), new.iterate()) if number % 2 else (new.iterate(), old.iterate())[::-1]
            taken.append(pair)
        for training in (old, new):
            training.process.wait()
        was, now = (torch.load(file) for file in files)
    same = was.shape == now.shape
    counted = taken[FIRST:]
    medians = [statistics.median(values) for values in zip(*counted, strict=True)]
    ratio = statistics.median(a / b for a, b in counted)
    return *medians, ratio, (was - now).abs().max().item() if same else float("inf")


def main(arguments: list[str] | None = None) -> None:
    """Measure and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", nargs="*", default=list(CONFIGS))
    parser.add_argument("--n", type=int, nargs="+", help="electrons of backflow networks, instead of configs")
    parser.add_argument("--batch", type=int, default=512, help="walkers of --n")
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--against", default="4204794")
    options = parser.parse_args(arguments)
    if options.n:
        cases = {f"backflow N = {n}, batch {options.batch}": of_dot(n, options.batch) for n in options.n}
    else:
        cases = {name: of_config(name) for name in options.configs}
    rows = []
    with checked_out(options.against) as before:
        for name, case in cases.items():
            runs = [one_run(before, case, options.iterations) for _ in range(options.runs)]
            was, now, ratios, differences = (list(values) for values in zip(*runs, strict=True))
            row = [name, f"{options.runs} x {options.iterations}", *map(cell, (was, now, ratios))]
            rows.append([*row, f"{max(differences):.3g}"])
            print(" | ".join(rows[-1]), flush=True)
    table = "dots" if options.n else "configs"
    with (RESULTS / f"iteration_speed_{table}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[c.replace("before", options.against) for c in COLUMNS], *rows])
