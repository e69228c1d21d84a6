"""Pictures of quantities over an argument of a family."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from physgen.figures.structure import canvas


def energy_curve(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Return the energy over the frequency, in units of the frequency, with a band of one standard error."""
    figure, axes = canvas()
    labels = arrays["curve_label"]
    ratio, error = (arrays[name] / labels for name in ("energy_curve", "energy_curve_error"))
    axes.plot(labels, ratio)
    axes.fill_between(labels, ratio - error, ratio + error, alpha=0.3)
    axes.set(xscale="log", xlabel=r"$\omega$ in Hartree", ylabel=r"$E(\omega)/\omega$", title=title)
    return figure


def slope_curves(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Return dE/d omega of the curve beside that by the mean of the trap, with bands of one standard error."""
    figure, axes = canvas()
    labels = arrays["curve_label"]
    for name, label in (("slope_curve", r"$dE/d\omega$"), ("trap_slope_curve", r"$2\langle V\rangle/\omega$")):
        value, error = arrays[name], arrays[f"{name}_error"]
        axes.plot(labels, value, label=label)
        axes.fill_between(labels, value - error, value + error, alpha=0.3)
    axes.set(xscale="log", xlabel=r"$\omega$ in Hartree", ylabel="slope", title=title)
    axes.legend()
    return figure
