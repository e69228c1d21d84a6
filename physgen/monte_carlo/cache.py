"""The user's cache of reference values: one folder for each system, settings and version of the package."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from physgen.core.errors import InputError
from physgen.core.paths import user_path
from physgen.core.plain_text import folder_name
from physgen.core.version import __version__
from physgen.monte_carlo.bridging import Density
from physgen.monte_carlo.chains import MonteCarlo, Progress
from physgen.monte_carlo.record import ReferenceRecord
from physgen.monte_carlo.settings import Settings
from physgen.monte_carlo.suitability import check_suitable
from physgen.runs.samples_file import load_samples, save_samples
from physgen.systems import ClassicalSystem

SAMPLES = "samples.npz"


def cache_folder(system: ClassicalSystem, settings: Settings) -> Path:
    """Return where the record of a system and settings lies, under `$PHYSGEN_CACHE` or `~/.cache/physgen`."""
    root = user_path(os.environ.get("PHYSGEN_CACHE") or "~/.cache/physgen", "PHYSGEN_CACHE")
    recipe = {"system": system.spec(), "settings": vars(settings), "version": __version__}
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    return root / "reference" / f"{folder_name(system.label)}-{digest}"


def reference(
    system: ClassicalSystem,
    settings: Settings | None = None,
    progress: Progress | None = None,
    cache: bool = True,
    density: Density | None = None,
) -> ReferenceRecord:
    """Return reference values of a classical system, from the cache or computed and put there.

    Samples, if asked for, lie beside the record, in `cache_folder(system, settings) / "samples.npz"`.

    Args:
        system: any classical system.
        settings: error, samples, seed, ...
        progress: told the share that is done and what is being done.
        cache: whether an earlier record of the same system, settings and version is taken; `origin` says which.
        density: a normalised density that F is bridged with, see `MonteCarlo`; the cache keeps no such record.

    Raises:
        InputError: a system that Monte Carlo cannot treat (see `check_suitable`), or the cache cannot be written.
    """
    check_suitable(system)
    settings = settings or Settings()
    folder = cache_folder(system, settings)
    if cache and density is None:
        try:
            record = ReferenceRecord.read(folder)
            if settings.samples:
                load_samples(folder / SAMPLES, system)
            record.origin = "cached"
            return record
        except InputError:
            pass  # nothing there, or half of it: compute
    try:  # rather now than after the measurement
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cache {folder} cannot be written: {reason}; PHYSGEN_CACHE names another folder") from None
    try:
        record, samples = MonteCarlo(system, settings, progress, density).run()
    except BaseException:  # Ctrl-C too: folders that were made for nothing go
        with contextlib.suppress(OSError):
            for made in (folder, folder.parent, folder.parent.parent):
                made.rmdir()
        raise
    if samples is not None:
        save_samples(folder / SAMPLES, samples)
    if density is None:
        record.write(folder)
    return record
