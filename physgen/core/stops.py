"""Ctrl-C and SIGTERM: one exception for both, held back while an iteration would be lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: signals that end a command
ENDING = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """The user or the machine's scheduler ends the command; no `except Exception` keeps it up.

    Args:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        #: how to go on, in words, said by those that know
        self.how: str | None = None

    @property
    def code(self) -> int:
        """Exit code, as shells give it."""
        return 128 + self.number

    def __str__(self) -> str:
        word = "interrupted" if self.number == signal.SIGINT else f"ended by {signal.Signals(self.number).name}"
        return f"{word}; {self.how or 'nothing was kept, the same command starts anew'}"


class Stops:
    """What this process knows of signals that end it."""

    def __init__(self) -> None:
        #: the first signal that came
        self.received: int | None = None
        #: whether signals wait until somebody asks for `received`
        self.held = False
        self.heeded = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raise `Stopped`, or remember the signal while `held`; a Ctrl-C after it ends the process at once."""
        if self.received is not None:
            if number == signal.SIGINT:
                os.write(2, b"physgen: stopped at once\n")
                os._exit(128 + number)
            return  # schedulers send SIGTERM more than once
        self.received = number
        if not self.held:
            raise Stopped(number)
        if number == signal.SIGINT:
            os.write(2, b"\nphysgen: stops after this iteration; Ctrl-C again stops at once\n")

    def listen(self) -> None:
        """Take the signals back from whoever has taken them since."""
        if self.heeded:
            for number in ENDING:
                signal.signal(number, self.handle)


stops = Stops()


@contextmanager
def heeded() -> Iterator[Stops]:
    """Turn Ctrl-C and SIGTERM into `Stopped` within; handlers are as before on leaving."""
    if stops.heeded or threading.current_thread() is not threading.main_thread():
        yield stops
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    # a shell starts what it puts into the background with Ctrl-C ignored
    stops.received, stops.held, stops.heeded = None, False, True
    try:
        stops.listen()
        yield stops
    finally:
        stops.received, stops.held, stops.heeded = None, False, False
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
