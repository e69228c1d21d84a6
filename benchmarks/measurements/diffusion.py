"""Fixed-node diffusion Monte Carlo with wavefunctions of the zoo as guides.

    python -m benchmarks diffusion quantum-dot-2d-n6-omega1/slater-jastrow --until_error 4e-4 --seed 1
    python -m benchmarks diffusion electron-gas-n14-rs1/neural-backflow --walkers 100 --time_steps [0.02,0.04,0.08] \\
        --time 6 --warm_up 0.6 --memory 0.4 --samples 4000 --batch 250 --moves 200

Each is `python -m physgen test NAME --dmc`, times in the inverse of the system's energy scale. Rows are added to
`benchmarks/results/diffusion.csv`; a row of the same entry, seed and size is replaced.
"""

from __future__ import annotations

import argparse
import tempfile

from benchmarks.rows import keep
from physgen.cli import main as physgen
from physgen.runs.result import Result
from physgen.stats import deviation

KEY = ("entry", "seed", "walkers", "time_steps")
FIELDS = (
    *KEY, "energy_dmc", "error", "vmc", "vmc_error", "reference", "reference_error", "reference_method", "sigma",
    "population_bias", "chi_square", "slope", "acceptance", "time", "warm_up", "memory", "samples", "cpu_seconds",
    "version",
)  # fmt: skip


def row(entry: str, samples: int, result: Result) -> dict[str, object]:
    """Return the row of one calculation, beside a variational estimate by so many samples."""
    found, settings, facts = result.estimates["energy_dmc"], result.provenance["dmc"], result.diagnostics
    made = {"entry": entry, "seed": settings["seed"], "walkers": settings["walkers"]}
    made["time_steps"] = " ".join(f"{step:g}" for step in settings["time_steps"])
    made.update(energy_dmc=f"{found.value:.7f}", error=f"{found.error:.7f}")
    made.update(vmc=f"{result.headline.value:.7f}", vmc_error=f"{result.headline.error:.7f}")
    known = result.reference
    if known is not None:
        made.update(reference=known.value, reference_error=known.error, reference_method=known.method)
        made["sigma"] = f"{deviation(found.value, found.error, known.value, known.error):.2f}"
    for name in ("population_bias", "chi_square", "slope", "acceptance", "time", "cpu_seconds"):
        made[name] = f"{facts[f'dmc_{name}']:.4g}"
    made.update(warm_up=settings["warm_up"], memory=settings["memory"], samples=samples)
    return {**made, "version": f"torch {result.provenance['torch']}"}


def main(arguments: list[str] | None = None) -> None:
    """Run diffusion Monte Carlo with every entry as guide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entries", nargs="+")
    parser.add_argument("--until_error", type=float)
    parser.add_argument("--walkers", type=int, default=1000)
    parser.add_argument("--time", type=float, default=60.0)
    parser.add_argument("--time_steps", default="[0.03,0.06,0.12]")
    parser.add_argument("--warm_up", type=float, default=10.0)
    parser.add_argument("--memory", type=float, default=5.0)
    parser.add_argument("--samples", type=int, default=20_000, help="of the variational estimate beside it")
    parser.add_argument("--batch", type=int, default=1000, help="its walkers")
    parser.add_argument("--moves", type=int, default=500, help="of a walker before it is measured, or diffuses")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    for entry in options.entries:
        with tempfile.TemporaryDirectory() as folder:
            arguments = ["test", entry, "--dmc", "--run_folder", f"{folder}/run", "--wandb", "off"]
            arguments += ["--evaluation.samples", str(options.samples), "--evaluation.seed", str(options.seed)]
            arguments += ["--evaluation.batch", str(options.batch), "--evaluation.warm_up", str(options.moves)]
            for name in ("walkers", "time", "time_steps", "warm_up", "memory", "seed"):
                arguments += [f"--dmc.{name}", str(getattr(options, name))]
            if options.until_error:
                arguments += ["--dmc.until_error", str(options.until_error)]
            physgen(arguments)
            made = row(entry, options.samples, Result.read(f"{folder}/run/result.json"))
        keep("diffusion", FIELDS, KEY, [made], lambda r: (r["entry"], int(r["seed"])))
