"""What a user brings along on the command line: modules with systems and models, and a folder of entries."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from physgen.cli.words import taken
from physgen.core.errors import InputError
from physgen.core.own_entries import ENTRIES

#: options whose values name classes
CLASSES = ("--model", "--trainer", "--system")


@contextmanager
def brought(arguments: list[str]) -> Iterator[list[str]]:
    """Import the modules of `--import`, take the folder of `--folder`, and give the other arguments.

    A module that the arguments name is found in the current folder too, after everything that is installed; a folder
    that no argument names a module of is not looked into. Folder and path are as before on leaving.

    Raises:
        InputError: a module that cannot be imported, or an option without a value.
    """
    modules, rest = taken(arguments, "--import")
    folders, rest = taken(rest, "--folder")
    path, before = list(sys.path), os.environ.get(ENTRIES)
    if folders:
        os.environ[ENTRIES] = folders[-1]
    try:
        find_here([*modules, *named_classes(rest)])
        for module in modules:
            bring(module)
        yield rest
    finally:
        sys.path[:] = path
        if folders:
            os.environ.pop(ENTRIES) if before is None else os.environ.__setitem__(ENTRIES, before)


def find_here(names: Iterable[str]) -> None:
    """Let modules be found in the current folder, last of all, if one of the dotted `names` lies in it."""
    here = os.getcwd()
    if any(lies_here(name) for name in names) and here not in sys.path and "" not in sys.path:
        sys.path.append(here)


def lies_here(name: str) -> bool:
    """Return whether the current folder holds the module or package that the dotted `name` begins with."""
    first = name.split(".")[0]
    return bool(first.isidentifier()) and (Path(f"{first}.py").is_file() or Path(first).is_dir())


def named_classes(arguments: list[str]) -> list[str]:
    """Return the dotted paths of classes that a user wrote as values of options."""
    named = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        name, equals, value = argument.partition("=")
        name, value = (name, value) if equals else (before, argument)
        if name.startswith(CLASSES):
            named += re.findall(r"[A-Za-z_]\w*(?:\.\w+)+", value)
    return named


def class_paths(value: Any) -> list[str]:
    """Return every class that nested arguments name, as `class_path` or as a dotted text."""
    if isinstance(value, str):
        return [value] if "." in value else []
    if isinstance(value, dict):
        value = list(value.values())
    return [name for part in value for name in class_paths(part)] if isinstance(value, list) else []


def bring(module: str) -> None:
    """Import a module whose classes are to be known by name.

    Raises:
        InputError: whatever the module raises, or an installed one of the same name stands before that of this folder.
    """
    try:
        found = importlib.import_module(module)
    except InputError:
        raise
    except Exception as error:  # a user's module may raise anything
        raise InputError(f"--import {module} failed: {type(error).__name__}: {error}") from error
    own, file = Path(f"{module}.py"), getattr(found, "__file__", None)
    if own.is_file() and not (file and os.path.samefile(own, file)):
        meant = file or "of Python itself"
        raise InputError(f"--import {module} means the module {meant}; rename {own} of this folder")
