"""What of `checkpoints/` a wheel takes along: everything but large weights, which are fetched by checksum."""

from __future__ import annotations

from pathlib import Path

#: weights above this many bytes are left out of a wheel
LARGEST = 1_000_000


def wheel_files(root: Path) -> dict[str, str]:
    """Return the files of `root/checkpoints` that a wheel holds, each with its place in it."""
    files = sorted(path for path in (root / "checkpoints").rglob("*") if path.is_file())
    kept = [path for path in files if path.suffix != ".ckpt" or path.stat().st_size <= LARGEST]
    return {str(path): f"physgen/{path.relative_to(root).as_posix()}" for path in kept}
