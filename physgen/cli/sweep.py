"""`python -m physgen sweep`: seeds and a grid over options, from scratch or each from the weights of the one before."""

from __future__ import annotations

from physgen.cli.grid import run_grid
from physgen.cli.parser import Parser, parser_of
from physgen.cli.words import options, parted
from physgen.core.errors import InputError
from physgen.core.lock import locks_released
from physgen.runs.result import Result

EXPLAINED = """Every seed and every combination of the values is trained, and the table of `compare` comes last;
FOLDER/<values> is the run of one combination, FOLDER/sweep.json holds what was measured. With --in_turn the values of
the first --over are trained in the order given, each from the weights of the one before, such as frequencies from high
to low: --over model.system.omega=1,0.5,0.1 --in_turn. All other options are those of `fit`. A sweep that was
interrupted goes on with the same command and --run_folder; finished runs are kept."""


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
    turn = "Start each value of the first --over from the weights of the one before."
    made.add_argument("--in_turn", action="store_true", help=turn)
    made.add_argument("--run_folder", type=str | None, help="Folder; the next free one under runs/sweep unless given.")
    return made


@locks_released()
def run(arguments: list[str]) -> list[Result]:
    """Run the verb; return the results in the order of the runs.

    Raises:
        InputError: nothing to sweep over, bad values, or arguments that `fit` refuses.
        TrainingError: trainings that failed.
    """
    made = parser()
    own, rest = parted(flagged(arguments), made._option_string_actions)
    given = made.parse_args([word for item in own for word in item])
    if old := options(rest, "--omegas"):
        raise InputError(f"sweep takes --over model.system.omega={old[0]} --in_turn, got --omegas {old[0]}")
    if given.seeds is None and not given.over:
        raise InputError("sweep needs --seeds such as 1,2,3 or --over such as model.hidden=2,4,8")
    if given.in_turn and not given.over:
        raise InputError("in_turn needs --over such as model.system.omega=1,0.5,0.1, got --seeds alone")
    return run_grid(given.seeds, given.over, given.run_folder, rest, given.in_turn)


def flagged(arguments: list[str]) -> list[str]:
    """Return the arguments with `--in_turn` last, so that no word after it reads as its value."""
    flag = "--in_turn"
    return [word for word in arguments if word != flag] + [flag] * (flag in arguments)
