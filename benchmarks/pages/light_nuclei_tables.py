"""Tables of docs/light-nuclei.md, which `benchmarks.pages.tables` writes from the entries and kept results."""

from __future__ import annotations

from benchmarks.entries import entries
from benchmarks.rows import read
from physgen.runs.result import Result, reference_for
from physgen.stats import with_error
from physgen.systems import LightNucleus, System
from physgen.systems.references import Reference
from physgen.zoo.markdown import markdown

#: radii that are compared, the first that has a reference
RADII = {"charge_radius": "charge", "rms_radius": "rms"}
SPLIT = ("kinetic", "two_body", "three_body", "coulomb", "virial")


def nuclei() -> list[tuple[str, LightNucleus, Result]]:
    """Return name, system and result of every entry of a nucleus."""
    found = []
    for name, result in entries("light-nucleus-*/*"):
        system = System.of(result.provenance["recipe"]["init_args"]["system"])
        found.append((name, system, result))
    return found


def known(reference: Reference | None) -> str:
    """Return a value with its error and method, empty where there is none."""
    if reference is None:
        return ""
    value = with_error(reference.value, reference.error) if reference.error else f"{reference.value:.7g}"
    return f"{value} {reference.method.split(':')[-1].strip()}"


def published(references: list[Reference], model: str) -> str:
    """Return the published energy of a like model: a network, or splines."""
    method = "VMC (spline Jastrow)" if model == "JastrowCorrelator" else "VMC (network)"
    found = next((r for r in references if r.quantity == "energy" and r.method == method), None)
    return "" if found is None else with_error(found.value, found.error)


def link(name: str) -> str:
    """Return a link to the card of an entry."""
    return f"[{name}](../checkpoints/{name}/card.md)"


def light_nuclei_table() -> str:
    """Return the Markdown table of energies and radii of nuclei beside exact and published ones."""
    kept, lines = read("seeds"), []
    for name, system, result in nuclei():
        references = system.references()
        own = result.provenance["seed"]
        others = [row for row in kept if row["config"] == name and int(row["seed"]) != own]
        radius = next((q for q in RADII if reference_for(references, q)), "rms_radius")
        cells = [link(name), str(result.estimates["energy"])]
        cells.append(", ".join(with_error(float(r["value"]), float(r["error"])) for r in others))
        cells += [known(reference_for(references, "energy")), published(references, result.provenance["model"])]
        cells += [f"{RADII[radius]} {result.estimates[radius]}", known(reference_for(references, radius))]
        lines.append([*cells, f"{result.provenance['train_cpu_seconds']:.0f}"])
    columns = "entry | E in MeV | other seeds | reference | published, like model | radius in fm | reference | CPU-s"
    return markdown(columns, lines)


def light_nuclei_terms_table() -> str:
    """Return the Markdown table of the parts of the energies of nuclei, and of what the virial theorem misses."""
    rows = [[link(name), *(str(result.estimates.get(term, "")) for term in SPLIT)] for name, _, result in nuclei()]
    return markdown(f"entry | {' | '.join(SPLIT)}", rows)
