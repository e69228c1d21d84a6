"""Models of lattices and models that learn from data, beside exact values: the rows of docs/lattices-and-data.md.

    python -m benchmarks lattices_and_data --list
    python -m benchmarks lattices_and_data           # every row that is not kept yet, an hour of one core
    python -m benchmarks lattices_and_data --case ising-l4-machine --seeds 1 2

A case is a config with a few options of `fit`; it is trained and evaluated as `python -m physgen fit` does it. Of
models that learn without data, exact samples of a lattice then say what their own draws cannot: `forward_kl`. Rows are
added to `benchmarks/results/lattices_and_data.csv`; one of the same case and seed is replaced.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.places import ROOT
from benchmarks.rows import keep, read
from physgen.cli.training import run as train
from physgen.data import SystemSamples
from physgen.models import AutoregressiveLattice, DensityModel, Model
from physgen.runs.folder import last_checkpoint
from physgen.runs.result import Estimate, Result

TABLE = "lattices_and_data"
KEY = ("case", "seed")
ESTIMATES = ("free_energy", "free_energy_importance", "kl", "forward_kl", "log_likelihood", "elbo", "iw_10", "iw_100")
DIAGNOSTICS = ("ess", "largest_weight", "samples", "step_halving")
FIELDS = (
    *KEY, "system", "model", "exact_free_energy", "exact_free_energy_error", "entropy", "log_likelihood_bound", "beta",
    *(f"{name}{end}" for name in ESTIMATES for end in ("", "_error")), *DIAGNOSTICS, "guarantee", "parameters",
    "iterations", "train_cpu_seconds", "commit",
)  # fmt: skip
#: exact samples of a lattice that models without data are shown
SHOWN = 4096


@dataclass(frozen=True)
class Case:
    """A training that is measured.

    Args:
        config: below `configs/`, without its ending.
        options: of `fit`, beside the config.
        seeds: that are kept.
    """

    config: str
    options: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (1, 2)


def ising(beta: float, epochs: int, *options: str, size: int = 16, seeds: tuple[int, ...] = (1, 2)) -> Case:
    """Return a data-free training of the Ising model on a torus."""
    system = (f"--model.system.size={size}", f"--model.system.beta={beta}")
    length = (f"--trainer.max_epochs={epochs}", f"--evaluation.samples={50_000 if size < 32 else 20_000}")
    return Case("ising-2d-l16-beta0.44/autoregressive", (*system, *length, *options), seeds)


def large_dot(beta: float) -> Case:
    """Return flow matching of twenty charges; ln p of a draw takes a second, so that few are drawn."""
    system = ("--model.system.n=20", f"--model.system.beta={beta}", "--model.batch_size=64", "--model.steps=3")
    data = ("--model.data=MALA", "--model.data.walkers=1024", "--model.data.steps=40", "--model.data.warm_up_steps=400")
    length = ("--model.data_size=40000", "--model.steps_per_epoch=1000", "--trainer.max_epochs=2")
    evaluation = ("--evaluation.samples=300", "--evaluation.batch=50")
    return Case("classical-dot-n6-beta5/flow-matching", (*system, *data, *length, *evaluation), (1,))


MASKED = "--model.context=masked"
CASES = {
    "ising-l16-beta0.3": ising(0.3, 10),
    "ising-l16-beta0.44": ising(0.44, 24),
    "ising-l16-beta0.6": ising(0.6, 14),
    "ising-l16-beta0.44-masked": ising(0.44, 40, MASKED, seeds=(1,)),
    "ising-l32-beta0.44069": ising(0.44068679, 16, "--model.batch_size=128", size=32, seeds=(1,)),
    "ising-l4-machine": Case("ising-2d-l4-beta0.44/boltzmann-machine"),
    "ising-l4-autoencoder": Case("ising-2d-l4-beta0.44/variational-autoencoder"),
    "bars-and-stripes-l3": Case("bars-and-stripes-l3/boltzmann-machine"),
    "bars-and-stripes-l4": Case("bars-and-stripes-l4/boltzmann-machine"),
    "taut-density": Case("taut-density-2d-degree1/boltzmann-machine"),
    "dot-n6-flow-matching": Case("classical-dot-n6-beta5/flow-matching"),
    "dot-n6-data-free-diffusion": Case("classical-dot-n6-beta5/data-free-diffusion"),
    "dot-n20-beta10-flow-matching": large_dot(10.0),
    "dot-n20-beta1.5-flow-matching": large_dot(1.5),
}


def row(case: str, seed: int, folder: Path) -> dict[str, object]:
    """Return the row of a finished run, or of an entry."""
    result, weights = Result.read(folder / "result.json"), folder / "weights.ckpt"
    model = Model.load_from_checkpoint(weights if weights.is_file() else last_checkpoint(folder))
    system, source = model.system, result.provenance
    made: dict[str, object] = {"case": case, "seed": seed, "system": system.label, "model": source["model"]}
    known = {r.quantity: r for r in reversed(system.references()) if r.exact}
    if "free_energy" in known:
        made["exact_free_energy"] = known["free_energy"].value
        made["exact_free_energy_error"] = known["free_energy"].error
    for name, quantity in {"entropy": "entropy", "log_likelihood_bound": "log_likelihood"}.items():
        if quantity in known:
            made[name] = known[quantity].value
    found = dict(result.estimates)
    if isinstance(model, AutoregressiveLattice) and "free_energy" in known:
        found["forward_kl"] = forward_kl(model, known["free_energy"].value)
    for name in ESTIMATES:
        if name in found:
            made[name], made[f"{name}_error"] = found[name].value, shown(found[name])
    made |= {name: result.diagnostics[name] for name in DIAGNOSTICS if name in result.diagnostics}
    made |= {name: source.get(name, "") for name in ("parameters", "iterations", "train_cpu_seconds", "commit")}
    return {**dict.fromkeys(FIELDS, ""), **made, "beta": system.beta, "guarantee": result.guarantee}


def shown(estimate: Estimate) -> float | str:
    """Return the error of an estimate, an empty cell where it carries none."""
    return "" if estimate.known_error is None else estimate.known_error


@torch.no_grad()
def forward_kl(model: DensityModel, exact: float) -> Estimate:
    """Return KL(Gibbs || p) at samples of cluster Monte Carlo, which sees what p never draws."""
    system, data = model.system, SystemSamples(size=SHOWN, seed=1)
    x = data.samples_for(system).double()
    log_prob = torch.cat([model.double().log_prob(part) for part in x.split(512)])
    values = system.beta * (exact - system.energy(x)) - log_prob
    walkers = values.view(-1, 1024).mean(0)  # rounds of one walker are correlated
    return Estimate(float(values.mean()), float(walkers.std() / math.sqrt(len(walkers))))


def measure(name: str, seed: int, keep_in: str | None) -> None:
    """Train and measure one case with one seed, and keep the row."""
    case = CASES[name]
    entry = ROOT / "checkpoints" / case.config
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(keep_in or temporary) / f"{name}-{seed}"
        if not case.options and (entry / "result.json").is_file() and seed == seed_of(entry):
            folder = entry  # as the zoo keeps it
        if not (folder / "result.json").is_file():
            config = ROOT / "configs" / f"{case.config}.yaml"
            quiet = ("--wandb=off", "--figures=false", "--trainer.enable_progress_bar=false")
            words = [f"--config={config}", f"--seed_everything={seed}", f"--run_folder={folder}"]
            train(["fit", *words, *case.options, *quiet])
        keep(TABLE, FIELDS, KEY, [row(name, seed, folder)], order)


def seed_of(entry: Path) -> object:
    """Return the seed that an entry was trained with."""
    return Result.read(entry / "result.json").provenance.get("seed")


def order(kept: dict[str, str]) -> tuple[int, int]:
    """Return the place of a row: that of its case, then its seed."""
    names = list(CASES)
    return (names.index(kept["case"]) if kept["case"] in names else len(names), int(kept["seed"]))


def main(arguments: list[str] | None = None) -> None:
    """Make the rows that are asked for, or those that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs="+", choices=CASES, metavar="CASE")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--keep", help="folder that keeps the runs, and whose finished ones are only read")
    parser.add_argument("--list", action="store_true", help="show the cases")
    options = parser.parse_args(arguments)
    if options.list:
        for name, case in CASES.items():
            print(f"{name}: configs/{case.config}.yaml {' '.join(case.options)}, seeds {case.seeds}")
        return
    torch.set_num_threads(1)
    done = {(r["case"], int(r["seed"])) for r in read(TABLE)}
    for name in options.case or CASES:
        for seed in options.seeds or CASES[name].seeds:
            if options.case or (name, seed) not in done:
                measure(name, seed, options.keep)
