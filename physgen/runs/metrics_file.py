"""`metrics.csv` of a run folder: written row by row, read by all, damaged rows named and left out."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from physgen.core.files import reason, sync, writing

NAME = "metrics.csv"
NUMBER = re.compile(rb"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf)")
#: damaged rows that are named one by one
MOST_NAMED = 5

Row = dict[str, float]

log = logging.getLogger("physgen")


def read_metrics(folder: Path) -> list[Row]:
    """Return the rows of `metrics.csv` in a run folder as numbers, empty cells left out; none where there is no file.

    Rows that are cut, that hold anything but numbers or no `step` are named in a warning and left out.
    """
    path = folder / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warning("%s; its rows are left out", reason(error))
        return []
    rows, damaged = parsed(content)
    if damaged:
        named = ", ".join(map(str, damaged[:MOST_NAMED])) + (", ..." if len(damaged) > MOST_NAMED else "")
        what = f"row {named} is" if len(damaged) == 1 else f"rows {named} are"
        log.warning("%s: %s damaged and left out, %d are kept", path, what, len(rows))
    return rows


def parsed(content: bytes) -> tuple[list[Row], list[int]]:
    """Return the rows of a table as numbers, and the numbers of its damaged lines, the header being 1."""
    first, *lines = content.split(b"\n")
    if not content:
        return [], []
    columns = header(first)
    if "step" not in columns or not lines:
        return [], [number for number, line in enumerate((first, *lines), 1) if line.strip()]
    last = lines.pop()  # empty unless the last line was cut
    rows, damaged = [], [1] * (None in columns)
    for number, line in enumerate(lines, 2):
        row = numbers(line.rstrip(b"\r"), columns)
        if row is None:
            damaged.append(number)
        else:
            rows.append(row)
    return rows, damaged + [len(lines) + 2] * bool(last)


def rows_until(folder: Path, steps: int, every: int = 1) -> list[Row]:
    """Return the rows, one in `every` iterations, of a training that goes on from iteration `steps`.

    What is missing of them is said.

    Those of later iterations will be written again, and the evaluation's too.
    """
    rows = [r for r in read_metrics(folder) if r["step"] <= steps and not any(k.startswith("test/") for k in r)]
    regular = [int(row["step"]) for row in rows if "epoch" in row]
    last = regular[-1] if regular else 0
    apart = last - regular[-2] if len(regular) > 1 else last
    if steps - last >= max(apart, every, 1):
        log.warning("%s holds no rows of the iterations %d to %d", folder / NAME, last + 1, steps)
    return rows


def header(line: bytes) -> list[str | None]:
    """Return the names of the columns, None for those that are damaged."""
    names = line.rstrip(b"\r").decode("utf-8", errors="replace").split(",")
    return [n if n.isprintable() and "\ufffd" not in n and n and names.count(n) == 1 else None for n in names]


def numbers(line: bytes, columns: list[str | None]) -> Row | None:
    """Return the numbers of one line by column, None where it is damaged."""
    cells = line.split(b",")
    if len(cells) != len(columns) or not all(not cell or NUMBER.fullmatch(cell) for cell in cells):
        return None
    row = {name: number(cell.decode()) for name, cell in zip(columns, cells, strict=True) if cell and name}
    return row if isinstance(row.get("step"), int) else None


def number(text: str) -> float | int:
    """Return the number that was written as `text`, so that it is written the same way again."""
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def columns_of(rows: Iterable[Mapping[str, float]]) -> list[str]:
    """Return all columns of the rows, in the order of their first use."""
    return list(dict.fromkeys(name for row in rows for name in row))


def as_lines(rows: Iterable[Mapping[str, float]], columns: list[str], with_header: bool = False) -> bytes:
    """Return rows as text."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    if with_header and columns:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def write_metrics(folder: Path, rows: list[Row], columns: list[str] | None = None) -> None:
    """Write all rows anew, whole or not at all."""
    with writing(folder / NAME) as file:
        file.write(as_lines(rows, columns or columns_of(rows), with_header=True))


class MetricsFile:
    """`metrics.csv` of a run that goes on: a row is appended as soon as it is there.

    Rows that cannot be written, since the disk is full, wait and are written with the next one.

    Args:
        folder: run folder.
        rows: rows of an earlier part of the run, which begin the file anew.
    """

    def __init__(self, folder: Path, rows: list[Row]) -> None:
        self.folder, self.path = folder, folder / NAME
        self.columns: list[str] = []
        self.waiting: list[Row] = list(rows)
        #: bytes of the file, None until it was begun
        self.size: int | None = None
        #: why rows wait
        self.error: OSError | None = None
        if rows or self.path.exists():
            self.flush()

    def append(self, row: Row) -> None:
        """Add a row."""
        self.waiting.append(row)
        self.flush()

    def flush(self) -> bool:
        """Write what waits; return whether nothing waits any more. Say once when the disk takes no more."""
        try:
            self._write()
        except OSError as error:
            if self.error is None:
                log.warning("%s; the rows wait until there is room", reason(error))
            self.error = error
            return False
        self.error = None
        return True

    def sync(self) -> bool:
        """Have all rows on the disk; return whether they are."""
        if not self.flush():
            return False
        try:
            with self.path.open("rb") as file:
                sync(file.fileno())
        except OSError as error:
            self.error = error
            return False
        return True

    def _write(self) -> None:
        fresh = [name for name in columns_of(self.waiting) if name not in self.columns]
        if self.size is None or fresh:
            kept = [] if self.size is None else read_metrics(self.folder)
            columns = [*self.columns, *fresh]
            write_metrics(self.folder, [*kept, *self.waiting], columns)
            self.columns, self.size = columns, self.path.stat().st_size
        elif self.waiting:
            self.size = append(self.path, as_lines(self.waiting, self.columns), self.size)
        self.waiting = []


def append(path: Path, lines: bytes, size: int) -> int:
    """Add `lines` to a file of `size` bytes and return its new size.

    Raises:
        OSError: they cannot be written whole; the file is then as it was.
    """
    with path.open("ab", buffering=0) as file:
        try:
            done = 0
            while done < len(lines):
                done += file.write(lines[done:])
        except BaseException as error:
            file.truncate(size)
            if isinstance(error, OSError):
                error.filename = str(path)
            raise
    return size + len(lines)
