"""The checkpoint of a run: whole or not at all, at every epoch's end and where a training stops."""

from __future__ import annotations

import logging
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning import Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]
from lightning.pytorch.plugins.io import TorchCheckpointIO

from physgen.core.errors import TrainingError
from physgen.core.files import reason, writing
from physgen.core.stops import Stopped, stops
from physgen.runs.checkpoint_file import saved
from physgen.runs.folder import checkpoints

#: names that are given here: epochs that are done, and the iterations of one that was broken off
OWN = re.compile(r"\d{5,}(-\d{5,})?\.ckpt|hpc_ckpt_\d+\.ckpt")

log = logging.getLogger("physgen")


class WholeCheckpointIO(TorchCheckpointIO):
    """Lightning's files of checkpoints, each beside its place first; TMPDIR is not used.

    Args:
        before: what must be on the disk before a checkpoint.
    """

    def __init__(self, before: Callable[[], None]) -> None:
        self.before = before
        #: why the last checkpoint was not written
        self.error: OSError | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint; where the disk takes none, warn and keep the reason as `error`."""
        self.error = None
        try:
            self.before()
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            with writing(path) as file:
                file.write(saved(checkpoint))
        except OSError as error:
            self.error = error
            log.warning("%s; no checkpoint was written, the next one is tried", reason(error))


class RunCheckpoint(Checkpoint):
    """Keep the last state of a run in `checkpoints`: one file, the one before goes when it is whole.

    A training that stops within an epoch (`max_steps`, `max_time`, Ctrl-C, SIGTERM) is kept at its last iteration. A
    disk that is full stops nothing: the next epoch tries again, and only a training that ends without a checkpoint of
    its last iteration fails.

    Args:
        folder: run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last_model_path = ""
        #: iteration of the last checkpoint
        self._kept = -1
        #: iteration of the last one that could not be written
        self._missed = -1
        self._deferred = False
        self._requeue: tuple[Any, int] | None = None

    # ---- when

    def on_train_start(self, trainer: Trainer, model: Any) -> None:
        """Take the signals back from Lightning, which has them broadcast and exits without a checkpoint."""
        self._listen(trainer)
        # one process may stop at once while nothing would be lost, several ones must agree
        stops.held = trainer.world_size > 1

    def on_train_batch_end(self, trainer: Trainer, model: Any, *_: Any) -> None:
        """Keep the training where it stops within an epoch."""
        loop = trainer.fit_loop.epoch_loop
        stops.held = True
        if loop._should_accumulate():  # gradients that wait for others are in no checkpoint
            if trainer.should_stop:
                trainer.should_stop, self._deferred = False, True
            return
        if self._deferred:
            trainer.should_stop, self._deferred = True, False
        self._requeue_now()
        number = self._agreed(trainer)
        within = not loop._num_ready_batches_reached()
        ends = 0 <= trainer.max_steps <= trainer.global_step or (
            trainer.should_stop and trainer.fit_loop._can_stop_early
        )
        if within and (ends or number):
            self._save(trainer)
        if within and number:
            raise Stopped(number)

    def on_train_epoch_end(self, trainer: Trainer, model: Any) -> None:
        """Keep the training at the end of every epoch."""
        if trainer.global_step != self._kept:
            self._save(trainer)
        number = self._agreed(trainer)
        if number:
            raise Stopped(number)

    def on_train_end(self, trainer: Trainer, model: Any) -> None:
        """Try once more to keep a last iteration that could not be kept.

        Raises:
            TrainingError: in vain.
        """
        if self._missed == trainer.global_step:
            self._save(trainer)
        stops.held = False
        if self._missed == trainer.global_step:
            raise TrainingError(
                f"the end of the training cannot be kept: {self._why(trainer)}; {model.last_good()}; "
                "with more room the same command goes on"
            )

    def on_exception(self, trainer: Trainer, model: Any, exception: BaseException) -> None:
        """Let signals end the process again."""
        stops.held = False

    def on_test_start(self, trainer: Trainer, model: Any) -> None:
        """Take the signals back from Lightning."""
        self._listen(trainer)

    def on_predict_start(self, trainer: Trainer, model: Any) -> None:
        """Take the signals back from Lightning."""
        self._listen(trainer)

    # ---- what

    def _save(self, trainer: Trainer) -> None:
        """Write the checkpoint of this iteration and remove the others, unless the disk is full."""
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        loop, current = trainer.fit_loop.epoch_loop, trainer.fit_loop.epoch_progress.current
        epoch = current.started - 1  # type: ignore[attr-defined]
        name = f"{epoch:05d}"
        if not loop.batch_progress.is_last_batch:
            name += f"-{loop.batch_progress.current.ready:05d}"
        path = self.folder / "checkpoints" / f"{name}.ckpt"
        trainer.save_checkpoint(path)
        if trainer.strategy.broadcast(self._why(trainer) is not None):
            self._missed = trainer.global_step
            return
        self._kept, self._missed, self.last_model_path = trainer.global_step, -1, str(path)
        stops.held = trainer.world_size > 1
        if trainer.is_global_zero:
            for other in checkpoints(self.folder):
                if other != path and OWN.fullmatch(other.name):
                    with suppress(OSError):
                        other.unlink()

    @staticmethod
    def _why(trainer: Trainer) -> str | None:
        error = getattr(trainer.strategy.checkpoint_io, "error", None)
        return None if error is None else reason(error)

    # ---- signals

    def _listen(self, trainer: Trainer) -> None:
        stops.listen()
        environment = trainer._accelerator_connector.cluster_environment
        if trainer.training and isinstance(environment, SLURMEnvironment) and environment.requeue_signal is not None:
            wanted = environment.requeue_signal
            handler = signal.getsignal(wanted)
            if callable(handler):  # Lightning's, which writes a checkpoint and asks SLURM to run the job again
                signal.signal(wanted, lambda number, frame: setattr(self, "_requeue", (handler, number)))

    def _requeue_now(self) -> None:
        """Let Lightning handle SLURM's signal between two iterations."""
        if self._requeue is not None:
            (handler, number), self._requeue = self._requeue, None
            handler(number, None)

    @staticmethod
    def _agreed(trainer: Trainer) -> int:
        """Return the signal that ends the training, the same one on all ranks, 0 for none."""
        number = stops.received or 0
        if trainer.world_size > 1 and dist.is_initialized():
            told = torch.tensor([number], device=trainer.strategy.root_device)
            dist.all_reduce(told, dist.ReduceOp.MAX)
            number = int(told)
        return number
