"""The parser of the command line: errors of one line, and the options of a run."""

from __future__ import annotations

import re
from typing import Any, Literal, NoReturn

from jsonargparse import ArgumentParser

from physgen.cli.verbs import VERBS
from physgen.core.errors import InputError
from physgen.core.near import not_known


class Parser(ArgumentParser):
    """Argument parser whose errors are one line that names the argument, and the option that was meant."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # an abbreviation of an option is more often a typing error
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the innermost reason as `InputError`."""
        missing = re.search(r"arguments are required: (.*)", message)
        reason = f"{self.prog.split()[-1]} needs {missing[1].upper()}" if missing else one_line(message)
        if unknown := re.search(r"[Uu]nrecognized arguments: (--[\w.-]+)", message):
            names = [name.lstrip("-") for action in self._actions for name in action.option_strings]
            reason = not_known(unknown[1], names)
        raise InputError(reason) from ex


def parser_of(verb: str, **settings: Any) -> Parser:
    """Return the parser of a verb, without options yet."""
    return Parser(prog=f"python -m physgen {verb}", description=f"{verb}: {VERBS[verb][1]}.", **settings)


def one_line(message: str | BaseException) -> str:
    """Return the innermost reason of a parser's message, with the argument it concerns.

    Of an error without text the reason is its type's name.
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(message))
    if not text.strip():
        return type(message).__name__ if isinstance(message, BaseException) else "no reason was given"
    key = re.search(r"[Pp]arser key \"?'?([\w.]+)", text) or re.search(r"[Kk]ey '([\w.]+)'", text)
    lines = [re.sub(r"^[\s\-*]+", "", line).strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(("Given value", "usage:", "tip:", "For more"))]
    lines = told or [" ".join(text.split())]
    reasons = [line for line in lines if not line.endswith(":")]
    # of a union's reasons those about None and bare types say nothing
    useful = [line for line in reasons if "Expected a <class 'NoneType'>" not in line and "NoneType" not in line]
    reason = " ".join((useful or reasons or lines)[-1].split())
    if "implicit class_path" in reason:
        reason = "needs a name or {class_path, init_args}"
    expected = re.fullmatch(r"Expected an? (.+?)(?:\. Got value: .*)?", reason)
    given = re.search(r"(?:Got|Given) value: (.*)", text)
    if key and expected and given:
        kind = re.sub(r"typing\.Literal\[(.*)\]", r"one of \1", expected[1])
        kind = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", kind)
        reason = f"{key[1]} must be {kind}, got {given[1]!r}"
    if key and not re.search(rf"\b{re.escape(key.group(1).split('.')[-1])}\b", reason.split("Got value")[0]):
        reason = f"{key.group(1)}: {reason}"
    return reason[:400]


#: options of Weights & Biases, and what they mean
WANDB = {
    "wandb_project": "Project of the W&B run; WANDB_PROJECT, or physgen, unless given.",
    "wandb_entity": "User or team that the project belongs to.",
    "wandb_name": "Name of the W&B run; system, model and seed unless given.",
    "wandb_tags": "Tags of the W&B run, with commas between them.",
    "wandb_notes": "Notes of the W&B run.",
}


def add_run_options(parser: ArgumentParser) -> None:
    """Add the options that say where a run lies and what is seen of it."""
    parser.add_argument(
        "--run_folder",
        type=str | None,
        default=None,
        help="Folder of the run; the next free number under runs/<system>/<model> unless given. "
        "A folder that holds an interrupted run is continued from its last checkpoint. `test` writes "
        "nothing without it.",
    )
    parser.add_argument(
        "--output", type=str | None, default=None, help="File of `predict`; samples.npz of the run folder unless given."
    )
    parser.add_argument(
        "--wandb",
        type=Literal["auto", "online", "offline", "off"],
        default="auto",
        help="Weights & Biases beside metrics.csv and result.json: auto is online where you are logged in.",
    )
    for name, meaning in WANDB.items():
        parser.add_argument(f"--{name}", type=str | None, default=None, help=meaning)
    parser.add_argument(
        "--threads",
        type=int | None,
        default=None,
        help="CPU threads of torch; one unless given, and torch's own choice above two million parameters. Operations "
        "of smaller networks are too short to share: a second thread waits more than it works.",
    )
    parser.add_argument(
        "--warm_start",
        type=str | None,
        default=None,
        help="Pretrained entry, checkpoint or run folder whose weights a new training starts from, such as that "
        "of another frequency, with as many particles and dimensions.",
    )
    parser.add_argument(
        "--orthogonal_to",
        type=str | None,
        default=None,
        help="Pretrained entry, checkpoint or run folder of a ground state that a training stays orthogonal to, to "
        "find the first excited one: of nuclei, with NuclearCorrelator.",
    )
    parser.add_argument(
        "--overlap_penalty",
        type=float,
        default=3.0,
        help="What the squared overlap with that state costs, in units of the system's energy scale; more than the "
        "distance of both energies.",
    )
    parser.add_argument(
        "--at",
        type=str | None,
        default=None,
        help="Members of a family of systems that `test` evaluates, or one that `predict` draws from: omega=0.1,0.37.",
    )
    parser.add_argument("--figures", type=bool, default=True, help="Whether figures are drawn after the run.")
    parser.add_argument(
        "--figure_format",
        type=Literal["png", "pdf", "svg"],
        default="png",
        help="Figures are PNG of 200 dots an inch; pdf and svg stand beside them where asked for.",
    )
    parser.add_argument(
        "--ckpt_path",
        type=str | None,
        default=None,
        help="Checkpoint: `fit` goes on from it, with its optimiser, walkers and random numbers; `test` and "
        "`predict` take its model. Their first word may name it too: a pretrained entry, a run folder or a file.",
    )
