"""Quantum dots at T > 0 by `QuantumEnsemble`: F, E, S and the lowest levels, beside exact values of two particles.

    python -m benchmarks thermal_dots [--seeds 1 2] [--only 2-electrons-1-2 ...]

Cases are n-species-omega-(beta omega). Rows are added to `results/thermal_dots.csv` and `results/thermal_levels.csv`;
those that are there are not measured again. Cost is on one thread.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
import warnings
from typing import Any

import torch
from lightning import Trainer, seed_everything

from benchmarks.rows import keep, read
from physgen.models import QuantumEnsemble
from physgen.systems import ThermalQuantumDot, pair_levels

#: omega, beta omega
POINTS = ((1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (1.0, 5.0), (0.28, 2.0), (0.1, 2.0))
CASES = {
    f"{n}-{species}-{omega:g}-{t:g}": (n, species, omega, t)
    for n, species, omega, t in [
        *((2, species, *point) for point in POINTS for species in ("electrons", "polarised", "bosons")),
        (2, "electrons", 0.5, 2.0),
        (3, "polarised", 1.0, 5.0),
        (3, "polarised", 1.0, 2.0),
        (3, "bosons", 1.0, 2.0),
    ]
}


def measured(name: str, seed: int, samples: int, epochs: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the row of a case and the rows of its levels."""
    n, species, omega, t = CASES[name]
    system = ThermalQuantumDot(n, omega, t / omega, 1.0, species)
    seed_everything(seed)
    start = time.process_time()
    model = QuantumEnsemble(system).double()
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    Trainer(max_epochs=epochs, accelerator="cpu", precision="64-true", **quiet).fit(model)
    trained = time.process_time()
    found = model.observe(samples=samples, seed=seed, progress=False)
    result = model.result
    assert result is not None
    exact = {r.quantity: r.value for r in system.references() if r.exact}
    row: dict[str, Any] = {"case": name, "seed": seed}
    for quantity in ("free_energy", "energy", "entropy"):
        value = found[quantity]
        row |= {quantity: value.value, f"{quantity}_error": value.error, f"{quantity}_exact": exact.get(quantity, "")}
    row |= {k: result.diagnostics[k] for k in ("states", "tail_weight", "least_jacobian", "variance")}
    row |= {"norm": found["norm"].value, "norm_error": found["norm"].error}
    row["train_cpu_seconds"] = round(trained - start, 1)
    row["evaluation_cpu_seconds"] = round(time.process_time() - trained, 1)
    known: dict[str, float] = {}
    if n == 2:
        counts: dict[tuple[int, int], int] = {}
        for energy, m, _ in pair_levels(omega, 1.0, 20, species):
            place = counts.get((m, 0), 0)
            counts[m, 0] = place + 1
            spin = f"_s{m % 2}" if species == "electrons" else ""
            known[f"level_m{abs(m)}{spin}_n{place}"] = energy
    levels = [
        {"case": name, "seed": seed, "level": k, "value": v.value, "error": v.error, "exact": known.get(k, "")}
        for k, v in found.items()
        if k.startswith("level_")
    ]
    return row, levels


def main(arguments: list[str] | None = None) -> None:
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--samples", type=int, default=40_000)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    for seed in options.seeds:
        for name in options.only:
            if any(row["case"] == name and row["seed"] == str(seed) for row in read("thermal_dots")):
                continue
            row, levels = measured(name, seed, options.samples, options.epochs)
            keep("thermal_dots", list(row), ["case", "seed"], [row])
            keep("thermal_levels", list(levels[0]), ["case", "seed", "level"], levels)
            off = row["free_energy"] - row["free_energy_exact"] if row["free_energy_exact"] != "" else math.nan
            print(name, seed, f"F {row['free_energy']:.6f}({row['free_energy_error']:.0e}), off {off:+.1e}", flush=True)


if __name__ == "__main__":
    main()
