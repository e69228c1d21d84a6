"""How much memory there is, asked before something large is made; and memory that is kept between iterations."""

from __future__ import annotations

import ctypes
import math
import os
import platform
from pathlib import Path

import torch

from physgen.core.errors import InputError

#: limit and use of the control group that containers and batch jobs run in
CGROUP = Path("/sys/fs/cgroup")


#: names of glibc's mallopt(3) for the size from which a block is given back at once, the largest it takes, and for
#: freed bytes beyond which all are given back
MMAP_THRESHOLD, LARGEST_THRESHOLD, TRIM_THRESHOLD, KEPT = -3, 32 << 20, -1, 512 << 20


def keep_freed_memory() -> None:
    """Make glibc keep up to 512 MiB that are freed, as iterations that make the same tensors anew need them.

    Else it gives large blocks back to the system, which clears every page of the next ones: up to a third of the time
    of an iteration on 20 electrons. Nothing happens with other C libraries.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(MMAP_THRESHOLD, LARGEST_THRESHOLD)
    mallopt(TRIM_THRESHOLD, KEPT)


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
