"""Total spin of every pretrained wavefunction of electrons, and how fast its walkers change the order of the spins.

    python -m benchmarks spin [--samples 20000] [--entries 'quantum-dot-2d-n6*']

S^2 is measured at every exchange of opposite spins, of many electrons by some of the walkers; tau is the
autocorrelation time of the share of unlike neighbours, in records of five moves. One thread, float64, seed 11. Ends
with 1 where <S^2> is more than three errors, and a contamination of a hundredth, from that of the lowest spin.
"""

from __future__ import annotations

import argparse
import time

import torch

from benchmarks.places import RESULTS
from physgen import list_pretrained, load_pretrained
from physgen.models.wavefunction import WavefunctionModel
from physgen.stats import with_error

#: <S^2> beyond that of the lowest spin that counts as none
PURE = 0.01


def measured(name: str, samples: int) -> tuple[str, bool] | None:
    """Return the row of an entry and whether its spin is the lowest, None for a model without a total spin."""
    model = load_pretrained(name)
    if not isinstance(model, WavefunctionModel) or model.exchanged_kinds is None:
        return None
    start = time.process_time()
    walkers = 200 if model.system.n <= 12 else 100
    found = model.observe(samples=samples, batch=walkers, thin=5, warm_up=300, seed=11)
    up, down = model.spins
    least = 0.5 * abs(up - down)
    off, error = found["spin_square"].value - least * (least + 1), found["spin_square"].error
    good = abs(off) <= max(3 * error, PURE)
    said = model.result.diagnostics
    taken = said["exchange_acceptance"]
    row = (
        f"{name:52} <S^2> {with_error(found['spin_square'].value, error):>14}  tau {said['spin_tau']:5.1f}  "
        f"R-hat {said['spin_rhat']:.3f}  exchanges accepted {taken:.3f}  E {found['energy']}  "
        f"{time.process_time() - start:.0f} CPU-s{'' if good else '  NOT THE LOWEST SPIN'}"
    )
    return row, good


def main(arguments: list[str] | None = None) -> int:
    """Measure all entries, print a row each and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--entries", default="*")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows, failed = [], 0
    for name in list_pretrained(options.entries):
        found = measured(name, options.samples)
        if found is None:
            continue
        rows.append(found[0])
        failed += not found[1]
        print(found[0], flush=True)
    last = f"{len(rows) - failed} of {len(rows)} wavefunctions have the lowest spin"
    print(last)
    if options.entries == "*":
        (RESULTS / "spin.txt").write_text("\n".join([*rows, last]) + "\n", encoding="utf-8")
    return 1 if failed else 0
