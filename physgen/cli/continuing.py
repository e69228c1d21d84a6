"""Checkpoints that a training goes on from: one that was given, or the last of an interrupted run."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from physgen.core.errors import InputError
from physgen.core.registry import rebuilding
from physgen.models.base import Model
from physgen.runs.checkpoint_contents import check_training, check_weights
from physgen.runs.checkpoint_file import last_readable, read_checkpoint
from physgen.systems import System


def continued(model: Model, path: str | None, folder: Path) -> tuple[str | None, int]:
    """Return the checkpoint that a training of `model` goes on from and its steps, (None, 0) for a new one.

    Args:
        model: what is trained.
        path: checkpoint that was given.
        folder: run folder, which may hold an interrupted run.

    Raises:
        InputError: a checkpoint or a run of another model, or one that holds no training.
    """
    found = given(model, path) or interrupted(model, folder)
    if found is None:
        return None, 0
    held = read_checkpoint(found)
    check_training(found, held)
    check_weights(found, held["state_dict"], model)
    return found, int(held.get("global_step", 0))


def given(model: Model, path: str | None) -> str | None:
    """Return the checkpoint that the training starts from, None for none.

    Raises:
        InputError: its weights do not fit the model.
    """
    if path is None:
        return None
    checkpoint, recipe = read_checkpoint(path), model.spec()["init_args"]
    held, own = ({k: v.shape for k, v in w.items()} for w in (checkpoint["state_dict"], model.state_dict()))
    if held != own:
        earlier = checkpoint["physgen"]["init_args"]
        before, now = ({**a, **System.of(a["system"]).init_args, "system": None} for a in (earlier, recipe))
        differing = [f"{k} = {before.get(k)!r} there, {v!r} here" for k, v in now.items() if before.get(k) != v]
        reason = "; ".join(differing) or "its weights have other names or sizes"
        raise InputError(f"ckpt_path {path} does not fit {type(model).__name__}: {reason}")
    return str(path)


def interrupted(model: Model, folder: Path) -> str | None:
    """Return the last checkpoint of the run that `folder` holds, if any.

    Raises:
        InputError: the folder holds a run of another model or system.
    """
    path = last_readable(folder)
    if path is None:
        return None
    held, own = read_checkpoint(path)["physgen"], model.spec()
    # arguments that are younger than the file have their defaults
    with contextlib.suppress(InputError), rebuilding():
        held = Model.of({k: held[k] for k in ("class_path", "init_args")}).spec()
    differing = sorted(k for k, v in own["init_args"].items() if held["init_args"].get(k) != v)
    if held["class_path"] != own["class_path"] or differing:
        what = "model" if held["class_path"] != own["class_path"] else ", ".join(differing)
        raise InputError(f"run_folder {folder} holds another run (different {what}); choose another folder")
    if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
        print(f"continuing from {path}")
    return str(path)
