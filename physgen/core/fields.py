"""Fields of a file of others, each looked at by its type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: how numbers that are not finite are written in JSON
NOT_FINITE = ("nan", "inf", "-inf")


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """Return a mapping with names as keys.

    Raises:
        TypeError: it is something else; so do all of this file.
    """
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise wrong(value, name, "a mapping")
    return value


def text(value: Any, name: str) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise wrong(value, name, "a text")
    return value


def texts(value: Any, name: str) -> list[str]:
    """Return a list of texts."""
    if not isinstance(value, list):
        raise wrong(value, name, "a list of texts")
    return [text(v, name) for v in value]


def number(value: Any, name: str) -> float:
    """Return a number, which may be `nan` or `inf`."""
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1000
    if not (whole or isinstance(value, float) or value in NOT_FINITE):
        raise wrong(value, name, "a number")
    return float(value)


def error(value: Any, name: str) -> float:
    """Return a standard error: a number that is not negative."""
    found = number(value, name)
    if found < 0:
        raise wrong(value, name, "a number >= 0")
    return found


def flag(value: Any, name: str) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise wrong(value, name, "true or false")
    return value


def finite(value: Any, name: str) -> float:
    """Return a finite number."""
    found = number(value, name)
    if not math.isfinite(found):
        raise wrong(value, name, "a finite number")
    return found


def wrong(value: Any, name: str, allowed: str) -> TypeError:
    """Return the error of a field of another type."""
    return TypeError(f"{name} must be {allowed}, got {type(value).__name__}")
