"""Figures of the classical dot, n = 20: models beside Monte Carlo at both temperatures, into docs/.

    python -m benchmarks dot_figure [--samples 20000]
    python -m benchmarks dot_figure --curve classical-dot-n20-beta10/mlp-flow RUN_FOLDER

Drawn from the pretrained entries and the reference Monte Carlo (cached), raw draws of the models without weights:

* `dot.png`: one-body density in the plane; Monte Carlo, the best entry without data and the talk's flow;
* `dot_structure.png`: radial density, pair distribution g(r) and histogram of the energy;
* `dot_training.png`: F_theta during training with the known F as a line, where the training's curve was kept.

`--curve` keeps the training curve of an entry, thinned, from the `metrics.csv` of its run folder in
`benchmarks/results/curves/`, and then draws everything.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks.places import DOCS, RESULTS, ROOT
from physgen import load_pretrained
from physgen.callbacks.figures import read_curve
from physgen.monte_carlo import ReferenceRecord, Settings, cache_folder, load_samples, reference
from physgen.monte_carlo.cache import SAMPLES
from physgen.observables import structure
from physgen.runs.result import Result, reference_for
from physgen.stats import with_error
from physgen.systems import ClassicalDot
from physgen.zoo.card import trained_on
from physgen.zoo.index import read_index

CURVES = RESULTS / "curves"
BETAS = ("10", "1.5")
TALK = "mlp-flow"
CHAINS, POINTS = 100, 400


def monte_carlo(system: ClassicalDot, samples: int) -> tuple[ReferenceRecord, torch.Tensor]:
    """Return the reference of a dot and configurations `(samples, n, dim)` by Monte Carlo, both kept in the cache."""
    settings = Settings(error=0.1 / system.beta, samples=samples)  # a tenth of a nat
    record = reference(system, settings)
    return record, load_samples(cache_folder(system, settings) / SAMPLES, system).double()


class Temperature:
    """What is drawn of one temperature: configurations `(N, n, dim)` by Monte Carlo and by each chosen entry."""

    def __init__(self, beta: str, samples: int) -> None:
        self.beta, self.system = beta, ClassicalDot(20, beta=float(beta))
        self.record, self.monte_carlo = monte_carlo(self.system, samples)
        radius = self.monte_carlo.square().sum(-1).sqrt().flatten().numpy()
        #: radius that all but one particle in 2000 lie within
        self.edge = float(np.quantile(radius, 0.9995))
        self.models: dict[str, torch.Tensor] = {}
        self.titles: dict[str, str] = {}
        for name, entry in chosen(beta):
            model = load_pretrained(name).double()
            draws = [model.sample(1000, generator)[0] for generator in [seeded()] for _ in range(samples // 1000)]
            self.models[name] = torch.cat(draws).detach()
            value, error = entry["value"], entry["error"]
            free = f"{value:.1f}" if error is None else with_error(value, error)
            self.titles[name] = f"{name.split('/')[1]}, F = {free}"


def seeded() -> torch.Generator:
    """Return the source of all draws."""
    return torch.Generator().manual_seed(1)


def chosen(beta: str) -> list[tuple[str, dict]]:
    """Return the entry of lowest F of those trained without data at a temperature, and the talk's flow."""
    prefix = f"classical-dot-n20-beta{beta}/"
    entries = {k: v for k, v in read_index()["pretrained"].items() if k.startswith(prefix) and data_free(k)}
    best = min(entries, key=lambda k: entries[k]["value"] + 2 * (entries[k]["error"] or np.inf), default=None)
    return [(k, entries[k]) for k in dict.fromkeys([best, prefix + TALK]) if k in entries]


def data_free(name: str) -> bool:
    """Return whether an entry was trained on its own draws alone."""
    return trained_on(Result.read(ROOT / "checkpoints" / name / "result.json")) == "no data"


def density(temperatures: list[Temperature]) -> Figure:
    """Return maps of the one-body density, a row for each temperature, on one scale in a row."""
    columns = 1 + max(len(t.models) for t in temperatures)
    figure = Figure(figsize=(3.4 * columns, 3.1 * len(temperatures)), layout="constrained")
    for axes, t in zip(figure.subplots(len(temperatures), columns, squeeze=False), temperatures, strict=True):
        known = reference_for(t.system.references(), "free_energy")
        panels = {
            f"Monte Carlo, F = {with_error(known.value, known.error)}": t.monte_carlo,
            **{t.titles[k]: x for k, x in t.models.items()},
        }
        grid = np.linspace(-t.edge, t.edge, 91)
        maps = []
        for x in panels.values():
            flat = x.flatten(0, 1).numpy()
            maps.append(np.histogram2d(flat[:, 0], flat[:, 1], [grid, grid])[0] / (len(x) * (grid[1] - grid[0]) ** 2))
        top = max(np.quantile(m, 0.999) for m in maps[:2])
        for axis, title, values in zip(axes, panels, maps, strict=False):
            image = axis.pcolormesh(grid, grid, values.T, cmap="magma", vmin=0, vmax=top, rasterized=True)
            axis.set(aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2], xlabel="x")
            axis.set_title(f"beta = {t.beta}: {title}".replace(", F", "\nF"), fontsize="medium")
        axes[0].set_ylabel("y")
        figure.colorbar(image, ax=list(axes), label="particles per area", extend="max")
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
    return figure


