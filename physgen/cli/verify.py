"""`python -m physgen verify`: pretrained entries measured anew with another seed."""

from __future__ import annotations

import secrets
import signal
import sys

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from physgen.cli.parser import Parser, parser_of
from physgen.core.errors import check, check_choice, check_integer, check_positive
from physgen.core.plain_text import one_line
from physgen.core.stops import Stopped
from physgen.core.tables import console, print_table
from physgen.core.threads import take_threads, threads_put_back
from physgen.zoo.index import entries
from physgen.zoo.verify import LIMIT, Verified, verify_or_say

#: largest deviation of a local energy, in standard deviations, beyond which its tails are said
HEAVY = 100.0


def parser() -> Parser:
    """Return the parser of the verb."""
    made = parser_of("verify")
    made.add_argument("names", nargs="*", default=[], help="Pretrained entries, <system>/<model>.")
    made.add_argument("--all", action="store_true", help="All entries, also those of your own folder.")
    made.add_argument("--seed", type=int | None, default=None, help="Seed of the fresh draws; random unless given.")
    made.add_argument("--seconds", type=float, default=20.0, help="CPU time of the measurement of an entry.")
    return made


def run(arguments: list[str]) -> list[Verified]:
    """Run the verb; return what was found of every entry.

    Exits with 1 and one line for every entry that fails; after Ctrl-C what was measured is shown.

    Raises:
        InputError: no name or an unknown one, a seed or a time that cannot be used.
    """
    options = parser().parse_args(arguments)
    known = entries()
    check(bool(options.names) != options.all, "verify", options.names, "names of entries, or --all")
    names = list(known) if options.all else list(dict.fromkeys(options.names))
    for name in names:
        check_choice("pretrained name", name, known)
    seed = secrets.randbelow(10**9) if options.seed is None else check_integer("seed", options.seed, 0, 10**9)
    seconds = check_positive("seconds", options.seconds)
    found, stopped = measured(names, seed, seconds)
    print_table(table(found, seed))
    failures = [v.failure for v in found if v.failure]
    for failure in failures:
        print(f"physgen: failed: {one_line(failure)}", file=sys.stderr)
    print(f"{len(found) - len(failures)} of {len(found)} entries pass, seed {seed}")
    if stopped is not None:
        stopped.how = f"{len(found)} of {len(names)} entries are done, name the others to go on"
        raise stopped
    if failures:
        raise SystemExit(1)
    return found


@threads_put_back()
def measured(names: list[str], seed: int, seconds: float) -> tuple[list[Verified], Stopped | None]:
    """Return what was found of the entries one after another, under a progress bar, and the signal that ended it."""
    found: list[Verified] = []
    take_threads()  # so that CPU seconds can be compared
    text = TextColumn("{task.description:48}"), TextColumn("{task.fields[entry]}")
    try:
        with Progress(text[0], BarColumn(), text[1], TimeElapsedColumn(), console=console(stderr=True)) as bar:
            task = bar.add_task("verify", total=len(names), entry="")
            for index, name in enumerate(names):
                bar.update(task, description=name, entry=f"{index + 1} of {len(names)}")
                watch = lambda share, index=index: bar.update(task, completed=index + share)  # noqa: E731
                found.append(verify_or_say(name, seed, seconds, watch=watch))
            bar.update(task, completed=len(names), description="verified")
    except Stopped as stopped:
        return found, stopped
    except KeyboardInterrupt:
        return found, Stopped(signal.SIGINT)
    return found, None


def table(found: list[Verified], seed: int) -> Table:
    """Return new values beside the stored ones."""
    made = Table(title=f"fresh draws, seed {seed}; at most {LIMIT:g} sigma", title_justify="left", box=None)
    for column in ("entry", "value", "stored", "sigma", "samples", "CPU-s", ""):
        made.add_column(column, justify="right" if column in ("sigma", "samples", "CPU-s") else "left")
    for v in found:
        if v.value is None:
            made.add_row(v.name, "", "", "", "", "", "broken")
            continue
        note = "FAILED" if v.failure else "heavy tails" if v.largest > HEAVY else ""
        note = note or ("no error bar" if v.without_error else "")
        samples = f"{v.samples} of {v.stored_samples}"
        sigma, seconds = f"{v.sigma:+.1f}", f"{v.cpu_seconds:.1f}"
        made.add_row(v.name, str(v.value), str(v.stored), sigma, samples, seconds, note)
    return made
