"""What is wrong with a step of a training, by what was typical of the sound ones before."""

from __future__ import annotations

import math
from collections import deque

from physgen.models import Model

#: of a fall: least depth below the lowest value, in spreads of a batch; healthy trainings fall by less than one
FALL = 5.0
#: of a spread: least ratio to the largest that is remembered (healthy ones stay below 1.5), and to the value itself
GROWTH, VISIBLE = 4.0, 1e-3
#: of a parameter: least change that is looked at, and its ratio to the largest change that is remembered
MOVED, FASTER = 1.0, 50.0
#: depth below a reference, in its own size or in spreads of a batch, that no psi and no density reaches
BELOW = 10.0
#: iterations in a row with samples that are not finite, however few: walkers that are stuck there
STUCK = 10


class StepJudge:
    """Words for a step that is not finite, or that jumps up, down or apart; subclasses remember the sound ones."""

    #: height of a jump, in robust standard deviations
    sigmas: float
    #: values that are remembered
    memory: int
    #: medians of the last sound steps
    values: deque[float]
    #: spreads within their batches
    spreads: deque[float]
    #: largest changes of a parameter in them
    changes: deque[float]
    #: iterations in a row with samples that are not finite
    stuck: int
    #: reference of the headline, if there is one
    known: float | None

    def _fault(self, model: Model, change: float) -> str:
        """Return in words what is wrong with the step, nothing where it is sound."""
        step = model.step
        if not math.isfinite(step.value) or step.worst > model.lost_limit or self.stuck >= STUCK:
            return model.said()
        if not math.isfinite(change):
            return "a parameter is not finite"
        if len(self.changes) >= 4 and change > max(MOVED, FASTER * max(self.changes)):
            return f"a parameter moved by {change:.3g}"
        known = model.followed == model.quantity
        if self._jumps(step.value) or (known and self._too_low(step.value, step.spread)):
            return model.said()
        if self._spreads_out(step.value, step.spread):
            return f"{model.followed} is {step.value:.6g}, the samples about it are spread by {step.spread:.3g}"
        return ""

    def _jumps(self, value: float) -> bool:
        if len(self.values) < self.memory // 2:
            return False
        median, deviation = robust(self.values)
        limit = self.sigmas * max(deviation, 1e-6 * abs(median))
        depth = FALL * max(self.spreads, default=0.0)
        return value > median + limit or value < min(self.values) - max(limit, depth)

    def _spreads_out(self, value: float, spread: float) -> bool:
        if len(self.spreads) < self.memory // 2 or spread < VISIBLE * abs(value):
            return False
        median, deviation = robust(self.spreads)
        return spread > max(GROWTH * max(self.spreads), median + self.sigmas * deviation)

    def _too_low(self, value: float, spread: float) -> bool:
        return self.known is not None and value < self.known - BELOW * max(abs(self.known), spread)


def robust(values: deque[float]) -> tuple[float, float]:
    """Return the median and the robust standard deviation, 1.4826 median absolute deviations."""
    ordered = sorted(values)
    median = ordered[len(ordered) // 2]
    return median, 1.4826 * sorted(abs(v - median) for v in ordered)[len(ordered) // 2]
