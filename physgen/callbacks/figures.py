"""Figures of a run: training curve with the reference, density, pair distribution, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from lightning import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_only
from matplotlib.figure import Figure

from physgen.core.files import writing
from physgen.figures.style import drawing, save
from physgen.figures.training import training_curve
from physgen.models import Model
from physgen.observables.base import as_arrays
from physgen.runs.metrics_file import read_metrics
from physgen.runs.result import reference_for


def read_curve(folder: Path, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and values of `column` in the `metrics.csv` of a run folder, rows without it left out."""
    rows = [(row["step"], row[column]) for row in read_metrics(Path(folder)) if column in row]
    pairs = np.array(rows, dtype=float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def training_figure(model: Model, folder: Path) -> Figure | None:
    """Return the headline against iterations, above its reference if there is one; None without records."""
    steps, values = read_curve(folder, f"train/{model.quantity}")
    if not len(steps):
        return None
    reference = reference_for(model.references(), model.quantity)
    known = None if reference is None else (f"{reference.label} {reference.number}", reference.value, reference.error)
    found = None if model.result is None else (model.result.headline.value, model.result.headline.error)
    title = f"{model.system.label}, {type(model).__name__}"
    return training_curve(steps, values, model.headline.symbol, title, known, found)


class Figures(Callback):
    """Write the figures of a run into its folder after the evaluation, and `structure.npz`, the arrays behind them.

    Args:
        folder: run folder.
        formats: formats beside PNG: `pdf`, `svg`.
    """

    def __init__(self, folder: str | Path, formats: Iterable[str] = ()) -> None:
        self.folder, self.formats = Path(folder), tuple(formats)

    @rank_zero_only
    def on_test_end(self, trainer: Trainer, model: Any) -> None:
        """Draw the training curve and what the observables of the evaluation make of its configurations."""
        with drawing(model.system.length_unit, model.system.energy_unit):
            for name, figure in self.drawn(model).items():
                save(figure, self.folder, name, self.formats)

    def drawn(self, model: Model) -> dict[str, Figure]:
        """Return the figures by name, and keep the arrays behind them."""
        figures = {"training_curve": training_figure(model, self.folder)}
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
        return {name: figure for name, figure in figures.items() if figure is not None}
