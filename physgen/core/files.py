"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import glob
import itertools
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

#: numbers the files that this process writes at once
_count = itertools.count()
#: seconds after which the half-written file of another machine counts as left behind
FORGOTTEN = 86_400.0


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """Give a file to write into; it takes the place of `path`, whole and synced, when all went well.

    It lies beside `path` while it is written, so the last step is a rename within one file system: a process that is
    killed, or a disk that is full, leaves the old file or the new one, never half.

    Raises:
        OSError: it cannot be written; `filename` is `path`, which is then as it was.
    """
    shown, path = str(path), Path(os.path.realpath(path))  # the target of a link, not the link
    part = path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}-{next(_count)}.part")
    try:
        clear_left_over(path.parent, path.name)
        with part.open("xb") as file:
            yield file
            file.flush()
            sync(file.fileno())
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = shown
            error.filename2 = None
        raise
    sync_folder(path.parent)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` in UTF-8, whole or not at all."""
    with writing(path) as file:
        file.write(text.encode("utf-8"))


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy the contents of a file, whole or not at all."""
    with Path(source).open("rb") as held, writing(target) as file:
        shutil.copyfileobj(held, file)


def clear_left_over(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes left half-written in `folder`, of the file `name` or of all files."""
    host = socket.gethostname()
    pattern = f".{'*' if name is None else glob.escape(name)}.*-*-*.part"
    for part in folder.glob(pattern):
        writer, process = part.name.removesuffix(".part").rsplit("-", 2)[:2]
        with suppress(OSError, ValueError):
            if writer.endswith(f".{host}"):
                left = not is_alive(int(process))
            else:
                left = time.time() - part.stat().st_mtime > FORGOTTEN
            if left:
                part.unlink()


def is_alive(process: int) -> bool:
    """Return whether a process of this number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def sync(descriptor: int) -> None:
    """Have the contents of an open file on the disk, where its file system can."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where its file system and its owner let us."""
    with suppress(OSError):  # a folder cannot be opened on Windows
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def reason(error: OSError) -> str:
    """Return in one line which file could not be read or written, and why."""
    why = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {why}" if error.filename else why
