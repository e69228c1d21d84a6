"""Entries on an http(s) server, a hub or in another folder, by checksum into a cache; nothing of them is run."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from physgen.core import fields
from physgen.core.errors import InputError, check
from physgen.core.files import writing
from physgen.core.paths import user_path
from physgen.zoo.hub import HUB, hub_file, is_hub

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

#: environment variable that names the folder or server of weights that an installation does not hold
SOURCE = "PHYSGEN_SOURCE"
#: environment variable of the cache, beside that of reference Monte Carlo
CACHE = "PHYSGEN_CACHE"
#: seconds without an answer
PATIENCE = 30
#: bytes of an index, and of weights, at most
MOST_INDEX, MOST_WEIGHTS = 50_000_000, 2_000_000_000


def is_url(place: Any) -> bool:
    """Return whether a place is a server or a hub, not a folder."""
    return isinstance(place, str) and place.lower().startswith(("http://", "https://", HUB))


def cache() -> Path:
    """Return the folder that fetched entries are kept in."""
    return user_path(os.environ.get(CACHE) or "~/.cache/physgen", CACHE) / "entries"


def remote_index(url: str) -> dict[str, Any]:
    """Return the index of a server, or the copy of it that was kept, where the server does not answer.

    Raises:
        InputError: no answer and no copy, or no index.
    """
    kept = cache() / hashlib.sha256(url.encode()).hexdigest()[:16] / "index.json"
    try:
        take(url, "index.json", kept, MOST_INDEX)
    except InputError:
        if not kept.is_file():
            raise
    try:
        return dict(fields.mapping(json.loads(kept.read_text(encoding="utf-8")), "index"))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"folder {url} has no index.json that can be read: {type(error).__name__}") from None


def fetched(source: str, name: str, record: dict[str, Any]) -> Path:
    """Return the weights of an entry from the cache, taken there from `source` if need be, and its result beside them.

    Args:
        source: folder or server that holds `<name>/weights.ckpt`.
        name: `<system>/<model>`, checked before.
        record: what the index says: `sha256`, and `bytes`.

    Raises:
        InputError: no such file, one that is larger than the index says, or one that differs from its checksum.
    """
    digest = fields.text(record["sha256"], "sha256")
    check(len(digest) == 64 and digest.isalnum(), f"{name}: sha256", digest, "64 hexadecimal digits")
    path = cache() / digest[:16] / "weights.ckpt"
    if not path.is_file() or sha256(path) != digest:
        most = min(int(record.get("bytes") or MOST_WEIGHTS), MOST_WEIGHTS)
        take(source, f"{name}/weights.ckpt", path, most)
        found = sha256(path)
        if found != digest:
            path.unlink()
            raise InputError(
                f"pretrained {name}: sha256 of {source} is {found[:12]}..., not {digest[:12]}... as indexed"
            )
    if not path.with_name("result.json").is_file():
        try:
            take(source, f"{name}/result.json", path.with_name("result.json"), MOST_INDEX)
        except InputError:
            pass  # a server may keep weights alone
    return path


def take(source: str, name: str, target: Path, most: int) -> None:
    """Copy a file of a folder, a server or a hub to `target`, whole or not at all.

    Raises:
        InputError: it is not there, does not come within `PATIENCE` seconds a part, or has more than `most` bytes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    place = f"{source.rstrip('/')}/{name}"
    try:
        if is_hub(source):
            with hub_file(source, name).open("rb") as held, writing(target) as file:
                copied(held, file, most)
        elif is_url(source):
            with opener().open(place, timeout=PATIENCE) as answer, writing(target) as file:
                copied(answer, file, most)
        else:
            with (user_path(source, SOURCE) / name).open("rb") as held, writing(target) as file:
                copied(held, file, most)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise InputError(f"{place} cannot be had: {reason}") from None


def copied(held: IO[bytes], file: IO[bytes], most: int) -> None:
    """Copy at most `most` bytes.

    Raises:
        ValueError: there are more.
    """
    left = most
    while part := held.read(min(left + 1, 1 << 20)):
        left -= len(part)
        if left < 0:
            raise ValueError(f"more than {most} bytes")
        file.write(part)


def opener() -> OpenerDirector:
    """Return what opens http and https alone: a server leads to no file of this machine."""
    import urllib.request  # which would make `list` slow

    made = urllib.request.OpenerDirector()
    for kind in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        made.add_handler(kind())
    made.addheaders = [("User-Agent", "physgen")]
    return made


def sha256(path: Path) -> str:
    """Return the checksum of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
