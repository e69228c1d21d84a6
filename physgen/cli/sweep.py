"""`python -m physgen sweep`: seeds and a grid over options, or frequencies, each from the weights of the one before."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table

from physgen.cli.completion import options
from physgen.cli.extensions import taken
from physgen.cli.grid import run_grid
from physgen.core.errors import InputError, check, check_positive
from physgen.core.files import write_text
from physgen.core.lock import locks_released
from physgen.core.tables import print_table
from physgen.runs.folder import last_checkpoint, open_run_folder
from physgen.runs.result import Result

USAGE = """usage: python -m physgen sweep --seeds 1,2,3 [--over NAME=V1,V2]... [--run_folder FOLDER] [options of fit]
       python -m physgen sweep --omegas 1,0.5,0.28,0.1 [--run_folder FOLDER] [options of fit]

The first trains with every seed and every combination of the values of the options NAME, such as
--over model.hidden=2,4,8 --over model.learning_rate=0.01,0.05, and ends with the table of `compare`. FOLDER/<values>
is the run of one combination.

The second trains at each frequency in the order given, from high to low for strong coupling: the first from scratch
(or from --warm_start), every other one from the weights of the one before. FOLDER/omega<w> is the run of frequency w
and FOLDER/sweep.json the table.

A sweep that was interrupted goes on with the same command and --run_folder; finished runs are kept.
"""


@locks_released()
def run(arguments: list[str]) -> list[Result]:
    """Run the verb; return the results in the order of the runs.

    Raises:
        InputError: nothing to sweep over, bad values, or arguments that `fit` refuses.
    """
    if any(a in ("-h", "--help") for a in arguments):
        print(USAGE)
        return []
    grid = bool(options(arguments, "--seeds", "--over"))
    if grid and options(arguments, "--omegas"):
        raise InputError("sweep takes --omegas or --seeds and --over, got both: a chain of warm starts is no grid")
    return run_grid(arguments) if grid else run_frequencies(arguments)


def run_frequencies(arguments: list[str]) -> list[Result]:
    """Train at a list of frequencies, each from the weights of the one before; return the results in this order.

    Raises:
        InputError: no frequencies or bad ones, or arguments that `fit` refuses.
    """
    omegas, rest = frequencies(arguments)
    folders, rest = taken(rest, "--run_folder")
    for name in ("--ckpt_path", "--model.system.omega", "--model.system.init_args.omega"):
        if options(rest, name):
            raise InputError(f"sweep sets {name.removeprefix('--')} itself, got {options(rest, name)[0]}")
    opened = open_run_folder(folders[-1] if folders else None, "sweep", "omega")
    results: dict[float, Result] = {}
    # imported after the arguments are judged, since it loads torch
    from physgen.cli.training import run as train

    with opened.kept_if_used():
        for omega, before in zip(omegas, [None, *omegas], strict=False):
            folder = opened.path / f"omega{omega:g}"
            if not (folder / "result.json").is_file():
                started = [] if before is None else [f"--warm_start={opened.path / f'omega{before:g}'}"]
                own = [f"--model.system.omega={omega!r}", f"--run_folder={folder}"]
                kept = rest if before is None else taken(rest, "--warm_start")[1]
                try:
                    train(["fit", *kept, *own, *started])
                except InputError:
                    check_omega(rest)
                    raise
            if last_checkpoint(folder) is None:
                raise InputError(f"run_folder {folder} holds a result, but no checkpoint to start the next one from")
            results[omega] = Result.read(folder / "result.json")
    write(results, opened.path)
    print_table(table(results))
    return list(results.values())


def check_omega(arguments: list[str]) -> None:
    """Look whether the system that the arguments of `fit` name has a frequency at all.

    Raises:
        InputError: it has none, or the arguments are refused without a frequency too.
    """
    from physgen.cli.training import ArgumentsOnly
    from physgen.cli.training import run as judge

    system = judge(["fit", *arguments], ArgumentsOnly).model.system
    check(hasattr(system, "omega"), "omegas", type(system).__name__, "a system with a frequency omega")


def frequencies(arguments: list[str]) -> tuple[list[float], list[str]]:
    """Return the frequencies and the other arguments."""
    given, rest = taken(arguments, "--omegas")
    if not given:
        raise InputError(
            "sweep needs --seeds such as 1,2,3, --over such as model.hidden=2,4,8, or --omegas such as 1,0.5,0.28,0.1"
        )
    text = given[-1]
    try:
        omegas = [float(part) for part in text.strip("[]").split(",")]
    except ValueError:
        raise InputError(f"omegas must be numbers > 0 such as 1,0.5,0.28,0.1, got {text!r}") from None
    for omega in omegas:
        check_positive("omegas", omega)
    if len({f"{omega:g}" for omega in omegas}) < len(omegas):
        raise InputError(f"omegas must be different numbers, got {text!r}")
    return omegas, rest


def write(results: dict[float, Result], folder: Path) -> None:
    """Write `sweep.json`: the estimates of every frequency, with errors."""
    rows = [
        {"omega": omega, "estimates": {k: [e.value, e.known_error] for k, e in result.estimates.items()}}
        for omega, result in results.items()
    ]
    write_text(folder / "sweep.json", json.dumps(rows, indent=1) + "\n")


def table(results: dict[float, Result]) -> Table:
    """Return energy, terms and reference at every frequency."""
    names = ["energy", *[n for n in ("kinetic", "trap", "coulomb") if all(n in r.estimates for r in results.values())]]
    made = Table(title="sweep over omega", title_justify="left", box=None, pad_edge=False)
    for column in ("omega", *names, "reference"):
        made.add_column(column)
    for omega, result in results.items():
        reference = "" if result.reference is None else f"{result.reference.value:.8g}"
        made.add_row(f"{omega:g}", *(str(result.estimates[n]) for n in names), reference)
    return made
