"""`physgen.core.errors` under the name that it had before 0.2."""

from physgen.core.errors import (
    InputError,
    TrainingError,
    check,
    check_choice,
    check_even,
    check_integer,
    check_number,
    check_positive,
)

__all__ = [
    "InputError",
    "TrainingError",
    "check",
    "check_choice",
    "check_even",
    "check_integer",
    "check_number",
    "check_positive",
]
