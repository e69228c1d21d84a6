"""`python -m physgen list` and `show`: what there is, without importing torch."""

from __future__ import annotations

import math
from typing import Any

from rich.table import Table

from physgen.cli.parser import Parser, parser_of
from physgen.core.errors import InputError, check_choice
from physgen.core.notation import with_error
from physgen.core.plain_text import defused
from physgen.core.small_file import read_small
from physgen.core.tables import console, print_table
from physgen.zoo.index import entries, read_index

KINDS = ("systems", "models", "samplers", "configs", "pretrained")


def list_parser() -> Parser:
    """Return the parser of `list`."""
    made = parser_of("list")
    meaning = f"Tables among {', '.join(KINDS)}, all unless given; any other word filters their rows."
    made.add_argument("words", metavar="WORD", nargs="*", default=[], help=meaning)
    return made


def show_parser() -> Parser:
    """Return the parser of `show`."""
    made = parser_of("show")
    made.add_argument("name", metavar="NAME", help="Pretrained entry, <system>/<model>.")
    return made


def show_list(arguments: list[str]) -> None:
    """Print the tables named in `arguments`, or all; a last word that is no table filters the rows.

    Raises:
        InputError: more words than a table and a filter.
    """
    given = list_parser().parse_args(arguments).words
    kinds = [a for a in given if a in KINDS]
    words = [a for a in given if a not in KINDS]
    if len(words) > 1:
        check_choice("list", words[0], KINDS)
        raise InputError(f"list takes tables {', '.join(KINDS)} and one filter, got {' '.join(given)}")
    word = words[0].lower() if words else ""
    shown = 0
    for kind in kinds or KINDS:
        table = rows_of(kind, word)
        if table.row_count:
            print_table(table)
            shown += table.row_count
    if not shown:
        raise InputError(f"list found nothing that matches {word!r} in {', '.join(kinds or KINDS)}")


def rows_of(kind: str, word: str) -> Table:
    """Return one table of the index, rows that contain `word`."""
    if kind == "pretrained":
        return pretrained_rows(word)
    known = read_index()[kind]
    table = Table(title=kind, title_justify="left", box=None, pad_edge=False, header_style="dim")
    if kind == "configs":
        table.add_column("python -m physgen fit --config ...")
        for name in known:
            if word in name.lower():
                table.add_row(f"configs/{name}")
        return table
    for column in ("name", "what it is", "arguments"):
        table.add_column(column)
    for name, entry in known.items():
        if word in name.lower() or word in entry["doc"].lower():
            arguments = ", ".join(k if v is None else f"{k}={v}" for k, v in entry["arguments"].items())
            table.add_row(name, entry["doc"], arguments)
    return table


def pretrained_rows(word: str) -> Table:
    """Return the table of the entries, the user's own first, rows that contain `word`."""
    table = Table(title="pretrained", title_justify="left", box=None, pad_edge=False, header_style="dim")
    for column in ("name", "measured", "reference", "gap"):
        table.add_column(column)
    for name, entry in entries().items():
        if word in name.lower():
            table.add_row(name, *pretrained_cells(entry.record))
    return table


def show_card(arguments: list[str]) -> None:
    """Print the card of a pretrained entry: `python -m physgen show NAME`.

    Raises:
        InputError: not one name, an unknown one, or an entry without its card.
    """
    known = entries()
    path = known[check_choice("pretrained name", show_parser().parse_args(arguments).name, known)].folder / "card.md"
    try:
        text = defused(read_small(path))
    except (OSError, ValueError) as error:
        raise InputError(f"card {path} cannot be read: {error}") from None
    from rich.markdown import Markdown  # costs a third of `list`, which needs none

    target = console()
    with target.capture() as drawn:
        target.print(Markdown(text, hyperlinks=False))
    cut = target.is_terminal and "…" in drawn.get() and "…" not in text
    if not target.is_terminal or cut:
        print(text)  # as it is: for a file, and where a terminal is too narrow for its tables
    else:
        target.print(Markdown(text, hyperlinks=False))


def pretrained_cells(entry: dict[str, Any]) -> tuple[str, str, str]:
    """Return measured value, reference with its method, and gap of an entry as text, as `compare` writes them."""
    value = f"{entry['quantity']} {quoted(entry['value'], entry['error'])}"
    known = entry.get("reference")
    if known is None:
        return value, "", ""
    error = entry.get("reference_error") or 0.0
    number = f"{known:.8g}" if error == 0 else with_error(known, error)
    reference = f"{'exact' if entry.get('exact') else entry.get('method') or ''} {number}".strip()
    if entry.get("kl"):
        return value, reference, f"{quoted(*entry['kl'])} nats"
    if known == 0:
        return value, reference, ""
    percent, own = 100 * (entry["value"] - known) / abs(known), entry["error"]
    spread = None if own is None else 100 * math.hypot(own, error) / abs(known)
    return value, reference, f"{quoted(percent, spread)} %"


def quoted(value: float, error: float | None) -> str:
    """Return a value with its error, or that it carries none."""
    return f"{value:.5g} (no error bar)" if error is None else with_error(value, error)
