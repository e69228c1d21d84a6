"""Progress bar with the energy and its reference in words."""

from __future__ import annotations

from typing import Any

from lightning import Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.callbacks.progress.rich_progress import RichProgressBarTheme

from physgen.models.shown_headline import headline_items


class EnergyProgressBar(RichProgressBar):
    """Lightning's rich progress bar with nothing but text like `E = 3.0001(2) exact 3`."""

    #: Lightning's own bars are told to show it beside what they show anyway
    shows_headline = True

    def __init__(self) -> None:
        super().__init__(refresh_rate=5, theme=RichProgressBarTheme(metrics_text_delimiter="  "))

    def get_metrics(self, trainer: Trainer, model: Any) -> dict[str, Any]:
        """Return the headline of the last record, its reference, and what was measured on samples, as text."""
        return {**headline_items(model), **validated(trainer)}


def validated(trainer: Trainer) -> dict[str, str]:
    """Return what was last measured on samples that the training does not see, as text."""
    metrics = trainer.callback_metrics
    return {k.replace("/", " "): f"{float(v):.4g}" for k, v in metrics.items() if k.startswith("val/")}
