"""Undo steps that blow up, and stop a training that does so again and again."""

from __future__ import annotations

import copy
import logging
import math
from collections import deque
from typing import Any

from lightning import Callback, LightningModule, Trainer

from physgen.errors import TrainingError, check_integer, check_positive

log = logging.getLogger("physgen")


class BlowUpGuard(Callback):
    """Go back to the last sound state when a step is not finite, or jumps up by many sigma.

    The median of the batch (over all ranks) is compared with its last `memory` values: a step that lies more than
    `sigmas` robust standard deviations above them, or is not finite, is undone: parameters, optimiser and walkers
    return to the last snapshot, the draws go on with new random numbers. Every return is counted as `train/undone`.

    Args:
        sigmas: height of a jump, in robust standard deviations.
        memory: values that are remembered.
        every: iterations between snapshots.
        limit: returns, none of them followed by `memory` sound iterations, after which the training stops.
    """

    def __init__(self, sigmas: float = 50.0, memory: int = 50, every: int = 25, limit: int = 10) -> None:
        self.sigmas = check_positive("guard.sigmas", sigmas)
        self.every = check_integer("guard.every", every, 1)
        self.limit = check_integer("guard.limit", limit, 1)
        self.values: deque[float] = deque(maxlen=check_integer("guard.memory", memory, 4))
        self.undone = self.in_a_row = self.sound = 0
        self.part = ""
        self._snapshot: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return what is remembered, for checkpoints."""
        return {
            "values": list(self.values),
            "undone": self.undone,
            "in_a_row": self.in_a_row,
            "sound": self.sound,
            "part": self.part,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what was remembered."""
        self.values.clear()
        self.values.extend(state["values"])
        self.undone, self.in_a_row, self.sound = state["undone"], state["in_a_row"], state["sound"]
        self.part = state["part"]

    def on_fit_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Tell the model that a step which is not finite will be undone."""
        model.guarded = True

    def on_fit_end(self, trainer: Trainer, model: LightningModule) -> None:
        """Let the model stop by itself again."""
        model.guarded = False
        self._snapshot = None

    def on_train_epoch_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Take a snapshot where checkpoints are taken, so that a resumed run has the same one."""
        self._take(trainer, model)

    def on_train_batch_end(self, trainer: Trainer, model: LightningModule, *_: Any) -> None:
        """Judge the step."""
        value = model.step_value
        if model.part != self.part:
            self.part = model.part
            self.values.clear()
        if math.isfinite(value) and not self._jumps(value):
            self.values.append(value)
            self.sound += 1
            if self.sound >= self.values.maxlen:
                self.in_a_row = 0
            if self.sound % self.every == 0:
                self._take(trainer, model)
            return
        self.undone += 1
        self.in_a_row += 1
        self.sound = 0
        if self.in_a_row > self.limit:
            raise TrainingError(
                f"{model.quantity} is {value:.6g} at step {model.iteration}, and {self.limit} returns to a sound state "
                f"did not help; {model.last_good()}; try a smaller learning_rate or another seed"
            )
        log.warning("step %d undone: %s is %.6g", model.iteration, model.quantity, value)
        self._return(trainer, model)
        model.record_event("undone", self.undone)

    def _jumps(self, value: float) -> bool:
        if len(self.values) < self.values.maxlen // 2:
            return False
        ordered = sorted(self.values)
        median = ordered[len(ordered) // 2]
        deviation = sorted(abs(v - median) for v in ordered)[len(ordered) // 2]
        return value > median + self.sigmas * max(1.4826 * deviation, 1e-6 * abs(median))

    def _take(self, trainer: Trainer, model: LightningModule) -> None:
        self._snapshot = {
            "model": {k: v.clone() for k, v in model.state_dict().items()},
            "optimizers": [copy.deepcopy(o.state_dict()) for o in trainer.optimizers],
            "draws": {k: v.clone() for k, v in model.training_state().items()},
        }

    def _return(self, trainer: Trainer, model: LightningModule) -> None:
        model.load_state_dict(self._snapshot["model"])
        for optimizer, state in zip(trainer.optimizers, self._snapshot["optimizers"], strict=True):
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(copy.deepcopy(state))
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate  # the schedule goes on
        model.restore_training({k: v.clone() for k, v in self._snapshot["draws"].items()})
