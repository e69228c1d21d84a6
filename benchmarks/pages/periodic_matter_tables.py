"""Tables of docs/periodic-matter.md, which `benchmarks.pages.tables` writes from the entries and kept results."""

from __future__ import annotations

import math

from benchmarks.entries import entries_of
from benchmarks.rows import read
from physgen.runs.result import Result
from physgen.stats import with_error
from physgen.systems import ElectronGas, FermiGas, NeutronMatter, PeriodicMatter
from physgen.zoo.markdown import markdown

#: what stands in a block before there is anything
NOTHING = "Not kept yet."
#: radii in units of r_s between which distributions are compared, and the one where pairs are close, in a bin of 0.1
COMPARED, CLOSE = (0.2, 1.9), 0.13
#: singlets over those of the free gas at that radius, as published
ENHANCED = {"0.01": 2.34, "0.04": 1.46, "0.08": 1.17}


def each(result: Result, name: str, n: int) -> str:
    """Return an estimate per particle, empty where there is none."""
    found = result.estimates.get(name)
    return "" if found is None else with_error(found.value / n, found.error / n)


def seeds(name: str, n: int, own: int) -> str:
    """Return the energies per particle of an entry's config by other seeds than its `own` one."""
    rows = [row for row in read("seeds") if row["config"] == name and row["error"] and int(row["seed"]) != own]
    return ", ".join(with_error(float(row["value"]) / n, float(row["error"]) / n) for row in rows)


def diffused(name: str, n: int) -> str:
    """Return the energy per particle by diffusion Monte Carlo with an entry as guide, empty where it is not kept."""
    rows = [row for row in read("diffusion") if row["entry"] == name]
    return ", ".join(with_error(float(row["energy_dmc"]) / n, float(row["error"]) / n) for row in rows)


def known(system: PeriodicMatter, method: str = "") -> str:
    """Return the best published energy per particle, or the best by a method, with its method."""
    for r in system.references():
        if r.quantity == "energy" and (r.method.startswith(method) if method else True):
            value = with_error(r.value / system.n, r.error / system.n)
            return value if method else f"{value} {r.method}"
    return ""


def own(name: str, system: PeriodicMatter, result: Result) -> list[str]:
    """Return cells of an entry: link, energies per particle of it, of plane waves, their difference, of seeds, DMC."""
    n = system.n
    return [
        f"[{name.split('/')[1]}](../checkpoints/{name}/card.md)",
        each(result, "energy", n),
        f"{system.hartree_fock / n:.6g}",
        each(result, "correlation_per_particle", 1),
        seeds(name, n, result.provenance.get("seed", -1)),
        diffused(name, n),
    ]


def cost(result: Result) -> list[str]:
    """Return variance of the local energy and CPU-seconds of the training."""
    seconds = result.provenance.get("train_cpu_seconds", math.nan)
    return [f"{result.diagnostics.get('variance', math.nan):.3g}", f"{seconds:.0f}"]


OWN = "model | E/N | plane waves | difference | other seeds | own DMC"


def table(columns: str, lines: list[list[str]]) -> str:
    """Return a Markdown table, words where it would be empty."""
    return markdown(columns, lines) if lines else NOTHING


def electron_gas_table() -> str:
    """Return the Markdown table of electrons: energies per electron in Hartree beside published ones."""
    lines = []
    for name, system, result in entries_of(ElectronGas):
        spins = "one spin" if system.polarised else "two spins"
        percent = result.estimates.get("correlation_percent")
        cells = [str(system.n), f"{system.r_s:g}", spins, *own(name, system, result)]
        lines.append([*cells, "" if percent is None else f"{percent} %", known(system), *cost(result)])
    return table(f"N | r_s | spins | {OWN} | of correlation | published | variance | CPU-s", lines)


def neutron_matter_table() -> str:
    """Return the Markdown table of neutrons: energies per neutron in MeV, by the convention of images."""
    lines = []
    for name, system, result in entries_of(NeutronMatter):
        published = [r for r in system.references() if r.quantity == "correlation_per_particle"]
        differences = ", ".join(f"{r.value:.3f} {r.method}" for r in published)
        cells = [str(system.n), f"{system.density:g}", system.images, *own(name, system, result)]
        lines.append([*cells, differences, *cost(result)])
    return table(f"N | density in 1/fm^3 | images | {OWN} | published differences | variance | CPU-s", lines)


def fermi_gas_table() -> str:
    """Return the Markdown table of cold gases: energies per particle in E_FG beside published ones."""
    lines = []
    for name, system, result in entries_of(FermiGas):
        condensate = result.estimates.get("condensate_fraction")
        cells = [str(system.n), f"{system.kf_re:g}", f"{system.inverse_akf:g}", *own(name, system, result)]
        networks = known(system, "VMC (Pfaffian")
        cells += [networks, known(system, "DMC-BCS"), "" if condensate is None else str(condensate)]
        lines.append([*cells, *cost(result)])
    published = "published network | published DMC-BCS"
    return table(f"N | k_F r_e | 1/(a k_F) | {OWN} | {published} | condensate | variance | CPU-s", lines)


def neutron_pairs_table() -> str:
    """Return the Markdown table of how far pair distributions of neutrons are from the published ones."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in read("neutron_pairs"):
        groups.setdefault((row["density"], row["entry"]), []).append(row)
    lines = []
    for (density, entry), rows in groups.items():
        inside = [row for row in rows if row["published"] and COMPARED[0] <= float(row["r_over_rs"]) <= COMPARED[1]]
        cells = [density, entry]
        for channel in ("singlet", "triplet"):
            off = [abs(float(r["value"]) - float(r["published"])) for r in inside if r["channel"] == channel]
            noise = [float(r["error"]) for r in inside if r["channel"] == channel]
            cells.append(f"{max(off):.3f} (errors to {max(noise):.3f})" if off else "")
        near = [row for row in rows if row["channel"] == "singlet"]
        close = min(near, key=lambda row: abs(float(row["r_over_rs"]) - CLOSE), default=None)
        ratio = [float(close[k]) / float(close["free"]) for k in ("value", "error")] if close else [math.nan] * 2
        cells += [with_error(*ratio), str(ENHANCED.get(density, "")), str(len(rows)), rows[0]["samples"]]
        lines.append(cells)
    off = f"largest distance of g_S, {COMPARED[0]} to {COMPARED[1]} r_s | of g_T"
    columns = f"density in 1/fm^3 | entry | {off} | g_S over the free gas in the bin of {CLOSE} r_s | published at it"
    return table(f"{columns} | rows | samples", lines)
