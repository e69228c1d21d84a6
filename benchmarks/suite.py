"""The benchmarks as a whole: what each runs, which blocks of the documents it fills, and the run of all of them."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.places import ROOT
from benchmarks.rows import read

#: how an environment beside physgen's own is made
ENVIRONMENTS = {".venv-peers": "make peers", ".venv-netket": "make peers-netket"}


@dataclass(frozen=True)
class Benchmark:
    """A script that measures something.

    Args:
        group: what `--only` may call it by.
        commands: arguments of Python, one call each.
        fast: arguments of its smallest form, None where that takes minutes or is too short to pass.
        blocks: blocks of BENCHMARKS.md that it fills.
        printed: whether what it prints is its result, kept in `results/<name>.txt`.
        environment: virtual environment that it needs, beside physgen's own.
        rows: table that it adds missing rows to, emptied by `--anew`.
    """

    group: str
    commands: tuple[str, ...]
    fast: str | None
    blocks: tuple[str, ...]
    printed: bool = False
    environment: str = ""
    rows: str = ""


def seeds() -> tuple[str, ...]:
    """Return the commands that repeat the rows of `results/seeds.csv`."""
    runs: dict[str, list[str]] = {}
    for row in read("seeds"):
        runs.setdefault(row["config"], []).append(row["seed"])
    return tuple(f"-m benchmarks seeds configs/{k}.yaml --seeds {' '.join(v)}" for k, v in runs.items())


def diffusion() -> tuple[str, ...]:
    """Return the commands that repeat the rows of `results/diffusion.csv`."""
    made = "-m benchmarks diffusion {entry} --seed {seed} --walkers {walkers} --time {time} --time_steps [{steps}]"
    made += " --warm_up {warm_up} --memory {memory} --samples {samples}"
    return tuple(made.format(**r, steps=r["time_steps"].replace(" ", ",")) for r in read("diffusion"))


def printing(name: str, group: str, fast: str | None) -> Benchmark:
    """Return a benchmark whose result is what it prints."""
    call = f"-m benchmarks {name}"
    return Benchmark(group, (call,), None if fast is None else f"{call} {fast}", (name,), True)


#: checks that keep what they found beside the documents, with the arguments of their smallest form
CHECKS = {
    "hostile": "-m benchmarks hostile 8",
    "python_calls": "-m benchmarks python_calls 50",
    "draws": None,
    "precision": None,
    "spin": None,
    "nan_on_one_rank": None,
}
FIGURES = ("comparison", "dot_figure", "quantum_dot_figure", "light_nuclei_figure", "periodic_matter_figure")
#: the older commit is read from the repository, which the copy of a fast form lacks
SPEED = "-m benchmarks iteration_speed --configs quantum-dot-2d-n6-omega1/neural-backflow --runs 2 --iterations 12"
GROWTH = "-m benchmarks local_energy --table growth --precision float32"
BENCHMARKS = {
    "seeds": Benchmark(
        "accuracy",
        seeds(),
        "-m benchmarks seeds configs/quantum-dot-2d-n1-omega1/rbm.yaml --seeds 2",
        ("seeds", "ground_states"),
    ),
    "reference": Benchmark(
        "accuracy", ("-m benchmarks reference",), "-m benchmarks reference --case 2 5 --error 0.05", ("reference",)
    ),
    "thermal_dots": Benchmark("accuracy", ("-m benchmarks thermal_dots",), None, (), rows="thermal_dots"),
    "full_ci": Benchmark("accuracy", ("-m benchmarks full_ci",), None, ("open_shells",)),
    "diffusion": Benchmark("accuracy", diffusion(), None, ("diffusion",)),
    "energy_terms": Benchmark("accuracy", ("-m benchmarks energy_terms",), None, ("energy_terms",)),
    "jacobian": printing("jacobian", "costs", "--batch 32 --chunk 16 --repeats 1"),
    "tied_linear": printing("tied_linear", "costs", "--sizes 4 --batch 8 --repeats 1"),
    "rbm_derivatives": printing("rbm_derivatives", "costs", "--batch 16"),
    "local_energy": Benchmark(
        "costs",
        ("-m benchmarks local_energy",),
        "-m benchmarks local_energy --n 2 --precision float32 --batch 16 --rounds 1",
        ("local_energy_cost",),
    ),
    "iteration_speed": Benchmark("costs", (SPEED,), None, ("iteration_speed_configs",)),
    "parametric_matrices": Benchmark(
        "accuracy",
        ("-m benchmarks parametric_matrices",),
        "-m benchmarks parametric_matrices --only spins",
        ("matrices_energies", "matrices_regression", "matrices_spectra"),
        rows="parametric_matrices",
    ),
    "lattices_and_data": Benchmark(
        "accuracy",
        ("-m benchmarks lattices_and_data",),
        None,
        ("ising", "machines", "flows"),
        rows="lattices_and_data",
    ),
    "large_machines": Benchmark(
        "accuracy",
        ("-m benchmarks large_machines --betas 0.3 --temperatures 200 --seeds 1",),
        "-m benchmarks large_machines --betas 0.3 --temperatures 20 --seeds 1",
        ("large_machines",),
        True,
    ),
    "neutron_pairs": Benchmark(
        "accuracy",
        ("-m benchmarks neutron_pairs --samples 40000",),
        None,
        ("neutron_pairs",),
        rows="neutron_pairs",
    ),
    "family_slopes": Benchmark(
        "accuracy",
        ("-m benchmarks family_slopes",),
        "-m benchmarks family_slopes quantum-dots-2d-n2-omega0.1to1/neural-backflow --samples 2000",
        ("family_slopes",),
        rows="family_slopes",
    ),
    "deuteron_widths": Benchmark(
        "accuracy",
        ("-m benchmarks deuteron_widths",),
        "-m benchmarks deuteron_widths --hidden 2 --seeds 1 --steps 20 --rmsprop 0",
        ("deuteron_widths",),
        True,
    ),
    "overhead": printing("overhead", "costs", "1 4"),
    "peers": Benchmark(
        "peers",
        ("-m benchmarks peers",),
        "-m benchmarks peers --only zuko-maf --beta 10 --seconds 2 --seed 9",
        ("peers",),
        environment=".venv-peers",
        rows="peers",
    ),
    "peers_netket": Benchmark(
        "peers",
        ("-m benchmarks peers_netket",),
        "-m benchmarks peers_netket --rounds 1 --steps 10",
        ("peers_netket_agreement", "peers_netket_iteration", "peers_netket_sampler"),
        environment=".venv-netket",
    ),
    "dot_scaling": Benchmark(
        "scaling",
        ("-m benchmarks dot_scaling",),
        "-m benchmarks dot_scaling --n 6 --model mlp-flow --seconds 2 --seed 9",
        ("dot_scaling",),
        rows="dot_scaling",
    ),
    "local_energy_periodic": Benchmark(
        "scaling",
        ("-m benchmarks local_energy --table periodic --n 14 38 54 --precision float32 --batch 128 --rounds 3",),
        "-m benchmarks local_energy --table periodic --n 2 --precision float32 --batch 16 --rounds 1",
        ("local_energy_periodic",),
    ),
    "local_energy_growth": Benchmark(
        "scaling",
        (f"{GROWTH} --n 2 6 12 20 30 --batch 128 --rounds 3",),
        f"{GROWTH} --n 2 --batch 16 --rounds 1",
        ("local_energy_growth",),
    ),
    **{name: printing(name, "runs", None) for name in ("kills", "stops", "disk_full", "ranks")},
    "malformed": Benchmark("runs", ("-m benchmarks malformed",), "-m benchmarks malformed 9", ("malformed",)),
    **{name: Benchmark("checks", (f"-m benchmarks {name}",), fast, ()) for name, fast in CHECKS.items()},
    **{name: Benchmark("figures", (f"-m benchmarks {name}",), None, ()) for name in FIGURES},
}
GROUPS = tuple(dict.fromkeys(b.group for b in BENCHMARKS.values()))


def main(arguments: list[str], described: str | None = None) -> int:
    """Run what is asked for, `--help` shows what is `described`; return how many benchmarks failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=described, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=[*GROUPS, *BENCHMARKS], metavar="NAME")
    parser.add_argument("--fast", action="store_true", help="smallest forms, on a copy of the results")
    parser.add_argument("--anew", action="store_true", help="measure rows again that are kept")
    parser.add_argument("--list", action="store_true", help="show groups, names and commands")
    options = parser.parse_args(arguments)
    wanted = options.only or GROUPS
    chosen = {k: b for k, b in BENCHMARKS.items() if k in wanted or b.group in wanted}
    if options.list:
        for name, benchmark in chosen.items():
            needs = f"  (needs {benchmark.environment})" if benchmark.environment else ""
            print(f"{benchmark.group:9} {name}{needs}")
            print("\n".join(f"{'':10}python {command}" for command in benchmark.commands))
        return 0
    if not options.fast:
        return run(chosen, ROOT, fast=False, anew=options.anew)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "benchmarks", copy / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("README.md", "BENCHMARKS.md"):
            shutil.copy(ROOT / name, copy)
        shutil.copytree(ROOT / "docs", copy / "docs")
        for name in ("checkpoints", "configs"):
            (copy / name).symlink_to(ROOT / name)
        return run(chosen, copy, fast=True, anew=False)


