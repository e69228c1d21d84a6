"""SPRING and sampling of physgen against NetKet, on the same network with the same parameters.

    make peers-netket && .venv-netket/bin/python -m benchmarks peers_netket [--rounds 9] [--steps 600]

Six electrons in two dimensions, omega = 1: the pretrained NeuralBackflow of that dot, ported to JAX. First ln|psi| and
local energies are compared; then iterations (10 Metropolis moves of 512 walkers with one width, local energies, a step
of SPRING) take turns in one process; then each library's samplers are measured: CPU time of a move times the
integrated autocorrelation time of r^2. A process for each precision; CPU time of the whole process.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.places import RESULTS

ENTRY = "quantum-dot-2d-n6-omega1/neural-backflow"
WALKERS, MOVES = 512, 10
PRECISIONS = ("float64", "float32")


def one_thread() -> None:
    """Keep both libraries to one thread."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["OMP_NUM_THREADS"] = "1"


def milliseconds(call: Callable[[], object]) -> float:
    """Return CPU milliseconds of one call."""
    start = time.process_time()
    call()
    return 1e3 * (time.process_time() - start)


def spread(values: list[float]) -> str:
    """Return the median, and the range."""
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def measure(precision: str, rounds: int, steps: int) -> None:
    """Measure in one precision and print rows, `table,cells...`."""
    from benchmarks.measurements.peers_netket.contenders import NetKet, Physgen, agreement

    out = csv.writer(sys.stdout)
    ours = Physgen(ENTRY, precision, WALKERS, MOVES)
    theirs = NetKet(ours, WALKERS, MOVES)
    if precision == "float64":
        out.writerow(["agreement", *(f"{value:.1e}" for value in agreement(ours, theirs))])
    pairs = {
        f"{MOVES} Metropolis moves": (ours.move, theirs.move),
        "local energies": (ours.local_energies, theirs.local_energies),
        "SPRING iteration": (ours.iterate, theirs.iterate),
        "SPRING iteration, on_the_fly=True": (ours.iterate, theirs.iterate_on_the_fly),
    }
    for name, pair in pairs.items():
        for call in pair:
            for _ in range(3):  # compiles, and allocates
                call()
        taken = [[milliseconds(call) for call in pair] for _ in range(rounds)]
        mine, peers = zip(*taken, strict=True)
        ratios = [b / a for a, b in taken]
        out.writerow(["iteration", precision, name, spread(list(mine)), spread(list(peers)), spread(ratios)])
        sys.stdout.flush()
    for width in (0.35, 0.45):
        for name, contender in (
            ("physgen Metropolis", ours.metropolis),
            ("NetKet MetropolisGaussian", theirs.metropolis),
        ):
            out.writerow(["sampler", precision, name, f"{width:.2f}", *contender(width, steps)])
    for width in (0.5, 0.6):
        out.writerow(["sampler", precision, "physgen MALA", f"{width:.2f}", *ours.mala(width, steps // 3)])


COLUMNS = {
    "iteration": ["precision", "part", "physgen, CPU-ms", "NetKet, CPU-ms", "NetKet / physgen"],
    "sampler": ["precision", "sampler", "width", "acceptance", "CPU-ms a move", "tau of r^2", "CPU-ms x tau"],
}


def main(arguments: list[str] | None = None) -> None:
    """Measure each precision in a process of its own, and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--precision", choices=PRECISIONS, help="measure this one only, and print")
    options = parser.parse_args(arguments)
    if options.precision:
        one_thread()
        os.environ["NETKET_ENABLE_X64"] = str(int(options.precision == "float64"))
        measure(options.precision, options.rounds, options.steps)
        return
    found: dict[str, list[list[str]]] = {"agreement": [], "iteration": [], "sampler": []}
    for precision in PRECISIONS:
        call = [sys.executable, "-m", "benchmarks", "peers_netket", "--precision", precision]
        call += ["--rounds", str(options.rounds), "--steps", str(options.steps)]
        text = subprocess.run(call, check=True, capture_output=True, text=True).stdout
        for table, *cells in csv.reader(text.splitlines()):
            if table in found:  # NetKet prints, too
                found[table].append(cells)
    psi, energy = found["agreement"][0]
    print(f"largest difference of ln|psi| {psi}, of local energies {energy}")
    for name, columns in COLUMNS.items():
        with (RESULTS / f"peers_netket_{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *found[name]])
    (RESULTS / "peers_netket_agreement.txt").write_text(
        f"ln|psi| differs by at most {psi}, the local energy by {energy} (float64, {WALKERS} walkers)\n",
        encoding="utf-8",
    )
