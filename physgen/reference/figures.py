"""Figures of a reference calculation: radial density and pair distribution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from physgen.reference.record import ReferenceRecord


def radial_density(record: ReferenceRecord) -> Figure:
    """Return the density of particles against the radius, with the gaps between shells."""
    arrays = record.arrays
    figure, axes = canvas(arrays["radius_edges"], arrays["radial_density"], arrays["radial_density_error"])
    for gap in arrays["shell_edges"]:
        axes.axvline(gap, color="k", ls=":", lw=1)
    means = arrays["shell_occupation"] @ np.arange(arrays["shell_occupation"].shape[1])
    shells = ", ".join(f"{mean:.2f}" for mean in means)
    axes.set(xlabel="r", ylabel="particles per area or volume", title=f"{name(record)}: shells of {shells}")
    return figure


def g_of_r(record: ReferenceRecord) -> Figure | None:
    """Return the pair distribution, None for one particle."""
    arrays = record.arrays
    if "g_of_r" not in arrays:
        return None
    figure, axes = canvas(arrays["distance_edges"], arrays["g_of_r"], arrays["g_of_r_error"])
    axes.axhline(1, color="k", ls="--", lw=1)
    axes.set(xlabel="distance", ylabel="g(r)", title=name(record))
    return figure


def canvas(edges: np.ndarray, values: np.ndarray, errors: np.ndarray) -> tuple[Figure, object]:
    """Return a figure with a histogram and its band of one standard error."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.stairs(values, edges)
    for sign in (-1, 1):
        axes.stairs(values + sign * errors, edges, baseline=values, fill=True, alpha=0.3, color="C0")
    axes.set_xlim(0, edges[-1])
    known = values[values > 3 * errors]  # bins that a single pair reached would set the scale
    axes.set_ylim(0, 1.1 * float(known.max(initial=1e-9)))
    return figure, axes


def name(record: ReferenceRecord) -> str:
    """Return the label of the system."""
    return record.provenance.get("label", "")


def write_figures(record: ReferenceRecord, folder: Path) -> None:
    """Write `radial_density.png` and `g_of_r.png`, what there is data for."""
    for file, figure in {"radial_density": radial_density(record), "g_of_r": g_of_r(record)}.items():
        if figure is not None:
            figure.savefig(folder / f"{file}.png", dpi=110)
