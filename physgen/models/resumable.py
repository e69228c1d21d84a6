"""A module whose training can be resumed bit for bit: the state of its draws lives in its checkpoints."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError
from physgen.core.random_streams import TRAINING
from physgen.core.ranks import gather, world_size
from physgen.models.guarded import GuardedModule
from physgen.models.loop_state import mended
from physgen.runs.checkpoint_file import precision_of

log = logging.getLogger("physgen")


class ResumableModule(GuardedModule):
    """A module that draws with a generator of its own, and writes and restores all that its draws depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.generator: torch.Generator | None = None
        #: whether the draws of this training have started
        self._started = False
        self._restored: dict[str, Any] | None = None

    def on_fit_start(self) -> None:
        """Start or restore the source of all draws of the training."""
        self.start_draws()

    def on_train_start(self) -> None:
        """Start the draws of a callback that trains before the fit begins, such as Lightning's LearningRateFinder.

        Raises:
            InputError: the fit continues a checkpoint, whose optimiser Lightning restores only after such a search.
        """
        if self._started:
            return
        if self._restored is not None:
            raise InputError(
                "trainer.callbacks: a search such as LearningRateFinder begins a new training, it continues none"
            )
        self.start_draws()

    def start_draws(self) -> None:
        """Start or restore the generator and what draws with it."""
        self._started = True
        self.generator = self.new_stream(TRAINING)
        restored, self._restored = self._restored, None
        if restored is None:
            self.start_training()
            return
        ranks = len(restored["generator"])
        if ranks == world_size():
            # a row view makes set_state crash, hence the clone
            self.generator.set_state(restored["generator"][self.global_rank].clone().cpu())
            self.restore_training({k: v[self.global_rank] for k, v in restored["state"].items()})
        else:
            if self.global_rank == 0:
                pooled = ", walkers are pooled, dealt again and warmed up" if restored["state"] else ""
                sizes = (world_size(), ranks)
                log.warning("resumed on %d ranks from a checkpoint of %d: draws start anew%s", *sizes, pooled)
            self.redistribute_training(restored["state"])

    def draws_of_training(self) -> torch.Generator:
        """Return the source of all draws of the training.

        Raises:
            RuntimeError: no training has started.
        """
        if self.generator is None:
            raise RuntimeError(f"the training of {type(self).__name__} has not started: it has no source of draws")
        return self.generator

    def start_training(self) -> None:
        """Prepare draws of a new training; samplers start here."""

    def training_state(self) -> dict[str, Tensor]:
        """Return what this rank must keep to go on bit for bit, as tensors of the same shape on every rank."""
        return {}

    def restore_training(self, state: dict[str, Tensor]) -> None:
        """Take over this rank's `training_state`."""

    def redistribute_training(self, states: dict[str, Tensor]) -> None:
        """Take over the states of another number of ranks, stacked along their first axis."""
        self.start_training()

    def dealt(self, walkers: Tensor, size: int) -> Tensor:
        """Return this rank's `(size, n, dim)` of the walkers of other ranks `(ranks, walkers, n, dim)`, pooled."""
        pool = walkers.flatten(0, 1).to(next(self.parameters()))
        return pool[(self.global_rank * size + torch.arange(size, device=self.device)) % len(pool)]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the records so far and the state of all draws; runs on every rank."""
        # what the next record will average
        checkpoint["records"] = {k: [float(v) for v in values] for k, values in self._records.items()}
        checkpoint["means"] = {"latest": dict(self.latest), "averaged": self._averaged}
        if self._started:
            stacked = {k: gather(v[None].to(self.device)).cpu() for k, v in self.training_state().items()}
            own = self.draws_of_training().get_state()[None].to(self.device)
            checkpoint["draws"] = {"generator": gather(own).cpu(), "state": stacked}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of all draws until the training starts."""
        self._restored = checkpoint.get("draws")
        means = checkpoint.get("means", {})
        self.latest, self._averaged = dict(means.get("latest", {})), bool(means.get("averaged", False))
        if "loops" in checkpoint:
            checkpoint["loops"]["fit_loop"] = mended(checkpoint["loops"]["fit_loop"])
        self._records.clear()
        self._records.update({k: list(values) for k, values in checkpoint.get("records", {}).items()})
        narrow = self._trainer is not None and self.trainer.training and self.trainer.precision == "32-true"
        if not narrow:
            # weights are read before Lightning widens the model: without this they would pass through float32
            # in the precision that they were saved in; beside averaged weights lie those that are trained
            self.to(precision_of(checkpoint.get("current_model_state", checkpoint["state_dict"])))
