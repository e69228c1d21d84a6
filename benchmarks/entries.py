"""Pretrained entries that benchmarks measure and tables show."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from benchmarks.places import ROOT
from physgen.runs.result import Result
from physgen.systems import PeriodicMatter, System


def entries(pattern: str = "*/*") -> list[tuple[str, Result]]:
    """Return name and result of every entry of a pattern `system/model`, sorted by name."""
    checkpoints = ROOT / "checkpoints"
    paths = sorted(checkpoints.glob(f"{pattern}/result.json"))
    return [(path.parent.relative_to(checkpoints).as_posix(), read(path, path.stat().st_mtime_ns)) for path in paths]


@cache
def read(path: Path, changed: int) -> Result:
    """Return a result, read again after it has `changed`: ten tables ask for every entry."""
    return Result.read(path)


def entries_of(kind: type[PeriodicMatter]) -> list[tuple[str, PeriodicMatter, Result]]:
    """Return name, system and result of every entry of one kind of matter, by its arguments."""
    found = []
    for name, result in entries():
        recipe = (result.provenance.get("recipe") or {}).get("init_args", {}).get("system", {})
        if str(recipe.get("class_path", "")).endswith(f".{kind.__name__}"):
            found.append((name, System.of(recipe), result))
    return sorted(found, key=lambda row: (*row[1].init_args.values(), row[0]))
