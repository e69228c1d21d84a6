"""Where the shipped configs and checkpoints lie: in the package of a wheel, beside it in a clone."""

from __future__ import annotations

from pathlib import Path

from physgen.core.errors import InputError


def shipped(folder: str) -> Path:
    """Return the folder `configs` or `checkpoints`, from a wheel or an editable install.

    Raises:
        InputError: neither place has it.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / folder, package.parent / folder):
        if place.is_dir():
            return place
    raise InputError(f"folder {folder} was not found beside {package}")
