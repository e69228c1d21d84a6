"""How a training is laid out in iterations: a part on samples, a part on own draws, a learning rate in each."""

from __future__ import annotations

import math
from typing import Any


class TrainingSchedule:
    """Lengths of both parts of a training, and its learning rate: a warm-up and a cosine decay in each.

    There is another warm-up where parameters join that waited: what Adam holds of them is nothing yet, and its first
    steps are as long as the learning rate in each of them.

    Args:
        model: what is trained, with `forward_fraction`, `learning_rate` and a trainer.
        late_rate: largest step of the part on own draws, the same as before if None.
    """

    def __init__(self, model: Any, late_rate: float | None) -> None:
        self.model, self.late_rate = model, late_rate

    def rate(self, step: int) -> float:
        """Return the learning rate of an iteration as a fraction of `learning_rate`."""
        total = self.total_steps()
        early = self.forward_steps(total)
        late = step >= early
        done, length = (step - early, total - early) if late else (step, early)
        joined = self.model.joined(done, length) if late else 0
        cosine = 0.5 * (1 + math.cos(math.pi * min(done / max(length, 1), 1.0)))
        change = self.late_rate / self.model.learning_rate if late and self.late_rate is not None else 1.0
        return change * min(1.0, (done - joined + 1) / 50) * (0.01 + 0.99 * cosine)

    def forward_steps(self, total: int | None = None) -> int:
        """Return how many iterations, the first ones, are trained on samples."""
        share = self.model.forward_fraction
        return round(share * (self.total_steps() if total is None else total)) if share > 0 else 0

    def own_part(self) -> tuple[int, int]:
        """Return how many iterations on own draws are done, and how many there will be."""
        total = self.total_steps()
        early = self.forward_steps(total)
        return self.model.global_step - early, total - early

    def total_steps(self) -> int:
        """Return the iterations that the schedules of learning rate and beta are made for.

        Those of `max_epochs` where they are limited: `max_steps` and `max_time` stop a training, which goes on later,
        and must not bend its schedules.
        """
        trainer = self.model.trainer
        steps = trainer.estimated_stepping_batches  # also counts the batches
        if (trainer.max_epochs or -1) > 0:
            epoch = math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)
            return int(epoch * trainer.max_epochs)
        return int(steps) if math.isfinite(steps) else 10_000
