"""Optimisers and schedules that a user chose: which ones a model can follow, and when its schedules move on."""

from __future__ import annotations

from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from physgen.core.errors import InputError
from physgen.optim import RayleighGaussNewton, StochasticReconfiguration

#: optimisers that ask for more than a loss
NATURAL = (StochasticReconfiguration, RayleighGaussNewton, torch.optim.LBFGS)


def check_optimizers(model: Any) -> None:
    """Raise `InputError` unless the trainer has one optimiser, of those that the model can follow."""
    optimizers = model.trainer.optimizers
    if len(optimizers) != 1:
        raise InputError(f"optimizer must be one for {type(model).__name__}, got {len(optimizers)}")
    check_followed(model, optimizers[0])


def check_followed(model: Any, optimizer: torch.optim.Optimizer) -> None:
    """Raise `InputError` unless the model hands out what the optimiser asks for: a loss, or rows of its own kind."""
    name, own = type(optimizer).__name__, getattr(model, "natural_optimizers", ())
    if isinstance(optimizer, NATURAL) and not isinstance(optimizer, own):
        raise InputError(f"optimizer must follow a loss for {type(model).__name__}, got {name}")


def the_optimizer(model: LightningModule) -> LightningOptimizer:
    """Return the one optimiser of a model that takes its steps by hand, see `check_optimizers`."""
    found = model.optimizers()
    if isinstance(found, list):
        raise TypeError(f"{type(model).__name__} follows one optimiser, got {len(found)}")
    return found


def step_schedules(model: Any, interval: str) -> None:
    """Move the schedules of a model that takes its steps by hand, as Lightning moves those of others.

    Args:
        model: what is trained.
        interval: `step` or `epoch`, those that move at it.

    Raises:
        InputError: a schedule that follows a metric which is not known.
    """
    trainer = model.trainer
    done = model.iteration if interval == "step" else trainer.current_epoch + 1
    for config in trainer.lr_scheduler_configs:
        if config.interval != interval or done % config.frequency:
            continue
        if not isinstance(config.scheduler, ReduceLROnPlateau):
            config.scheduler.step()
            continue
        # lightning drops the monitor of a manual optimisation; its own class of schedules carries one
        name = getattr(config.scheduler, "monitor", None) or f"train/{model.quantity}"
        known = trainer.callback_metrics
        if name not in known:
            raise InputError(f"lr_scheduler.monitor must be one of {', '.join(known) or 'none yet'}, got {name!r}")
        config.scheduler.step(known[name])
