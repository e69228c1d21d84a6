"""Environment variables that libraries read as soon as they are imported."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from physgen.core.errors import InputError

#: what torchrun, SLURM, LSF and lightning count ranks and machines with; read by libraries as soon as they are imported
COUNTS = (
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_PORT"),
    *("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS", "SLURM_JOB_ID", "JSM_NAMESPACE_RANK"),
    *("JSM_NAMESPACE_SIZE", "PL_GLOBAL_SEED"),
)


def check_environment() -> None:
    """Raise `InputError` that names the first variable of `COUNTS` that is set to something else than a number."""
    for name in COUNTS:
        value = os.environ.get(name)
        if value is not None and not (value.isascii() and value.isdigit() and len(value) < 20):
            raise InputError(f"environment variable {name} must be an integer >= 0, got {value[:40]!r}")


def give_cache() -> None:
    """Name a folder for the caches of W&B and matplotlib where there is no home folder, or none that can be written.

    Their services else write into the terminal what they cannot write there.
    """
    if os.environ.get("XDG_CACHE_HOME"):
        return
    home = os.environ.get("HOME")
    if home and makeable(Path(home) / ".cache"):
        return
    own = Path(tempfile.gettempdir()) / f"physgen-cache-{os.getuid() if hasattr(os, 'getuid') else 0}"
    if makeable(own):
        os.environ["XDG_CACHE_HOME"] = str(own)
        os.environ.setdefault("MPLCONFIGDIR", str(own / "matplotlib"))
        os.environ.setdefault("WANDB_CONFIG_DIR", str(own / "wandb"))


def makeable(folder: Path) -> bool:
    """Return whether a folder is there, after it was made if need be, and can be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
