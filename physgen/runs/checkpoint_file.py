"""The file that a trained model is kept in, read without running anything of it."""

from __future__ import annotations

import io
import logging
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from physgen.core.archive import check_stored
from physgen.core.errors import InputError, newer, said
from physgen.core.paths import user_path
from physgen.runs.checkpoint_contents import unsound
from physgen.runs.folder import checkpoints

log = logging.getLogger("physgen")

#: version of what `Model.on_save_checkpoint` adds; a file of a newer one is refused
CHECKPOINT_VERSION = 1


class Damaged(InputError):
    """A file that is no whole checkpoint."""


def precision_of(weights: dict[str, Tensor]) -> torch.dtype:
    """Return the dtype of the first floating-point tensor of a state dict."""
    return next((v.dtype for v in weights.values() if v.is_floating_point()), torch.get_default_dtype())


def check_device(name: str, value: Any) -> torch.device:
    """Return the device that `value` names, the CPU for None.

    Raises:
        InputError: no device, or one that is not there.
    """
    try:
        device = torch.device("cpu" if value is None else value)
        torch.empty(1, device=device)
    except (RuntimeError, TypeError, ValueError, OverflowError, AssertionError, NotImplementedError):
        raise InputError(f"{name} must be a device that is there, such as cpu or cuda, got {said(value)}") from None
    return device


def read_checkpoint(path: str | Path, map_location: Any = "cpu") -> dict[str, Any]:
    """Return the contents of a checkpoint of physgen, read with `weights_only=True`.

    Raises:
        InputError: no such file, unsafe or damaged contents, not of physgen, or of a newer version.
    """
    path = user_path(path, "checkpoint")
    if not path.is_file():
        raise InputError(f"checkpoint {path} does not exist")
    try:
        check_stored(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's on other protocols of pickle, which are refused here
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged and hostile files
        foreign = isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error)
        what = "holds code or foreign objects" if foreign else "is damaged or no checkpoint"
        kind = InputError if foreign else Damaged
        raise kind(f"checkpoint {path} {what} and was not read") from None
    if reason := unsound(checkpoint):
        raise InputError(f"checkpoint {path} {reason} and is not used")
    recipe: Any = checkpoint.get("physgen") if isinstance(checkpoint, dict) else None
    weights = checkpoint.get("state_dict") if isinstance(recipe, dict) else None
    if not isinstance(weights, dict) or not all(
        isinstance(key, str) and isinstance(weight, Tensor) for key, weight in weights.items()
    ):
        raise InputError(f"checkpoint {path} was not written by physgen")
    version = recipe.get("format", 0)
    if type(version) is not int:
        raise InputError(f"checkpoint {path} has no format that physgen wrote: {type(version).__name__}, not int")
    if version > CHECKPOINT_VERSION:
        raise InputError(f"checkpoint {path} was written by a newer physgen ({recipe.get('version')}); please update")
    if not isinstance(recipe.get("class_path"), str) or not isinstance(recipe.get("init_args"), dict):
        raise InputError(f"checkpoint {path} lacks class_path or init_args")
    if not all(isinstance(name, str) for name in recipe["init_args"]):
        raise InputError(f"checkpoint {path} has arguments in init_args that are no names")
    found: dict[str, Any] = checkpoint
    return found


def last_readable(folder: Path) -> Path | None:
    """Return the newest whole checkpoint in a run folder, None if there is none; damaged ones are said and left out.

    Raises:
        InputError: all that there are hold something and are damaged, or the newest whole one is refused.
    """
    damaged = []
    for path in checkpoints(folder):
        try:
            read_checkpoint(path)
        except Damaged:
            damaged.append(path)
            continue
        if damaged:
            log.warning("%s damaged and left out; the newest whole checkpoint is %s", named(damaged), path)
        return path
    if any(path.stat().st_size for path in damaged):
        raise InputError(f"run_folder {folder} has no whole checkpoint: {named(damaged)} damaged; remove to start anew")
    if damaged:
        log.warning("%s empty and left out", named(damaged))
    return None


def named(paths: list[Path]) -> str:
    """Return paths with their verb."""
    return f"{', '.join(map(str, paths))} {'is' if len(paths) == 1 else 'are'}"


def saved(checkpoint: dict[str, Any]) -> bytes:
    """Return the bytes of the file of a checkpoint; torch's own writer leaves half a file where a disk is full."""
    held = io.BytesIO()
    torch.save(checkpoint, held)
    return held.getvalue()


@contextmanager
def of_a_newer_version(path: str | Path, recipe: dict[str, Any]) -> Iterator[None]:
    """Say, where the recipe of a file cannot be followed, that a newer physgen wrote it, if one did."""
    try:
        yield
    except InputError as error:
        if not newer(recipe.get("version")):
            raise
        version = recipe["version"]
        raise InputError(
            f"checkpoint {path} was written by a newer physgen ({version}), please update: {error}"
        ) from None
