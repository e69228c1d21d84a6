"""Iterations of a training as they are against an older commit, in turn.

    python -m benchmarks iteration_speed [--n 6 12 20] [--batch 512] [--rounds 9] [--against 4204794]

`NeuralBackflow` of its default size on the two-dimensional dot, float32, one thread, trained by Lightning's `Trainer`
with 5 Langevin moves, local energies, gradients of every sample and a step of SPRING. Both commits train in processes
of their own, which take turns iteration by iteration: CPU-milliseconds, median [lowest, highest], and the median of
the ratios of iterations that followed each other. The older commit is checked out into a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.places import RESULTS, ROOT

COLUMNS = ("N", "batch", "commit 4204794", "now", "ratio")
#: iterations before the first that counts
FIRST = 2
WORKER = """
import sys, time, warnings
sys.path.insert(0, sys.argv[1])
n, batch, steps = map(int, sys.argv[2:])
import torch
from lightning import Callback, Trainer, seed_everything
from physgen.models import NeuralBackflow
from physgen.systems import QuantumDot
import physgen
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


seed_everything(1, verbose=False)
sampler = {"class_path": "MALA", "init_args": {"walkers": batch, "warm_up_steps": 8}}
model = NeuralBackflow(QuantumDot(n), sampler=sampler, optimizer="spring", steps_per_epoch=steps)
options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "callbacks": [Turns()]}
Trainer(max_epochs=1, precision="32-true", accelerator="cpu", enable_model_summary=False, **options).fit(model)
"""


class Training:
    """A training in a process of its own, which makes an iteration when it is asked to."""

    def __init__(self, tree: Path, n: int, batch: int, steps: int) -> None:
        command = [sys.executable, "-c", WORKER, str(tree), str(n), str(batch), str(steps)]
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
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def measure(before: Path, n: int, batch: int, rounds: int) -> list[str]:
    """Return a row of the table."""
    old, new = (Training(tree, n, batch, FIRST + rounds) for tree in (before, ROOT))
    taken = [(old.iterate(), new.iterate()) for _ in range(FIRST + rounds)][FIRST:]
    for training in (old, new):
        training.process.wait()
    was, now = ([pair[i] for pair in taken] for i in (0, 1))
    return [str(n), str(batch), cell(was), cell(now), cell([a / b for a, b in taken])]


def main(arguments: list[str] | None = None) -> None:
    """Measure and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[6, 12, 20])
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--against", default="4204794")
    options = parser.parse_args(arguments)
    with checked_out(options.against) as before:
        rows = [measure(before, n, options.batch, options.rounds) for n in options.n]
    columns = [name.replace("4204794", options.against) for name in COLUMNS]
    for row in [columns, *rows]:
        print(" | ".join(row))
    with (RESULTS / "iteration_speed.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
