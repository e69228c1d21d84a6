"""Comparison page of the classical dot, n = 20: every pretrained network beside Monte Carlo, at both temperatures.

    python -m benchmarks comparison [--samples 10000] [--rounds 5] [--batch 128]

Writes `docs/comparison.md` and `docs/comparison.png`. F, KL and ESS are those of the entries' `result.json`; the cost
of a training step is measured here, in turns, with one batch size in float64 on one thread.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks.pages.dot_figure import monte_carlo
from benchmarks.places import DOCS, ROOT
from physgen import load_pretrained
from physgen.models import DensityModel
from physgen.objectives.reverse_kl import reverse_kl
from physgen.runs.result import Estimate, Result
from physgen.systems import ClassicalDot
from physgen.zoo.index import read_index

BETAS = ("10", "1.5")
#: what an entry's density is invariant under by construction
SYMMETRIES = {
    "MLPFlow": "none",
    "AutoregressiveMLP labelled": "rotations, mirror",
    "AutoregressiveMLP": "permutations, rotations, mirror",
    "TiedFlow permutation": "permutations",
    "TiedFlow rotation": "rotations",
    "TiedFlow both": "permutations, rotations",
    "TransformerFlow": "permutations, rotations, mirror",
    "TransformerCouplingFlow": "permutations, rotations, mirror",
}


def symmetries(result: Result) -> str:
    """Return words for the exact symmetries of the model of a result."""
    source = result.provenance
    arguments = source["recipe"]["init_args"]
    option = arguments.get("order", arguments.get("symmetry", ""))
    return SYMMETRIES.get(f"{source['model']} {option}".strip(), SYMMETRIES.get(source["model"], ""))


#: panels beside each other in the figure
COLUMNS = 5
#: of the inner shells, whose number of particles fluctuates
RADIUS = 1.5
#: entries that differ in one thing, and what that is
PAIRS = (
    ("autoregressive-labelled", "autoregressive", "permutations: labelled order to a canonical one, data-free"),
    ("autoregressive", "autoregressive-mc", "training: data-free to Monte Carlo samples first"),
    ("mlp-flow", "transformer-flow", "all symmetries: plain MLP to tied weights with attention"),
    (
        "transformer-flow-coupling",
        "transformer-flow",
        "residual blocks instead of coupling layers, with attention",
    ),
    ("transformer-flow-no-attention", "transformer-flow", "attention, with the same symmetries"),
)


def bought(names: list[str], models: dict[str, DensityModel], samples: int) -> list[str]:
    """Return lines on the nats that symmetries buy: differences of KL, and exact averages over reflections."""
    lines = ["", "What it buys, in nats:", "", "| what | KL before | KL after | gain |", "|---|---|---|---|"]
    folder = names[0].split("/")[0]
    for before, after, what in PAIRS:
        pair = [f"{folder}/{name}" for name in (before, after)]
        if all(name in names for name in pair):
            kl = [Result.read(ROOT / "checkpoints" / name / "result.json").estimates["kl"] for name in pair]
            gain = Estimate(kl[0].value - kl[1].value, math.hypot(kl[0].error, kl[1].error), kl[0].note or kl[1].note)
            lines.append(f"| {what} | {kl[0]} | {kl[1]} | {gain} |")
    for name, model in models.items():
        if getattr(model, "mirror", False):
            # draws of the density before the average: <ln p - ln p_sym> is the difference of the two free energies
            with torch.no_grad():
                x, plain = model.draw_fixed(samples, torch.Generator().manual_seed(2))
                gain = plain - model.log_prob(x)
            error = float(gain.std()) / samples**0.5
            lines.append(f"| mirror average in {name.split('/')[1]} | | | {Estimate(float(gain.mean()), error)} |")
    return lines


def step(model: DensityModel, batch: int, generator: torch.Generator) -> float:
    """Return the CPU seconds of one training step: draw, energy, density, gradient."""
    start = time.process_time()
    model.zero_grad()
    drawn = reverse_kl(model, batch, model.system.beta, generator, model.gradient)
    drawn.loss.backward()
    return time.process_time() - start


def costs(models: dict[str, DensityModel], rounds: int, batch: int) -> dict[str, float]:
    """Return the median CPU seconds of a step of every model, measured in turns."""
    generator = torch.Generator().manual_seed(0)
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds + 1):
        for name, model in models.items():
            times[name].append(step(model.train(), batch, generator))
    return {name: statistics.median(t[1:]) for name, t in times.items()}


def invertibility(result: Result) -> str:
    """Return words for how it is known that a model is one-to-one, with the figures of the check."""
    if "guarantee: exact" in result.notes:
        return "by construction"
    found = result.diagnostics
    draws = int(found["samples"])
    words = f"checked: det < 0 at {round(found['minority_sign'] * draws)} of {draws}"
    if "inverted" in found:
        words += (
            f", not monotone at {round(found['not_monotone'] * draws)}, {100 * found['inverted']:.0f} % inverted "
            f"within {found['round_trip']:.0e}"
        )
    return words


def table(names: list[str], cost: dict[str, float]) -> list[str]:
    """Return the rows of one temperature, the smallest KL first."""
    results = {name: Result.read(ROOT / "checkpoints" / name / "result.json") for name in names}
    lines = [
        "| entry | exact symmetries | invertible | trained on | F | KL / nats | ESS | F reweighted | parameters "
        "| step / ms | CPU-s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in sorted(names, key=lambda name: results[name].estimates["kl"].value):
        result = results[name]
        trained = next((note for note in result.notes if note.startswith("trained on ")), "trained on ?")
        enough = result.diagnostics["ess"] * result.diagnostics["samples"] >= 100
        reweighted = str(result.estimates["free_energy_importance"]) if enough else "too few effective samples"
        bound = "" if not result.notes[0].startswith("NOT A BOUND") else " (not a bound)"
        lines.append(
            f"| {name.split('/')[1]} | {symmetries(result)} | {invertibility(result)} "
            f"| {trained.removeprefix('trained on ')} "
            f"| {result.headline}{bound} | {result.estimates['kl']} | {result.diagnostics['ess']:.2g} | {reweighted} "
            f"| {result.provenance['parameters']} | {1000 * cost[name]:.0f} "
            f"| {result.provenance['train_cpu_seconds']:.0f} |"
        )
    return lines


def within(x: torch.Tensor) -> torch.Tensor:
    """Return how many particles of each configuration `(draws, n, 2)` are within `RADIUS`."""
    return (x.norm(dim=-1) < RADIUS).sum(1).double()


def inner(counts: dict[str, torch.Tensor]) -> list[str]:
    """Return the rows of how many particles are within `RADIUS`: the mean, and the spread beside that of Monte Carlo.

    Args:
        counts: numbers of particles `(draws,)` of each density, Monte Carlo first.
    """
    lines = ["", f"Particles within r < {RADIUS}, errors as of independent draws:", ""]
    lines += ["| density | mean | standard deviation | over that of Monte Carlo |", "|---|---|---|---|"]
    known = float(next(iter(counts.values())).std())
    for name, held in counts.items():
        mean, spread, size = float(held.mean()), float(held.std()), len(held)
        error = spread / (2 * size) ** 0.5
        ratio = Estimate(spread / known, math.hypot(error / known, spread / known / (2 * size) ** 0.5))
        lines.append(
            f"| {name} | {Estimate(mean, spread / size**0.5)} | {Estimate(spread, error)} "
            f"| {'' if name == 'Monte Carlo' else ratio} |"
        )
    return lines


def pictures(panels: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Return maps of the density, a block of rows and a scale of colours for each temperature."""
    rows = {beta: math.ceil(len(drawn) / COLUMNS) for beta, drawn in panels.items()}
    figure = Figure(figsize=(2.3 * COLUMNS, 2.6 * sum(rows.values())), layout="constrained")
    parts = figure.subfigures(len(panels), 1, height_ratios=list(rows.values()), squeeze=False)[:, 0]
    grid = np.linspace(-3.2, 3.2, 81)
    for part, (beta, drawn) in zip(parts, panels.items(), strict=True):
        part.suptitle(f"beta = {beta}")
        axes = part.subplots(rows[beta], COLUMNS, sharex=True, sharey=True, squeeze=False)
        top, shown = None, None
        for axis, (title, x) in zip(axes.flat, drawn.items(), strict=False):
            counts = np.histogram2d(x[:, 0], x[:, 1], [grid, grid])[0] / (len(x) / 20 * (grid[1] - grid[0]) ** 2)
            top = 1.3 * counts.max() if top is None else top  # Monte Carlo comes first and sets the colours
            shown = axis.pcolormesh(grid, grid, counts.T, cmap="magma", rasterized=True, vmin=0, vmax=top)
            axis.set(title=title, aspect="equal")
            axis.title.set_fontsize(8)
        for axis in axes.flat[len(drawn) :]:
            axis.set_axis_off()
        for axis in axes[-1]:
            axis.set_xlabel("x")
        for axis in axes[:, 0]:
            axis.set_ylabel("y")
        part.colorbar(shown, ax=axes, label="particles per area", extend="max", shrink=0.8)
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Measure, draw and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    entries = list(read_index()["pretrained"])
    lines = [
        "# The classical quantum dot, n = 20: all networks beside Monte Carlo",
        "",
        "Made by `python -m benchmarks comparison`. KL = beta (F_theta - F) against F by Monte Carlo (bridge "
        f"sampling); a step is {options.batch} draws with their gradient, float64, one thread, measured in turns.",
        "",
        "![density of every model](comparison.png)",
        "",
        "*Particles per area in the plane, Monte Carlo and every entry, one scale a temperature "
        "(`python -m benchmarks comparison`).*",
    ]
    panels: dict[str, dict[str, np.ndarray]] = {}
    for beta in BETAS:
        names = [name for name in entries if name.startswith(f"classical-dot-n20-beta{beta}/")]
        models = {name: load_pretrained(name).double() for name in names}
        drawn = monte_carlo(ClassicalDot(20, beta=float(beta)), options.samples)[1]
        panels[beta] = {"Monte Carlo": drawn.flatten(0, 1).numpy()}
        counts = {"Monte Carlo": within(drawn)}
        for name, model in models.items():
            x = model.eval().sample(options.samples, torch.Generator().manual_seed(1))[0]
            panels[beta][name.split("/")[1]] = x.detach().flatten(0, 1).numpy()
            counts[name.split("/")[1]] = within(x.detach())
        lines += ["", f"## beta = {beta}", "", *table(names, costs(models, options.rounds, options.batch))]
        lines += bought(names, models, options.samples)
        lines += inner(counts)
    (DOCS).mkdir(exist_ok=True)
    pictures(panels).savefig(DOCS / "comparison.png", dpi=110)
    (DOCS / "comparison.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {ROOT / 'docs' / 'comparison.md'} and comparison.png")
