"""NumPy at the edge of a model: arrays in, arrays out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar, cast, overload

import numpy as np
import torch
from torch import Tensor

from physgen.core.configurations import as_arrays, as_configurations, fits
from physgen.core.errors import check
from physgen.models.draws import check_count, in_parts, source

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
OF_CONFIGURATIONS = (
    *("log_prob", "log_prob_of_samples", "log_psi", "forward", "derivatives", "local_energy"),
    *("exchanged", "exchange_defect", "inverse", "preimages"),
)


def takes_arrays(method: Any) -> Any:
    """Decorate a method of configurations `(batch, n, dim)`: they are checked and taken in the model's precision.

    An array gives arrays; a tensor gives tensors, and gradients follow it. Inference mode is left for the call: its
    tensors spoil what keeps them.

    Raises:
        InputError: neither a tensor nor an array, of another shape, not of real numbers, or on another device.
    """
    if hasattr(method, "of_fitting"):
        return method

    @functools.wraps(method)
    def wrapper(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        dtype, device = self.configurations_dtype or self.dtype, self.device
        shape = self.system.shape
        if fits(x, shape, dtype, device):
            return method(self, x, *args, **kwargs)
        like = next(self.parameters())  # the mixin of Lightning does not see how the parts of a model are moved
        dtype = self.configurations_dtype or like.dtype
        gradients = torch.is_grad_enabled() and not isinstance(x, np.ndarray)
        with torch.inference_mode(False), torch.set_grad_enabled(gradients):
            found = method(self, as_configurations(x, shape, dtype, like.device), *args, **kwargs)
        return as_arrays(found) if isinstance(x, np.ndarray) else found

    decorated: Any = wrapper
    decorated.of_fitting = method
    return decorated


def gives_arrays(method: Callable[[Any, int, torch.Generator], Drawn]) -> DrawMethod[Drawn]:
    """Decorate `sample`: every call gives fresh draws, in parts of bounded memory, with `numpy=True` as arrays.

    The method gets a generator in any case: the given one, one of a given seed, or a fresh one that follows torch's
    global stream, so that `torch.manual_seed` repeats the draws, see `draws.source`. Its attribute `at_once` is the
    method without any of this.

    Raises:
        InputError: not an integer of draws above zero, more than the memory holds, a generator of another device or no
            seed from 0 to 2^64 - 1.
    """
    if hasattr(method, "at_once"):
        return cast(DrawMethod[Drawn], method)

    @functools.wraps(method)
    def wrapper(self: Any, num_samples: int, generator: Any = None, numpy: bool = False) -> Any:
        num = check_count(self, num_samples)
        check(isinstance(numpy, (bool, np.bool_)), "numpy", numpy, "true or false")
        draws = source(self, generator)
        with torch.inference_mode(False), torch.set_grad_enabled(torch.is_grad_enabled()):
            drawn = in_parts(lambda part: method(self, part, draws), num, self.system.space.size)
        return as_arrays(drawn) if numpy else drawn

    decorated: Any = wrapper
    decorated.at_once = method
    return cast(DrawMethod[Drawn], decorated)


def at_once(model: Any, num_samples: int, generator: torch.Generator | None) -> Any:
    """Return what the `sample` of a model draws in one part, without any of what `gives_arrays` adds."""
    return model.sample.at_once(model, num_samples, generator)
