"""Standard output and error that no character, no closed pipe and no full disk can break."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

#: what stands for letters that an encoding lacks
PLAIN = {"•": "*", "…": "...", "±": "+-", "−": "-", "–": "-", "—": "-", "×": "x", "ω": "omega", "β": "beta", "Ψ": "Psi"}
HANDLER = "physgen.plain"


def plain(error: UnicodeError) -> tuple[str, int]:
    """Return plain letters for those that cannot be encoded, as `codecs.register_error` asks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, plain)


class Output:
    """A text stream that turns silent once nobody can take what is written; a run must not end with its reader.

    Args:
        stream: stream to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._silent = stream, False

    def write(self, text: str) -> int:
        """Write a text, with plain letters for those that the encoding lacks."""
        if not self._silent:
            try:
                self._stream.write(encodable(text, self._stream))
            except OSError:
                self._end()
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write texts one after another."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what was written."""
        if not self._silent:
            try:
                self._stream.flush()
            except OSError:
                self._end()

    def _end(self) -> None:
        """Let the rest go nowhere, also what the stream still holds when the process ends."""
        self._silent = True
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def encodable(text: str, stream: TextIO) -> str:
    """Return `text` with plain letters for those that the encoding of `stream` lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, HANDLER).decode(encoding, "replace")
    except LookupError:
        return text.encode("ascii", HANDLER).decode("ascii")
    return text


@contextlib.contextmanager
def unbreakable() -> Iterator[None]:
    """Make standard output and error unbreakable; as before on leaving.

    Streams that were closed before the process began go nowhere, and their numbers are taken, lest a file that is
    opened later gets what is printed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stdout, sys.stderr = (Output(nowhere if stream is None or stream.closed else stream) for stream in before)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(ValueError):  # a stream that was closed meanwhile
                    stream.flush()
            sys.stdout, sys.stderr = before
