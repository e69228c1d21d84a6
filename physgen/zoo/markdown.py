"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def markdown(columns: str | Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; names of columns in one text stand with ` | ` between them."""
    names = columns.split(" | ") if isinstance(columns, str) else list(columns)
    lines = [f"| {' | '.join(map(str, line))} |" for line in (names, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(names), *lines[1:]])
