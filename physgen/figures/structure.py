"""Pictures of where particles are: histograms with their error bands, and the map of the one-body density."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: pair distributions that `stats.structure` may return, and how a figure names them
PAIRS = {"g_of_r": "all pairs", "g_parallel": "equal spins", "g_antiparallel": "opposite spins"}


def radial_density(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Return the density of particles against the radius, also by spin where they differ, with the gaps of shells."""
    figure, axes = canvas()
    band(axes, arrays, "radius_edges", "radial_density", label="all")
    for colour, spin in enumerate(("up", "down"), start=1):
        if f"radial_density_{spin}" in arrays:
            band(axes, arrays, "radius_edges", f"radial_density_{spin}", f"C{colour}", f"spin {spin}")
            axes.legend(fontsize="small")
    for gap in arrays["shell_edges"]:
        axes.axvline(gap, color="k", ls=":", lw=1)
    means = arrays["shell_occupation"] @ np.arange(arrays["shell_occupation"].shape[1])
    shells = ", ".join(f"{mean:.2f}" for mean in means)
    axes.set(xlabel="r", ylabel="particles per area or volume", title=f"{title}: shells of {shells}")
    return figure


def pair_distribution(arrays: Mapping[str, np.ndarray], title: str) -> Figure | None:
    """Return the pair distributions, by spin where there is spin; None for one particle."""
    if "g_of_r" not in arrays:
        return None
    figure, axes = canvas()
    for colour, (name, label) in enumerate(PAIRS.items()):
        if name in arrays:
            band(axes, arrays, "distance_edges", name, f"C{colour}", label)
    axes.axhline(1, color="k", ls="--", lw=1)
    if "g_parallel" in arrays or "g_antiparallel" in arrays:
        axes.legend(fontsize="small")
    axes.set(xlabel="distance", ylabel="g(r)", title=title)
    return figure


def density_map(x: np.ndarray, title: str) -> Figure:
    """Return the one-body density of configurations `(samples, n, 2)` as a map of the plane."""
    count, points = len(x), x.reshape(-1, 2)
    edge = float(np.quantile(np.linalg.norm(points, axis=1), 0.9999))
    grid = np.linspace(-edge, edge, 81)
    counts = np.histogram2d(points[:, 0], points[:, 1], [grid, grid])[0] / (count * (grid[1] - grid[0]) ** 2)
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    image = axes.pcolormesh(grid, grid, counts.T, cmap="magma", rasterized=True)
    figure.colorbar(image, ax=axes, label="particles per area")
    axes.set(xlabel="x", ylabel="y", aspect="equal", title=title)
    return figure


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
