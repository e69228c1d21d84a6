"""Slopes of the energy of a family by its curve and by the mean of the trap (Hellmann-Feynman), and concavity.

    python -m benchmarks family_slopes               # every entry of a family, minutes of one core
    python -m benchmarks family_slopes quantum-dots-2d-n2-omega0.1to1/neural-backflow --samples 20000

Each entry is evaluated with fresh draws as `python -m physgen test` does it; its `structure.npz` holds both curves.
Rows at five frequencies are kept in `benchmarks/results/family_slopes.csv`, which docs/families.md shows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.entries import entries
from benchmarks.rows import keep
from physgen.cli import main as physgen
from physgen.core.archive import read_arrays
from physgen.core.commit import commit

KEY = ("entry", "omega")
FIELDS = (*KEY, "slope", "slope_error", "trap_slope", "trap_slope_error", "samples", "seed", "commit")
#: frequencies, spread evenly over the curve
POINTS = 5


def rows(entry: str, samples: int, seed: int) -> list[dict[str, object]]:
    """Return the rows of one entry."""
    with tempfile.TemporaryDirectory() as folder:
        asked = [f"--evaluation.samples={samples}", f"--evaluation.seed={seed}", "--trainer.enable_progress_bar=false"]
        physgen(["test", entry, f"--run_folder={folder}", "--wandb=off", *asked])
        held = read_arrays(Path(folder) / "structure.npz")
    found = []
    for i in np.linspace(0, len(held["curve_label"]) - 1, POINTS).round().astype(int):
        row: dict[str, object] = {"entry": entry, "omega": f"{held['curve_label'][i]:.4g}"}
        for name in ("slope", "trap_slope"):
            row[name], row[f"{name}_error"] = (float(held[f"{name}_curve{end}"][i]) for end in ("", "_error"))
        found.append({**row, "samples": samples, "seed": seed, "commit": commit()})
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure entries and keep their rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entries", nargs="*", help="all of families unless given")
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    for entry in options.entries or [name for name, _ in entries("quantum-dots-*/*")]:
        made = rows(entry, options.samples, options.seed)
        keep("family_slopes", FIELDS, KEY, made, lambda r: (r["entry"], float(r["omega"])))