def curve(axis: object, edges: np.ndarray, values: np.ndarray, errors: np.ndarray, **style: object) -> None:
    """Draw a histogram as a line with its band of two standard errors."""
    centres = (edges[1:] + edges[:-1]) / 2
    (line,) = axis.plot(centres, values, lw=1.2, **style)
    axis.fill_between(centres, values - 2 * errors, values + 2 * errors, alpha=0.3, color=line.get_color(), lw=0)


def structures(temperatures: list[Temperature]) -> Figure:
    """Return radial density, g(r) and energy histogram, a row for each temperature."""
    figure = Figure(figsize=(11, 3.2 * len(temperatures)), layout="constrained")
    for axes, t in zip(figure.subplots(len(temperatures), 3, squeeze=False), temperatures, strict=True):
        found = {"Monte Carlo": t.record.arrays}
        for name, x in t.models.items():
            chains = x.view(-1, CHAINS, *x.shape[1:])  # draws are independent, so any of them are chains
            found[t.titles[name]] = {k: v.numpy() for k, v in structure(chains).items()}
        styles = [{"color": "k"}, {"color": "C3"}, {"color": "C0", "ls": "--"}]
        for (label, arrays), style in zip(found.items(), styles, strict=False):
            for axis, kind, edges in (
                (axes[0], "radial_density", "radius_edges"),
                (axes[1], "g_of_r", "distance_edges"),
            ):
                curve(axis, arrays[edges], arrays[kind], arrays[f"{kind}_error"], label=label, **style)
        axes[0].set(xlabel="r", ylabel="particles per area", title=f"beta = {t.beta}: radial density", xlim=(0, t.edge))
        axes[1].set(xlabel="distance", ylabel="g(r)", title="pair distribution", xlim=(0, 1.8 * t.edge), ylim=(0, 1.75))
        energies = [t.system.energy(x).numpy() for x in (t.monte_carlo, *t.models.values())]
        low, high = np.quantile(np.concatenate(energies), [0.0005, 0.9995])
        for values, style in zip(energies, styles, strict=False):
            axes[2].hist(values, np.linspace(low, high, 61), density=True, histtype="step", lw=1.2, **style)
        axes[2].set(xlabel="energy", ylabel="probability density", title="energy")
        axes[0].legend(fontsize="x-small")
    return figure


def training(temperatures: list[Temperature]) -> Figure | None:
    """Return the kept training curves with the exact F, None if none was kept."""
    kept = {p: p.stem.split("_", 1) for p in sorted(CURVES.glob("classical-dot-n20-beta*_*.csv"))}
    shown = [t for t in temperatures if any(folder.endswith(f"beta{t.beta}") for folder, _ in kept.values())]
    if not shown:
        return None
    figure = Figure(figsize=(5 * len(shown), 3.6), layout="constrained")
    for axis, t in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        exact = reference_for(t.system.references(), "free_energy")
        top = exact.value
        for path, (folder, name) in kept.items():
            if folder.endswith(f"beta{t.beta}"):
                steps, values = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)
                axis.plot(steps, values, lw=1, label=name)
                # annealing starts far above the rest
                top = max(top, np.quantile(values[len(values) // 2 :], 0.98))
        known = f"{exact.label} F = {with_error(exact.value, exact.error)}"
        axis.axhline(exact.value, color="k", ls="--", lw=1, label=known)
        margin = 0.05 * (top - exact.value)
        axis.set(
            xlabel="iteration", title=f"beta = {t.beta}", ylabel="F_theta", ylim=(exact.value - margin, top + margin)
        )
        axis.legend(fontsize="small")
    return figure


def keep_curve(entry: str, folder: Path) -> None:
    """Keep the free energy against iterations of a run, means over at most `POINTS` parts."""
    steps, values = read_curve(folder, "train/free_energy")
    if not len(steps):
        raise SystemExit(f"{folder} holds no metrics.csv with train/free_energy")
    CURVES.mkdir(parents=True, exist_ok=True)
    parts = min(POINTS, len(steps))
    with (CURVES / f"{entry.replace('/', '_', 1)}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "free_energy"])
        for some, means in zip(np.array_split(steps, parts), np.array_split(values, parts), strict=True):
            writer.writerow([f"{some[-1]:.0f}", f"{means.mean():.4f}"])


def main(arguments: list[str] | None = None) -> None:
    """Draw everything there is data for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--curve", nargs=2, metavar=("ENTRY", "RUN_FOLDER"))
    options = parser.parse_args(arguments)
    if options.curve:
        keep_curve(options.curve[0], Path(options.curve[1]))
    torch.set_num_threads(1)
    temperatures = [Temperature(beta, options.samples) for beta in BETAS]
    DOCS.mkdir(exist_ok=True)
    drawings: dict[str, Callable] = {"dot": density, "dot_structure": structures, "dot_training": training}
    for name, drawing in drawings.items():
        figure = drawing(temperatures)
        if figure is not None:
            path = DOCS / f"{name}.png"
            figure.savefig(path, dpi=90)
            print(f"wrote {path}, {path.stat().st_size / 1000:.0f} kB")
