"""Figures of a comparison: training curves, radial densities and pair distributions of all runs in one picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from physgen.core.plain_text import one_line
from physgen.figures.structure import band, canvas
from physgen.zoo.compare import Comparison, reference_text


def figures(comparison: Comparison) -> dict[str, Figure]:
    """Return the figures that there is data for, by name; rows have a colour each, see `Comparison.drawn`."""
    comparison = comparison.drawn()
    made = {
        "training_iterations": curves(comparison, "steps", "iteration"),
        "training_cpu": curves(comparison, "cpu_seconds", "CPU seconds of training"),
        "radial_density": distributions(
            comparison, "radius_edges", "radial_density", "r", "particles per area or volume"
        ),
        "g_of_r": distributions(comparison, "distance_edges", "g_of_r", "distance", "g(r)"),
    }
    return {name: figure for name, figure in made.items() if figure is not None}


def shortened(label: str) -> str:
    """Return words for a legend, without formulas; a long path keeps its beginning and end."""
    label = one_line(label).replace("$", r"\$")
    return label if len(label) <= 48 else f"{label[:20]}...{label[-25:]}"


def curves(comparison: Comparison, axis: str, words: str) -> Figure | None:
    """Return the headline against `axis` of the curves, with the reference as a line; None without curves."""
    figure, axes = canvas()
    settled: list[np.ndarray] = []
    for colour, row in enumerate(comparison.rows):
        drawn = [run.curve for run in row.runs if run.curve and np.isfinite(getattr(run.curve, axis)).all()]
        for i, curve in enumerate(drawn):
            text = shortened(comparison.label(row)) if i == 0 else None
            axes.plot(getattr(curve, axis), curve.values, color=f"C{colour % 10}", lw=1, alpha=0.8, label=text)
            settled.append(curve.values[len(curve.values) // 10 :])
    if not settled:
        return None
    # the first iterations may lie orders of magnitude above the rest
    low, high = min(v.min() for v in settled), max(np.quantile(v, 0.98) for v in settled)
    known = comparison.reference
    if known is not None:
        axes.axhline(known.value, color="k", ls="--", lw=1, label=shortened(reference_text(known)))
        low, high = min(low, known.value), max(high, known.value)
    margin = 0.05 * max(high - low, 1e-12)
    if np.isfinite([low, high]).all():
        axes.set_ylim(low - margin, high + margin)
    run = comparison.runs[0]
    axes.set(xlabel=words, ylabel=shortened(run.result.quantity.replace("_", " ")), title=shortened(run.system))
    axes.legend(fontsize="small")
    return figure


def drawable(arrays: Mapping[str, np.ndarray], edges: str, name: str) -> bool:
    """Return whether arrays hold a histogram with its errors, of finite numbers, one a bin."""
    held = [arrays.get(key) for key in (edges, name, f"{name}_error")]
    sound = [array for array in held if array is not None and array.ndim == 1 and np.isfinite(array).all()]
    return len(sound) == 3 and len(sound[0]) - 1 == len(sound[1]) == len(sound[2]) > 0


def distributions(comparison: Comparison, edges: str, name: str, x: str, y: str) -> Figure | None:
    """Return a histogram of every run with its band of one standard error; None where no run kept it."""
    figure, axes = canvas()
    farthest = 0.0
    for colour, row in enumerate(comparison.rows):
        drawn = [run.structure for run in row.runs if run.structure and drawable(run.structure, edges, name)]
        for i, arrays in enumerate(drawn):
            band(axes, arrays, edges, name, f"C{colour % 10}", shortened(comparison.label(row)) if i == 0 else None)
            farthest = max(farthest, float(arrays[edges][-1]))
    if farthest == 0:
        return None
    axes.set(xlabel=x, ylabel=y, title=shortened(comparison.runs[0].system), xlim=(0, farthest))
    axes.legend(fontsize="small")
    return figure
