"""A value with its error."""

from __future__ import annotations

import math
from dataclasses import dataclass

from physgen.core.notation import with_error


@dataclass(frozen=True, repr=False)
class Estimate:
    """A value with one standard error; NaN where none can be given, and then `note` says why."""

    value: float
    error: float
    note: str = ""

    def __str__(self) -> str:
        if self.note and not math.isfinite(self.error):
            return f"{self.value:.5g} ({self.note})"
        return with_error(self.value, self.error)

    def __repr__(self) -> str:
        note = f", note={self.note!r}" if self.note else ""
        return f"Estimate(value={self.value!r}, error={self.error!r}{note})"

    def without_error(self, note: str) -> Estimate:
        """Return the value alone, with the reason `note` why it carries no error bar."""
        return Estimate(self.value, math.nan, note)

    @property
    def known_error(self) -> float | None:
        """The error where there is one, else None."""
        return self.error if math.isfinite(self.error) else None
