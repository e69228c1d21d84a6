"""Training curves: the headline above its reference on a logarithmic axis, with its running mean and the evaluation."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from physgen.figures.style import captioned, of_energy

#: running means over so many parts of a training, of at least so many records
PARTS, LEAST = 25, 5


def running(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return middles of windows, means and their standard errors; of few records the records, with errors of NaN."""
    window = max(LEAST, len(values) // PARTS)
    if len(values) < 2 * window:
        return steps, values, np.full(len(values), np.nan)
    held = np.lib.stride_tricks.sliding_window_view(values, window)
    middles = np.lib.stride_tricks.sliding_window_view(steps, window).mean(1)
    return middles, held.mean(1), held.std(1, ddof=1) / window**0.5


def training_curve(
    steps: np.ndarray,
    values: np.ndarray,
    symbol: str,
    title: str,
    reference: tuple[str, float, float] | None = None,
    evaluated: tuple[float, float] | None = None,
) -> Figure:
    """Return the headline of a training against its iterations.

    Args:
        steps: iterations of the records `(records,)`.
        values: means of the headline between records `(records,)`.
        symbol: of the headline, such as E.
        title: what was trained.
        reference: its label, value and error.
        evaluated: value and error of the evaluation.
    """
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.subplots()
    if reference is None:
        draw(axes, steps, values, "C0", "training")
        if evaluated is not None:
            level(axes, evaluated, "evaluated")
        low, high = np.quantile(values[len(values) // 10 :], [0.0, 0.98])
        axes.set_ylim(low - 0.05 * max(high - low, 1e-12), high + 0.05 * max(high - low, 1e-12))
        axes.set(xlabel="iteration", ylabel=of_energy(f"${symbol}$"), title=title)
        axes.legend()
        return captioned(figure, "Means of the batches between records, their running mean and its standard error.")
    label, known, error = reference
    draw(axes, steps, values - known, "C0", "training")
    text = f"Above {label}: means of the batches between records (thin), their running mean and its standard error."
    below = bool((values < known).any())
    if evaluated is not None:
        gap = evaluated[0] - known
        if gap > 0:
            level(axes, (gap, evaluated[1]), f"evaluated, {label} + {gap:.2g}")
        else:
            text += f" Evaluated: {label} - {-gap:.2g} +- {evaluated[1]:.1g}, below what the axis shows."
    if below:
        text += " Where the curve breaks the mean lies below."
    logarithmic(axes, values - known, evaluated and evaluated[1])
    if error > 0:
        axes.axhline(error, color="k", ls=":", lw=1, label=f"error of {label}")
    axes.set(xlabel="iteration", title=title)
    axes.set_ylabel(of_energy(f"${symbol} - {symbol}_{{\\mathrm{{ref}}}}$"))
    axes.legend()
    return captioned(figure, text)


def draw(axes: Axes, steps: np.ndarray, values: np.ndarray, colour: str, label: str | None) -> None:
    """Draw records, their running mean and the band of its error."""
    axes.plot(steps, values, color=colour, lw=0.6, alpha=0.35)
    middles, means, errors = running(steps, values)
    axes.plot(middles, means, color=colour, label=label)
    if np.isfinite(errors).all():
        axes.fill_between(middles, means - errors, means + errors, color=colour, alpha=0.25, lw=0)


def level(axes: Axes, value: tuple[float, float], label: str) -> None:
    """Draw a value with its error across the axes."""
    axes.axhline(value[0], color="C3", lw=1.2, label=label)
    if np.isfinite(value[1]):
        axes.axhspan(value[0] - value[1], value[0] + value[1], color="C3", alpha=0.2, lw=0)


def logarithmic(axes: Axes, gaps: np.ndarray, error: float | None) -> None:
    """Make the axis of gaps logarithmic, down to the least that means something."""
    above = gaps[np.isfinite(gaps) & (gaps > 0)]
    if not len(above):
        return
    _, means, errors = running(np.arange(len(gaps)), gaps)
    floor = [
        float(v) for v in (error or np.nan, np.nanmedian(errors[-LEAST:]) if np.isfinite(errors).any() else np.nan)
    ]
    least = min((v for v in floor if np.isfinite(v) and v > 0), default=float(above.min()))
    axes.set_yscale("log")
    axes.set_ylim(0.5 * max(least, 1e-9 * float(above.max())), 2 * float(above.max()))
