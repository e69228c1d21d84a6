"""The user's own folder of pretrained entries."""

from __future__ import annotations

import os
from pathlib import Path

from physgen.core.paths import user_path

#: environment variable that names the user's own folder of entries
ENTRIES = "PHYSGEN_ENTRIES"


def own_folder(folder: str | Path | None = None) -> Path | None:
    """Return the user's own folder of entries: `folder`, else that of PHYSGEN_ENTRIES, None if there is none."""
    if folder is not None:
        return user_path(folder, "folder")
    chosen = os.environ.get(ENTRIES)
    return user_path(chosen, ENTRIES) if chosen else None
