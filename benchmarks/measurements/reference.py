"""Reference Monte Carlo of the classical dot beside the values of `references.csv`, with its cost.

    python -m benchmarks reference                       # n = 20 at beta = 10 and 1.5, n = 6 at beta = 10
    python -m benchmarks reference --case 12 4 --error 0.001 --seed 2

    python -m benchmarks reference --case 20 10 --error 2e-4 --bridge classical-dot-n20-beta10/autoregressive-mc

With `--bridge` F comes from Bennett's acceptance ratio between the chains and draws of that density (an entry, a run or
a checkpoint), which needs far fewer moves; such rows are the source of F in `references.csv`.

Rows are added to `benchmarks/results/reference.csv`; a row of the same system, error, seed and density is replaced.
"""

from __future__ import annotations

import argparse

from benchmarks.rows import keep
from physgen.cli.reference import bridging_density
from physgen.monte_carlo import ReferenceRecord, Settings, reference
from physgen.systems import ClassicalDot

CASES = ((20, 10.0), (20, 1.5), (6, 10.0))
QUANTITIES = ("free_energy", "energy")
DIAGNOSTICS = ("moves", "walkers", "replicas", "tau_energy", "tau_r2", "rhat", "swap_mean", "quadrature_difference")
BRIDGE = ("bridge_draws", "bridge_configurations", "bridge_overlap", "bridge_kl", "bridge_reverse_kl")
KEY = ("n", "beta", "wanted_error", "seed", "bridge")
FIELDS = (
    *KEY,
    *(f"{q}{suffix}" for q in (*QUANTITIES, "free_energy_integration") for suffix in ("", "_error")),
    "virial",
    "virial_error",
    "cpu_seconds",
    *DIAGNOSTICS,
    *BRIDGE,
    "version",
)


def row(system: ClassicalDot, settings: Settings, record: ReferenceRecord, density: str) -> dict[str, object]:
    """Return the row of one calculation."""
    made = {
        "n": system.n,
        "beta": system.beta,
        "wanted_error": settings.error,
        "seed": settings.seed,
        "bridge": density,
    }
    for quantity in (*QUANTITIES, "free_energy_integration"):
        if (found := record.estimates.get(quantity)) is not None:
            made.update({quantity: f"{found.value:.6f}", f"{quantity}_error": f"{found.error:.6f}"})
    virial = record.estimates["virial"]
    made.update(virial=f"{virial.value:.4f}", virial_error=f"{virial.error:.4f}")
    made.update({k: f"{record.diagnostics[k]:.6g}" for k in (*DIAGNOSTICS, *BRIDGE) if k in record.diagnostics})
    return {**made, "cpu_seconds": record.provenance["cpu_seconds"], "version": record.provenance["version"]}


def main(arguments: list[str] | None = None) -> None:
    """Compute every case anew and write its row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs=2, action="append", metavar=("N", "BETA"))
    parser.add_argument("--error", type=float, default=0.003)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bridge", default="")
    options = parser.parse_args(arguments)
    settings = Settings(error=options.error, seed=options.seed)
    density = bridging_density(options.bridge) if options.bridge else None
    name = options.bridge
    for n, beta in options.case or CASES:
        system = ClassicalDot(int(n), beta=float(beta))
        made = row(system, settings, reference(system, settings, cache=False, density=density), name)
        keep("reference", FIELDS, KEY, [made])
        print(", ".join(f"{k} {v}" for k, v in made.items()), flush=True)
