"""How much memory there is, asked before something large is made; and memory that is kept between iterations."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch

from physgen.core.errors import InputError

#: limit and use of the control group that containers and batch jobs run in
CGROUP = Path("/sys/fs/cgroup")


#: bytes of a block that glibc, once it is freed, takes as a sign to keep blocks up to that size
KEPT_BLOCK = 31 << 20


def keep_freed_memory() -> None:
    """Make glibc keep blocks of up to 31 MiB that are freed, as iterations that make the same tensors anew need them.

    It gives large blocks back to the system, which clears every page of the next ones: a third of the time of an
    iteration on 20 electrons. The first large block that is freed raises the size from which it does so, up to 32 MiB
    (mallopt(3), M_MMAP_THRESHOLD). Nothing happens with other C libraries, or where an environment variable sets it.
    """
    torch.empty(KEPT_BLOCK, dtype=torch.uint8)


def available_bytes(device: torch.device) -> float:
    """Return the bytes that can be had on a device, infinity where nobody knows."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return math.inf
    try:
        free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return math.inf
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), free)
        limit, used = ((CGROUP / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        return float(min(free, int(limit) - int(used)))
    except (OSError, ValueError):  # no such files, or a limit called `max`
        return float(free)


def check_memory(name: str, num: int, each: int, device: torch.device) -> None:
    """Raise `InputError` naming the argument `name` where `num` rows of `each` bytes do not fit into the memory."""
    needed, free = num * each, available_bytes(device)
    if needed > free:
        raise InputError(f"{name} must fit into the memory, got {num}, {needed / 1e9:.3g} GB of {free / 1e9:.3g} GB")
