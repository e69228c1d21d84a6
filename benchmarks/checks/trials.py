"""Short trainings in processes that are forked from a warm one, and what tells two of them apart."""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.places import RESULTS

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import physgen.cli.training  # noqa: F401 loaded once, before processes are forked
from physgen.cli import main
from physgen.runs.folder import last_checkpoint
from physgen.runs.metrics_file import read_metrics

MODELS = {
    "GaussianBinaryRBM": "--model GaussianBinaryRBM --model.system QuantumDot --model.hidden 4 --model.jastrow true "
    "--model.sampler.walkers 64",
    "MLPFlow": "--model MLPFlow --model.system ClassicalDot --model.system.n 4 --model.hidden [16,16] "
    "--model.batch_size 64 --model.anneal_from 0.1",
}
EPOCHS, STEPS = 8, 12
SHORT = (
    f"--trainer.max_epochs {EPOCHS} --model.steps_per_epoch {STEPS} --trainer.accelerator cpu "
    "--trainer.log_every_n_steps 5 --evaluation.samples 200 --evaluation.batch 100 --evaluation.warm_up 10 --wandb off "
    "--figures false --trainer.enable_progress_bar false"
)
#: states that hold times
TIMED = ("RunCard", "Timer")


def command(model: str, folder: Path, more: str = "") -> list[str]:
    """Return the arguments that train `model` into `folder`."""
    return ["fit", *MODELS[model].split(), *SHORT.split(), "--run_folder", str(folder), *more.split()]


def start(arguments: list[str], output: Path, environment: dict[str, str] | None = None) -> int:
    """Run the command line in a forked process, its output into a file, and return the process."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.environ.update(environment or {})
        tempfile.tempdir = None
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(process: int) -> int:
    """Wait for a process and return its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def train(model: str, folder: Path, more: str = "", environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Train in a process of its own; return its exit code and what it said."""
    output = Path(f"{folder}.txt")
    before = output.stat().st_size if output.exists() else 0
    code = ended(start(command(model, folder, more), output, environment))
    return code, output.read_text()[before:]


def kill_after(model: str, folder: Path, seconds: float, number: int = signal.SIGKILL, more: str = "") -> int:
    """Train in a process of its own that gets a signal after some seconds; return its exit code."""
    process = start(command(model, folder, more), Path(f"{folder}.txt"))
    time.sleep(seconds)
    os.kill(process, number)
    return ended(process)


def reached(folder: Path) -> int:
    """Return the iteration of the last checkpoint of a run folder, 0 for none."""
    path = last_checkpoint(folder)
    return 0 if path is None else torch.load(path, weights_only=True)["global_step"]


def unlike(first: Path, second: Path) -> list[str]:
    """Return where two runs differ: in a bit of their last checkpoints, in `metrics.csv`, or in their results."""
    places = differing(*(torch.load(last_checkpoint(f), weights_only=True) for f in (first, second)))
    rows = [[{**row, "train/cpu_seconds": 0} for row in read_metrics(f)] for f in (first, second)]
    results = [json.loads((f / "result.json").read_text()) for f in (first, second)]
    found = [{k: r[k] for k in ("estimates", "diagnostics", "notes")} for r in results]
    found = [{**f, "iterations": r["provenance"]["iterations"]} for f, r in zip(found, results, strict=True)]
    # in words: an error that is not known, NaN, equals itself
    return places + ["metrics.csv"] * (repr(rows[0]) != repr(rows[1])) + ["result.json"] * (found[0] != found[1])


def differing(a: Any, b: Any, where: str = "") -> list[str]:
    """Return the places where two checkpoints differ in a bit."""
    if isinstance(a, torch.Tensor):
        return [] if isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b) else [where]
    if isinstance(a, dict) and isinstance(b, dict):
        mine, other = ({k for k in held if not str(k).startswith(TIMED)} for held in (a, b))
        own = [f"{where}.{k}" for k in mine ^ other]
        return own + [place for k in a if k in mine & other for place in differing(a[k], b[k], f"{where}.{k}")]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        return [place for i, (x, y) in enumerate(zip(a, b, strict=True)) for place in differing(x, y, f"{where}[{i}]")]
    return [] if a == b or (a != a and b != b) else [where]


def warm_up(folder: Path) -> dict[str, float]:
    """Train every model twice; return the seconds of the second time, when files are warm.

    Runs `whole-<model>` are those that others are compared with.
    """
    seconds = {}
    gc.freeze()
    for name in ("first", "whole"):
        for model in MODELS:
            begin = time.perf_counter()
            code, said = train(model, folder / f"{name}-{model}")
            if code:
                raise RuntimeError(said)
            seconds[model] = time.perf_counter() - begin
    return seconds


@functools.cache
def whole_runs() -> tuple[Path, dict[str, float]]:
    """Return a folder with the runs that others are compared with, and their seconds; made once in a process."""
    place = far_folder()
    atexit.register(shutil.rmtree, place, ignore_errors=True)  # forked processes end without it
    return place, warm_up(place)


def far_folder() -> Path:
    """Make a temporary folder on another file system than TMPDIR, where the machine has one."""
    usual, memory = Path(tempfile.gettempdir()), Path("/dev/shm")
    apart = memory.is_dir() and os.access(memory, os.W_OK) and memory.stat().st_dev != usual.stat().st_dev
    return Path(tempfile.mkdtemp(prefix="physgen-", dir=memory if apart else usual))


def report(name: str, lines: list[str], kept: bool = True) -> None:
    """Write what was found into `results` if it is to be kept."""
    if kept:
        (RESULTS / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
