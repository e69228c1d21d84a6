"""`python -m physgen publish` and `index`: entries of the zoo, made and brought up to date."""

from __future__ import annotations

from physgen.cli.parser import parser_of
from physgen.core.shipped import shipped
from physgen.zoo import index, pretrained
from physgen.zoo.refresh import refresh


def run_publish(arguments: list[str]) -> None:
    """Make a pretrained entry of a run folder and say where it lies.

    Raises:
        InputError: no run folder, or a name that is none.
    """
    made = parser_of("publish")
    made.add_argument("folder", metavar="FOLDER", help="Run folder.")
    made.add_argument("name", metavar="NAME", nargs="?", help="Name, <system>/<model>; that of the run unless given.")
    given = made.parse_args(arguments)
    print(f"published {pretrained.publish(given.folder, given.name)}")


def run_index(arguments: list[str]) -> None:
    """Bring references and cards of the entries up to date, and write the index anew.

    Raises:
        InputError: any argument.
    """
    parser_of("index").parse_args(arguments)
    for name in refresh(shipped("checkpoints")):
        print(f"refreshed {name}")
    print(f"wrote {index.write_index()}")
