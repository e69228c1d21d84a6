"""Runs of several systems in one table: what one model reaches, and costs, on many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from physgen.runs.finished_runs import Run
from physgen.zoo.compare import Comparison, compare
from physgen.zoo.comparison_row import Row


@dataclass(frozen=True)
class Across(Comparison):
    """Rows of several systems: values do not compare, gaps, V-scores and effective sample sizes do.

    Args:
        parts: the comparison of every system.
    """

    parts: tuple[Comparison, ...] = ()

    @property
    def title(self) -> str:
        """How many systems there are."""
        return f"{len({row.runs[0].system for row in self.rows})} systems"

    def drawn(self) -> Comparison:
        """Return a comparison without rows: figures show one system."""
        return Comparison(())

    def columns(self) -> list[str]:
        """Return the names of the columns of `table`."""
        return ["system", "run", "model", "seeds", "value", "gap", "sigmas", "V-score", "ESS", "parameters", "CPU-s"]

    def table(self) -> list[list[str]]:
        """Return the rows as text."""
        return [self.cells(row) for row in self.rows]

    def cells(self, row: Row) -> list[str]:
        """Return one row as text."""
        first = row.results[0]
        v_score, ess = (row.average(name) for name in ("v_score", "ess"))
        numbers = [row.average(name) for name in ("parameters", "train_cpu_seconds")]
        sigmas = [result.sigmas for result in row.results]
        return [
            row.runs[0].system,
            self.label(row),
            row.runs[0].model,
            str(len(row.runs)),
            f"{first.kind.symbol} = {row.value}" + ("" if all(r.is_bound for r in row.results) else " (not a bound)"),
            "" if row.gap is None else f"{row.gap} {row.unit}",
            "" if any(s != s for s in sigmas) else f"{sum(sigmas) / len(sigmas):+.1f}",
            "" if v_score is None else f"{v_score:.2g}",
            "" if ess is None else f"{ess:.2g}",
            *("" if number is None else f"{number:.0f}" for number in numbers),
        ]

    def notes(self) -> list[str]:
        """Return what a reader must know of each system."""
        known = [f"{part.runs[0].system}: {part.title.partition(': ')[2]}" for part in self.parts if part.reference]
        kept = [note for part in self.parts for note in part.notes() if not note.startswith("no ")]
        return [*known, *kept, *(f"left out: {reason}" for reason in self.left_out)]


def compare_all(runs: Sequence[Run], left_out: Iterable[str] = ()) -> Comparison:
    """Return the comparison of runs, of one system or across several.

    Raises:
        InputError: no runs.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.system, run.result.quantity), []).append(run)
    if len(groups) < 2:
        return compare(runs, left_out)
    parts = tuple(compare(group) for group in groups.values())
    return Across(tuple(row for part in parts for row in part.rows), tuple(left_out), parts)
