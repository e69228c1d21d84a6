"""One-line errors: they name the argument, what came and what is allowed."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from typing import Any

from physgen.core.version import __version__

#: choices that a message names one by one
MOST_NAMED = 24
#: integers above overflow in torch
LARGEST_INTEGER = 2**62
#: letters that a message spends on what came
LONGEST = 200


class InputError(ValueError):
    """A value that a user gave cannot be used; the message is one line."""


class TrainingError(RuntimeError):
    """A training cannot go on; the message says why, and where the last good checkpoint lies."""


def check(condition: bool, name: str, value: Any, allowed: str) -> None:
    """Raise `InputError` naming the argument `name`, the `value` that came and what is `allowed`."""
    if not condition:
        raise InputError(f"{name} must be {allowed}, got {said(value)}")


def said(value: Any) -> str:
    """Return what came in one line of at most 200 letters; of tensors and arrays their type and shape."""
    if getattr(value, "shape", None) not in (None, ()) and hasattr(value, "dtype"):
        return f"{type(value).__name__} of shape {tuple(value.shape)} and type {value.dtype}"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an integer of more digits than Python prints
        return f"a {type(value).__name__} too long to print"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def scalar(value: Any) -> Any:
    """Return Python's own number or text of one that NumPy or PyTorch made, arrays of no axes too, else `value`."""
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    try:
        found = value.item()
    except (RuntimeError, NotImplementedError):  # a tensor without data
        return value
    return found if isinstance(found, (bool, int, float, str)) else value


def is_real(value: Any) -> bool:
    """Return whether `value` is an integer or a float that a float can hold, finite."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer above 1e308
        return False


def check_number(
    name: str, value: Any, minimum: float = -math.inf, maximum: float = math.inf, allowed: str = "a finite number"
) -> float:
    """Return `value` as a float if it is a finite number from `minimum` to `maximum`, else raise `InputError`."""
    found = scalar(value)
    check(is_real(found) and minimum <= found <= maximum, name, value, allowed)
    return float(found)


def check_positive(name: str, value: Any) -> float:
    """Return `value` as a float if it is a finite number above zero, else raise `InputError`."""
    return check_number(name, value, math.ulp(0.0), allowed="a finite number > 0")


def check_integer(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return `value` if it is an integer from `minimum` to `maximum`, else raise `InputError`."""
    found = scalar(value)
    whole = isinstance(found, int) and not isinstance(found, bool)
    most = LARGEST_INTEGER if maximum is None else maximum
    large = maximum is not None or (whole and found > most)
    allowed = f"an integer from {minimum} to {most}" if large else f"an integer >= {minimum}"
    check(whole and minimum <= found <= most, name, value, allowed)
    return int(found)


def check_integers(minimum: int, **values: Any) -> dict[str, int]:
    """Return arguments by name if all are integers of at least `minimum`, else raise `InputError`."""
    return {name: check_integer(name, value, minimum) for name, value in values.items()}


def check_even(name: str, value: Any) -> int:
    """Return `value` if it is an even integer above zero, as turning pairs of coordinates needs, else raise."""
    found = check_integer(name, value, 1)
    check(found % 2 == 0, name, value, "even for rotations, which turn pairs of coordinates")
    return found


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """Return `value` if it is one of `choices`, else raise `InputError` with the near ones."""
    choices, value = list(choices), scalar(value)
    if any(isinstance(value, type(c)) and value == c for c in choices):
        return value
    near = difflib.get_close_matches(
        value if isinstance(value, str) else said(value), [str(c) for c in choices], n=3, cutoff=0.4
    )
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    allowed = ", ".join(map(str, choices)) if len(choices) <= MOST_NAMED else f"{len(choices)} that are known"
    raise InputError(f"{name} must be one of {allowed}, got {said(value)}{hint}")


def check_real(name: str, *values: Any) -> None:
    """Raise `InputError` where a tensor of psi or of its derivatives is complex; `name` is whose they are."""
    if any(value.is_complex() for value in values):
        raise InputError(
            f"psi must be real, got a complex one of {name}: the kinetic energy would lack the gradient of its phase"
        )


def newer(version: Any) -> bool:
    """Return whether `version`, such as `0.2.0`, is later than that of this package."""
    numbers = (tuple(map(int, re.findall(r"\d+", str(v))[:3])) for v in (version, __version__))
    found, own = numbers
    return found > own
