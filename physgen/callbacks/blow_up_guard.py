"""Undo steps that blow up, and stop a training that does so again and again."""

from __future__ import annotations

import copy
import dataclasses
import logging
import math
from collections import deque
from typing import Any

import torch
from lightning import Callback, Trainer
from torch import Tensor

from physgen.callbacks.step_judge import StepJudge
from physgen.core.errors import TrainingError, check_integer, check_positive
from physgen.core.ranks import gather
from physgen.models import Model
from physgen.runs.result import reference_for

log = logging.getLogger("physgen")

#: snapshots that are kept: the last one may have been taken of a state that was bad already
SNAPSHOTS = 3


class BlowUpGuard(StepJudge, Callback):
    """Go back to a sound state when a step is not finite, or jumps up or down by many sigma.

    The median of the batch (over all ranks) is compared with its last `memory` values: a step is undone that lies more
    than `sigmas` robust standard deviations above or below them, whose spread within the batch leaps, that lies far
    below the reference, or in which a parameter on any rank is not finite or leaps; and one whose samples are not
    finite, more than a few on one rank or a few in ten iterations in a row. Parameters, optimiser and walkers return
    to the last snapshot, to the one before if that did not help; the draws go on with new random numbers. Every return
    is counted as `train/undone`; all ranks decide alike.

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
        self.memory = memory = check_integer("guard.memory", memory, 4)
        #: medians, spreads within the batch and largest changes of a parameter of the last sound steps
        self.values, self.spreads, self.changes = (deque[float](maxlen=memory) for _ in range(3))
        self.undone = self.in_a_row = self.sound = self.stuck = 0
        self.part = ""
        self.known: float | None = None
        self._snapshots: deque[dict[str, Any]] = deque(maxlen=SNAPSHOTS)
        self._returned = False
        self._before: list[Tensor] = []
        #: what a checkpoint kept, with the draws of all ranks, until the training starts
        self._held: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return what is remembered, for checkpoints."""
        return {
            **{name: list(getattr(self, name)) for name in ("values", "spreads", "changes")},
            **{name: getattr(self, name) for name in ("undone", "in_a_row", "sound", "stuck", "part")},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what was remembered; an earlier version knew no spreads and changes."""
        for name in ("values", "spreads", "changes"):
            held = getattr(self, name)
            held.clear()
            held.extend(state.get(name, []))
        self.undone, self.in_a_row, self.sound = state["undone"], state["in_a_row"], state["sound"]
        self.part, self.stuck = state["part"], state.get("stuck", 0)

    def on_fit_start(self, trainer: Trainer, model: Any) -> None:
        """Tell the model that a step which is not finite will be undone; look up what is known of its system."""
        model.guarded = True
        reference = reference_for(model.references(), model.quantity)
        self.known = None if reference is None else reference.value

    def on_fit_end(self, trainer: Trainer, model: Any) -> None:
        """Let the model stop by itself again."""
        model.guarded = False
        self._snapshots.clear()
        self._before = []

    def on_train_start(self, trainer: Trainer, model: Any) -> None:
        """Take over the snapshots that a checkpoint kept, unless they are of other ranks."""
        held, self._held = self._held, None
        if held is None or any(len(v) != trainer.world_size for s in held["snapshots"] for v in s["draws"].values()):
            return
        own = [{k: v[trainer.global_rank] for k, v in s["draws"].items()} for s in held["snapshots"]]
        self._snapshots.extend({**s, "draws": draws} for s, draws in zip(held["snapshots"], own, strict=True))
        self._returned, model.step = held["returned"], dataclasses.replace(model.step, lost=held["lost"])

    def on_train_batch_start(self, trainer: Trainer, model: Any, *_: Any) -> None:
        """Have a snapshot where an epoch goes on without a start."""
        if not self._snapshots:
            self._take(trainer, model)
        if not self._before:
            self._before = copied(model)

    def on_train_epoch_start(self, trainer: Trainer, model: Any) -> None:
        """Take a snapshot where checkpoints are taken, so that a resumed run has the same one."""
        if not self._snapshots or model.step.lost == 0:
            self._take(trainer, model)
        self._before = copied(model)

    def on_save_checkpoint(self, trainer: Trainer, model: Any, checkpoint: dict[str, Any]) -> None:
        """Keep the snapshots for a run that goes on, at an epoch's end but the oldest, whose place a new one takes."""
        ends = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch and model.step.lost == 0
        snapshots = list(self._snapshots)[-(SNAPSHOTS - ends) :]
        draws = [{k: gather(v[None].to(model.device)).cpu() for k, v in s["draws"].items()} for s in snapshots]
        kept = [{**s, "draws": d} for s, d in zip(snapshots, draws, strict=True)]
        checkpoint["guard"] = {"snapshots": kept, "returned": self._returned, "lost": model.step.lost}

    def on_load_checkpoint(self, trainer: Trainer, model: Any, checkpoint: dict[str, Any]) -> None:
        """Hold what a checkpoint kept."""
        self._held = checkpoint.get("guard")

    def on_train_batch_end(self, trainer: Trainer, model: Any, *_: Any) -> None:
        """Judge the step."""
        if model.part != self.part:
            self.part = model.part
            for held in (self.values, self.spreads, self.changes):
                held.clear()
        change = largest_change(self._before, model)
        self.stuck = self.stuck + 1 if model.step.lost > 0 else 0
        reason = self._fault(model, change)
        if not reason:
            self._remember(trainer, model, change)
            return
        self.undone += 1
        self.in_a_row += 1
        if self.in_a_row > self.limit:
            raise TrainingError(
                f"{reason} at step {model.iteration}, and {self.limit} returns to a sound state "
                f"did not help; {model.last_good()}; try a smaller learning_rate or another seed"
            )
        log.warning("step %d undone: %s", model.iteration, reason)
        self._return(trainer, model)
        self.sound = self.stuck = 0
        model.record_event(undone=self.undone, nonfinite=model.step.lost)

    def _remember(self, trainer: Trainer, model: Model, change: float) -> None:
        self.values.append(model.step.value)
        self.spreads.append(model.step.spread)
        self.changes.append(change)
        self._before = copied(model)
        if self.stuck == 1:
            log.warning("step %d: %s; they get no weight", model.iteration, model.said())
        self.sound += 1
        if self.sound >= self.memory:
            self.in_a_row = 0
        if self.sound % self.every == 0 and model.step.lost == 0:
            self._take(trainer, model)

    def _take(self, trainer: Trainer, model: Model) -> None:
        self._returned = False
        self._snapshots.append(snapshot_of(trainer, model))

    def _return(self, trainer: Trainer, model: Model) -> None:
        if self._returned and len(self._snapshots) > 1:
            self._snapshots.pop()  # it did not help, so it was taken too late
        self._returned = True
        snapshot = self._snapshots[-1]
        model.load_state_dict(snapshot["model"])
        for optimizer, state in zip(trainer.optimizers, snapshot["optimizers"], strict=True):
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(copy.deepcopy(state))
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate  # the schedule goes on
        model.restore_training({k: v.clone() for k, v in snapshot["draws"].items()})
        self._before = copied(model)


def snapshot_of(trainer: Trainer, model: Model) -> dict[str, Any]:
    """Return parameters, optimisers and walkers as they are now."""
    return {
        "model": {k: v.clone() for k, v in model.state_dict().items()},
        "optimizers": [copy.deepcopy(o.state_dict()) for o in trainer.optimizers],
        "draws": {k: v.clone() for k, v in model.training_state().items()},
    }


def copied(model: Model) -> list[Tensor]:
    """Return the trained parameters as they are now."""
    return [p.detach().clone() for p in model.parameters() if p.requires_grad]


def largest_change(before: list[Tensor], model: Model) -> float:
    """Return the largest change of a parameter on any rank; infinite where one is not finite."""
    now = [p.detach() for p in model.parameters() if p.requires_grad]
    if not now or len(now) != len(before):
        return 0.0
    largest = torch.stack([d.abs().max() for d in torch._foreach_sub(now, before) if d.numel()]).max()
    return float(gather(largest.double()[None]).nan_to_num(nan=math.inf, posinf=math.inf).max())
