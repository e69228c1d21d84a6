"""Entries beside the references of today: what was measured stays, what it is compared with follows the registry."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from physgen.core.files import write_text
from physgen.core.quantity import FREE_ENERGY
from physgen.runs.result import Estimate, Result, reference_for
from physgen.systems import ClassicalSystem, Reference, System
from physgen.zoo.card import card


def refresh(folder: Path) -> list[str]:
    """Bring reference, KL and card of every entry below `folder` up to date; return the names of those that changed.

    Raises:
        InputError: an entry whose `result.json` is missing or broken.
    """
    changed = []
    for path in sorted(folder.glob("*/*/result.json")):
        name, result = path.parent.relative_to(folder).as_posix(), Result.read(path)
        updated = compared(result)
        if updated.text() != result.text():
            updated.write(path)
        text, file = card(name, updated), path.with_name("card.md")
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            write_text(file, text)
            changed.append(name)
    return changed


def compared(result: Result) -> Result:
    """Return the result beside the reference that its system has now.

    A reference that was no bound for this model, as that of fermions for a psi without their symmetry, is none now.
    """
    if result.excited:
        return result
    system = System.of(result.provenance["recipe"]["init_args"]["system"])
    references = system.references()
    before, now = result.reference, reference_for(references, result.quantity)
    if before is not None and now is not None and not before.exact:
        now = replace(now, exact=False)
    if now is None or same(before, now):
        return result
    estimates, diagnostics = dict(result.estimates), dict(result.diagnostics)
    known, free = reference_for(references, FREE_ENERGY.name), estimates.get(FREE_ENERGY.name)
    if isinstance(system, ClassicalSystem) and known is not None and free is not None:
        error = system.beta * math.hypot(free.error, known.error)
        estimates["kl"] = Estimate(system.beta * (free.value - known.value), error, free.note)
    if isinstance(system, ClassicalSystem) and before is not None and before.quantity == FREE_ENERGY.name:
        shift = system.beta * (before.value - now.value)
        diagnostics.update({k: v + shift for k, v in diagnostics.items() if k.startswith("kl_")})
    return replace(result, estimates=estimates, diagnostics=diagnostics, reference=now)


def same(before: Reference | None, now: Reference | None) -> bool:
    """Return whether two references are one but for what linear algebra rounds differently on another processor."""
    if before is None or now is None:
        return before is now
    close = all(
        math.isclose(a, b, rel_tol=1e-10, abs_tol=1e-12)
        for a, b in ((before.value, now.value), (before.error, now.error))
    )
    return close and replace(before, value=now.value, error=now.error) == now
