"""Calls of other libraries that may never return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what `call()` returns or raise what it raises, if that takes at most `seconds`.

    A call that takes longer goes on in a thread that the end of the process does not wait for.

    Raises:
        TimeoutError: it took longer.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:  # raised below, in the caller's thread
            failed.append(error)

    # a pool of threads would be joined at the end of the process
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return done[0]
