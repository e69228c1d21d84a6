"""Tables and text on a terminal or in a file, in which nothing is cut."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table

from physgen.core.plain_text import defused
from physgen.core.terminal import Terminal

#: columns of a terminal: below the first its width is not believed, and the second is taken
NARROWEST, USUAL = 20, 80
#: columns of a file, which has no edge to wrap at
FILE = 100_000


def console(stderr: bool = False) -> Terminal:
    """Return a console for plain text, which takes brackets and colons as they are."""
    made = Terminal(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = FILE
    elif made.width < NARROWEST:
        made.width = USUAL  # a terminal or COLUMNS of no width: nothing at all would be shown
    return made


def print_table(table: Table) -> None:
    """Print a table whose first column holds names: one row a line in a file, folded in a terminal, never cut.

    In a terminal that is too narrow even for folded columns the cells of a row stand below each other.
    """
    target = console()
    if not target.is_terminal:
        target.file.write("\n".join(map(defused, lined(table))) + "\n")
        return
    table.columns[0].no_wrap = True
    if fitted(target, table, target.width):
        target.print(table)
        return
    for line in stacked(table):
        target.print(line, soft_wrap=True)


def fitted(target: Console, table: Table, width: int) -> bool:
    """Give the columns of a table their widths, none below its longest word; return whether `width` allows it."""
    options = target.options.update(max_width=FILE)
    between = sum(table.padding[side] for side in (1, 3)) if isinstance(table.padding, tuple) else 2
    left = width - between * len(table.columns) - 2 * (table.box is not None) * len(table.columns)
    needs = []
    for column in table.columns:
        cells = [Measurement.get(target, options, cell) for cell in (column.header, *column.cells)]
        most = max(cell.maximum for cell in cells)
        column.width = most if column.no_wrap else max(cell.minimum for cell in cells)
        left -= column.width
        needs.append((most - column.width, column))
    if left < 0:
        return False
    for index, (need, column) in enumerate(sorted(needs, key=lambda held: held[0])):
        more = min(need, left // (len(needs) - index))
        column.width, left = (column.width or 0) + more, left - more
    return True


def lined(table: Table) -> list[str]:
    """Return the rows of a table without a frame as lines of a file, two blanks between columns and none at the end."""
    columns = []
    for column in table.columns:
        cells = [str(cell) for cell in ((column.header, *column.cells) if table.show_header else column.cells)]
        width = max(map(cell_len, cells), default=0)
        blanks = [" " * (width - cell_len(cell)) for cell in cells]
        right = column.justify == "right"
        columns.append([b + c if right else c + b for c, b in zip(cells, blanks, strict=True)])
    edge = " " if table.pad_edge else ""
    rows = [edge + "  ".join(row).rstrip() for row in zip(*columns, strict=True)]
    return [*([str(table.title)] if table.title else []), *rows]


def stacked(table: Table) -> list[str]:
    """Return the rows of a table as lines: the first cell, and below it the others with their column's name."""
    lines = [str(table.title)] if table.title else []
    names = [str(column.header) for column in table.columns]
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = map(str, cells)
        lines.append(first)
        lines += [f"  {name}: {cell}".rstrip(": ") for name, cell in zip(names[1:], others, strict=True) if cell]
    return lines


def print_panel(panel: Panel) -> None:
    """Print a panel of tables and texts, without its frame in a file or where the frame would cut a name."""
    target, parts = console(), panel.renderable.renderables  # type: ignore[union-attr]
    tables = [part for part in parts if isinstance(part, Table)]
    if target.is_terminal and all(fitted(target, table, target.width - 4) for table in tables):
        target.print(panel)
        return
    target.print(str(panel.title), soft_wrap=True)
    for part in parts:
        if isinstance(part, Table):
            print_table(part)
        else:
            target.print(part, soft_wrap=True)
