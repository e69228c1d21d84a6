"""`python -m physgen completion`: a script by which a shell completes verbs, options and names."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Literal

from jsonargparse import ArgumentParser

from physgen.cli.parser import Parser, parser_of
from physgen.core.errors import InputError


def parser() -> Parser:
    """Return the parser of the verb."""
    made = parser_of("completion")
    made.add_argument("shell", metavar="SHELL", type=Literal["bash", "zsh", "tcsh"], help="bash, zsh or tcsh.")
    return made


def run(arguments: list[str]) -> None:
    """Print the script for a shell.

    Raises:
        InputError: another shell, or shtab is not installed.
    """
    shell = parser().parse_args(arguments).shell
    if find_spec("shtab") is None:
        raise InputError("completion needs the package shtab; install it by `pip install shtab`")
    script = of_all_verbs().get_completion_script(f"shtab-{shell}")
    print(re.sub(r"\bphysgen\.(?:models|systems|samplers)\.(\w+)(?![.\w])", r"\1", script))  # classes by short names


def of_all_verbs() -> ArgumentParser:
    """Return one parser of all verbs, each with the names that its words may have."""
    from physgen.cli import compare, listing, publishing, reference, sweep, training, verify
    from physgen.zoo.index import entries

    made = training.run(["fit"], training.AllVerbs).parser
    made.prog, verbs = "physgen", made._subcommands_action
    assert verbs is not None
    others = {
        "sweep": sweep.parser(),
        "compare": compare.parser(),
        "reference": reference.parser(),
        "list": listing.list_parser(),
        "show": listing.show_parser(),
        "verify": verify.parser(),
        "publish": publishing.parser(),
        "index": parser_of("index"),
        "completion": parser(),
    }
    names = {"list": listing.KINDS, "show": entries(), "verify": entries()}
    for verb, own in others.items():
        for action in own._actions:
            if verb in names and not action.option_strings:
                action.choices = list(names[verb])
        verbs.add_subcommand(verb, own)
    return made
