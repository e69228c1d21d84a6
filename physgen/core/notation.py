"""Numbers with errors as people read them."""

from __future__ import annotations

import math
from decimal import Decimal

from physgen.core.errors import check, check_integer

# Where plain decimals get long: outside, a power of ten is split off.
PLAIN = (1e-5, 1e12)


def with_error(value: float, error: float, digits: int = 1) -> str:
    """Write a value with its standard error in parentheses, in units of the last digits shown.

        >>> with_error(3.00012, 0.00021), with_error(20.159, 0.11), with_error(1234.4, 12.3)
        ('3.0001(2)', '20.16(11)', '1234(12)')

    The error is rounded to `digits` digits, one more if it begins with 1; the value to the same place. An error
    across the decimal point keeps it, `20.2(1.5)`; from 10 on, rounded places are zeros, `1230(40)`. Very small and
    very large numbers get a power of ten, `1.23(4)e-07`. An exact value (error 0) has four decimals, `3.0000`; an
    unknown error is said, `3.0000(nan)`.

    Source: the notation of "The NIST Reference on Constants, Units, and Uncertainty",
    https://physics.nist.gov/cgi-bin/cuu/Info/Constants/definitions.html.

    Args:
        value: any number or scalar tensor; `nan` and `inf` are written as such.
        error: one standard error in the same unit, not negative; `nan` or `inf` if unknown.
        digits: digits of the error.

    Raises:
        InputError: the error is negative, or `digits` is no integer above zero.
    """
    value, error = float(value), float(error)
    check(not error < 0, "error", error, ">= 0")
    check_integer("digits", digits, 1)
    if not math.isfinite(value):
        return f"{value}"
    # An error below the value's own rounding says no more than zero does.
    if not math.isfinite(error) or error <= abs(value) * 2.0**-53:
        plain = f"{value:.4f}" if value == 0 or 1e-2 <= abs(value) < PLAIN[1] else f"{value:.4e}"
        return plain if math.isfinite(error) else f"{plain}({error})"
    size = max(abs(value), error)
    if not PLAIN[0] <= size < PLAIN[1]:
        power = Decimal(repr(size)).adjusted()
        value, error = (float(Decimal(repr(x)).scaleb(-power)) for x in (value, error))
        return f"{_plain(value, error, digits)}e{power:+03d}"
    return _plain(value, error, digits)


def _plain(value: float, error: float, digits: int) -> str:
    exact = Decimal(repr(error))
    first = next(digit for digit in exact.as_tuple().digits if digit)
    places = digits + (first == 1) - 1 - exact.adjusted()
    rounded = exact.quantize(Decimal(1).scaleb(-places))
    value = round(value, places) + 0.0  # no minus sign before a value that rounds to zero
    if places > 0 and rounded >= 1:
        return f"{value:.{places}f}({rounded})"
    return f"{value:.{max(places, 0)}f}({int(rounded.scaleb(max(places, 0)))})"
