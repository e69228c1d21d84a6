"""Pictures of matter in a periodic cube: structure factor, momenta, pairs by their total spin, condensate of pairs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from physgen.figures.structure import band, canvas
from physgen.figures.style import of_length


def structure_factor(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Return S(k) at the wave vectors of the cube."""
    figure, axes = canvas()
    values, errors = arrays["structure_factor"], arrays["structure_factor_error"]
    axes.errorbar(arrays["structure_momenta"], values, errors, fmt="o", ms=4)
    axes.axhline(1, color="k", ls="--", lw=1)
    axes.set(xlabel=of_length("$k$", -1), ylabel="$S(k)$", title=title, xlim=(0, None), ylim=(0, None))
    return figure


def momentum_distribution(arrays: Mapping[str, np.ndarray], fermi_momentum: float, title: str) -> Figure:
    """Return n(k) of one spin against k in units of k_F, beside the step of the free gas."""
    figure, axes = canvas()
    momenta = arrays["momenta"] / fermi_momentum
    axes.errorbar(momenta, arrays["momentum_distribution"], arrays["momentum_distribution_error"], fmt="o", ms=4)
    axes.step([0, 1, momenta[-1]], [1, 0, 0], "k--", lw=1, where="post", label="free gas")
    axes.axhline(0, color="k", lw=0.5)
    axes.legend(fontsize="small")
    axes.set(xlabel=r"$k/k_F$", ylabel="$n(k)$", title=title)
    return figure


def pair_condensate(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Return the off-diagonal density of pairs over the displacement."""
    figure, axes = canvas()
    edges, values, errors = (arrays[k] for k in ("displacement_edges", "pair_condensate", "pair_condensate_error"))
    axes.errorbar((edges[1:] + edges[:-1]) / 2, values, errors, fmt="o", ms=4)
    axes.axhline(0, color="k", lw=0.5)
    axes.set(
        xlabel=of_length("displacement of a pair"), ylabel="pairs that may be there", title=title, xlim=(0, edges[-1])
    )
    return figure


def spin_channels(arrays: Mapping[str, np.ndarray], fermi_momentum: float, title: str) -> Figure:
    """Return the distributions of singlets and triplets beside those of the free gas in an infinite system."""
    figure, axes = canvas()
    for colour, name in enumerate(("g_singlet", "g_triplet")):
        band(axes, arrays, "channel_edges", name, f"C{colour}", name.removeprefix("g_"))
    r = np.linspace(1e-3, arrays["channel_edges"][-1], 200)
    singlet, triplet = free_channels(fermi_momentum * r)
    for colour, line in enumerate((singlet, triplet)):
        axes.plot(r, line, f"C{colour}--", lw=1, label="free gas" if colour == 0 else None)
    # a few pairs at contact would set the scale
    axes.set_ylim(0, 1.1 * max(float(arrays["g_singlet"][1:].max()), 1.0))
    axes.legend(fontsize="small")
    axes.set(xlabel="distance in fm", ylabel="pairs over independent ones", title=title)
    return figure


def free_channels(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return $g_S = (1 + \ell^2)/4$ and $g_T = 3 (1 - \ell^2)/4$ of the free gas at $x = k_F r$ above 0."""
    near = x < 0.1
    safe = np.where(near, 1.0, x)
    slater = np.where(near, 1 - x**2 / 10, 3 * (np.sin(safe) - safe * np.cos(safe)) / safe**3)
    return (1 + slater**2) / 4, 3 * (1 - slater**2) / 4
