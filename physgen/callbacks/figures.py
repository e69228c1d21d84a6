"""Figures of a run: training curve with the reference, the one-body density, and the structure by spin."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib
import numpy as np
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only
from matplotlib.figure import Figure

from physgen.reference.spin_structure import spin_structure
from physgen.result import reference_for


def read_curve(folder: Path, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and values of `column` in the `metrics.csv` of a run folder, rows without it left out."""
    path = Path(folder) / "metrics.csv"
    if not path.is_file():
        return np.empty(0), np.empty(0)
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(float(r["step"]), float(r[column])) for r in csv.DictReader(file) if r.get(column)]
    pairs = np.array(rows, dtype=float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def training_curve(model: LightningModule, folder: Path) -> Figure | None:
    """Return the headline against iterations, with the reference as a line."""
    steps, values = read_curve(folder, f"train/{model.quantity}")
    if not len(steps):
        return None
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(steps, values, lw=1, label=type(model).__name__)
    reference = reference_for(model.system.references(), model.quantity)
    if reference is not None:
        label = f"{'exact' if reference.exact else reference.method} {reference.value:.8g}"
        axes.axhline(reference.value, color="k", ls="--", lw=1, label=label)
    if model.result is not None:
        axes.axhline(model.result.headline.value, color="C3", lw=1, label=f"evaluated {model.result.headline}")
    # the first iterations may lie orders of magnitude above the rest
    settled = values[len(values) // 10 :]
    low, high = settled.min(), np.quantile(settled, 0.98)
    if reference is not None:
        low, high = min(low, reference.value), max(high, reference.value)
    margin = 0.05 * max(high - low, 1e-12)
    axes.set_ylim(low - margin, high + margin)
    axes.set(xlabel="iteration", ylabel=model.quantity.replace("_", " "), title=model.system.label)
    axes.legend(fontsize="small")
    return figure


def one_body_density(model: LightningModule) -> Figure | None:
    """Return the density of particles: as a map in the plane, and against the radius."""
    if model.evaluated is None:
        return None
    x = model.evaluated.flatten(0, 1).double().cpu().numpy()
    n, count = model.system.n, len(model.evaluated)
    radius = np.linalg.norm(x, axis=1)
    edge = float(np.quantile(radius, 0.9999))
    flat = model.system.dim == 2
    figure = Figure(figsize=(9 if flat else 5, 4), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, 2 if flat else 1))
    edges = np.linspace(0, edge, 61)
    shells = np.diff(np.pi * edges**2 if flat else 4 / 3 * np.pi * edges**3)
    density = np.histogram(radius, edges)[0] / (count * shells)
    axes[-1].stairs(density, edges, fill=True, alpha=0.6)
    axes[-1].set(xlabel="r", ylabel="density", title=f"one-body density, {n} particles")
    if flat:
        grid = np.linspace(-edge, edge, 81)
        counts = np.histogram2d(x[:, 0], x[:, 1], [grid, grid])[0] / (count * (grid[1] - grid[0]) ** 2)
        image = axes[0].pcolormesh(grid, grid, counts.T, cmap="magma", rasterized=True)
        figure.colorbar(image, ax=axes[0])
        axes[0].set(xlabel="x", ylabel="y", aspect="equal", title=type(model).__name__)
    return figure


def electron_structure(model: LightningModule) -> dict[str, np.ndarray] | None:
    """Return radial densities and pair distributions by spin with errors, for systems with spins."""
    n_up = getattr(model.system, "n_up", None)
    if model.evaluated is None or n_up is None:
        return None
    x = model.evaluated.double().cpu()
    chains = min(model.evaluation.batch, len(x))
    steps = len(x) // chains
    found = spin_structure(x[: steps * chains].view(steps, chains, *x.shape[1:]), n_up)
    return {name: value.numpy() for name, value in found.items()}


def spin_figure(found: dict[str, np.ndarray]) -> Figure:
    """Return radial densities and pair distributions by spin, with bands of one standard error."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = [
        (
            "radius_edges",
            "density",
            {"radial_density": "all", "radial_density_up": "up", "radial_density_down": "down"},
        ),
        ("distance_edges", "g(r)", {"g_like": "like spins", "g_unlike": "unlike spins"}),
    ]
    for axes, (edges, label, curves) in zip(figure.subplots(1, 2), panels, strict=True):
        for name, text in curves.items():
            if name not in found:
                continue
            middle = (found[edges][1:] + found[edges][:-1]) / 2
            value, error = found[name], found[f"{name}_error"]
            known = error < 0.5 * value  # far out there are too few to draw
            (line,) = axes.plot(middle[known], value[known], lw=1, label=text)
            low, high = ((value + s * error)[known] for s in (-1, 1))
            axes.fill_between(middle[known], low, high, color=line.get_color(), alpha=0.3, lw=0)
        axes.set(xlabel="r", ylabel=label, ylim=(0, None))
        axes.legend(fontsize="small")
    return figure


class Figures(Callback):
    """Write the figures of a run into its folder after the evaluation.

    For electrons also `structure.npz`, the histograms of `spin_structure` with their errors.

    Args:
        folder: run folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @rank_zero_only
    def on_test_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Draw `training_curve.png`, `density.png` and, for electrons, `structure.png`, what there is data for."""
        figures = {"training_curve": training_curve(model, self.folder), "density": one_body_density(model)}
        structure = electron_structure(model)
        if structure is not None:
            np.savez_compressed(self.folder / "structure.npz", **structure)
            figures["structure"] = spin_figure(structure)
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            for name, figure in figures.items():
                if figure is not None:
                    figure.savefig(self.folder / f"{name}.png", dpi=110)
