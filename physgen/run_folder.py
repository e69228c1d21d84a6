"""The folder of one run: where it lies, whether it can be written, and what an earlier part left in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from physgen.core.paths import user_path
from physgen.core.plain_text import folder_name
from physgen.errors import InputError

#: tells processes that this one starts which folder the run has
RUN_FOLDER = "PHYSGEN_RUN_FOLDER"
#: numbers of ranks that torchrun and SLURM start
OUTSIDE = ("WORLD_SIZE", "SLURM_NTASKS")


@dataclass(frozen=True)
class RunFolder:
    """A folder that a run writes into.

    Args:
        path: the folder.
        made: folders that did not exist before, the deepest first.
    """

    path: Path
    made: tuple[Path, ...] = ()

    def used(self) -> bool:
        """Return whether it, or a folder in it, holds anything of a run: a record, a checkpoint, a result, samples."""
        metrics = self.path / "metrics.csv"
        recorded = metrics.is_file() and metrics.stat().st_size > 0
        kept = any((self.path / name).is_file() for name in ("result.json", "samples.npz", "reference.json"))
        if recorded or kept or last_checkpoint(self.path) is not None:
            return True
        return any(RunFolder(p).used() for p in self.path.glob("*/"))  # runs of a sweep

    @contextmanager
    def kept_if_used(self) -> Iterator[None]:
        """Remove what was made for a run that ends with an exception before it left anything."""
        try:
            yield
        except BaseException:
            if self.made and not self.used():
                shutil.rmtree(self.path, ignore_errors=True)
                for parent in self.made[1:]:
                    if not parent.is_dir() or any(parent.iterdir()):
                        break
                    parent.rmdir()
            raise


def open_run_folder(wanted: str | Path | None, label: str, model: str, root: str | Path = "runs") -> RunFolder:
    """Return a folder that can be written: `wanted`, or the next free number under `root/label/model`.

    Raises:
        InputError: the folder cannot be made or written.
    """
    if wanted is None:
        parent = Path(root) / folder_name(label) / folder_name(model)
        taken = [int(p.name) for p in parent.glob("*") if p.name.isdigit()] if parent.is_dir() else []
        folder = parent / str(max(taken, default=0) + 1)
    else:
        folder = user_path(wanted, "run_folder")
    try:
        made = tuple(p for p in (folder, *folder.parents) if not p.exists())
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # other ranks try the same folder at the same time
            pass
    except OSError as error:
        raise InputError(f"run_folder {folder} cannot be written: {error.strerror or error}") from None
    return RunFolder(folder, made)


def shared_run_folder(wanted: str | None, label: str, model: str, machines: int = 1) -> RunFolder:
    """Return the run folder, the same one on all ranks of a run.

    Args:
        wanted: the folder that was asked for.
        label: name of the system.
        model: name of the model.
        machines: number of machines of the run.

    Raises:
        InputError: ranks are started from outside (torchrun, SLURM, several machines) without a common `run_folder`.
    """
    several = machines > 1 or any(int(os.environ.get(name) or 1) > 1 for name in OUTSIDE)
    if wanted is None and several and RUN_FOLDER not in os.environ:
        raise InputError("run_folder must be given when ranks are started by torchrun or SLURM, got None")
    folder = open_run_folder(wanted or os.environ.get(RUN_FOLDER), label, model)
    os.environ[RUN_FOLDER] = str(folder.path)  # processes that this one starts for other ranks take the same
    return folder


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint in a run folder, None if there is none."""
    files = list((folder / "checkpoints").glob("*.ckpt"))
    return max(files, key=lambda f: (f.stat().st_mtime_ns, f.name)) if files else None
