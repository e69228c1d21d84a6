"""One row of a comparison: runs that share everything but the seed, their mean, spread and gap."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from physgen.runs.finished_runs import Run
from physgen.runs.result import Estimate, Result


@dataclass(frozen=True)
class Row:
    """Runs that share everything but the seed.

    Args:
        runs: at least one, of different seeds.
        varied: settings in which this row differs from other rows of its model, in words.
    """

    runs: tuple[Run, ...]
    varied: str = ""

    @cached_property
    def name(self) -> str:
        """Names of the runs, their common parts once: `sweep/hidden=2_seed={1,2,3}`."""
        return joined([run.name for run in self.runs])

    @property
    def results(self) -> list[Result]:
        """Results of the runs."""
        return [run.result for run in self.runs]

    @property
    def value(self) -> Estimate:
        """Mean of the headline over seeds."""
        return mean([result.headline for result in self.results])

    @property
    def spread(self) -> float | None:
        """Standard deviation of the headline over seeds, None for one."""
        values = [result.headline.value for result in self.results]
        return statistics.stdev(values) if len(values) > 1 else None

    @property
    def gap(self) -> Estimate | None:
        """Mean distance to the reference, see `gap_of`."""
        gaps = [gap for result in self.results if (gap := gap_of(result)) is not None]
        return mean(gaps) if gaps else None

    @property
    def unit(self) -> str:
        """Unit of the gap."""
        return "nats" if "kl" in self.results[0].estimates else "%"

    def average(self, name: str) -> float | None:
        """Return the mean over seeds of a diagnostic or a number of the provenance, None where one lacks it."""
        held = [{**result.provenance, **result.diagnostics}.get(name) for result in self.results]
        numbers = [float(v) for v in held if isinstance(v, (int, float))]
        return statistics.mean(numbers) if len(numbers) == len(held) else None

    def cells(self) -> list[str]:
        """Return what is said of the row as text, all but its name."""
        ess, samples, variance = (self.average(name) for name in ("ess", "samples", "variance"))
        quality = "" if variance is None else f"{variance:.2g}"
        if ess is not None:
            quality = f"{ess:.2g}" + ("" if samples is None else f" of {samples:.0f}")
        numbers = [self.average(name) for name in ("parameters", "iterations", "train_cpu_seconds")]
        return [
            self.runs[0].model,
            str(len(self.runs)),
            str(self.value) + (" (not a bound)" if not all(result.is_bound for result in self.results) else ""),
            "" if self.spread is None else f"{self.spread:.2g}",
            "" if self.gap is None else str(self.gap),
            quality,
            *("" if number is None else f"{number:.0f}" for number in numbers),
        ]

    def numbers(self) -> dict[str, Any]:
        """Return the row as plain values at full precision."""
        gap, known = self.gap, self.results[0].reference
        return {
            "run": self.name,
            "model": self.runs[0].model,
            "settings": self.varied,
            "system": self.runs[0].system,
            "quantity": self.results[0].quantity,
            "seeds": " ".join(str(run.seed) for run in self.runs),
            "number_of_seeds": len(self.runs),
            "value": self.value.value,
            "error": self.value.known_error,
            "spread_over_seeds": self.spread,
            "reference": known.value if known else None,
            "reference_error": known.error if known else None,
            "gap": gap.value if gap else None,
            "gap_error": gap.known_error if gap else None,
            "gap_unit": self.unit if gap else None,
            **{k: self.average(k) for k in ("ess", "samples", "variance", "parameters", "iterations")},
            "train_cpu_seconds": self.average("train_cpu_seconds"),
            "energy_evaluations": self.average("energy_evaluations"),
        }


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean; its error is that of independent errors, or of the scatter where this is larger.

    max(sqrt(sum error_i^2) / n, stdev / sqrt(n))

    Where one carries no error, the scatter alone is left, and without it none.
    """
    values = [estimate.value for estimate in estimates]
    own = math.sqrt(sum(estimate.error**2 for estimate in estimates)) / len(values)
    scatter = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    if not math.isfinite(own):
        value = statistics.fmean(values)
        if scatter > 0:
            return Estimate(value, scatter)
        return Estimate(value, math.nan, next((e.note for e in estimates if e.note), ""))
    return Estimate(statistics.fmean(values), max(own, scatter))


def gap_of(result: Result) -> Estimate | None:
    """Return KL = beta (F_theta - F) in nats, or the energy above the reference in percent; None without reference."""
    if "kl" in result.estimates:
        return result.estimates["kl"]
    known = result.reference
    if known is None or known.value == 0:
        return None
    error = math.hypot(result.headline.error, known.error)
    return Estimate(result.percent, 100 * error / abs(known.value), result.headline.note)


def joined(names: Sequence[str]) -> str:
    """Return names with their common beginning and end once: `a/{1,2}/x`."""
    if len(set(names)) == 1:
        return names[0]
    first, last = min(names), max(names)
    start = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    turned = [name[start:][::-1] for name in names]
    low, high = min(turned), max(turned)
    end = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    middles = [name[start : len(name) - end] for name in names]
    return f"{first[:start]}{{{','.join(middles)}}}{first[len(first) - end :]}"