def run(chosen: dict[str, Benchmark], root: Path, fast: bool, anew: bool) -> int:
    """Run benchmarks in a clone, or a copy of it, and write the tables; return how many failed."""
    failed = 0
    for number, (name, benchmark) in enumerate(chosen.items(), 1):
        said, start = f"[{number}/{len(chosen)}] {name}", time.perf_counter()
        python = ROOT / benchmark.environment / "bin" / "python" if benchmark.environment else Path(sys.executable)
        if not python.is_file():
            print(f"{said}: skipped, {benchmark.environment} is missing: {ENVIRONMENTS[benchmark.environment]}")
            continue
        if fast and benchmark.fast is None:
            print(f"{said}: skipped, it has no fast form")
            continue
        print(f"{said}: ...", flush=True)
        if anew and benchmark.rows:
            (root / "benchmarks" / "results" / f"{benchmark.rows}.csv").unlink(missing_ok=True)
        good = measured(name, benchmark, python, root, fast)
        failed += not good
        print(f"{said}: {'done' if good else 'FAILED'} in {time.perf_counter() - start:.0f} s", flush=True)
    call([sys.executable, "-m", "benchmarks", "tables"], root)
    print("tables written" if not fast else "tables of the copy written; results and tables here are as they were")
    return failed


def measured(name: str, benchmark: Benchmark, python: Path, root: Path, fast: bool) -> bool:
    """Run one benchmark, keep what it prints where that is its result, and return whether it ended well."""
    printed = []
    for command in [benchmark.fast] if fast else benchmark.commands:
        done = call([str(python), *command.split()], root, captured=benchmark.printed)
        if done.returncode:
            return False
        printed.append(done.stdout)
    if benchmark.printed:
        (root / "benchmarks" / "results" / f"{name}.txt").write_text("".join(printed), encoding="utf-8")
    return True


def call(command: list[str], root: Path, captured: bool = False) -> subprocess.CompletedProcess:
    """Run a command in a clone or its copy, with the package of this clone."""
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=root, env=environment, text=True, stdout=subprocess.PIPE if captured else None)
