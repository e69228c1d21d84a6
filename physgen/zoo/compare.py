"""Runs of one system side by side: what each found, its gap to the reference, its cost, the spread over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from physgen.core.errors import InputError, newer
from physgen.runs.finished_runs import Run
from physgen.runs.result import Estimate, Result
from physgen.systems import Reference

#: rows that a figure shows; more cannot be told apart
MOST_DRAWN = 20


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
        }


@dataclass(frozen=True)
class Comparison:
    """Rows of one system.

    Args:
        rows: what is compared.
        left_out: why runs are missing, a line each.
    """

    rows: tuple[Row, ...]
    left_out: tuple[str, ...] = ()

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        return [run for row in self.rows for run in row.runs]

    @property
    def reference(self) -> Reference | None:
        """The reference of the first run that has one."""
        return next((run.result.reference for run in self.runs if run.result.reference), None)

    @property
    def title(self) -> str:
        """System, quantity and reference in one line."""
        run, known = self.runs[0], self.reference
        text = f"{run.system}: {run.result.kind.words}"
        return text if known is None else f"{text}; {reference_text(known)} ({known.source})"

    @cached_property
    def place(self) -> str:
        """What the names of all rows begin with, up to a slash."""
        first, last = min(row.name for row in self.rows), max(row.name for row in self.rows)
        same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
        return first[: first[:same].rfind("/") + 1]

    def drawn(self) -> Comparison:
        """Return the comparison of the rows that figures show: `MOST_DRAWN` of the lowest value, in their order."""
        if len(self.rows) <= MOST_DRAWN:
            return self
        last = sorted(row.value.value for row in self.rows)[MOST_DRAWN - 1]
        return replace(self, rows=tuple(row for row in self.rows if row.value.value <= last)[:MOST_DRAWN])

    def columns(self) -> list[str]:
        """Return the names of the columns of `table`."""
        first = self.rows[0].results[0]
        symbol = first.kind.symbol
        gap = "KL / nats" if "kl" in first.estimates else "gap / %"
        quality = "ESS" if "ess" in first.diagnostics else "variance"
        return ["run", "model", "seeds", symbol, "spread", gap, quality, "parameters", "iterations", "CPU-s"]

    def table(self) -> list[list[str]]:
        """Return the rows as text."""
        return [[self.label(row), *row.cells()] for row in self.rows]

    def label(self, row: Row) -> str:
        """Return the name of a row without what all begin with."""
        return row.name[len(self.place) :]

    def notes(self) -> list[str]:
        """Return what a reader must know before quoting the table."""
        lines = [f"{run.name}: {alarm}" for run in self.runs if (alarm := run.result.alarm())]
        for run in self.runs:
            version = run.result.provenance.get("physgen")
            if version is not None and newer(version):
                lines.append(f"{run.name}: made by a newer physgen ({version}), its numbers may mean something else")
        lines += [f"{self.label(row)}: {row.varied}" for row in self.rows if row.varied]
        known = {(r.value, r.error): reference_text(r) for run in self.runs if (r := run.result.reference)}
        if len(known) > 1:
            lines.append(f"references differ: {'; '.join(known.values())}; every gap is to the run's own")
        if any(len(row.runs) > 1 for row in self.rows):
            lines.append(
                "of several seeds: the mean; its error is the larger of spread / sqrt(seeds) and the evaluations' own"
            )
        for what, lacking in (
            ("training curve", [run.name for run in self.runs if run.curve is None]),
            ("structure.npz", [run.name for run in self.runs if run.structure is None]),
        ):
            if lacking:
                lines.append(f"no {what} kept: {', '.join(name.removeprefix(self.place) for name in lacking)}")
        if len(self.rows) > MOST_DRAWN:
            lines.append(f"figures show the {MOST_DRAWN} rows of the lowest value")
        return [*lines, *(f"left out: {reason}" for reason in self.left_out)]


def compare(runs: Sequence[Run], left_out: Iterable[str] = ()) -> Comparison:
    """Return the comparison of runs; those that share everything but the seed become one row.

    Raises:
        InputError: no runs, or runs of different systems or quantities.
    """
    if not runs:
        raise InputError("; ".join(left_out) or "compare needs runs: folders, pretrained entries or W&B runs")
    systems: dict[tuple[str, str], str] = {}
    for run in runs:
        systems.setdefault((run.system, run.result.quantity), run.name)
    if len(systems) > 1:
        found = ", ".join(f"{system} {quantity} ({name})" for (system, quantity), name in systems.items())
        raise InputError(f"runs must be of one system to be compared, got {found}")
    groups: list[list[Run]] = []
    alike: dict[str, list[list[Run]]] = {}
    for run in runs:
        own = sorted((name, spelt(value)) for name, value in run.settings.items())
        held = alike.setdefault(repr((run.model, own)), [])
        # a seed that is there already is the same training once more, not another draw
        group = next((g for g in held if run.seed not in [other.seed for other in g]), None)
        if group is None:
            group = []
            held.append(group)
            groups.append(group)
        group.append(run)
    varying = varied(group[0] for group in groups)
    words = [
        ", ".join(f"{k} = {short(v)}" for k, v in g[0].settings.items() if k in varying[g[0].model]) for g in groups
    ]
    return Comparison(tuple(Row(tuple(g), text) for g, text in zip(groups, words, strict=True)), tuple(left_out))


def varied(runs: Iterable[Run]) -> dict[str, set[str]]:
    """Return, by model, the settings that not all of the `runs` of this model share."""
    values: dict[str, dict[str, set[str]]] = {}
    counts: dict[str, int] = {}
    for run in runs:
        held = values.setdefault(run.model, {})
        counts[run.model] = counts.get(run.model, 0) + 1
        for name in held.keys() - run.settings.keys():
            held[name].add(spelt(None))
        for name, value in run.settings.items():
            known = held.setdefault(name, set() if counts[run.model] == 1 else {spelt(None)})
            known.add(spelt(value))
    return {model: {name for name, found in held.items() if len(found) > 1} for model, held in values.items()}


def spelt(value: Any) -> str:
    """Return a setting as text that is the same for equal settings, such as 2 and 2.0."""
    if isinstance(value, tuple):
        return f"({','.join(map(spelt, value))})"
    return repr(float(value)) if isinstance(value, int) and abs(value) < 2**53 else repr(value)


def short(value: Any) -> str:
    """Return a setting as text."""
    return f"[{','.join(map(short, value))}]" if isinstance(value, tuple) else f"{value}"


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


def reference_text(reference: Reference) -> str:
    """Return a reference as `exact 3` or `DMC 20.15932(8)`."""
    return f"{reference.label} {reference.number}"


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


def markdown(columns: str | Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; names of columns in one text stand with ` | ` between them."""
    names = columns.split(" | ") if isinstance(columns, str) else list(columns)
    lines = [f"| {' | '.join(map(str, line))} |" for line in (names, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(names), *lines[1:]])
