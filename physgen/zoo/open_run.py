"""The run that a name means."""

from __future__ import annotations

import difflib

from physgen.core.errors import InputError
from physgen.core.paths import user_path
from physgen.runs.finished_runs import Run, folder_run, logs
from physgen.zoo.index import entries


def open_run(name: str) -> Run:
    """Return the run that `name` means: a run folder, an offline run of W&B, a pretrained entry or an online run.

    Raises:
        InputError: none of these, or what it left cannot be read.
    """
    path = user_path(name, "run")
    if path.suffix == ".wandb" or (path.is_dir() and not (path / "result.json").is_file() and any(logs(path))):
        from physgen.runs.wandb_runs import offline_run  # W&B takes a second to import

        return offline_run(name)
    if path.exists():
        return folder_run(name, path)
    known = entries()
    if name in known:
        return folder_run(name, known[name].folder)
    if len([part for part in name.split("/") if part]) == 3:
        from physgen.runs.wandb_runs import online_run

        return online_run(name)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise InputError(f"run {name} is no run folder, pretrained entry or W&B run entity/project/run_id{hint}")
