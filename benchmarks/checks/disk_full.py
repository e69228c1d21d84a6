"""Trainings on a disk that is full, continued when there is room, and trainings with a full TMPDIR.

    python -m benchmarks disk_full

Needs the right to mount a file system in memory (root); says so and ends without it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from benchmarks.checks.trials import MODELS, report, train, unlike, warm_up

SIZES = (8, 16, 24, 32, 48, 64, 100, 150, 300, 600)


@contextmanager
def disk(place: Path, size: str):
    """Mount a disk of a size at `place`."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(place: Path) -> None:
    """Fill a disk to the last byte."""
    try:
        with (place / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass


def trial(model: str, size: int, place: Path, whole: Path) -> tuple[bool, str]:
    """Train on a disk of `size` KiB, then with room; return whether it ends equal to the whole run, and words."""
    with disk(place, f"{size}k"):
        first, said = train(model, place / "run")
        subprocess.run(["mount", "-o", "remount,size=30m", place], check=True)
        second, more = train(model, place / "run")
        places = unlike(whole, place / "run") if second == 0 else [more[-300:]]
        traces = (said + more).count("Traceback")
    good = second == 0 and not places and not traces
    error = next((line for line in said.splitlines()[::-1] if line.startswith("physgen: error")), "no error")
    verdict = "equal" if good else f"DIFFERENT: {places[:4]}, {traces} tracebacks"
    return good, f"{model} on {size} KiB: exit code {first}, {error}; with room: {verdict}".replace(str(place), "DISK")


def main() -> int:
    """Run the trials; return how many fail."""
    folder = Path(tempfile.mkdtemp(prefix="physgen-"))
    try:
        with disk(folder / "try", "1m"):
            pass
    except (OSError, subprocess.CalledProcessError):
        print("skipped: no file system can be mounted here, it takes root")
        return 0
    warm_up(folder)
    lines, good = [], 0
    for index, size in enumerate(SIZES):
        model = list(MODELS)[index % len(MODELS)]
        equal, words = trial(model, size, folder / f"disk{size}", folder / f"whole-{model}")
        good += equal
        lines.append(words)
        print(words, flush=True)
    lines.append(f"{good} of {len(SIZES)} continue and end equal to the uninterrupted run, without a traceback")
    print(lines[-1])
    temporary = 0
    for model in MODELS:
        with disk(folder / f"tmp-{model}", "64k") as full:
            fill(full)
            code, said = train(model, folder / f"run-{model}", environment={"TMPDIR": str(full)})
            places = unlike(folder / f"whole-{model}", folder / f"run-{model}") if code == 0 else [said[-300:]]
            temporary += not places and "Traceback" not in said
    lines.append(f"{temporary} of {len(MODELS)} with a full TMPDIR end equal")
    print(lines[-1])
    report("disk_full", lines)
    shutil.rmtree(folder, ignore_errors=True)
    return len(SIZES) - good + len(MODELS) - temporary
