"""A module whose steps are looked at before they are followed."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import TrainingError
from physgen.models.recorded import RecordedModule
from physgen.objectives.typical import Typical, typical_of


class GuardedModule(RecordedModule):
    """A module that says what is typical of a step over all ranks, which a callback may compare with steps before."""

    #: largest share of one rank's samples whose values may not be finite in a step that is followed
    lost_limit = 0.0

    def __init__(self) -> None:
        super().__init__()
        #: whether a callback undoes steps that are not finite
        self.guarded = False
        #: what is typical of the last step, over all ranks
        self.step = Typical()
        #: name of the quantity whose values these are
        self.followed = ""
        #: name of the part of the training that `step` belongs to; values of different parts do not compare
        self.part = ""

    def step_is_sound(self, values: Tensor | Typical, followed: str = "") -> bool:
        """Return whether the values of this step, over all ranks, can be followed, and keep what is typical of them.

        Args:
            values: this rank's, of any shape, whose mean the step lowers; or what is typical of those of all ranks.
            followed: what they are called, the headline unless given.

        Raises:
            TrainingError: they cannot, and no guard is there to undo the step.
        """
        self.step = values if isinstance(values, Typical) else typical_of(values)
        self.followed = followed or self.quantity
        if self.step.sound(self.lost_limit):
            return True
        if not self.guarded:
            raise TrainingError(
                f"{self.said()} at step {self.iteration}; {self.last_good()}; "
                "try a smaller learning_rate or another seed"
            )
        return False

    def weights_are_finite(self) -> bool:
        """Return whether every parameter of this rank is a finite number."""
        largest = torch._foreach_norm([p.detach() for p in self.parameters() if p.numel()], math.inf)
        return not largest or bool(torch.stack(largest).isfinite().all())

    def said(self) -> str:
        """Return in words what was found in the last step."""
        if self.step.worst > 0:
            return f"{self.followed} is not finite in {100 * self.step.lost:.3g} % of the samples"
        return f"{self.followed} is {self.step.value:.6g}"

    def last_good(self) -> str:
        """Return words that name the last checkpoint."""
        saver: Any = self.trainer.checkpoint_callback
        path = getattr(saver, "last_model_path", "") or getattr(saver, "best_model_path", "")
        return f"the last good checkpoint is {path}" if path else "no checkpoint was written yet"
