"""Runs of one system side by side: what each found, its gap to the reference, its cost, the spread over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from physgen.core.errors import InputError, newer
from physgen.runs.finished_runs import Run
from physgen.systems import Reference
from physgen.zoo.comparison_row import Row

#: rows that a figure shows; more cannot be told apart
MOST_DRAWN = 20


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


def reference_text(reference: Reference) -> str:
    """Return a reference as `exact 3` or `DMC 20.15932(8)`."""
    return f"{reference.label} {reference.number}"
