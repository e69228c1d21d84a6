"""One-line errors: they name the argument, what came and what is allowed."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from typing import Any

import physgen

#: choices that a message names one by one
MOST_NAMED = 24
#: integers above overflow in torch
LARGEST_INTEGER = 2**62


class InputError(ValueError):
    """A value that a user gave cannot be used; the message is one line."""


class TrainingError(RuntimeError):
    """A training cannot go on; the message says why, and where the last good checkpoint lies."""


def check(condition: bool, name: str, value: Any, allowed: str) -> None:
    """Raise `InputError` naming the argument `name`, the `value` that came and what is `allowed`."""
    if not condition:
        raise InputError(f"{name} must be {allowed}, got {value!r}")


def check_positive(name: str, value: Any) -> float:
    """Return `value` as a float if it is a finite number above zero, else raise `InputError`."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    check(number and math.isfinite(value) and value > 0, name, value, "a finite number > 0")
    return float(value)


def check_integer(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return `value` if it is an integer from `minimum` to `maximum`, else raise `InputError`."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    most = LARGEST_INTEGER if maximum is None else maximum
    large = maximum is not None or (whole and value > most)
    allowed = f"an integer from {minimum} to {most}" if large else f"an integer >= {minimum}"
    check(whole and minimum <= value <= most, name, value, allowed)
    return value


def check_even(name: str, value: Any) -> int:
    """Return `value` if it is an even integer above zero, as turning pairs of coordinates needs, else raise."""
    check_integer(name, value, 1)
    check(value % 2 == 0, name, value, "even for rotations, which turn pairs of coordinates")
    return value


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """Return `value` if it is one of `choices`, else raise `InputError` with the near ones."""
    choices = list(choices)
    if value in choices:
        return value
    near = difflib.get_close_matches(str(value), [str(c) for c in choices], n=3, cutoff=0.4)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    allowed = ", ".join(map(str, choices)) if len(choices) <= MOST_NAMED else f"{len(choices)} that are known"
    raise InputError(f"{name} must be one of {allowed}, got {value!r}{hint}")


def check_real(name: str, *values: Any) -> None:
    """Raise `InputError` where a tensor of psi or of its derivatives is complex; `name` is whose they are."""
    if any(value.is_complex() for value in values):
        raise InputError(
            f"psi must be real, got a complex one of {name}: the kinetic energy would lack the gradient of its phase"
        )


def newer(version: Any) -> bool:
    """Return whether `version`, such as `0.2.0`, is later than that of this package."""
    numbers = (tuple(map(int, re.findall(r"\d+", str(v))[:3])) for v in (version, physgen.__version__))
    found, own = numbers
    return found > own
