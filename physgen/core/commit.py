"""The commit of a clone that the package runs from, read without running git."""

from __future__ import annotations

import re
from pathlib import Path


def commit() -> str | None:
    """Return the commit of the clone of physgen that the package runs from, None elsewhere.

    An environment within a user's own repository has the commit of that repository, which says nothing of physgen: only
    a folder counts that holds the package, the project's own `pyproject.toml` and `.git` beside each other, and whose
    index has the package. Git itself is not run, since a repository's settings could make it run other programs.
    """
    return commit_of(Path(__file__).resolve().parents[1])


def commit_of(package: Path) -> str | None:
    """Return the commit of the clone whose top folder holds `package`, None where there is no such clone."""
    top = package.parent
    try:
        if not re.search(r'^name = "physgen"$', (top / "pyproject.toml").read_text(encoding="utf-8"), re.M):
            return None
        folder = top / ".git"
        if folder.is_file():  # a worktree's says where the rest lies
            folder = top / folder.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        name = f"{package.name}/__init__.py".encode()
        if len(name).to_bytes(2, "big") + name + b"\0" not in (folder / "index").read_bytes():
            return None  # the index holds every name after its length
        return resolved(folder)
    except (OSError, ValueError):
        return None


def resolved(folder: Path) -> str | None:
    """Return the commit that HEAD of a folder `.git` means, None where it cannot be found in plain files."""
    head = (folder / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return hash_or_none(head)
    name = head.removeprefix("ref:").strip()
    if not re.fullmatch(r"refs(/[^/\s.][^/\s]*)+", name):
        return None
    common = folder / "commondir"
    places = [folder, folder / common.read_text(encoding="utf-8").strip()] if common.is_file() else [folder]
    for place in places:
        if (place / name).is_file():
            return hash_or_none((place / name).read_text(encoding="utf-8").strip())
    packed = places[-1] / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((hash_or_none(line.split()[0]) for line in lines if line.endswith(f" {name}")), None)


def hash_or_none(text: str) -> str | None:
    """Return `text` if it is the name of a commit in hexadecimal."""
    return text if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else None
