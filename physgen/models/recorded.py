"""A module whose training leaves records: means of many steps, for loggers, progress bars and callbacks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from physgen.models.profiles import ProfiledModule


class RecordedModule(ProfiledModule):
    """A module that numbers its iterations and averages what it records of them."""

    def __init__(self) -> None:
        super().__init__()
        #: number of this iteration of the training, from 1
        self.iteration = 0
        #: means of the last records, for progress bars
        self.latest: dict[str, float] = {}
        #: standard errors of those means, from the scatter of the batches
        self.latest_errors: dict[str, float] = {}
        #: what every record is stamped with, such as the time so far
        self.stamp: Callable[[], dict[str, float]] = dict
        self._records: defaultdict[str, list[Any]] = defaultdict(list)
        #: whether this iteration ends with a step of the optimiser, not only with more gradients to accumulate
        self.stepping = True
        #: whether records were averaged in this epoch
        self._averaged = False

    def record(self, metrics: dict[str, Any]) -> None:
        """Collect metrics of one step; every `log_every_n_steps` their means go to the loggers as `train/...`.

        Averaging here, rather than `self.log` at every step, costs nothing on small models and shows no single batch.
        """
        for name, value in metrics.items():
            self._records[name].append(value.detach() if isinstance(value, Tensor) else value)
        every = self.log_every() or 50
        if self.stepping and self.iteration % every == 0:
            self.flush_records()

    def log_every(self) -> int:
        """Return after how many steps the trainer wants a record, 0 for none at all."""
        every: int | None = getattr(self.trainer, "log_every_n_steps", None)  # its logger sets it
        return every or 0

    def on_train_batch_start(self, batch: int, batch_idx: int) -> None:
        """Number this iteration, from 1: `global_step` moves within it, and not at all when a step is left out."""
        self.iteration = self.global_step + 1
        batches, group = batch_idx + 1, self.trainer.accumulate_grad_batches
        self.stepping = batches % group == 0 or batches == self.trainer.num_training_batches

    def flush_records(self) -> None:
        """Send the means of what was recorded to the loggers and forget it."""
        if not self._records:
            return
        means = self.average_records()
        self._records.clear()
        error = self.latest_errors.get(self.quantity, math.nan)
        band = {f"{self.quantity}_error": error} if math.isfinite(error) else {}
        scalars = {f"train/{k}": v for k, v in {**means, **band, **self.stamp()}.items()}
        for logger in self.loggers if self.log_every() else []:
            logger.log_metrics({**scalars, "epoch": self.current_epoch}, step=self.iteration)

    def average_records(self) -> dict[str, float]:
        """Return the means of what was recorded since the last flush, and keep them as `latest`."""
        series = {k: torch.as_tensor(v, dtype=torch.float64) for k, v in self._records.items()}
        means = {k: float(v.mean()) for k, v in series.items()}
        self.latest_errors = {k: float(v.std() / len(v) ** 0.5) if len(v) > 1 else math.nan for k, v in series.items()}
        self.latest = {**self.latest, **means}
        self._averaged = True
        return means

    def on_train_epoch_end(self) -> None:
        """Make the last means known to callbacks that monitor a metric, those of this epoch if it ends before a row."""
        if not self._averaged:
            self.average_records()
        self._averaged = False
        self.log_dict({f"train/{k}": v for k, v in self.latest.items()}, batch_size=1, sync_dist=True, logger=False)

    def record_event(self, **values: float) -> None:
        """Send numbers to the loggers now, as `train/<name>`."""
        for logger in self.loggers:
            logger.log_metrics({f"train/{name}": value for name, value in values.items()}, step=self.iteration)
