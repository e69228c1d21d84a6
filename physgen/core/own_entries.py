"""The user's own folder of pretrained entries."""

from __future__ import annotations

import os
from pathlib import Path

from physgen.core.errors import InputError
from physgen.core.paths import user_path

#: environment variable that names the user's own folder of entries
ENTRIES = "PHYSGEN_ENTRIES"


def own_folder(folder: str | Path | None = None) -> Path | None:
    """Return the user's own folder of entries: `folder`, else that of PHYSGEN_ENTRIES, None if there is none.

    Raises:
        InputError: the address of a server, which nothing is written to.
    """
    name, chosen = ("folder", folder) if folder is not None else (ENTRIES, os.environ.get(ENTRIES))
    if isinstance(chosen, str) and "://" in chosen:
        raise InputError(f"{name} must be a folder on this machine where it is written, got {chosen}")
    return None if chosen is None or (folder is None and not chosen) else user_path(chosen, name)
