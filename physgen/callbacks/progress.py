"""Progress bar with the energy and its reference in words."""

from __future__ import annotations

from typing import Any

from lightning import Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.callbacks.progress.rich_progress import RichProgressBarTheme

from physgen.runs.result import reference_for
from physgen.stats import with_error


class EnergyProgressBar(RichProgressBar):
    """Lightning's rich progress bar with text like `E = 3.0001(2) exact 3`.

    The error shown while training is that of the batch means since the last record; it is a guide, results are
    quoted from an evaluation.
    """

    def __init__(self) -> None:
        super().__init__(refresh_rate=5, theme=RichProgressBarTheme(metrics_text_delimiter="  "))

    def get_metrics(self, trainer: Trainer, model: Any) -> dict[str, Any]:
        """Return the headline of the last record and its reference, as text."""
        name = model.quantity
        value = model.latest.get(name)
        if value is None:
            likelihood = model.latest.get("negative_log_likelihood")  # what a training on samples minimises first
            return {**({} if likelihood is None else {"-<ln p>": f"{likelihood:.3f}"}), **validated(trainer)}
        items = {model.headline.symbol: with_error(value, model.latest_errors.get(name, 0.0))}
        lost = model.latest.get("nonfinite", 0.0)
        if lost > 0:
            items["not finite"] = f"{100 * lost:.2g} %"
        reference = reference_for(model.system.references(), name)
        if reference is not None:
            label = reference.label
            items[label] = (
                f"{reference.value:.10g}" if reference.error == 0 else with_error(reference.value, reference.error)
            )
        return {**items, **validated(trainer)}


def validated(trainer: Trainer) -> dict[str, str]:
    """Return what was last measured on samples that the training does not see, as text."""
    metrics = trainer.callback_metrics
    return {k.replace("/", " "): f"{float(v):.4g}" for k, v in metrics.items() if k.startswith("val/")}
