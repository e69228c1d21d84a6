"""Kinetic, trap and interaction energy of quantum dots against the frequency, each from the weights of the one before.

    python -m benchmarks energy_terms [--n 2 6 12 20] [--omegas 1,0.75,0.5,0.28,0.1]

Each N is one `python -m physgen sweep` of the RBM with Pade-Jastrow factor, as in the talk. Rows are added to
`benchmarks/results/energy_terms.csv`; one of the same N, frequency and seed is replaced.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.rows import keep
from physgen.cli import main as physgen
from physgen.runs.result import Result

CONFIGS = {2: "rbm-jastrow", 6: "rbm-slater-jastrow", 12: "rbm-slater-jastrow", 20: "rbm-slater-jastrow"}
TERMS = ("energy", "kinetic", "trap", "coulomb", "virial")
KEY = ("n", "omega", "seed")
FIELDS = (*KEY, *(f"{t}{suffix}" for t in TERMS for suffix in ("", "_error")), "exchange_defect", "train_cpu_seconds")


def row(n: int, omega: str, seed: int, result: Result) -> dict[str, object]:
    """Return the row of one run."""
    made = {"n": n, "omega": omega, "seed": seed}
    for term in TERMS:
        found = result.estimates[term]
        made[term], made[f"{term}_error"] = f"{found.value:.8g}", f"{found.error:.2g}"
    if "exchange_defect" in result.estimates:
        made["exchange_defect"] = f"{result.estimates['exchange_defect'].value:.3g}"
    return {**made, "train_cpu_seconds": result.provenance["train_cpu_seconds"]}


def main(arguments: list[str] | None = None) -> None:
    """Walk the frequencies for every N."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", nargs="+", type=int, choices=CONFIGS, default=list(CONFIGS))
    parser.add_argument("--omegas", default="1,0.75,0.5,0.28,0.1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, help="of each evaluation, instead of the config's")
    parser.add_argument("--epochs", type=int, help="of each training, instead of the config's")
    options = parser.parse_args(arguments)
    for n in options.n:
        with tempfile.TemporaryDirectory() as folder:
            config = f"configs/quantum-dot-2d-n{n}-omega1/{CONFIGS[n]}.yaml"
            seeds = ["--seed_everything", str(options.seed), "--evaluation.seed", str(options.seed)]
            run = ["--run_folder", folder, "--wandb", "off", "--trainer.enable_progress_bar", "false"]
            changed = [] if options.samples is None else ["--evaluation.samples", str(options.samples)]
            changed += [] if options.epochs is None else ["--trainer.max_epochs", str(options.epochs)]
            over = [f"--over=model.system.omega={options.omegas}", "--in_turn"]
            physgen(["sweep", *over, "--config", config, *seeds, *changed, *run])
            omegas = options.omegas.split(",")
            found = [Result.read(Path(folder) / f"omega={omega}" / "result.json") for omega in omegas]
        rows = [row(n, omega, options.seed, result) for omega, result in zip(omegas, found, strict=True)]
        keep("energy_terms", FIELDS, KEY, rows, lambda r: (int(r["n"]), int(r["seed"]), -float(r["omega"])))
