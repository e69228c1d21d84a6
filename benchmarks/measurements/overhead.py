"""Cost of the whole machinery against a bare PyTorch loop of the same training step.

    python -m benchmarks overhead [ROUNDS] [STEPS]

The machinery: Lightning's Trainer, metrics.csv, checkpoints, progress bar, blow-up guard, run card. The bare loop: the
same model, loss, gradient clipping, Adam and schedule. Both do STEPS steps in turn, ROUNDS times; the median of the
ratios of CPU time counts, beside that of wall time.
"""

from __future__ import annotations

import contextlib
import io
import logging
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from physgen.callbacks import BlowUpGuard, EnergyProgressBar, ResultWriter
from physgen.models import MLPFlow
from physgen.objectives.reverse_kl import reverse_kl
from physgen.systems import ClassicalDot

Clocks = tuple[float, float]


class Timed(MLPFlow):
    """The flow, with clocks around its training without the first epoch."""

    def on_train_epoch_end(self) -> None:
        """Read the clocks at the end of every epoch; what follows, a checkpoint, counts to the next."""
        super().on_train_epoch_end()
        self.clocks = [*getattr(self, "clocks", []), (time.process_time(), time.perf_counter())]


def new_model(kind: type[MLPFlow], steps: int) -> MLPFlow:
    """Return the model whose step is measured."""
    seed_everything(1, verbose=False)
    return kind(ClassicalDot(n=20), hidden=[64, 64], batch_size=BATCH, steps_per_epoch=steps)


def with_machinery(steps: int, folder: Path) -> Clocks:
    """Return the seconds, by CPU and by wall, of `steps` steps with everything."""
    every = min(50, steps)  # as a training from the command line
    model = new_model(Timed, every)
    callbacks = [
        BlowUpGuard(), ResultWriter(folder), EnergyProgressBar(),
        ModelCheckpoint(folder / "checkpoints", filename="{epoch:05d}", auto_insert_metric_name=False),
    ]  # fmt: skip
    trainer = Trainer(
        max_epochs=1 + steps // every, accelerator="cpu", precision="64-true", log_every_n_steps=10,
        callbacks=callbacks, logger=CSVLogger(str(folder), flush_logs_every_n_steps=1), enable_model_summary=False,
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.fit(model)
    (cpu, wall), (last_cpu, last_wall) = model.clocks[0], model.clocks[-1]
    return last_cpu - cpu, last_wall - wall


def bare(steps: int) -> Clocks:
    """Return the seconds, by CPU and by wall, of `steps` steps in a loop of PyTorch alone."""
    model = new_model(MLPFlow, steps).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(1.0, (t + 1) / 50))
    generator = torch.Generator().manual_seed(1)
    cpu = wall = 0.0
    for step in range(steps + 5):
        if step == 5:
            cpu, wall = time.process_time(), time.perf_counter()
        optimizer.zero_grad()
        reverse_kl(model, BATCH, 10.0, generator, "reparameterised").loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 100.0)
        optimizer.step()
        schedule.step()
    return time.process_time() - cpu, time.perf_counter() - wall


def main(rounds: int = 7, steps: int = 100) -> int:
    """Print the ratio; return 1 if it is above 1.1."""
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_default_dtype(torch.float64)
    ratios: list[Clocks] = []
    bare(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                pair = [lambda: bare(steps), lambda f=folder: with_machinery(steps, Path(f))]
                order = (0, 1) if number % 2 == 0 else (1, 0)
                seconds = {i: pair[i]() for i in order}
            ratios.append((seconds[1][0] / seconds[0][0], seconds[1][1] / seconds[0][1]))
            print(
                f"round {number + 1}: bare {1e3 * seconds[0][0] / steps:.1f} ms of CPU a step, with everything "
                f"{1e3 * seconds[1][0] / steps:.1f} ms, ratio {ratios[-1][0]:.3f} (wall {ratios[-1][1]:.3f})",
                flush=True,
            )  # fmt: skip
    cpu, wall = (statistics.median(r[i] for r in ratios) for i in (0, 1))
    print(
        f"machinery against bare loop: x {cpu:.3f} CPU, x {wall:.3f} wall (median of {rounds} rounds of {steps} steps)"
    )
    return int(cpu > 1.1)


#: draws that make a step of about 50 ms on one core
BATCH = 192
