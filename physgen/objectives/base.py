"""Base of objectives: why a model learns, as an object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from physgen.core.quantity import Quantity
from physgen.objectives.typical import Typical


def nothing() -> Tensor:
    """Raise: a step that cannot be followed has no loss.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("a step whose values cannot be followed has no loss")


@dataclass(frozen=True)
class Step:
    """What an objective makes of one iteration; only `typical` where its values cannot be followed.

    Args:
        typical: what the blow-up guard looks at, over all ranks.
        loss: gives the scalar to differentiate.
        rows: gives rows `(R, P)` and residuals `(R,)` for natural gradients, finished over all ranks, whose gradient
            2 O^T e is that of the loss; None where there are none.
        records: numbers of this iteration by their names.
    """

    typical: Typical
    loss: Callable[[], Tensor] = nothing
    rows: Callable[[], tuple[Tensor, Tensor]] | None = None
    records: dict[str, Any] = field(default_factory=dict)


class Objective(ABC):
    """What a training lowers: a model asks it for one step after another.

    A model makes its own in `make_objective`; another one is set by `model.objective = ...` before a fit. Settings are
    plain arguments, the state of draws stays with the model, so an objective has none that a checkpoint would need.
    """

    #: what the values of a step are called
    quantity: ClassVar[Quantity]
    #: name of the part of a training; values of different parts do not compare
    part: ClassVar[str] = ""
    #: whether another state than the lowest is looked for, which references do not know
    excited: ClassVar[bool] = False

    def batch(self, model: Any) -> Any:
        """Return what one step is measured on: what the model draws for its training, unless overridden."""
        return model.training_batch()

    @abstractmethod
    def step(self, model: Any, batch: Any) -> Step:
        """Return loss or rows, the typical value and the records of one iteration.

        Args:
            model: what learns.
            batch: what `batch` gave.
        """
