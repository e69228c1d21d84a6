"""A limit on what a constructor of a model allocates, looked at before memory is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from physgen.core.errors import InputError

#: numbers that a new model may hold: a gigabyte in float32
MOST_NUMBERS = 250_000_000
#: tensors that it may make, however small
MOST_TENSORS = 10_000
#: functions whose arguments are the shape of a new tensor
OF_A_SHAPE = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full, torch.eye}
#: functions whose arguments are the ends, and the number of steps, of a new sequence
OF_A_RANGE = {torch.arange, torch.linspace, torch.logspace, torch.randperm}


class SizeLimit(TorchFunctionMode):
    """Refuse new tensors that together would be larger than a model of this package ever is.

    Args:
        name: class that is being made, for errors.

    Raises:
        InputError: more than `MOST_NUMBERS` numbers or `MOST_TENSORS` tensors.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.tensors = name, 0
        self.numbers: float = 0

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Count what `function` will make, then call it."""
        kwargs = kwargs or {}
        if function in OF_A_SHAPE or function in OF_A_RANGE:
            self.tensors += 1
            self.numbers += size_of(function, args, kwargs)
            if self.numbers > MOST_NUMBERS or self.tensors > MOST_TENSORS:
                limit = f"{MOST_NUMBERS} numbers or {MOST_TENSORS} tensors"
                raise InputError(f"{self.name} would hold more than {limit}; choose smaller sizes")
        return function(*args, **kwargs)


def size_of(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> float:
    """Return how many numbers a call will make, none where its arguments cannot be understood."""
    given = [*args, *(kwargs[k] for k in ("size", "n", "m", "end", "steps") if k in kwargs)]
    if function in OF_A_RANGE:
        return max((abs(v) for v in given if isinstance(v, (int, float)) and v == v), default=0)
    if given and isinstance(given[0], (list, tuple)):
        given = list(given[0])
    return math.prod(v for v in given if isinstance(v, int))
