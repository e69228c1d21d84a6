"""Figures of a run: training curve with the reference, density, pair distribution, and the numbers behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from lightning import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_only
from matplotlib.figure import Figure

from physgen.core.files import writing
from physgen.models import Model
from physgen.observables.base import as_arrays
from physgen.runs.metrics_file import read_metrics
from physgen.runs.result import reference_for
from physgen.stats import with_error


def read_curve(folder: Path, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and values of `column` in the `metrics.csv` of a run folder, rows without it left out."""
    rows = [(row["step"], row[column]) for row in read_metrics(Path(folder)) if column in row]
    pairs = np.array(rows, dtype=float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def training_curve(model: Model, folder: Path) -> Figure | None:
    """Return the headline against iterations, with the reference as a line."""
    steps, values = read_curve(folder, f"train/{model.quantity}")
    if not len(steps):
        return None
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(steps, values, lw=1, label=type(model).__name__)
    reference = reference_for(model.system.references(), model.quantity)
    if reference is not None:
        known = reference.value, reference.error
        label = f"{reference.label} {with_error(*known) if reference.error else f'{reference.value:.8g}'}"
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


class Figures(Callback):
    """Write the figures of a run into its folder after the evaluation, and `structure.npz`, the arrays behind them.

    Args:
        folder: run folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @rank_zero_only
    def on_test_end(self, trainer: Trainer, model: Any) -> None:
        """Draw the training curve and what the observables of the evaluation make of its configurations."""
        figures = {"training_curve": training_curve(model, self.folder)}
        if model.evaluated is not None:
            x, title = model.evaluated.double().cpu(), f"{model.system.label}, {type(model).__name__}"
            kept: dict[str, Any] = {}
            for observable in model.measurements.observables:
                arrays = as_arrays(observable.histograms(x))
                figures |= observable.figures(arrays, x, title)
                kept |= arrays
            if kept:
                with writing(self.folder / "structure.npz") as file:
                    np.savez(file, **kept)
        for name, figure in figures.items():
            if figure is not None:
                with writing(self.folder / f"{name}.png") as file:
                    figure.savefig(file, format="png", dpi=110)
