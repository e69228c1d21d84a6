"""Densities of other libraries and physgen's own on the classical dot, n = 20, at the same CPU time.

    make peers                                                    # the environment .venv-peers
    .venv-peers/bin/python -m benchmarks peers                    # every row that is not kept yet, each in a process
    .venv-peers/bin/python -m benchmarks peers --only zuko-nsf --beta 10 --seconds 60 --seed 1

Reverse KL with the reparameterised gradient (the score-function one where a model cannot be differentiated through its
draws), batch 256, beta risen geometrically from a tenth over the first 30 %, Adam with warm-up and cosine decay, one
thread, float32. A peer's learning rate and start come from a small search at beta = 10, a tenth of the budget each,
scored by F_theta of 2 000 draws, and serve at beta = 1.5 too; physgen's models take their committed config. Draws that
are measured are fresh and float64.
Rows are added to `benchmarks/results/peers.csv`; one of the same peer, beta, budget and seed is replaced.
"""

from __future__ import annotations

import argparse
import itertools
import math
import subprocess
import sys

import torch

from benchmarks.measurements.budgeted import Recipe, draw_values, measure, peak_mib, train
from benchmarks.rows import keep, read
from physgen.runs.result import reference_for
from physgen.systems import ClassicalDot

TABLE = "peers"
PEERS = {
    "normflows-realnvp": "normflows_flows.RealNVP",
    "normflows-residual": "normflows_flows.Residual",
    "zuko-maf": "zuko_flows.ZukoMAF",
    "zuko-nsf": "zuko_flows.ZukoNSF",
    "mlp-flow": "",
    "autoregressive": "",
}
RATES, STARTS = (5e-4, 2e-3, 5e-3), ("places", "cloud")
#: draws of one set where they are dear: exact Jacobians, one particle after another in both mirror images
FEWER = {"normflows-residual": 5_000, "autoregressive": 5_000}
KEY = ("peer", "beta", "budget", "seed")
FIELDS = (
    *KEY, "name", "start", "learning_rate", "parameters", "steps", "cpu_seconds", "step_ms", "skipped", "memory_mib",
    "sets", "samples", "free_energy", "free_energy_error", "kl", "kl_error", "kl_median", "kl_lowest", "kl_highest",
    "ess_median", "ess_lowest", "ess_highest", "ess_draws", "free_energy_importance", "free_energy_importance_error",
    "version",
)  # fmt: skip


def peer_class(name: str) -> type:
    """Return the class of a peer."""
    module, _, kind = PEERS[name].partition(".")
    return getattr(__import__(f"benchmarks.measurements.peers.{module}", fromlist=[kind]), kind)


def searched(kind: type, system: ClassicalDot, seconds: float, seed: int) -> tuple[str, Recipe]:
    """Return the start and the recipe with the lowest beta F_theta after a short training each."""
    found = {}
    choices = [(STARTS[0], rate) for rate in RATES]
    for i, (start, rate) in enumerate(itertools.chain(choices, [(STARTS[1], None)])):
        if rate is None:  # the other start, with the rate that was best so far
            rate = min(found, key=found.get)[1]
        torch.manual_seed(seed)
        model = kind(system, start)
        train(model, Recipe(rate), seconds, seed)
        values = draw_values(model.double().eval(), 2_000, torch.Generator().manual_seed(i), 250)
        score = float(values.mean())
        found[start, rate] = score if math.isfinite(score) else math.inf
        print(f"  {kind.name}, {start}, learning rate {rate:g}: beta F_theta {score:.2f}", flush=True)
    start, rate = min(found, key=found.get)
    return start, Recipe(rate)


def row(name: str, beta: str, seconds: float, seed: int) -> dict[str, object]:
    """Train and measure one density."""
    torch.set_num_threads(1)
    before = peak_mib()
    system = ClassicalDot(20, beta=float(beta))
    if PEERS[name]:
        kind = peer_class(name)
        earlier = [r for r in read(TABLE) if (r["peer"], r["budget"], r["seed"]) == (name, f"{seconds:g}", str(seed))]
        if earlier:
            start, recipe = earlier[0]["start"], Recipe(float(earlier[0]["learning_rate"]))
        else:
            start, recipe = searched(kind, ClassicalDot(20, beta=10.0), seconds / 10, seed)
        torch.manual_seed(seed)
        model, optimizer, shown = kind(system, start), None, kind.name
    else:
        from benchmarks.measurements.peers.physgen_models import CONFIGURED, configured

        torch.manual_seed(seed)
        model, recipe = configured(name, system, beta)
        start = model.init_args.get("start", "")
        optimizer, shown = model.make_optimizer(), f"physgen {CONFIGURED[name][1]}"
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    training = train(model, recipe, seconds, seed, optimizer=optimizer)
    memory = peak_mib() - before  # of the search too, which is the same trainings shorter
    known = reference_for(system.references(), "free_energy")
    found = measure(model, known.value, known.error, 5, FEWER.get(name, 50_000), seed)
    made = {"peer": name, "beta": beta, "budget": f"{seconds:g}", "seed": seed, "name": shown, "start": start}
    made.update(learning_rate=recipe.learning_rate, parameters=parameters, **training.row(), **found)
    made["memory_mib"] = f"{memory:.0f}"
    return {**made, "version": f"torch {torch.__version__}"}


def main(arguments: list[str] | None = None) -> None:
    """Make the rows that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PEERS)
    parser.add_argument("--beta", choices=("10", "1.5"))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.only and options.beta:
        made = row(options.only, options.beta, options.seconds, options.seed)
        keep(TABLE, FIELDS, KEY, [made])
        print(", ".join(f"{k} {v}" for k, v in made.items()), flush=True)
        return
    names, betas = [options.only] if options.only else PEERS, [options.beta] if options.beta else ["10", "1.5"]
    done = {tuple(r[k] for k in KEY) for r in read(TABLE)}
    for beta, name in itertools.product(betas, names):  # memory is that of a process
        if (name, beta, f"{options.seconds:g}", str(options.seed)) in done:
            continue
        arguments = ["--only", name, "--beta", beta, "--seconds", str(options.seconds), "--seed", str(options.seed)]
        subprocess.run([sys.executable, "-m", "benchmarks", "peers", *arguments], check=True)
