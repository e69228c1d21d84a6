"""A folder that one process at a time may write into."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from physgen.core.files import is_alive

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
#: seconds between two signs of life of a lock, and those after which one of another machine counts as left behind
BEAT, PATIENCE = 10.0, 35.0

#: locks of this process, by folder
_held: dict[str, Lock] = {}
_one = threading.Lock()


class Held(Exception):
    """Another process holds the lock; the message says which."""


class Lock:
    """The lock of a folder, held from the start: a file with the process, the machine and the time.

    A lock of the file system (flock) goes with its process. Where there is none, and between machines, the file says
    who holds it: a process that is gone, or a machine that gives no sign of life, holds nothing.

    Args:
        folder: the folder.

    Raises:
        Held: another process holds it.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        while True:
            self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self.firm = self._flock()
                if self._same_file():
                    self._check(self._read())
                    break
            except BaseException:
                os.close(self.descriptor)
                raise
            os.close(self.descriptor)  # the other one ended meanwhile and took its file away
        self.own = {"process": os.getpid(), "started": birth(os.getpid()), "machine": socket.gethostname()}
        self.own["time"] = time.strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError):  # a full disk
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, json.dumps(self.own).encode(), 0)
        self._ended = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def release(self) -> None:
        """Give the folder free."""
        self._ended.set()
        if os.getpid() == self.own["process"]:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        with suppress(OSError):
            os.close(self.descriptor)

    def _flock(self) -> bool:
        if fcntl is None:
            return False
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise Held(said(self._read())) from None
            return False  # the file system has no locks
        return True

    def _same_file(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads(os.pread(self.descriptor, 4096, 0))
            return found if isinstance(found["process"], int) and isinstance(found["machine"], str) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _check(self, holder: dict[str, Any] | None) -> None:
        """Raise `Held` if the process that the file names still lives."""
        if holder is None:
            return
        if holder["machine"] == socket.gethostname():
            if self.firm:
                return  # a process of this machine would hold the lock of the file system
            if is_alive(holder["process"]) and birth(holder["process"]) == holder.get("started"):
                raise Held(said(holder))
            return
        seen, until = os.fstat(self.descriptor).st_mtime_ns, time.monotonic() + PATIENCE
        while time.monotonic() < until:
            time.sleep(BEAT / 10)
            if os.fstat(self.descriptor).st_mtime_ns != seen:
                raise Held(said(holder))

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(OSError):
                os.utime(self.path)


def said(holder: dict[str, Any] | None) -> str:
    """Return in words who holds a lock."""
    if holder is None:
        return "another process"
    return f"process {holder['process']} on {holder['machine']} since {holder.get('time')}"


def birth(process: int) -> str | None:
    """Return when a process of this machine started, None where the system does not say it; numbers are used again."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return None


def lock(folder: Path) -> None:
    """Lock `folder` for this process until `locks_released` ends; it may hold it already.

    Raises:
        Held: another process holds it.
        OSError: the folder cannot be written.
    """
    key = os.path.realpath(folder)
    with _one:
        held = _held.get(key)
        if held is None or held.own["process"] != os.getpid():
            _held[key] = Lock(Path(key))


@contextmanager
def locks_released() -> Iterator[None]:
    """Give free on leaving what was locked within."""
    before = set(_held)
    try:
        yield
    finally:
        for key in set(_held) - before:
            _held.pop(key).release()
