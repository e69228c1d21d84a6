"""Train configs with several seeds and keep every result: figures are quoted with their spread, not from one run.

    python benchmarks/seeds.py configs/quantum-dot-2d-n2-omega1/rbm-jastrow.yaml ... --seeds 1 2 3

Rows are added to `benchmarks/results/seeds.csv`; a row of the same config and seed is replaced.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import tempfile
from pathlib import Path

from physgen.result import Result
from physgen.sweep_cli import run as sweep

TABLE = Path(__file__).parent / "results" / "seeds.csv"
FIELDS = (
    "config",
    "seed",
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
        "error": result.headline.error,
        "reference": result.reference.value if result.reference else "",
        "reference_error": result.reference.error if result.reference else "",
        "virial": virial.value if virial else "",
        "virial_error": virial.error if virial else "",
        "ess": result.diagnostics.get("ess", ""),
        "variance": result.diagnostics.get("variance", ""),
        "train_cpu_seconds": result.provenance["train_cpu_seconds"],
        "iterations": result.provenance["iterations"],
        "commit": result.provenance.get("commit", ""),
    }


def read() -> list[dict[str, str]]:
    """Return the rows kept so far."""
    if not TABLE.is_file():
        return []
    with TABLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(rows: list[dict[str, object]]) -> None:
    """Write all rows, sorted."""
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda r: (r["config"], int(r["seed"]))))


def main() -> None:
    """Train every config with every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--keep", help="folder that keeps the run folders, to publish them")
    options = parser.parse_args()
    quiet = ["--wandb=off", "--trainer.enable_progress_bar=false"]
    seeds = f"--seeds={','.join(map(str, options.seeds))}"
    for config in options.configs:
        name = "/".join(Path(config).with_suffix("").parts[-2:])
        with contextlib.ExitStack() as stack:
            root = Path(options.keep or stack.enter_context(tempfile.TemporaryDirectory())) / name
            results = sweep([seeds, f"--config={config}", f"--run_folder={root}", *quiet])
        kept = [r for r in read() if r["config"] != name or int(r["seed"]) not in options.seeds]
        write([*kept, *(row(name, result.provenance["seed"], result) for result in results)])


if __name__ == "__main__":
    main()
