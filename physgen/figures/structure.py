"""Pictures of where particles are: histograms with their error bands, and the map of the one-body density."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from physgen.figures.style import captioned, of_length

#: pair distributions that `stats.structure` may return, and how a figure names them
PAIRS = {"g_of_r": "all pairs", "g_parallel": "equal spins", "g_antiparallel": "opposite spins"}
#: relative error above which a pair distribution is not known
UNKNOWN = 0.5


def radial_density(arrays: Mapping[str, np.ndarray], title: str, dim: int | None = None) -> Figure:
    """Return the density of particles against the radius, also by spin where they differ, with the gaps of shells."""
    figure, axes = canvas()
    band(axes, arrays, "radius_edges", "radial_density", label="all")
    for colour, spin in enumerate(("up", "down"), start=1):
        if f"radial_density_{spin}" in arrays:
            band(axes, arrays, "radius_edges", f"radial_density_{spin}", f"C{colour}", f"spin {spin}")
            axes.legend()
    for gap in arrays["shell_edges"]:
        axes.axvline(gap, color="k", ls=":", lw=1)
    words = {1: "length", 2: "area", 3: "volume"}.get(dim or 0, "area or volume")
    axes.set(xlabel=of_length("distance from the centre $r$"), title=title)
    axes.set_ylabel(of_length(f"$n(r)$, particles per {words}", -(dim or 2)))
    text = "Density of particles at the distance r from the centre; bands: one standard error over independent chains."
    if len(arrays["shell_edges"]):
        means = arrays["shell_occupation"] @ np.arange(arrays["shell_occupation"].shape[1])
        text += f" Dotted: gaps between shells of {', '.join(f'{mean:.2f}' for mean in means)} particles."
    return captioned(figure, text)


def pair_distribution(arrays: Mapping[str, np.ndarray], title: str) -> Figure | None:
    """Return the pair distributions, by spin where there is spin, as far as they are known; None for one particle."""
    if "g_of_r" not in arrays:
        return None
    figure, axes = canvas()
    shown = [name for name in PAIRS if name in arrays]
    if shown == ["g_of_r", "g_antiparallel"]:  # of two electrons both are the same
        shown = ["g_antiparallel"]
    farthest = 0.0
    for name in shown:
        known = known_part(arrays, name)
        band(axes, known, "distance_edges", name, f"C{list(PAIRS).index(name)}", PAIRS[name])
        farthest = max(farthest, float(known["distance_edges"][-1]))
    axes.axhline(1, color="k", ls="--", lw=1)
    axes.set_xlim(0, farthest)
    if len(shown) > 1 or shown != ["g_of_r"]:
        axes.legend()
    axes.set(xlabel=of_length("distance of two particles $r$"), ylabel="$g(r)$", title=title)
    return captioned(
        figure,
        "Pairs at the distance r over those of independent particles of the same density (dashed: 1); bands: one "
        f"standard error; cut where it exceeds {100 * UNKNOWN:.0f} % of the value.",
    )


def known_part(arrays: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Return a histogram over distances up to the last bin whose error is small against its value."""
    values, errors = arrays[name], arrays[f"{name}_error"]
    known = np.flatnonzero((values > 0) & (errors < UNKNOWN * values))
    bins = int(known[-1]) + 1 if known.size else len(values)
    return {"distance_edges": arrays["distance_edges"][: bins + 1], name: values[:bins], f"{name}_error": errors[:bins]}


def density_map(x: np.ndarray, title: str) -> Figure:
    """Return the one-body density of configurations `(samples, n, 2)` as a map of the plane, smoothed over bins."""
    count, points = len(x), x.reshape(-1, 2)
    edge = float(np.quantile(np.linalg.norm(points, axis=1), 0.9999))
    grid = np.linspace(-edge, edge, 81)
    counts = np.histogram2d(points[:, 0], points[:, 1], [grid, grid])[0] / (count * (grid[1] - grid[0]) ** 2)
    figure = Figure(figsize=(5, 4.4), layout="constrained")
    axes = figure.subplots()
    image = axes.pcolormesh(grid, grid, smoothed(counts).T, cmap="magma", rasterized=True)
    figure.colorbar(image, ax=axes, label=of_length("$n$, particles per area", -2))
    axes.grid(False)
    axes.set(xlabel=of_length("$x$"), ylabel=of_length("$y$"), aspect="equal", title=title)
    return captioned(figure, "Density of particles in the plane, smoothed over three bins of 80 in each direction.")


def smoothed(counts: np.ndarray) -> np.ndarray:
    """Return a histogram of the plane averaged over neighbouring bins with weights 1, 2, 1 in each direction."""
    for axis in (0, 1):
        padded = np.concatenate([counts.take([0], axis), counts, counts.take([-1], axis)], axis)
        first, last = padded.take(range(len(counts)), axis), padded.take(range(2, len(counts) + 2), axis)
        counts = (first + 2 * counts + last) / 4
    return counts


def canvas() -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of axes."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    return figure, figure.subplots()


def band(
    axes: Axes, arrays: Mapping[str, np.ndarray], edges: str, name: str, colour: str = "C0", label: str | None = None
) -> None:
    """Draw a histogram with its band of one standard error, and let the axes hold all that were drawn."""
    bins, values, errors = arrays[edges], arrays[name], arrays[f"{name}_error"]
    axes.stairs(values, bins, color=colour, label=label)
    for sign in (-1, 1):
        axes.stairs(values + sign * errors, bins, baseline=values, fill=True, alpha=0.3, color=colour)
    known = values[values > 3 * errors]  # bins that a single pair reached would set the scale
    known = known if known.size else values
    first = len(axes.patches) <= 3
    axes.set_xlim(0, float(bins[-1]))
    axes.set_ylim(0, max(0.0 if first else axes.get_ylim()[1], 1.1 * float(known.max(initial=1e-9))))
