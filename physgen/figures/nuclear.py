"""Pictures of nuclei: densities of pairs and waves of the deuteron, beside exact ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from physgen.figures.structure import band, canvas


def pair_density(arrays: Mapping[str, np.ndarray], exact: Any, title: str) -> Figure:
    """Return the density of pairs against their distance; `exact` has `distance` and `waves`, or is None."""
    figure, axes = canvas()
    band(axes, arrays, "pair_edges", "pair_density", label="network")
    if exact is not None:
        near = exact.distance < arrays["pair_edges"][-1]
        axes.plot(exact.distance[near], (exact.waves**2).sum(0)[near], "k--", lw=1, label="exact")
        axes.legend(fontsize="small")
    axes.set(xlabel="distance in fm", ylabel="pairs per fm", title=title)
    return figure


def momentum_waves(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Return the waves of a pair in momentum space beside the exact ones, and their differences."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    momenta = arrays["momenta"]
    near = momenta < 5
    for colour, (order, wave, exact) in enumerate(zip(arrays["orders"], arrays["waves"], arrays["exact"], strict=True)):
        name = {0: "S", 1: "P", 2: "D"}.get(int(order), f"L = {int(order)}")
        upper.plot(momenta[near], wave[near], f"C{colour}", label=name)
        upper.plot(momenta[near], exact[near], "k--", lw=1)
        lower.plot(momenta[near], (wave - exact)[near], f"C{colour}")
    upper.set(ylabel=r"$\psi_L(k)$ in fm$^{3/2}$", title=f"{title}: dashed is exact")
    lower.set(xlabel="k in 1/fm", ylabel="difference")
    upper.legend(fontsize="small")
    return figure


def nucleon_density(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Return the densities of protons and neutrons against their distance from the centre of mass."""
    figure, axes = canvas()
    for colour, name in (("C0", "proton"), ("C1", "neutron")):
        band(axes, arrays, "nucleon_edges", f"{name}_density", colour, f"{name}s")
    axes.set(xlabel="distance from the centre of mass in fm", ylabel=r"density in fm$^{-3}$", title=title)
    axes.legend(fontsize="small")
    return figure
