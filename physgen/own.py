"""What a user brings along: modules with systems and models, and a folder of pretrained entries."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from physgen.errors import InputError

#: environment variable that names the user's own folder of entries
ENTRIES = "PHYSGEN_ENTRIES"


def own_folder(folder: str | Path | None = None) -> Path | None:
    """Return the user's own folder of entries: `folder`, else that of PHYSGEN_ENTRIES, None if there is none."""
    chosen = folder or os.environ.get(ENTRIES)
    return Path(chosen) if chosen else None


@contextmanager
def brought(arguments: list[str]) -> Iterator[list[str]]:
    """Import the modules of `--import`, take the folder of `--folder`, and give the other arguments.

    Modules are found from the current folder too. Folder and path are as before on leaving.

    Raises:
        InputError: a module that cannot be imported, or an option without a value.
    """
    modules, rest = taken(arguments, "--import")
    folders, rest = taken(rest, "--folder")
    here, before = os.getcwd(), os.environ.get(ENTRIES)
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.insert(0, here)
    if folders:
        os.environ[ENTRIES] = folders[-1]
    try:
        for module in modules:
            bring(module)
        yield rest
    finally:
        if added:
            sys.path.remove(here)
        if folders:
            os.environ.pop(ENTRIES) if before is None else os.environ.__setitem__(ENTRIES, before)


def bring(module: str) -> None:
    """Import a module whose classes are to be known by name."""
    try:
        importlib.import_module(module)
    except InputError:
        raise
    except Exception as error:  # a user's module may raise anything
        raise InputError(f"--import {module} failed: {type(error).__name__}: {error}") from error


def taken(arguments: list[str], name: str) -> tuple[list[str], list[str]]:
    """Return all values of the option `name`, and the arguments without it."""
    values, rest, left = [], [], iter(arguments)
    for argument in left:
        if argument == name:
            value = next(left, None)
            if value is None:
                raise InputError(f"{name} needs a value, got nothing")
            values.append(value)
        elif argument.startswith(f"{name}="):
            values.append(argument.split("=", 1)[1])
        else:
            rest.append(argument)
    return values, rest
