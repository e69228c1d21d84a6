"""The folder of one run: where it lies, whether it can be written, and what an earlier part left in it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from physgen.errors import InputError


def open_run_folder(wanted: str | Path | None, label: str, model: str, root: str | Path = "runs") -> Path:
    """Return a folder that can be written: `wanted`, or the next free number under `root/label/model`.

    Raises:
        InputError: the folder cannot be made or written.
    """
    if wanted is None:
        parent = Path(root) / label / model
        taken = [int(p.name) for p in parent.glob("*") if p.name.isdigit()] if parent.is_dir() else []
        folder = parent / str(max(taken, default=0) + 1)
    else:
        folder = Path(wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise InputError(f"run_folder {folder} cannot be written: {error.strerror or error}") from None
    return folder


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint in a run folder, None if there is none."""
    files = list((folder / "checkpoints").glob("*.ckpt"))
    return max(files, key=lambda f: (f.stat().st_mtime_ns, f.name)) if files else None


def earlier_rows(folder: Path, before: int) -> list[dict[str, Any]]:
    """Return the rows of `metrics.csv` of an interrupted training up to iteration `before`, as numbers."""
    path = folder / "metrics.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{k: number(v) for k, v in row.items() if k and v} for row in csv.DictReader(file)]
    rows = [row for row in rows if not any(name.startswith("test/") for name in row)]  # it is evaluated anew
    return [row for row in rows if row.get("step", before + 1) <= before]


def number(text: str) -> float | int:
    """Return the number that was written as `text`, so that it is written the same way again."""
    return int(text) if text.lstrip("-").isdigit() else float(text)
