"""Methods of a system that take or draw configurations: what comes is checked first."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from physgen.core.configurations import as_arrays, as_configurations
from physgen.core.errors import check, check_integer
from physgen.core.memory import check_memory

#: methods of a system, and the place of the configurations among their arguments
OF_CONFIGURATIONS = {"terms": 0, "energy": 0, "potential": 0, "local_energy": 1}


def takes_configurations(method: Any, place: int = 0) -> Any:
    """Decorate a method of configurations `(*, n, dim)`: tensors of any real precision, or arrays, which give arrays.

    Args:
        method: of a system.
        place: that of the configurations among its arguments.

    Raises:
        InputError: neither a tensor nor an array, of another shape, or not of real numbers.
    """
    if hasattr(method, "of_fitting"):
        return method

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        named = len(args) <= place
        x = kwargs.get("x") if named else args[place]
        shape = self.shape
        if (
            isinstance(x, Tensor)
            and x.shape[-len(shape) :] == shape
            and x.is_floating_point()
            and x.layout is torch.strided
        ):
            return method(self, *args, **kwargs)
        found = taken(self, x, shape)
        if named:
            kwargs["x"] = found
        else:
            args = (*args[:place], found, *args[place + 1 :])
        value = method(self, *args, **kwargs)
        return as_arrays(value) if isinstance(x, np.ndarray) else value

    setattr(wrapper, "of_fitting", method)  # noqa: B010 a type checker knows no attributes of functions
    return wrapper


def counted(method: Any) -> Any:
    """Decorate `terms` of a system: every configuration counts once in `evaluations`, also where a class asks another.

    Args:
        method: `terms` of a system, which is given tensors `(*, *shape)`.
    """

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.__dict__.get("_counting"):
            return method(self, *args, **kwargs)
        x = args[0] if args else kwargs["x"]
        object.__setattr__(self, "evaluations", self.evaluations + x.numel() // max(math.prod(self.shape), 1))
        object.__setattr__(self, "_counting", True)
        try:
            return method(self, *args, **kwargs)
        finally:
            object.__setattr__(self, "_counting", False)

    return wrapper


def taken(system: Any, x: Any, shape: tuple[int, ...]) -> Tensor:
    """Return configurations in the precision that they came in; whole numbers only where they are meant as such."""
    dtype, device = torch.float64, torch.device("cpu")
    if isinstance(x, Tensor):
        continuous = x.is_floating_point() or getattr(system, "continuous", True)
        dtype, device = torch.get_default_dtype() if continuous else x.dtype, x.device
    return as_configurations(x, shape, dtype, device, batched=False)


def check_draws(num: Any, each: int, generator: Any, dtype: Any, device: Any) -> tuple[int, torch.device]:
    """Return the number of configurations that are asked for and the device where they will live.

    Args:
        num: number of configurations.
        each: bytes of one.
        generator: source of the draws, whose device is taken unless `device` is given.
        dtype: of the draws.
        device: where they live.

    Raises:
        InputError: one of them is of no use.
    """
    num = check_integer("num", num, 0)
    given = generator is None or isinstance(generator, torch.Generator)
    check(given, "generator", generator, "a torch.Generator or None")
    real = dtype is None or isinstance(dtype, torch.dtype) and dtype.is_floating_point
    check(real, "dtype", dtype, "a real torch.dtype or None")
    device = generator.device if device is None and generator is not None else device
    place = torch.device("cpu" if device is None else device)
    check_memory("num", num, each, place)
    return num, place
