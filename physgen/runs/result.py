"""What a run found: estimates with errors beside a reference."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from physgen.core import fields
from physgen.core.errors import InputError, newer
from physgen.core.files import write_text
from physgen.core.paths import user_path
from physgen.core.quantity import Quantity, quantity_of
from physgen.core.small_file import check_size, read_small
from physgen.observables.reweighting import REWEIGHTED
from physgen.stats.estimate import Estimate as Estimate
from physgen.stats.number_format import deviation
from physgen.systems.references import HEADLINES, Reference

#: combined errors that a reweighted value may lie from an exact one, on either side
REWEIGHTED_LIMIT = 4.0
#: what provenance says of the state of a wavefunction that is not the lowest one, in `state`
EXCITED = "excited"


@dataclass
class Result:
    """An evaluation with fresh samples: the headline, everything measured beside it, and where it came from.

    Args:
        quantity: the headline, such as `energy` (ground state) or `free_energy` (thermal).
        estimates: every quantity measured, in the system's units; the headline is among them.
        diagnostics: plain numbers: variance, autocorrelation time, R-hat, V-score, ESS, acceptance, ...
        notes: what a reader must know before quoting the headline, in words.
        reference: what the headline is compared with, if anything is known.
        provenance: model, system, seed, versions, samples, training cost.
        alarms: what was found to be wrong beside the headline, see `reweighted_alarms`.
        guarantee: how it is known that a density is normalised: `exact`, `checked`, `bound`, `estimate`, or `violated`
            where a check found that it is not; None for what is no density.
        kind: which bound the headline is and how it is written; that of its name unless given.
    """

    quantity: str
    estimates: dict[str, Estimate]
    diagnostics: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reference: Reference | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    guarantee: str | None = None
    kind: Quantity = None  # type: ignore[assignment]  # never None once made

    def __post_init__(self) -> None:
        if self.kind is None:
            self.kind = quantity_of(self.quantity)

    @property
    def excited(self) -> bool:
        """Whether another state than the lowest was looked for, which references do not know."""
        return self.provenance.get("state") == EXCITED

    @property
    def is_bound(self) -> bool:
        """Whether the headline bounds its exact value; that of a density only if it is normalised."""
        return self.kind.bound is not None and self.guarantee in (None, "exact", "checked", "bound")

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
        """Return words when a number cannot be right, None where all may be.

        The headline is not finite; it lies more than 3 sigma beyond an exact reference, which no bound may; or a
        reweighted value lies more than 4 sigma from an exact one, above or below.
        """
        found = [self._bound_alarm(), *reweighted_alarms(self.estimates, [self.reference] if self.reference else [])]
        found += [alarm for alarm in self.alarms if alarm not in found]
        return "; ".join(alarm for alarm in found if alarm) or None

    def _bound_alarm(self) -> str | None:
        if not math.isfinite(self.headline.value):
            return f"ALARM: {self.quantity} is {self.headline.value}: suspect the weights, or single samples"
        if self.reference is None or not self.reference.exact or self.kind.bound is None:
            return None
        # an exact eigenstate has an error of zero, and rounding must not count as a gap
        gap, side = self.headline.value - self.reference.value, 1 if self.kind.bound == "upper" else -1
        if side * self.sigmas < -3 and side * gap < -1e-9 * abs(self.reference.value):
            beyond = "below" if side > 0 else "above"
            return (
                f"ALARM: {self.quantity} {self.headline} lies {abs(self.sigmas):.1f} sigma {beyond} the "
                f"{self.reference.label} {self.reference.value:g}: suspect the sampling, the normalisation or the "
                "error bar"
            )
        return None

    def text(self) -> str:
        """Return the result as JSON; non-finite numbers become strings, so that every reader takes it."""
        fields = {**dataclasses.asdict(self), "sigmas": self.sigmas, "percent": self.percent}
        for estimate in fields["estimates"].values():
            if not estimate["note"]:
                del estimate["note"]
        if not self.alarms:
            del fields["alarms"]
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
            text = read_small(user_path(path))
        except (OSError, ValueError) as error:
            raise InputError(f"result file {path} cannot be read: {type(error).__name__}: {error}") from None
        return cls.of(text, f"result file {path}")

    @classmethod
    def of(cls, text: str, name: str) -> Result:
        """Return the result that gave `text`; errors say by `name` where it comes from.

        Raises:
            InputError: no JSON, a missing field, or of a newer physgen that wrote other fields.
        """
        found = None
        try:
            found = fields.mapping(json.loads(text), "result")
            check_size(found)
            return cls(**checked(found))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise InputError(f"{name} cannot be read: {reason(error, found)}") from None


#: what provenance says in text, and in numbers, where it says it
TEXTS = ("model", "system", "trained_precision", "evaluated_precision", "device", "physgen", "torch", "lightning",
         "commit", "machine", "command", "warm_start", "orthogonal_to", "state")  # fmt: skip
NUMBERS = ("parameters", "iterations", "seed", "evaluation_seed", "train_seconds", "train_cpu_seconds",
           "train_peak_mib", "threads")  # fmt: skip


def checked(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a result, each of its type.

    Raises:
        ValueError: no headline among the estimates.
        TypeError: a field of another type.
        KeyError: a field that is missing.
    """
    quantity = fields.text(found["quantity"], "quantity")
    estimates = {
        name: estimate_of(fields.mapping(v, name), name)
        for name, v in fields.mapping(found["estimates"], "estimates").items()
    }
    if quantity not in estimates:
        raise ValueError("the headline is not among the estimates")
    diagnostics = {k: fields.number(v, k) for k, v in fields.mapping(found["diagnostics"], "diagnostics").items()}
    source = dict(fields.mapping(found["provenance"], "provenance"))
    for name in TEXTS:
        if source.get(name) is not None:
            fields.text(source[name], f"provenance.{name}")
    for name in NUMBERS:
        if source.get(name) is not None:
            fields.number(source[name], f"provenance.{name}")
    recipe = source.get("recipe")
    if recipe is not None:
        fields.mapping(
            fields.mapping(recipe, "provenance.recipe").get("init_args") or {}, "provenance.recipe.init_args"
        )
    notes = fields.texts(found["notes"], "notes")
    return {
        "quantity": quantity,
        "kind": kind_of(quantity, found.get("kind")),
        "estimates": estimates,
        "diagnostics": diagnostics,
        "notes": notes,
        "reference": None if found["reference"] is None else reference_of(found["reference"]),
        "provenance": source,
        "alarms": fields.texts(found.get("alarms", []), "alarms"),
        "guarantee": guarantee_of(found, notes),
    }


