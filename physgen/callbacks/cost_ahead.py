"""What a training will cost, said after its first iterations."""

from __future__ import annotations

import sys
import time
from typing import Any

import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_only

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

#: seconds of a training below which nothing is said
SHORT = 60.0


class CostAhead(Callback):
    """Measure the first iterations and say how long all of them will take, and the memory that is held.

    The first iteration is left out, since it also allocates and may compile.

    Args:
        iterations: iterations that are measured.
        least: seconds; a training that is expected to end sooner is not worth a line.
    """

    def __init__(self, iterations: int = 3, least: float = SHORT) -> None:
        self.iterations, self.least = iterations, least
        self._done, self._start = 0, 0.0

    def on_train_start(self, trainer: Trainer, model: Any) -> None:
        """Begin to count."""
        self._done = 0

    @rank_zero_only
    def on_train_batch_end(self, trainer: Trainer, model: Any, outputs: object, *batch: object) -> None:
        """Measure, and say once what was found."""
        if self._done > self.iterations:
            return
        if self._done == 0:
            self._start = time.perf_counter()
        self._done += 1
        if self._done > self.iterations and trainer.max_epochs and trainer.max_epochs > 0:
            each = (time.perf_counter() - self._start) / self.iterations
            epochs = trainer.max_epochs - trainer.current_epoch
            left = epochs * trainer.num_training_batches - self._done
            if left * each > self.least:
                memory = peak_memory(model.device)
                held = "" if memory is None else f", {memory:.0f} MiB of memory"
                print(f"{each:.3g} s an iteration{held}: {left} iterations take about {spelt(left * each)}")


def peak_memory(device: torch.device | str = "cpu") -> float | None:
    """Return MiB that this process held at most, on a GPU those of its tensors there; None where it is not told."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def spelt(seconds: float) -> str:
    """Return a time in words, such as `12 min`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
