"""Figures of a comparison: training curves, radial densities and pair distributions of all runs in one picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from physgen.core.plain_text import one_line
from physgen.figures.structure import band, canvas, known_part
from physgen.figures.style import captioned, of_energy, of_length
from physgen.figures.training import draw, logarithmic
from physgen.zoo.compare import Comparison, reference_text


def figures(comparison: Comparison) -> dict[str, Figure]:
    """Return the figures that there is data for, by name; rows have a colour each, see `Comparison.drawn`."""
    comparison = comparison.drawn()
    made = {
        "training_iterations": curves(comparison, "steps", "iteration"),
        "training_cpu": curves(comparison, "cpu_seconds", "CPU seconds of training"),
        "radial_density": distributions(
            comparison, "radius_edges", "radial_density", "distance from the centre $r$", "$n(r)$, density of particles"
        ),
        "g_of_r": distributions(comparison, "distance_edges", "g_of_r", "distance of two particles $r$", "$g(r)$"),
    }
    return {name: figure for name, figure in made.items() if figure is not None}


def shortened(label: str) -> str:
    """Return words for a legend, without formulas; a long path keeps its beginning and end."""
    label = one_line(label).replace("$", r"\$")
    return label if len(label) <= 48 else f"{label[:20]}...{label[-25:]}"


def curves(comparison: Comparison, axis: str, words: str) -> Figure | None:
    """Return the headline against `axis`, above the reference on a logarithmic axis if there is one; None without."""
    figure, axes = canvas()
    known = comparison.reference
    base = base_of(comparison)
    seen: list[np.ndarray] = []
    for colour, row in enumerate(comparison.rows):
        drawn = [run.curve for run in row.runs if run.curve and np.isfinite(getattr(run.curve, axis)).all()]
        for i, curve in enumerate(drawn):
            text = shortened(comparison.label(row)) if i == 0 else None
            draw(axes, getattr(curve, axis), curve.values - base, f"C{colour % 10}", text)
            seen.append(curve.values - base)
            evaluated = row.runs[0].result.headline
            if i == 0 and evaluated.value > base:
                end = float(getattr(curve, axis)[-1])
                axes.errorbar(
                    [end], [evaluated.value - base], [evaluated.error], fmt="o", ms=4, color=f"C{colour % 10}"
                )
    if not seen:
        return None
    run = comparison.runs[0]
    symbol, text = shortened(run.result.kind.symbol), "Means of the batches (thin), running means with their errors"
    if known is None or not any((values > 0).any() for values in seen):
        # the first iterations may lie orders of magnitude above the rest
        settled = np.concatenate([values[len(values) // 10 :] for values in seen])
        low, high = np.nanmin(settled), np.nanquantile(settled, 0.98)
        if np.isfinite([low, high]).all():
            margin = 0.05 * max(high - low, 1e-12)
            axes.set_ylim(low - margin, high + margin)
        axes.set_ylabel(of_energy(f"${symbol}$" if known is None else f"${symbol} - {symbol}_{{ref}}$"))
    else:
        errors = [row.value.error for row in comparison.rows if np.isfinite(row.value.error)]
        logarithmic(axes, np.concatenate(seen), min(errors, default=None))
        axes.set_ylabel(of_energy(f"${symbol} - {symbol}_{{\\mathrm{{ref}}}}$"))
        above = (
            shortened(reference_text(known)) if base == known.value else f"{base:.8g}, one error below the lowest dot"
        )
        text += f", above {above}; dots: evaluated with fresh samples"
        if base < known.value:
            axes.axhline(known.value - base, color="k", ls="--", lw=1, label=shortened(reference_text(known)))
    axes.set(xlabel=words, title=shortened(run.system))
    axes.legend()
    return captioned(figure, f"{text}.")


def base_of(comparison: Comparison) -> float:
    """Return what curves are drawn above: the reference, or where a bound lies lower, that minus its error."""
    known = comparison.reference
    if known is None:
        return 0.0
    lowest = min((row.value for row in comparison.rows), key=lambda value: value.value)
    error = lowest.error if np.isfinite(lowest.error) else 0.0
    return known.value if lowest.value >= known.value else lowest.value - error


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
            kept = known_part(arrays, name) if name == "g_of_r" else arrays
            band(axes, kept, edges, name, f"C{colour % 10}", shortened(comparison.label(row)) if i == 0 else None)
            farthest = max(farthest, float(kept[edges][-1]))
    if farthest == 0:
        return None
    axes.set(xlabel=of_length(x), ylabel=y, title=shortened(comparison.runs[0].system), xlim=(0, farthest))
    axes.legend()
    return captioned(figure, "Draws of every model; bands: one standard error over independent chains.")
