"""The classical dot at beta = 5 over n: cost of an iteration, memory and KL against the reference Monte Carlo.

    python -m benchmarks dot_scaling                       # every row that is not kept yet, each in a process
    python -m benchmarks dot_scaling --n 10 --model autoregressive --seconds 60 --seed 1

Both models are trained without data by the loop of `benchmarks.measurements.budgeted`, with the arguments of
`configs/classical-dot-n20-beta10/`; the flow's hidden layers are widened to n dim where those are narrower. F comes
from `physgen.monte_carlo` (cached). One thread, float32; draws that are measured are fresh and float64. Rows are added
to `benchmarks/results/dot_scaling.csv`; one of the same n, model, budget and seed is replaced.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys

import torch

from benchmarks.measurements.budgeted import measure, peak_mib, train
from benchmarks.measurements.peers.physgen_models import CONFIGURED, configured
from benchmarks.rows import keep, read
from physgen.monte_carlo import ReferenceRecord, Settings, reference
from physgen.systems import ClassicalDot

TABLE = "dot_scaling"
BETA = 5.0
#: what the reference is asked for: an error that is small beside the KL
REFERENCES = {
    6: Settings(error=0.003),
    10: Settings(error=0.005),
    40: Settings(error=0.03, walkers=32),
    80: Settings(error=0.15, walkers=16, warm_up=200),
}
#: draws of one of the five sets that are measured
SAMPLES = {"mlp-flow": {6: 20_000, 10: 20_000, 40: 5_000, 80: 1_000}}
SAMPLES["autoregressive"] = {6: 20_000, 10: 10_000, 40: 1_000, 80: 500}
#: CPU-seconds of a training
SECONDS = {"mlp-flow": {6: 15, 10: 15, 40: 25, 80: 30}, "autoregressive": {6: 30, 10: 30, 40: 60, 80: 80}}
KEY = ("n", "model", "budget", "seed")
FIELDS = (
    *KEY, "name", "parameters", "hidden", "steps", "cpu_seconds", "step_ms", "skipped", "memory_mib", "sets", "samples",
    "free_energy", "free_energy_error", "kl", "kl_error", "kl_median", "kl_lowest", "kl_highest", "ess_median",
    "ess_lowest", "ess_highest", "ess_draws", "free_energy_importance", "free_energy_importance_error",
    "reference", "reference_error", "reference_cpu_seconds", "version",
)  # fmt: skip


def known(system: ClassicalDot) -> ReferenceRecord:
    """Return the reference Monte Carlo, from the cache where it is there."""
    return reference(system, REFERENCES[system.n])


def row(n: int, name: str, seconds: float, seed: int) -> dict[str, object]:
    """Train and measure one model at one n."""
    torch.set_num_threads(1)
    system, before = ClassicalDot(n, beta=BETA), peak_mib()
    torch.manual_seed(seed)
    changed = {"hidden": [max(64, n * system.dim)] * 2} if name == "mlp-flow" else {}
    model, recipe = configured(name, system, "10", **changed)
    training = train(model, recipe, seconds, seed, optimizer=model.make_optimizer())
    memory = peak_mib() - before
    record = known(system)
    exact = record.estimates["free_energy"]
    made = {"n": n, "model": name, "budget": f"{seconds:g}", "seed": seed, "name": CONFIGURED[name][1]}
    made["parameters"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    made["hidden"] = " ".join(map(str, changed["hidden"])) if changed else model.init_args["hidden"]
    made.update(training.row(), **measure(model, exact.value, exact.error, 5, SAMPLES[name][n], seed))
    made.update(memory_mib=f"{memory:.0f}", reference=f"{exact.value:.5f}", reference_error=f"{exact.error:.5f}")
    return {
        **made,
        "reference_cpu_seconds": f"{record.provenance['cpu_seconds']:.0f}",
        "version": f"torch {torch.__version__}",
    }


def main(arguments: list[str] | None = None) -> None:
    """Make the rows that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, choices=REFERENCES)
    parser.add_argument("--model", choices=CONFIGURED)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.n and options.model:
        made = row(options.n, options.model, options.seconds or SECONDS[options.model][options.n], options.seed)
        keep(TABLE, FIELDS, KEY, [made], lambda r: (int(r["n"]), r["model"]))
        print(", ".join(f"{k} {v}" for k, v in made.items()), flush=True)
        return
    names = [options.model] if options.model else list(CONFIGURED)
    done = {tuple(r[k] for k in KEY) for r in read(TABLE)}
    for n, name in itertools.product([options.n] if options.n else REFERENCES, names):  # memory is that of a process
        if (str(n), name, f"{options.seconds or SECONDS[name][n]:g}", str(options.seed)) in done:
            continue
        arguments = ["--n", str(n), "--model", name, "--seed", str(options.seed)]
        arguments += ["--seconds", str(options.seconds)] if options.seconds else []
        subprocess.run([sys.executable, "-m", "benchmarks", "dot_scaling", *arguments], check=True)
