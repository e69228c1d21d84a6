"""The command line: a table of verbs, each a function that takes the other arguments; no torch here."""

from __future__ import annotations

import errno
import importlib
import logging
import signal
import sys

from physgen.cli.extensions import brought
from physgen.core.environment import check_environment, give_cache
from physgen.core.errors import InputError, TrainingError
from physgen.core.files import reason
from physgen.core.lock import locks_released
from physgen.core.near import nearest_verb
from physgen.core.output import unbreakable
from physgen.core.plain_text import Defused, one_line
from physgen.core.stops import Stopped, heeded
from physgen.core.version import __version__
from physgen.runs.folder import first_rank

#: what a disk says that takes no more
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

#: the function of every verb, imported when it is asked for, and what the verb does
VERBS: dict[str, tuple[str, str]] = {
    "fit": (
        "training:fit",
        "train a model and evaluate it with fresh samples; without arguments a default with an exact answer",
    ),
    "test": (
        "training:test",
        "evaluate a pretrained entry, a checkpoint or a run folder with fresh samples in float64",
    ),
    "predict": ("training:predict", "draw samples of a trained model into an .npz file"),
    "sweep": ("sweep:run", "fit with several seeds and a grid over options, each from scratch or in turn"),
    "compare": (
        "compare:run",
        "show runs in one table: gap to the reference, cost, spread over seeds; those of one system with figures",
    ),
    "reference": (
        "reference:run",
        "reference Monte Carlo of a classical system: <E>, F, densities and training data, with errors",
    ),
    "list": ("listing:show_list", "show systems, models, samplers, configs and pretrained entries"),
    "show": ("listing:show_card", "show the card of a pretrained entry"),
    "verify": (
        "verify:run",
        "measure pretrained entries anew with another seed; fail where they differ by more than 4 sigma",
    ),
    "publish": ("publishing:run_publish", "make a pretrained entry of a run folder"),
    "index": (
        "publishing:run_index",
        "bring references and cards of the entries up to date, and write the index of `list` anew",
    ),
    "completion": ("tab_completion:run", "print a script by which bash, zsh or tcsh complete verbs, options and names"),
}

#: letters of an error; what was given may be of any length
LONGEST = 1000
#: what torch says where a tensor is larger than the memory
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "size calculation overflowed")


def main(args: list[str] | None = None) -> None:
    """Run the command line; `args` replaces `sys.argv[1:]`.

    Exits with 2 and one line for bad input, with 1 and one line for a training that cannot go on or a file that cannot
    be written, with 130 after Ctrl-C and 143 after SIGTERM.
    """
    arguments = list(sys.argv[1:] if args is None else args)
    log = logging.getLogger("physgen")
    if not any(isinstance(held, Defused) for held in log.filters):
        log.addFilter(Defused())
    with unbreakable():
        answer(arguments)


def answer(arguments: list[str]) -> None:
    """Run the verb; what stops it becomes one line and an exit code."""
    with heeded() as signals:
        try:
            with locks_released(), brought(arguments) as rest:
                dispatch(rest)
        except Stopped as stopped:
            end(stopped)
        except KeyboardInterrupt:
            end(Stopped(signal.SIGINT))
        except BaseException as error:
            if signals.received and not isinstance(error, SystemExit):
                end(Stopped(signals.received))  # a library made another error of it
            if isinstance(error, InputError):
                stop(str(error), 2)
            if isinstance(error, TrainingError):
                stop(str(error), 1)
            if isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY):
                stop(f"not enough memory: {error}", 1)
            if isinstance(error, ValueError) and str(error).startswith("Key backend"):
                stop(f"environment variable MPLBACKEND: {error}", 2)  # matplotlib looks at it when it is imported
            if isinstance(error, OSError) and (error.filename or error.errno in UNWRITABLE):
                stop(reason(error), 1)
            raise


def dispatch(arguments: list[str]) -> None:
    """Run the verb that the arguments begin with."""
    if not arguments or arguments[0] in ("-h", "--help"):
        show_help()
        return
    check_environment()
    give_cache()
    verb, rest = arguments[0], arguments[1:]
    if verb in ("-V", "--version"):
        print(f"physgen {__version__}")
        return
    if verb not in VERBS:
        near = nearest_verb(verb, [*VERBS, "--help", "--version"])
        if near:
            raise InputError(f"verb {verb[:80]!r} is not known; did you mean {near}?")
        raise InputError(f"verb must be one of {', '.join(VERBS)}, got {verb[:80]!r}")
    module, _, function = VERBS[verb][0].partition(":")
    getattr(importlib.import_module(f"physgen.cli.{module}"), function)(rest)


def show_help() -> None:
    """Print the verbs."""
    print("usage: python -m physgen VERB [options]\n")
    for verb, (_, text) in VERBS.items():
        print(f"  {verb:10} {text}")
    print("\n  --import MODULE   before anything else import a module with systems or models of your own")
    print("  --folder FOLDER   your own folder of pretrained entries, as in the variable PHYSGEN_ENTRIES")
    print("\n  python -m physgen VERB --help shows the options of a verb.")


def end(stopped: Stopped) -> None:
    """Say on the first rank how to go on after a signal, and exit."""
    if first_rank():
        print(f"physgen: {stopped}", file=sys.stderr)
    raise SystemExit(stopped.code) from None


def stop(message: str, code: int) -> None:
    """Print one line to standard error and exit."""
    text = one_line(message)
    print(f"physgen: error: {text if len(text) <= LONGEST else f'{text[:LONGEST]}...'}", file=sys.stderr)
    raise SystemExit(code)
