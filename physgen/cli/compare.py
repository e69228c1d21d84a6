"""`python -m physgen compare`: runs of one system in one table with figures, of several by their gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from rich.table import Table
from rich.text import Text

from physgen.cli.parser import Parser, parser_of
from physgen.core.errors import InputError
from physgen.core.tables import console, print_table
from physgen.core.threads import take_threads, threads_put_back
from physgen.runs.finished_runs import Run
from physgen.runs.folder import open_run_folder
from physgen.zoo.across import Across, compare_all
from physgen.zoo.compare import Comparison, compare
from physgen.zoo.open_run import open_run


def parser() -> Parser:
    """Return the parser of the verb."""
    made = parser_of("compare")
    made.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="run folder, pretrained entry, offline W&B run (wandb/offline-run-*) or W&B run entity/project/run_id",
    )
    made.add_argument("--out", type=Path | None, help="folder for compare.md, compare.csv, compare.html and figures")
    made.add_argument(
        "--push", action="store_true", help="send table and figures to W&B as a run, offline without an account"
    )
    made.add_argument(
        "--wandb",
        type=Literal["auto", "online", "offline", "off"] | None,
        help="the same, and where to: auto by --push alone",
    )
    return made


@threads_put_back()
def run(arguments: list[str]) -> Comparison:
    """Run the verb; return what was shown.

    Runs that cannot be read are left out, and the error that names them comes last.

    Raises:
        InputError: runs that cannot be read, or an argument that cannot be used.
    """
    options = parser().parse_args(arguments)
    take_threads()
    runs, left_out = opened(options.runs)
    comparison = compare_all(runs, left_out)
    show(comparison)
    mode = options.wandb or ("auto" if options.push else "off")
    if options.out is not None or mode != "off":
        from physgen.zoo.comparison_pages import write_report

        system = comparison.title if isinstance(comparison, Across) else runs[0].system
        folder = open_run_folder(options.out, "compare", system).path
        drawn = write_report(comparison, folder)
        names = ", ".join(["compare.md, compare.csv, compare.html", *(path.name for path in drawn)])
        print(f"wrote {names} in {folder}")
        if mode != "off":
            from physgen.callbacks.wandb_comparison import push

            page = (folder / "compare.md").read_text(encoding="utf-8")
            print(push(folder, mode, system, [row.numbers() for row in comparison.rows], drawn, page))
    if left_out:
        raise InputError(f"left out: {'; '.join(left_out)}")
    return comparison


def opened(names: Iterable[str]) -> tuple[list[Run], list[str]]:
    """Return the runs of these names, each once, and why others cannot be read."""
    runs, left_out = [], []
    for name in dict.fromkeys(name.rstrip("/") for name in names):
        try:
            runs.append(open_run(name))
        except InputError as error:
            left_out.append(str(error))
    return runs, left_out


def show(comparison: Comparison) -> None:
    """Print the table and its notes."""
    print_table(table(comparison))
    for note in comparison.notes():
        console().print(f"• {note}", soft_wrap=True)


def show_by_system(runs: Sequence[Run]) -> list[Comparison]:
    """Print a table for every system and quantity among `runs`; return them."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for one in runs:
        groups.setdefault((one.system, one.result.quantity), []).append(one)
    made = [compare(group) for group in groups.values()]
    for comparison in made:
        show(comparison)
    return made


def table(comparison: Comparison) -> Table:
    """Return the table for a terminal."""
    made = Table(title=Text(comparison.title), title_justify="left", box=None, pad_edge=False, header_style="dim")
    for column in comparison.columns():
        made.add_column(column, no_wrap=column != "model")
    for cells in comparison.table():
        made.add_row(*map(Text, cells))
    return made
