"""The folder of one run: where it lies, whether it can be written, and what an earlier part left in it."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from physgen.core.errors import InputError
from physgen.core.files import clear_left_over
from physgen.core.lock import Held, lock
from physgen.core.paths import user_path
from physgen.core.plain_text import folder_name
from physgen.core.stops import Stopped

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
        except BaseException as error:
            if isinstance(error, Stopped) and self.used():
                error.how = f"the same command with --run_folder {shlex.quote(str(self.path))} goes on"
            if self.made and not self.used():
                shutil.rmtree(self.path, ignore_errors=True)
                for parent in self.made[1:]:
                    if not parent.is_dir() or any(parent.iterdir()):
                        break
                    parent.rmdir()
            raise


def open_run_folder(wanted: str | Path | None, label: str, model: str, root: str | Path = "runs") -> RunFolder:
    """Return a folder that can be written: `wanted`, or the next free number under `root/label/model`.

    The first rank locks it for this process, and clears away what a killed one left half-written.

    Raises:
        InputError: the folder cannot be made or written, or another process writes into it.
    """
    numbers = Path(root) / folder_name(label) / folder_name(model)
    folder = numbers if wanted is None else user_path(wanted, "run_folder")
    made: tuple[Path, ...] = ()
    try:
        made = tuple(p for p in (folder, *folder.parents) if not p.exists())
        folder.mkdir(parents=True, exist_ok=True)
        if wanted is None:
            folder = numbered(folder)
            made = (folder, *made)
        if first_rank():
            lock(folder)
            clear_left_over(folder)
            clear_left_over(folder / "checkpoints")
        with tempfile.TemporaryFile(dir=folder):  # other ranks try the same folder at the same time
            pass
    except Held as error:
        raise InputError(f"run_folder {folder} is in use by {error}; wait for its end or choose another") from None
    except OSError as error:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise InputError(f"run_folder {folder} cannot be written: {error.strerror or error}") from None
    return RunFolder(folder, made)


def numbered(parent: Path) -> Path:
    """Make the folder of the next free number in `parent`, and return it; of two processes each gets its own."""
    number = max((int(p.name) for p in parent.glob("*") if p.name.isdigit()), default=0)
    while True:
        number += 1
        with suppress(FileExistsError):
            (parent / str(number)).mkdir()
            return parent / str(number)


def first_rank() -> bool:
    """Return whether this process is the first rank of a run, as those that start ranks tell them."""
    told = [os.environ.get(name, "0") for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID")]
    return not any(value.isdigit() and int(value) > 0 for value in told)


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
    several = machines > 1 or started_from_outside()
    if wanted is None and several and RUN_FOLDER not in os.environ:
        raise InputError("run_folder must be given when ranks are started by torchrun or SLURM, got None")
    folder = open_run_folder(wanted or os.environ.get(RUN_FOLDER), label, model)
    os.environ[RUN_FOLDER] = str(folder.path)  # processes that this one starts for other ranks take the same
    return folder


def started_from_outside() -> bool:
    """Return whether torchrun or SLURM start the ranks of a run, which must then be told a common folder."""
    return any(int(os.environ.get(name) or 1) > 1 for name in OUTSIDE)


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a run folder, the newest first; those that SLURM's requeueing made lie beside."""
    files = [*(folder / "checkpoints").glob("*.ckpt"), *folder.glob("hpc_ckpt_*.ckpt")]
    return sorted(files, key=lambda f: (f.stat().st_mtime_ns, f.name), reverse=True)


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint in a run folder, whole or not, None if there is none."""
    return next(iter(checkpoints(folder)), None)
