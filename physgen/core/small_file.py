"""Files of others, whose size is looked at before they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: values that the contents of a file may hold, one that is referred to several times counted each time
MOST_VALUES = 1_000_000
#: how deep they may nest
DEEPEST = 100


def read_small(path: str | Path, most: int = 50_000_000) -> str:
    """Return the text, in UTF-8, of a file of at most `most` bytes.

    Raises:
        OSError: it cannot be read, or is no plain file: a device or a pipe would never end.
        ValueError: it is larger, or no UTF-8.
    """
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(f"{path} is no plain file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"more than {most} bytes")
    return content.decode("utf-8")


def check_size(value: Any) -> int:
    """Return how many values nested mappings and lists hold.

    Raises:
        ValueError: more than `MOST_VALUES`, as a few lines can spell by references to references, or too deep.
    """
    count, left = 0, [(value, 0)]
    while left:
        held, depth = left.pop()
        count += 1
        if count > MOST_VALUES or depth > DEEPEST:
            raise ValueError(f"more than {MOST_VALUES} values, or nested more than {DEEPEST} deep")
        if isinstance(held, Mapping):
            left += [(v, depth + 1) for pair in held.items() for v in pair]
        elif isinstance(held, (list, tuple, set, frozenset)):
            left += [(v, depth + 1) for v in held]
    return count
