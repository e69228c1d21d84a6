"""Models that follow gradients of a loss: the optimiser, its schedule and the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from physgen.core.errors import check_positive
from physgen.models.base import Model
from physgen.models.own_optimizers import check_optimizers
from physgen.models.schedule import TrainingSchedule
from physgen.objectives import Objective

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig


class FirstOrderModel(Model):
    """A model whose steps are those of Adam, unless it makes another optimiser, by the loss of an objective.

    Subclasses call `set_optimizer`.
    """

    abstract = True
    batch_size: int

    def set_optimizer(self, learning_rate: float, clip_norm: float | None, late_rate: float | None) -> None:
        """Take the settings of the optimiser, see `DensityModel`."""
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.clip_norm = None if clip_norm is None else check_positive("clip_norm", clip_norm)
        check_positive("reverse_learning_rate", learning_rate if late_rate is None else late_rate)
        self.schedule = TrainingSchedule(self, late_rate)

    def joined(self, done: int, length: int) -> int:
        """Return the iteration on own draws, of `length`, at which the last parameters began to learn; `done` are."""
        return 0

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimiser of all parameters."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, betas=(0.9, 0.99))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimiser, with a warm-up and a cosine decay over each part of the training."""
        optimizer = self.make_optimizer()
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.schedule.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def objective_now(self) -> Objective:
        """Return the objective of this iteration."""
        return self.objective

    def on_fit_start(self) -> None:
        """Take any optimiser that follows a loss; see `check_optimizers`."""
        check_optimizers(self)
        super().on_fit_start()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """Return the loss that the objective of this iteration makes of its batch."""
        objective = self.objective_now()
        self.part = objective.part
        if not self.weights_are_finite():
            # nothing can be drawn; the other ranks, which can, must meet this one all the same
            self.step_is_sound(torch.full((self.batch_size,), math.nan, device=self.device), objective.quantity.name)
            return self.no_loss()
        step = objective.step(self, objective.batch(self))
        if not self.step_is_sound(step.typical, objective.quantity.name):
            return self.no_loss()
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.record({**step.records, "nonfinite": self.step.lost, "learning_rate": rate})
        return step.loss()

    def no_loss(self) -> Tensor:
        """Return a loss without gradient, on every rank alike; the guard undoes what momentum does."""
        first, *rest = (0 * p.sum() for p in self.parameters())
        return sum(rest, first)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Limit the norm of the gradient to `clip_norm` and record it; then clip as the trainer was asked to."""
        limit = math.inf if self.clip_norm is None else self.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), limit)
        self._records["gradient_norm"].append(norm.detach())
        if gradient_clip_val is not None:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
