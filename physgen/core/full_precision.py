"""Methods that automatic mixed precision never reaches."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")

#: kinds of devices that autocast is switched on for, each by itself
DEVICES = ("cpu", "cuda", "mps")


def full_precision(method: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Decorate a function so that it runs outside `torch.autocast`, whoever switched that on."""
    if hasattr(method, "in_full_precision"):
        return method

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        lowered = [device for device in DEVICES if torch.is_autocast_enabled(device)]
        if not lowered:
            return method(*args, **kwargs)
        with contextlib.ExitStack() as stack:
            for device in lowered:
                stack.enter_context(torch.autocast(device, enabled=False))
            return method(*args, **kwargs)

    setattr(wrapper, "in_full_precision", True)  # noqa: B010 a type checker knows no attributes of functions
    return wrapper
