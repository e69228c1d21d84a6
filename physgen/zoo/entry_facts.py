"""What is known of a pretrained entry without reading its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

from physgen.core.errors import InputError
from physgen.runs.result import Result
from physgen.zoo.index import Entry


@dataclass(frozen=True)
class EntryFacts:
    """A pretrained entry: what it is, how good it is, how large it is.

    A list of these makes a table, `pandas.DataFrame(physgen.list_pretrained(details=True))`.

    Args:
        name: what `load_pretrained` takes.
        system: label of the system.
        model: class of the model.
        quantity: the headline, such as `energy`.
        value: its value, in the system's units.
        error: one standard error, None where the value carries none.
        reference: what it is compared with, None where nothing is known.
        reference_error: one standard error, 0 of an exact value.
        method: how the reference was found, `exact` or such as `DMC`.
        gap: KL in nats of a density whose free energy is known, else the distance from the reference in percent.
        gap_error: one standard error.
        gap_unit: `nats` or `%`.
        parameters: number of trained parameters, None where the entry's result is not here.
        size: bytes of the weights.
    """

    name: str
    system: str
    model: str
    quantity: str
    value: float
    error: float | None
    reference: float | None
    reference_error: float | None
    method: str | None
    gap: float | None
    gap_error: float | None
    gap_unit: str | None
    parameters: int | None
    size: int


def facts(name: str, entry: Entry) -> EntryFacts:
    """Return what index and result say of an entry."""
    record = entry.record
    known, error = record.get("reference"), record.get("reference_error")
    gap: tuple[float | None, float | None, str | None] = (None, None, None)
    if record.get("kl"):
        gap = (*record["kl"], "nats")
    elif known:
        percent, own = 100 * (record["value"] - known) / abs(known), record["error"]
        gap = (percent, None if own is None else 100 * math.hypot(own, error or 0.0) / abs(known), "%")
    parameters = None
    try:
        parameters = Result.read(entry.folder / "result.json").provenance.get("parameters")
    except InputError:  # the index may be here, and the files elsewhere
        pass
    return EntryFacts(
        name,
        record["system"],
        record["model"],
        record["quantity"],
        record["value"],
        record["error"],
        known,
        error,
        record.get("method"),
        *gap,
        parameters,
        record["bytes"],
    )