def kind_of(name: str, found: Any) -> Quantity:
    """Return the headline that `found` describes; results before 0.2 say its name alone."""
    if found is None:
        return quantity_of(name)
    held: dict[str, Any] = {
        k: None if v is None else fields.text(v, f"kind.{k}") for k, v in fields.mapping(found, "kind").items()
    }
    return Quantity(**held)


def guarantee_of(found: Mapping[str, Any], notes: Sequence[str]) -> str | None:
    """Return how it is known that the density of a result is normalised; results before 0.2 said it in words."""
    if "guarantee" in found:
        value = found["guarantee"]
        return None if value is None else fields.text(value, "guarantee")
    if any(note.startswith("NOT A BOUND") for note in notes):
        return "violated"
    said = (note.removeprefix("guarantee: ") for note in notes if note.startswith("guarantee: "))
    return next(said, None)


def estimate_of(found: Mapping[str, Any], name: str) -> Estimate:
    """Return the estimate that `found` describes, each field of its type; an error of null is none."""
    error = math.nan if found["error"] is None else fields.error(found["error"], f"{name}.error")
    return Estimate(fields.number(found["value"], f"{name}.value"), error, fields.text(found.get("note", ""), name))


def reference_of(found: Any) -> Reference:
    """Return the reference that `found` describes, each field of its type."""
    held = fields.mapping(found, "reference")
    kinds: dict[str, Any] = {"value": fields.number, "error": fields.error, "exact": fields.flag}
    read: dict[str, Any] = {name: kinds.get(name, fields.text)(v, f"reference.{name}") for name, v in held.items()}
    return Reference(**read)


def reweighted_alarms(estimates: Mapping[str, Estimate], references: Iterable[Reference]) -> list[str]:
    """Return words for every reweighted value more than 4 sigma from an exact one; without an error there is none."""
    exact: dict[str, Reference] = {}
    for reference in references:
        if reference.exact:
            exact.setdefault(reference.quantity, reference)
    found = []
    for name, estimate in estimates.items():
        way = next((ending for ending in REWEIGHTED if name.endswith(ending)), None)
        known = exact.get(name.removesuffix(way)) if way else None
        if known is None:
            continue
        off = deviation(estimate.value, estimate.error, known.value, known.error)
        close = abs(estimate.value - known.value) <= 1e-9 * abs(known.value)
        if abs(off) > REWEIGHTED_LIMIT and not close:
            where = f"{abs(off):.1f} sigma {'above' if off > 0 else 'below'} the {known.label} {known.value:g}"
            found.append(
                f"ALARM: {name} {estimate} lies {where}: suspect parts of space that are not drawn, or the error bar"
            )
    return found


def reason(error: Exception, found: Any) -> str:
    """Return in words why a file that holds `found` could not be read."""
    source = found.get("provenance") if isinstance(found, dict) else None
    version = source.get("physgen") if isinstance(source, dict) else None
    if isinstance(version, str) and newer(version):
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
    """Return the best of `references` for `quantity`: the first one, of a method as good as that of the headline.

    Terms, lengths and the like stand beside a value of their own only if it is exact or of the method that gives the
    best energy or free energy.
    """
    best = next((r for r in references if r.quantity in HEADLINES), None)
    return next(
        (
            r
            for r in references
            if r.quantity == quantity and (quantity in HEADLINES or best is None or r.stands_beside(best))
        ),
        None,
    )
