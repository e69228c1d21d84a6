"""What a run found: estimates with errors beside a reference."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from physgen.core.files import write_text
from physgen.core.paths import user_path
from physgen.errors import InputError, newer
from physgen.stats.report import deviation, with_error
from physgen.systems.references import Reference


@dataclass(frozen=True)
class Estimate:
    """A value with one standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return with_error(self.value, self.error)


@dataclass
class Result:
    """An evaluation with fresh samples: the headline, everything measured beside it, and where it came from.

    Args:
        quantity: the headline, `energy` (ground state) or `free_energy` (thermal).
        estimates: every quantity measured, in the system's units; the headline is among them.
        diagnostics: plain numbers: variance, autocorrelation time, R-hat, V-score, ESS, acceptance, ...
        notes: what a reader must know before quoting the headline, in words.
        reference: what the headline is compared with, if anything is known.
        provenance: model, system, seed, versions, samples, training cost.
    """

    quantity: str
    estimates: dict[str, Estimate]
    diagnostics: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reference: Reference | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def headline(self) -> Estimate:
        """The estimate that the run was made for."""
        return self.estimates[self.quantity]

    @property
    def sigmas(self) -> float:
        """Combined standard errors between headline and reference, NaN without a reference."""
        if self.reference is None:
            return math.nan
        return deviation(self.headline.value, self.headline.error, self.reference.value, self.reference.error)

    @property
    def percent(self) -> float:
        """Headline above its reference in percent, NaN without a reference."""
        if self.reference is None or self.reference.value == 0:
            return math.nan
        return 100 * (self.headline.value - self.reference.value) / abs(self.reference.value)

    def alarm(self) -> str | None:
        """Return words when the headline lies more than 3 sigma below an exact reference, which no bound may."""
        if self.reference is None or not self.reference.exact:
            return None
        # an exact eigenstate has an error of zero, and rounding must not count as a gap
        gap = self.headline.value - self.reference.value
        if self.sigmas < -3 and gap < -1e-9 * abs(self.reference.value):
            return (
                f"ALARM: {self.quantity} {self.headline} lies {-self.sigmas:.1f} sigma below the exact "
                f"{self.reference.value:g}: suspect the sampling, the normalisation or the error bar"
            )
        return None

    def text(self) -> str:
        """Return the result as JSON; non-finite numbers become strings, so that every reader takes it."""
        fields = {**dataclasses.asdict(self), "sigmas": self.sigmas, "percent": self.percent}
        return json.dumps(_finite(fields), indent=2, ensure_ascii=False, allow_nan=False)

    def write(self, path: str | Path) -> None:
        """Write the result as JSON."""
        write_text(user_path(path), self.text() + "\n")

    @classmethod
    def read(cls, path: str | Path) -> Result:
        """Read what `write` wrote.

        Raises:
            InputError: the file is missing, no JSON, lacks a field or is of a newer physgen that wrote other fields.
        """
        try:
            text = user_path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(f"result file {path} cannot be read: {type(error).__name__}: {error}") from None
        return cls.of(text, f"result file {path}")

    @classmethod
    def of(cls, text: str, name: str) -> Result:
        """Return the result that gave `text`; errors say by `name` where it comes from.

        Raises:
            InputError: no JSON, a missing field, or of a newer physgen that wrote other fields.
        """
        fields = None
        try:
            fields = json.loads(text)
            estimates = {k: Estimate(float(v["value"]), float(v["error"])) for k, v in fields["estimates"].items()}
            reference = fields["reference"]
            if reference:
                numbers = {k: float(reference[k]) for k in ("value", "error")}
                reference = Reference(**{**reference, **numbers})
            diagnostics = {k: float(v) for k, v in fields["diagnostics"].items()}
            result = cls(fields["quantity"], estimates, diagnostics, fields["notes"], reference, fields["provenance"])
            result.headline  # noqa: B018 a result without its headline is broken
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{name} cannot be read: {reason(error, fields)}") from None
        return result


def reason(error: Exception, fields: Any) -> str:
    """Return in words why a file with these `fields` could not be read."""
    source = fields.get("provenance") if isinstance(fields, dict) else None
    version = source.get("physgen") if isinstance(source, dict) else None
    if version is not None and newer(version):
        return f"it was written by a newer physgen ({version}); please update"
    return f"{type(error).__name__}: {error}"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value


def reference_for(references: list[Reference], quantity: str) -> Reference | None:
    """Return the first of `references`, the best, that gives `quantity`."""
    return next((r for r in references if r.quantity == quantity), None)
