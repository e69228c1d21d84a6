"""Figures of docs/periodic-matter.md.

    python -m benchmarks periodic_matter_figure

`electron_gas.png`, `neutron_pairs.png` and `fermi_gas.png` from the entries, from the pairs that
`python -m benchmarks neutron_pairs` keeps and from published values.
"""

from __future__ import annotations

import argparse

import numpy as np
from matplotlib.figure import Figure

from benchmarks.entries import entries_of
from benchmarks.places import DOCS
from benchmarks.rows import read
from physgen.core.files import writing
from physgen.systems import ElectronGas, FermiGas


def main(arguments: list[str] | None = None) -> None:
    """Draw all figures for which there are entries."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    for name, figure in (("electron_gas", electron_gas()), ("neutron_pairs", neutron_pairs()), ("fermi_gas", cold())):
        if figure is not None:
            with writing(DOCS / f"{name}.png") as file:
                figure.savefig(file, format="png", dpi=110)
            print(DOCS / f"{name}.png")


def electron_gas() -> Figure | None:
    """Return what lies between energies of unpolarised electrons and plane waves, over r_s."""
    found = [row for row in entries_of(ElectronGas) if not row[1].polarised]
    if not found:
        return None
    figure = Figure(figsize=(10, 4), layout="constrained")
    energies, below = figure.subplots(1, 2)
    here = [system.r_s for _, system, _ in found]
    radii = np.geomspace(0.8 * min(here), 1.25 * max(here), 60)
    for colour, n in enumerate(sorted({system.n for _, system, _ in found})):
        rows = [row for row in found if row[1].n == n]
        waves = [ElectronGas(n, float(r)) for r in radii]
        energies.plot(radii, [s.hartree_fock / n * s.r_s**2 for s in waves], f"C{colour}--", lw=1)
        for model in sorted({name.split("/")[1] for name, _, _ in rows}):
            own = [(s.r_s, r) for name, s, r in rows if name.endswith(f"/{model}")]
            x = [r_s for r_s, _ in own]
            label = f"{model}, N = {n}"
            values = [r.estimates["energy_per_particle"].value * r_s**2 for r_s, r in own]
            energies.plot(x, values, f"C{colour}o", ms=4, label=label)
            differences = [r.estimates["correlation_per_particle"] for _, r in own]
            y, error = [1e3 * d.value for d in differences], [1e3 * d.error for d in differences]
            below.errorbar(x, y, error, fmt="o", ms=4, label=label)
        for r_s in (0.5, 1.0, 2.0, 5.0):
            best = [r for r in ElectronGas(n, r_s).references() if r.quantity == "correlation_per_particle"]
            if best:
                below.errorbar(r_s, 1e3 * best[0].value, 1e3 * best[0].error, fmt=f"C{colour}x", ms=8)
    energies.set(xscale="log", xlabel=r"$r_s$", ylabel=r"$r_s^2\,E/N$ in Hartree", title="dashed: plane waves")
    below.set(xscale="log", xlabel=r"$r_s$", ylabel=r"$(E - E_{HF})/N$ in mHa", title="crosses: i-FCIQMC")
    energies.legend(fontsize="small")
    return figure


def neutron_pairs() -> Figure | None:
    """Return singlets and triplets at every density beside the published ones and the free gas."""
    rows = read("neutron_pairs")
    densities = sorted({row["density"] for row in rows}, key=float)
    if not densities:
        return None
    figure = Figure(figsize=(4 * len(densities), 4), layout="constrained")
    for axes, density in zip(np.atleast_1d(figure.subplots(1, len(densities), sharey=True)), densities, strict=True):
        for colour, channel in enumerate(("singlet", "triplet")):
            of = [r for r in rows if r["density"] == density and r["channel"] == channel]
            x, y, error, free = (np.array([float(r[k]) for r in of]) for k in ("r_over_rs", "value", "error", "free"))
            axes.plot(x, y, f"C{colour}", label=channel)
            axes.fill_between(x, y - error, y + error, color=f"C{colour}", alpha=0.3)
            axes.plot(x, free, f"C{colour}--", lw=1)
            there = [(float(r["r_over_rs"]), float(r["published"])) for r in of if r["published"]]
            axes.plot(*zip(*there, strict=True), f"C{colour}.", ms=3) if there else None
        axes.set(xlabel=r"$r/r_s$", title=f"{density} fm$^{{-3}}$", xlim=(0, None), ylim=(0, 1.4))
        axes.legend(fontsize="small")
    figure.suptitle("dashed: free gas; dots: digitised from the talk")
    return figure


def cold() -> Figure | None:
    """Return energies of cold gases over the effective range, and over the scattering length."""
    found = list(entries_of(FermiGas))
    if not found:
        return None
    figure = Figure(figsize=(10, 4), layout="constrained")
    by_range, by_length = figure.subplots(1, 2)
    ranges, lengths = (0.05, 0.1, 0.2, 0.4), (-1.0, -0.5, -0.2, -0.1, 0.0, 0.1, 0.2, 0.5, 1.0)
    known = {
        by_range: [(kf_re, FermiGas(14, kf_re)) for kf_re in ranges],
        by_length: [(inverse, FermiGas(14, 0.2, inverse)) for inverse in lengths],
    }
    for axes, systems in known.items():
        for colour, method in enumerate(("VMC (Pfaffian", "DMC-BCS")):
            points = []
            for x, system in systems:
                best = [r for r in system.references() if r.quantity == "energy" and r.method.startswith(method)]
                points += [(x, best[0].value / 14)] if best else []
            label = "published network, while training" if colour == 0 else "published DMC-BCS"
            axes.plot(*zip(*points, strict=True), f"C{colour + 1}x", label=label)
    for axes, chosen in ((by_range, lambda s: s.inverse_akf == 0), (by_length, lambda s: s.kf_re == 0.2)):
        own = [(s, r.estimates["energy_per_particle"]) for _, s, r in found if s.n == 14 and chosen(s)]
        x = [s.kf_re if axes is by_range else s.inverse_akf for s, _ in own]
        axes.errorbar(x, [e.value for _, e in own], [e.error for _, e in own], fmt="C0o", ms=4, label="entries")
        axes.legend(fontsize="small")
    by_range.set(xlabel=r"$k_F r_e$", ylabel=r"$E/(N E_{FG})$", title="unitarity", xlim=(0, None))
    by_length.set(xlabel=r"$1/(a k_F)$", title=r"$k_F r_e = 0.2$")
    return figure
