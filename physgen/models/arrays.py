"""NumPy at the edge of a model: arrays in, arrays out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar, overload

import numpy as np
import torch
from torch import Tensor

from physgen.errors import check, check_integer

#: tensors in, tensors out; arrays in, arrays out
Configurations = TypeVar("Configurations", Tensor, np.ndarray)
Drawn = TypeVar("Drawn")
Given = TypeVar("Given", covariant=True)


class Draw(Protocol[Given]):
    """Draw tensors; with `numpy=True` arrays. The generator may be a seed."""

    @overload
    def __call__(
        self, num_samples: int, generator: torch.Generator | int | None = None, numpy: Literal[False] = False
    ) -> Given: ...

    @overload
    def __call__(
        self, num_samples: int, generator: torch.Generator | int | None = None, *, numpy: Literal[True]
    ) -> Any: ...


class DrawMethod(Protocol[Given]):
    """A method that, of an instance, is a `Draw`."""

    def __get__(self, instance: Any, owner: Any) -> Draw[Given]: ...


#: methods of a model whose first argument is configurations
OF_CONFIGURATIONS = ("log_prob", "log_psi", "forward", "derivatives", "local_energy")


def takes_arrays(method: Any) -> Any:
    """Decorate a method of configurations: an array `(batch, n, dim)` gives arrays; the model's precision is taken.

    Raises:
        InputError: an array of another shape, or not of numbers.
    """

    @functools.wraps(method)
    def wrapper(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return method(self, x, *args, **kwargs)
        shape = (self.system.n, self.system.dim)
        fits = x.ndim == 3 and x.shape[1:] == shape
        check(fits, "x", x.shape, f"of the shape (batch, {shape[0]}, {shape[1]})")
        check(x.dtype.kind in "fiu", "x", str(x.dtype), "an array of real numbers")
        like = next(self.parameters())
        with torch.no_grad():
            return as_arrays(method(self, torch.as_tensor(x, dtype=like.dtype, device=like.device), *args, **kwargs))

    return wrapper


def gives_arrays(method: Callable[[Any, int, torch.Generator | None], Drawn]) -> DrawMethod[Drawn]:
    """Decorate `sample`: with `numpy=True` it gives arrays, and its generator may be a seed.

    Raises:
        InputError: not an integer of draws above zero, or a negative seed.
    """

    if hasattr(method, "of_tensors"):
        return method

    @functools.wraps(method)
    def wrapper(self: Any, num_samples: int, generator: Any = None, numpy: bool = False) -> Any:
        check_integer("num_samples", num_samples, 1)
        if generator is not None and not isinstance(generator, torch.Generator):
            seed = check_integer("generator", generator, 0)
            generator = torch.Generator(next(self.parameters()).device).manual_seed(seed)
        drawn = method(self, num_samples, generator)
        return as_arrays(drawn) if numpy else drawn

    wrapper.of_tensors = method
    return wrapper


def as_arrays(value: Any) -> Any:
    """Return tensors, also those in tuples and dicts, as NumPy arrays."""
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, dict):
        return {k: as_arrays(v) for k, v in value.items()}
    return tuple(as_arrays(v) for v in value)
