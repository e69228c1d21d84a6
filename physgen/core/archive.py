"""Archives of others (npz, torch), whose declared sizes are compared with the file before anything is unpacked."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

#: bytes that the arrays of a compressed file may take in any case, and beyond that for every byte of the file
SMALL, GROWTH = 50_000_000, 20
#: members of an archive at most
MOST_MEMBERS = 200_000


def check_stored(path: str | Path) -> None:
    """Look into an archive of torch without unpacking it.

    Raises:
        ValueError: members are compressed, which torch's never are, or together larger than the file.
        Exception: it is no archive; `zipfile` raises many kinds.
    """
    size = Path(path).stat().st_size
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MOST_MEMBERS or any(m.compress_type != zipfile.ZIP_STORED for m in members):
        raise ValueError("compressed members")
    if sum(m.file_size for m in members) > size:
        raise ValueError("members larger than the file")


def read_arrays(path: str | Path, wanted: str | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of numbers in an npz file by name; nothing is unpickled, and names are plain words.

    Args:
        path: the file.
        wanted: the one array that is read, all unless given.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no npz file, arrays of anything but numbers, or larger ones than the file can hold.
        Exception: damaged; `zipfile`, `zlib` and NumPy raise many kinds.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError("no plain file")
    if path.exists() and not zipfile.is_zipfile(path):
        raise ValueError("no archive")
    limit = max(SMALL, GROWTH * path.stat().st_size)
    found = {}
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS or sum(m.file_size for m in members) > limit:
            raise ValueError(f"arrays of more than {limit} bytes")
        for member in members:
            name = member.filename.removesuffix(".npy")
            if wanted is not None and name != wanted:
                continue
            if not re.fullmatch(r"[A-Za-z]\w{0,99}", name, re.ASCII):
                raise ValueError("an array whose name is no plain word")
            found[name] = read_array(archive, member)
    return found


def names_of(path: str | Path) -> list[str]:
    """Return the names of the arrays in an npz file."""
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()[:MOST_MEMBERS]]


def read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Return one array of an open npz file.

    Raises:
        ValueError: not numbers, or of another size than the member has.
    """
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        header: Any = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        numbers = 1
        for length in shape:
            numbers *= length
        if dtype.kind not in "biuf" or min(shape, default=0) < 0 or numbers * dtype.itemsize > member.file_size:
            raise ValueError(f"an array of {dtype} of the shape {shape}"[:120])
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
