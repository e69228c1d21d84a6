"""Tables of results, `benchmarks/results/<name>.csv`, in which a row that is measured again replaces the old one."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.places import RESULTS


def read(name: str) -> list[dict[str, str]]:
    """Return the rows of a table, none where it was not kept."""
    path = RESULTS / f"{name}.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def keep(
    name: str,
    fields: Sequence[str],
    key: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    order: Callable[[Mapping[str, Any]], Any] | None = None,
) -> None:
    """Add rows to a table in place of those with the same `key`, sorted by `order` if it is given."""
    kept: list[Mapping[str, Any]] = list(read(name))
    for row in rows:
        kept = [r for r in kept if any(r[k] != str(row[k]) for k in key)]
        kept.append({k: str(v) for k, v in row.items()})
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept if order is None else sorted(kept, key=order))
