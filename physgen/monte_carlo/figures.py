"""Figures of a reference calculation: radial density and pair distribution."""

from __future__ import annotations

from pathlib import Path

from physgen.core.files import writing
from physgen.figures.structure import pair_distribution, radial_density
from physgen.monte_carlo.record import ReferenceRecord


def write_figures(record: ReferenceRecord, folder: Path) -> list[str]:
    """Write `radial_density.png` and `g_of_r.png`, what there is data for; return the names."""
    title, written = record.provenance.get("label", ""), []
    if "radial_density" not in record.arrays:
        return []
    figures = {
        "radial_density": radial_density(record.arrays, title),
        "g_of_r": pair_distribution(record.arrays, title),
    }
    for file, figure in figures.items():
        if figure is not None:
            with writing(folder / f"{file}.png") as held:
                figure.savefig(held, format="png", dpi=110)
            written.append(f"{file}.png")
    return written
