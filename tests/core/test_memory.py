"""Freed memory stays with the process, so that the next iteration has its pages."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from physgen.core.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        kept = [torch.ones(1 << 20) for _ in range(20)]  # 80 MiB
        del kept
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.ones(10)
before = faults()
keep_freed_memory()
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a habit of glibc")
def test_tensors_of_megabytes_get_the_pages_of_those_before():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 1000 and after < before / 10
