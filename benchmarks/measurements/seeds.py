"""Train configs with several seeds and keep every result: figures are quoted with their spread, not from one run.

    python -m benchmarks seeds configs/quantum-dot-2d-n2-omega1/rbm-jastrow.yaml ... --seeds 1 2 3
    python -m benchmarks seeds --collect checkpoints/*/*     # rows of runs and entries that are there

Rows are added to `benchmarks/results/seeds.csv`; a row of the same config and seed is replaced.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from pathlib import Path

from benchmarks.rows import keep
from physgen.cli.sweep import run as sweep
from physgen.runs.result import Estimate, Result

KEY = ("config", "seed")
FIELDS = (
    *KEY,
    "quantity",
    "value",
    "error",
    "reference",
    "reference_error",
    "virial",
    "virial_error",
    "ess",
    "variance",
    "train_cpu_seconds",
    "iterations",
    "commit",
)


def row(config: str, seed: int, result: Result) -> dict[str, object]:
    """Return the row of one run."""
    virial = result.estimates.get("virial")
    return {
        "config": config,
        "seed": seed,
        "quantity": result.quantity,
        "value": result.headline.value,
        "error": known(result.headline),
        "reference": result.reference.value if result.reference else "",
        "reference_error": result.reference.error if result.reference else "",
        "virial": virial.value if virial else "",
        "virial_error": known(virial) if virial else "",
        "ess": result.diagnostics.get("ess", ""),
        "variance": result.diagnostics.get("variance", ""),
        "train_cpu_seconds": result.provenance["train_cpu_seconds"],
        "iterations": result.provenance["iterations"],
        "commit": result.provenance.get("commit", ""),
    }


def known(estimate: Estimate) -> float | str:
    """Return the error of an estimate, an empty cell where it carries none."""
    return "" if estimate.known_error is None else estimate.known_error


def keep_row(config: str, seed: int, result: Result) -> None:
    """Add the row of one run to the table."""
    keep("seeds", FIELDS, KEY, [row(config, seed, result)], lambda r: (r["config"], int(r["seed"])))


def main(arguments: list[str] | None = None) -> None:
    """Train every config with every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="*")
    parser.add_argument("--collect", nargs="+", default=[], help="run folders or entries `.../<system>/<model>`")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--keep", help="folder that keeps the runs, as <system>/<model>/seed=<seed>, to publish them")
    options = parser.parse_args(arguments)
    quiet = ["--wandb=off", "--trainer.enable_progress_bar=false"]
    seeds = f"--seeds={','.join(map(str, options.seeds))}"
    for folder in map(Path, options.collect):
        result = Result.read(folder / "result.json")
        parts = [part for part in folder.parts if not part.startswith("seed=")]  # what `--keep` adds
        keep_row("/".join(parts[-2:]), result.provenance["seed"], result)
    for config in options.configs:
        name = "/".join(Path(config).with_suffix("").parts[-2:])
        with contextlib.ExitStack() as stack:
            root = Path(options.keep or stack.enter_context(tempfile.TemporaryDirectory())) / name
            for result in sweep([seeds, f"--config={config}", f"--run_folder={root}", *quiet]):
                keep_row(name, result.provenance["seed"], result)
