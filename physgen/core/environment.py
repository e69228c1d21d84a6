"""Environment variables that must be whole numbers."""

from __future__ import annotations

import os

from physgen.errors import InputError

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
