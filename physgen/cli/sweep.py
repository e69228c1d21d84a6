"""`python -m physgen sweep`: seeds and a grid over options, or frequencies, each from the weights of the one before."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table

from physgen.cli.grid import run_grid
from physgen.cli.parser import Parser, parser_of
from physgen.cli.words import options, parted, taken
from physgen.core.errors import InputError, check, check_positive
from physgen.core.files import write_text
from physgen.core.lock import locks_released
from physgen.core.tables import print_table
from physgen.runs.folder import last_checkpoint, open_run_folder
from physgen.runs.result import Result

EXPLAINED = """With --seeds and --over every seed and every combination of the values is trained, and the table of
`compare` comes last; FOLDER/<values> is the run of one combination. With --omegas each frequency is trained in the
order given, from high to low for strong coupling: the first from scratch or from --warm_start, every other one from
the weights of the one before; FOLDER/omega<w> is the run of frequency w and FOLDER/sweep.json the table. All other
options are those of `fit`. A sweep that was interrupted goes on with the same command and --run_folder; finished runs
are kept."""


def parser() -> Parser:
    """Return the parser of the verb, without the options of `fit`."""
    made = parser_of("sweep", epilog=EXPLAINED)
    made.add_argument("--seeds", type=str | None, help="Seeds, such as 1,2,3.")
    made.add_argument(
        "--over",
        type=str,
        action="append",
        default=[],
        metavar="NAME=V1,V2",
        help="An option of `fit` and its values, such as model.hidden=2,4,8; may be given several times.",
    )
    made.add_argument("--omegas", type=str | None, help="Frequencies, such as 1,0.5,0.28,0.1.")
    made.add_argument("--run_folder", type=str | None, help="Folder; the next free one under runs/sweep unless given.")
    return made


@locks_released()
def run(arguments: list[str]) -> list[Result]:
    """Run the verb; return the results in the order of the runs.

    Raises:
        InputError: nothing to sweep over, bad values, or arguments that `fit` refuses.
    """
    made = parser()
    own, rest = parted(arguments, made._option_string_actions)
    given = made.parse_args([word for item in own for word in item])
    grid = given.seeds is not None or bool(given.over)
    if grid and given.omegas is not None:
        raise InputError("sweep takes --omegas or --seeds and --over, got both: a chain of warm starts is no grid")
    if grid:
        return run_grid(given.seeds, given.over, given.run_folder, rest)
    if given.omegas is None:
        raise InputError(
            "sweep needs --seeds such as 1,2,3, --over such as model.hidden=2,4,8, or --omegas such as 1,0.5,0.28,0.1"
        )
    return run_frequencies(given.omegas, given.run_folder, rest)


def run_frequencies(listed: str, place: str | None, rest: list[str]) -> list[Result]:
    """Train at the listed frequencies, each from the weights of the one before, with the other options of `fit`.

    Raises:
        InputError: bad frequencies, or arguments that `fit` refuses.
    """
    omegas = frequencies(listed)
    for name in ("--ckpt_path", "--model.system.omega", "--model.system.init_args.omega"):
        if options(rest, name):
            raise InputError(f"sweep sets {name.removeprefix('--')} itself, got {options(rest, name)[0]}")
    opened = open_run_folder(place, "sweep", "omega")
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


def frequencies(text: str) -> list[float]:
    """Return the frequencies of `1,0.5,0.28,0.1`.

    Raises:
        InputError: no different numbers above 0.
    """
    try:
        omegas = [float(part) for part in text.strip("[]").split(",")]
    except ValueError:
        raise InputError(f"omegas must be numbers > 0 such as 1,0.5,0.28,0.1, got {text!r}") from None
    for omega in omegas:
        check_positive("omegas", omega)
    if len({f"{omega:g}" for omega in omegas}) < len(omegas):
        raise InputError(f"omegas must be different numbers, got {text!r}")
    return omegas


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
