"""Arguments as the words that a user wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable

from physgen.core.errors import InputError

OPTION = re.compile(r"--?[A-Za-z]")


def items(argv: list[str]) -> list[list[str]]:
    """Return every option with its value, if it has one, and every other word by itself."""
    found: list[list[str]] = []
    for word in argv:
        open_option = found and len(found[-1]) == 1 and OPTION.match(found[-1][0]) and "=" not in found[-1][0]
        if open_option and not OPTION.match(word) and word != "--":
            found[-1].append(word)
        else:
            found.append([word])
    return found


def name_of(item: list[str]) -> str:
    """Return the name of an option, such as `--model.system`; another word as it is."""
    return item[0].split("=", 1)[0]


def parted(argv: list[str], names: Iterable[str]) -> tuple[list[list[str]], list[str]]:
    """Return the options `names`, each with its value if it has one, and the other words."""
    held, known = items(argv), set(names)
    own = [item for item in held if name_of(item) in known]
    return own, [word for item in held if name_of(item) not in known for word in item]


def taken(argv: list[str], *names: str) -> tuple[list[str], list[str]]:
    """Return all values of the options `names`, and the arguments without them.

    Raises:
        InputError: an option without a value.
    """
    own, rest = parted(argv, names)
    for item in own:
        if len(item) == 1 and "=" not in item[0]:
            raise InputError(f"{item[0]} needs a value, got nothing")
    return [item[1] if len(item) > 1 else item[0].split("=", 1)[1] for item in own], rest


def options(argv: list[str], *names: str) -> list[str]:
    """Return the values of the options `names` in `argv`."""
    return taken(argv, *names)[0]


def option(argv: list[str], *names: str) -> str | None:
    """Return the value of the first of the options `names` in `argv`, None if there is none."""
    return next(iter(options(argv, *names)), None)
