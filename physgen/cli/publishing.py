"""`python -m physgen publish` and `index`: entries of the zoo, made and brought up to date."""

from __future__ import annotations

from physgen.cli.parser import Parser, parser_of
from physgen.core.shipped import shipped


def parser() -> Parser:
    """Return the parser of `publish`."""
    made = parser_of("publish")
    made.add_argument("folder", metavar="FOLDER", help="Run folder.")
    made.add_argument("name", metavar="NAME", nargs="?", help="Name, <system>/<model>; that of the run unless given.")
    return made


def run_publish(arguments: list[str]) -> None:
    """Make a pretrained entry of a run folder and say where it lies.

    Raises:
        InputError: no run folder, or a name that is none.
    """
    given = parser().parse_args(arguments)
    # imported after the arguments are judged, since it loads torch
    from physgen.zoo.pretrained import publish

    print(f"published {publish(given.folder, given.name)}")


def run_index(arguments: list[str]) -> None:
    """Bring references and cards of the entries up to date, and write the index anew.

    Raises:
        InputError: any argument.
    """
    parser_of("index").parse_args(arguments)
    from physgen.zoo.index import write_index
    from physgen.zoo.refresh import refresh

    for name in refresh(shipped("checkpoints")):
        print(f"refreshed {name}")
    print(f"wrote {write_index()}")
