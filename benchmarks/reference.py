"""Reference Monte Carlo of the classical dot beside the values of `references.csv`, with its cost.

    python -m benchmarks.reference                       # n = 20 at beta = 10 and 1.5, n = 6 at beta = 10
    python -m benchmarks.reference --case 12 4 --error 0.001 --seed 2

Rows are added to `benchmarks/results/reference.csv`; a row of the same system, error and seed is replaced.
"""

from __future__ import annotations

import argparse

from benchmarks.rows import keep
from physgen.reference import ReferenceRecord, Settings, reference
from physgen.result import reference_for
from physgen.stats import deviation
from physgen.systems import ClassicalDot

CASES = ((20, 10.0), (20, 1.5), (6, 10.0))
QUANTITIES = ("free_energy", "energy")
DIAGNOSTICS = ("moves", "walkers", "replicas", "tau_energy", "tau_r2", "rhat", "swap_mean", "quadrature_difference")
KEY = ("n", "beta", "wanted_error", "seed")
FIELDS = (
    *KEY,
    *(f"{q}{suffix}" for q in QUANTITIES for suffix in ("", "_error", "_reference", "_sigma")),
    "virial",
    "virial_error",
    "cpu_seconds",
    *DIAGNOSTICS,
    "version",
)


def row(system: ClassicalDot, settings: Settings, record: ReferenceRecord) -> dict[str, object]:
    """Return the row of one calculation."""
    made = {"n": system.n, "beta": system.beta, "wanted_error": settings.error, "seed": settings.seed}
    for quantity in QUANTITIES:
        found, known = record.estimates[quantity], reference_for(record.references, quantity)
        made.update({quantity: f"{found.value:.5f}", f"{quantity}_error": f"{found.error:.5f}"})
        if known is not None:
            sigma = deviation(found.value, found.error, known.value, known.error)
            made.update({f"{quantity}_reference": known.value, f"{quantity}_sigma": f"{sigma:.2f}"})
    virial = record.estimates["virial"]
    made.update(virial=f"{virial.value:.4f}", virial_error=f"{virial.error:.4f}")
    made.update({k: f"{record.diagnostics[k]:.4g}" for k in DIAGNOSTICS if k in record.diagnostics})
    return {**made, "cpu_seconds": record.provenance["cpu_seconds"], "version": record.provenance["version"]}


def main() -> None:
    """Compute every case anew and write its row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs=2, action="append", metavar=("N", "BETA"))
    parser.add_argument("--error", type=float, default=0.003)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    settings = Settings(error=arguments.error, seed=arguments.seed)
    for n, beta in arguments.case or CASES:
        system = ClassicalDot(int(n), beta=float(beta))
        made = row(system, settings, reference(system, settings, cache=False))
        keep("reference", FIELDS, KEY, [made])
        print(", ".join(f"{k} {v}" for k, v in made.items()), flush=True)


if __name__ == "__main__":
    main()
