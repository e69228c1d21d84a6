"""Paths as a user wrote them: on the command line, in a config, in an environment variable or in Python."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from physgen.core.errors import InputError, said

#: longest path, and longest name in it, that file systems take
LONGEST, LONGEST_NAME = 4096, 255


def user_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Return the path that a user means: `~` is the home folder, which no shell sees behind `=` or in a config.

    Args:
        path: what was given.
        name: argument that it was given for.

    Raises:
        InputError: text that no file system takes as a path, `~` without a home folder, or no path at all.
    """
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise InputError(f"{name} must be a path, got {said(path)}")
    text = os.fspath(path)
    if not isinstance(text, str) or any(ord(letter) < 32 for letter in text):
        raise InputError(f"{name} must be a path without control characters, got {shortened(text)}")
    parts = [os.fsencode(part) if encodable(part) else part.encode("utf-8", "replace") for part in text.split(os.sep)]
    if sum(len(part) + 1 for part in parts) > LONGEST or any(len(part) > LONGEST_NAME for part in parts):
        raise InputError(f"{name} must be a path whose names have at most {LONGEST_NAME} bytes, got {shortened(text)}")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError(f"{name} {text}: there is no such home folder") from None


def encodable(text: str) -> bool:
    """Return whether the file system's encoding has all letters of `text`."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def shortened(text: object) -> str:
    """Return a text in quotes, its middle left out where it is long."""
    quoted = repr(text)
    return quoted if len(quoted) <= 80 else f"{quoted[:40]}...{quoted[-20:]}"


def command(*words: str | os.PathLike[str]) -> str:
    """Return a call of the command line that can be pasted into a shell: words with blanks or stars are quoted."""
    return shlex.join(["python", "-m", "physgen", *(os.fspath(word) for word in words)])
