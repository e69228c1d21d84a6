"""Models that follow natural gradients: the optimiser and its step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check_choice, check_number, check_positive
from physgen.models.base import Model
from physgen.models.own_optimizers import check_optimizers, step_schedules, the_optimizer
from physgen.optim import StochasticReconfiguration
from physgen.samplers import Sampler

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

#: optimisers by rows and residuals, and Adam by the loss
OPTIMIZERS = ("sr", "minsr", "spring", "adam")


class NaturalGradientModel(Model):
    """A model whose steps are taken by hand: stochastic reconfiguration of rows, or Adam of the loss, of an objective.

    Subclasses set `sampler` and call `set_optimizer`.
    """

    abstract = True
    #: optimisers that ask for more than a loss, and get it
    natural_optimizers = (StochasticReconfiguration,)
    sampler: Sampler
    learning_rate: float

    def set_optimizer(
        self, optimizer: str, learning_rate: float, decay: float, damping: float, momentum: float, norm_limit: float
    ) -> None:
        """Take the settings of the optimiser, see `WavefunctionModel`."""
        self.optimizer_name = check_choice("optimizer", optimizer, OPTIMIZERS)
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.decay = check_positive("decay", decay)
        self.damping = check_positive("damping", damping)
        self.momentum = check_number("momentum", momentum, 0, math.nextafter(1, 0), "a number in [0, 1)")
        self.norm_limit = check_positive("norm_limit", norm_limit)
        # SR and Adam take turns at one place of the step, so the optimisation is by hand
        self.automatic_optimization = False

    def without_effect(self) -> dict[str, str]:
        """Return what the optimiser does not ask for."""
        ignored = {"adam": ("damping", "momentum", "norm_limit"), "minsr": ("momentum",)}
        return dict.fromkeys(ignored.get(self.optimizer_name, ()), f"with optimizer {self.optimizer_name}")

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return Adam or stochastic reconfiguration, and the decay of the learning rate.

        Raises:
            InputError: no parameter is trained.
        """
        parameters = [p for p in self.parameters() if p.requires_grad]
        if not parameters:
            raise InputError(f"{type(self).__name__} has nothing to train here: evaluate it, without a fit")
        optimizer: torch.optim.Optimizer
        if self.optimizer_name == "adam":
            optimizer = torch.optim.Adam(parameters, lr=self.learning_rate)
        else:
            space = "auto" if self.optimizer_name == "sr" else "samples"
            momentum = 0.0 if self.optimizer_name == "minsr" else self.momentum
            optimizer = StochasticReconfiguration(
                parameters, self.learning_rate, self.damping, momentum, self.norm_limit, space
            )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t / self.decay))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_fit_start(self) -> None:
        """Take any optimiser that follows a loss, or rows; see `check_optimizers`."""
        check_optimizers(self)
        super().on_fit_start()

    def training_step(self, batch: int, batch_idx: int) -> Tensor | None:
        """Ask the objective for a step and take it; return the mean of what it lowers.

        Raises:
            InputError: an objective without rows, and an optimiser that asks for them.
        """
        optimizer = the_optimizer(self)
        solver = optimizer.optimizer
        objective = self.objective
        self.part = objective.part
        step = objective.step(self, objective.batch(self))
        if not self.step_is_sound(step.typical, objective.quantity.name):
            return None
        report: dict[str, Any] = {}
        if not isinstance(solver, StochasticReconfiguration):
            optimizer.zero_grad()
            self.manual_backward(step.loss())
            optimizer.step()
        elif step.rows is None:
            raise InputError(f"optimizer must be adam for {type(objective).__name__}, got {self.optimizer_name!r}")
        else:
            optimizer.step(closure=step.rows)
            report = solver.report
        step_schedules(self, "step")
        self.record(
            {
                **step.records,
                "acceptance": self.sampler.acceptance,
                "width": self.sampler.width,
                "nonfinite": self.step.lost,
                "learning_rate": optimizer.param_groups[0]["lr"],
                **report,
            }
        )
        return step.records.get(objective.quantity.name)

    def on_train_epoch_end(self) -> None:
        """Make the means known, and let the schedules that follow epochs move on."""
        super().on_train_epoch_end()
        step_schedules(self, "epoch")
