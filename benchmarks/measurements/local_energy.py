"""Cost of a neural wavefunction: forward pass, local energy by the forward Laplacian and by autograd, SPRING iteration.

    python -m benchmarks local_energy                                                    # N = 6, both precisions
    python -m benchmarks local_energy --table growth --n 2 6 12 20 30 --precision float32 --batch 256
    python -m benchmarks local_energy --table periodic --n 14 38 54 --precision float32 --batch 128 --rounds 3
    python -m benchmarks local_energy --table gpu --device cuda --n 6 20 42 --batch 4096 --peak-tflops 67

All calls take turns in one process for each N and precision: CPU-milliseconds a batch on the CPU, wall milliseconds on
a GPU; median [lowest, highest] over rounds. Memory is what the process (on a GPU the allocator) held at most in a call
beyond what it held with the model alone. An iteration is what training takes: 5 Langevin moves, local energies,
gradients of every sample, a step of SPRING. The loop of backward passes is left out beyond 12 electrons.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.places import RESULTS
from physgen.models import Model, WavefunctionModel
from physgen.nn.derivatives import autograd_derivatives, chunk_size, in_chunks
from physgen.objectives.variational_energy import centred_rows, energy_loss, local_energies
from physgen.systems import ElectronGas, QuantumDot

LARGEST_LOOP = 12
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def clock(device: str) -> float:
    """Return milliseconds: of CPU time, or on a GPU of wall time after all its work."""
    if device == "cpu":
        return 1e3 * time.process_time()
    torch.cuda.synchronize()
    return 1e3 * time.perf_counter()


def held(field: str) -> float:
    """Return memory of this process in MiB, `VmRSS` now or `VmHWM` at most."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def memory(device: str) -> float:
    """Return MiB held now, NaN where the system does not tell."""
    if device != "cpu":
        return torch.cuda.memory_allocated() / 2**20
    return held("VmRSS") if CLEAR.exists() else float("nan")


def peak(call: Callable[[], object], device: str) -> float:
    """Return MiB held at most in a call, NaN where the system does not tell."""
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        call()
        return torch.cuda.max_memory_allocated() / 2**20
    if not CLEAR.exists():
        return float("nan")
    CLEAR.write_text("5")  # forget the peak
    call()
    return held("VmHWM")


def calls_of(model: WavefunctionModel) -> dict[str, Callable[[], object]]:
    """Return what is timed, on walkers of the model's sampler."""
    optimizer = model.configure_optimizers()["optimizer"]
    x = model.sampler.x

    def forward() -> None:
        with torch.no_grad():
            model.log_psi(x)

    def loop() -> None:
        def rule(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return autograd_derivatives(model.net, y)

        in_chunks(rule, x, chunk_size(rule, x, keeps_graph=True))

    def gradient() -> None:
        model.zero_grad()
        energy_loss(model.log_psi(x)[1], torch.ones_like(x[:, 0, 0])).backward()

    def iteration() -> None:
        moved = model.sampler.sample(model.born)
        weights = local_energies(model, moved, model.clip).weights
        optimizer.step(lambda: centred_rows(model.kept_jacobian(moved), weights, in_place=True))

    calls = {
        "forward": forward,
        "local energy": lambda: local_energies(model, x),
        "autograd loop": loop,
        "gradient": gradient,
        "gradients of samples": lambda: model.kept_jacobian(x),
        "iteration": iteration,
    }
    if model.system.n > LARGEST_LOOP:
        del calls["autograd loop"]
    return calls


def cell(values: list[float]) -> str:
    """Return median and range."""
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def measure(n: int, precision: str, options: argparse.Namespace) -> list[str]:
    """Return a row of the table."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    sampler = {"class_path": "MALA", "init_args": {"walkers": options.batch}}
    system = ElectronGas(n) if options.table == "periodic" else QuantumDot(n)
    model = Model.lookup(options.model)(system, sampler=sampler, learning_rate=1e-9)
    model.to(options.device, getattr(torch, precision))
    alone = memory(options.device)
    model.start_sampler(model.sampler, torch.Generator(options.device).manual_seed(0), warm_up=10)
    calls = calls_of(model)
    most = {name: peak(call, options.device) - alone for name, call in calls.items()}
    rounds: list[dict[str, float]] = []
    for _ in range(options.rounds):
        taken = {}
        for name, call in calls.items():
            start = clock(options.device)
            call()
            taken[name] = clock(options.device) - start
        rounds.append(taken)

    def ratio(a: str, b: str) -> str:
        return cell([r[a] / r[b] for r in rounds]) if a in calls else ""

    times = {name: cell([r[name] for r in rounds]) for name in calls}
    row = [n, precision, options.batch, times["forward"], times["local energy"], times.get("autograd loop", "")]
    row += [ratio("local energy", "forward"), ratio("autograd loop", "local energy")]
    row += [times["gradient"], times["gradients of samples"], times["iteration"]]
    row += [f"{most[name]:.0f}" for name in ("forward", "local energy", "iteration")]
    if options.device != "cpu":
        seconds = statistics.median(r["iteration"] for r in rounds) / 1e3
        with FlopCounterMode(display=False) as counter:
            calls["iteration"]()
        share = counter.get_total_flops() / seconds / 1e12 / options.peak_tflops
        row += [f"{1 / seconds:.3g}", f"{100 * share:.2g} %"]
    return [str(value) for value in row]


COLUMNS = [
    "N", "precision", "batch", "forward", "local energy", "autograd loop", "local energy / forward",
    "loop / local energy", "gradient", "gradients of samples", "SPRING iteration", "MiB forward", "MiB local energy",
    "MiB iteration",
]  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Measure each case in a process of its own, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[6])
    parser.add_argument("--precision", nargs="+", default=["float64", "float32"], choices=["float64", "float32"])
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="NeuralBackflow")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak-tflops", type=float, default=float("nan"), help="of the GPU in that precision")
    parser.add_argument(
        "--table", default="cost", choices=["cost", "growth", "gpu", "periodic"], help="results/local_energy_<it>.csv"
    )
    parser.add_argument("--one", action="store_true", help="measure the first case in this process, and print")
    options = parser.parse_args(arguments)
    if options.one:
        csv.writer(sys.stdout).writerow(measure(options.n[0], options.precision[0], options))
        return
    rows = []
    for n in options.n:
        for precision in options.precision:
            case = ["--one", "--n", str(n), "--precision", precision]
            for name in ("batch", "rounds", "model", "device", "peak_tflops", "table"):
                case += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks", "local_energy", *case],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            rows += list(csv.reader(done.stdout.splitlines()))
            print(done.stdout, end="", flush=True)
    more = [] if options.device == "cpu" else ["iterations a second", "share of peak"]
    with (RESULTS / f"local_energy_{options.table}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[*COLUMNS, *more], *rows])
