"""How far numbers with errors lie from each other."""

from __future__ import annotations

import math

from physgen.core.errors import check
from physgen.core.notation import with_error

__all__ = ["deviation", "with_error"]


def deviation(value: float, error: float, reference: float, reference_error: float = 0.0) -> float:
    """Return how many combined standard errors a value lies above its reference (negative: below).

        (value - reference) / sqrt(error^2 + reference_error^2)

    Equal numbers give 0 whatever the errors, different ones without any error `inf` with its sign, an infinite error
    0; `nan` stays `nan`, which no alarm should take for agreement.

    Args:
        value: number or scalar tensor.
        error: its standard error, not negative.
        reference: number or scalar tensor in the same unit.
        reference_error: its standard error, not negative.

    Raises:
        InputError: an error is negative.
    """
    value, error, reference, reference_error = map(float, (value, error, reference, reference_error))
    check(not error < 0, "error", error, ">= 0")
    check(not reference_error < 0, "reference_error", reference_error, ">= 0")
    combined = math.hypot(error, reference_error)
    if math.isnan(value) or math.isnan(reference) or math.isnan(error) or math.isnan(reference_error):
        return math.nan
    if value == reference or math.isinf(combined):
        return 0.0
    return (value - reference) / combined if combined > 0 else math.copysign(math.inf, value - reference)
