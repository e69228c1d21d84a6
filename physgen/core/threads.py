"""CPU threads of torch: one, where a second one would wait longer than it works."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from physgen.core.errors import check_integer

#: parameters up to which one thread is taken: more than the largest network of the zoo has
LARGEST_OF_ONE_THREAD = 2_000_000


def take_threads(wanted: int | None = None, parameters: int = 0) -> None:
    """Set the CPU threads of torch: `wanted`, or one for networks of the zoo's sizes and torch's own number for larger.

    Threads of torch spin while they wait for each other. Operations of these networks last microseconds: on a machine
    with nothing else to do a second thread saves a quarter of the time, beside one other busy process an iteration
    takes ten times as long as on one thread.

    Args:
        wanted: number that was asked for.
        parameters: of the network, 0 for none.

    Raises:
        InputError: `wanted` is no integer above 0.
    """
    if wanted is not None:
        torch.set_num_threads(check_integer("threads", wanted, 1))
    elif parameters <= LARGEST_OF_ONE_THREAD:
        torch.set_num_threads(1)


@contextlib.contextmanager
def threads_put_back() -> Iterator[None]:
    """Put the number of torch's threads back in the end: verbs that run in a process of others leave it as it was."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
