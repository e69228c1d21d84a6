"""Finished runs to compare: run folders, pretrained entries, and runs of Weights & Biases."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from physgen.core.archive import read_arrays
from physgen.core.errors import InputError
from physgen.core.files import write_text, writing
from physgen.runs.metrics_file import read_metrics
from physgen.runs.result import Result

log = logging.getLogger("physgen")


@dataclass(frozen=True)
class Curve:
    """The headline during a training.

    Args:
        steps: iterations `(records,)`.
        values: means of the headline between records `(records,)`.
        cpu_seconds: CPU time so far `(records,)`.
    """

    steps: np.ndarray
    values: np.ndarray
    cpu_seconds: np.ndarray


@dataclass(frozen=True)
class Run:
    """What one run left.

    Args:
        name: as the user gave it.
        result: its evaluation.
        curve: its training, if it was kept.
        structure: histograms with their errors, if they were kept.
    """

    name: str
    result: Result
    curve: Curve | None = None
    structure: Mapping[str, np.ndarray] | None = None

    @property
    def system(self) -> str:
        """Name of the system, and that a state of it is an excited one."""
        return str(self.result.provenance.get("system")) + (", excited" if self.result.excited else "")

    @property
    def seed(self) -> Any:
        """Seed of the training."""
        return self.result.provenance.get("seed")

    @property
    def model(self) -> str:
        """Class of the model."""
        return str(self.result.provenance.get("model"))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything but the seed that the training was made of, such as `{"hidden": 2, "sampler.steps": 5}`."""
        source = self.result.provenance
        kept: dict[str, Any] = {
            k: source[k] for k in ("iterations", "trained_precision", "warm_start", "orthogonal_to") if k in source
        }
        arguments = (source.get("recipe") or {}).get("init_args") or {}
        return {**flat({k: v for k, v in arguments.items() if k != "system"}), **kept}


def flat(arguments: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested arguments by dotted names; a class counts by its last part, a list as a tuple."""
    made: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, Mapping) and "class_path" in value:
            made[prefix + name] = str(value["class_path"]).rsplit(".", 1)[-1]
            made.update(flat(value.get("init_args") or {}, f"{prefix}{name}."))
        elif isinstance(value, Mapping):
            made.update(flat(value, f"{prefix}{name}."))
        else:
            made[prefix + name] = tuple(value) if isinstance(value, list) else value
    return made


def logs(folder: Path) -> Iterable[Path]:
    """Return the logs of W&B in `folder`, its own or those of runs in it; not those of a run folder above it."""
    return folder.glob("*.wandb") if folder.name != "wandb" else folder.glob("*run-*/*.wandb")


def folder_run(name: str, folder: Path) -> Run:
    """Return the run that left `folder`.

    Raises:
        InputError: no result in it, a broken one, or one of a newer physgen.
    """
    if not (folder / "result.json").is_file():
        raise InputError(f"run {name} holds no result.json: no run folder, or a run that was not finished")
    result = Result.read(folder / "result.json")
    return Run(name, result, curve_of(read_metrics(folder), result), histograms(folder))


def curve_of(rows: Iterable[Mapping[str, Any]], result: Result, step: str = "step") -> Curve | None:
    """Return the curve in records of a training, None where they do not hold it.

    Records before 0.1 had no time; theirs is the whole in proportion to iterations.
    """
    column, seconds = f"train/{result.quantity}", "train/cpu_seconds"
    kept = [row for row in rows if row.get(column) is not None and row.get(step) is not None]
    if not kept:
        return None
    steps, values = (np.array([float(row[name]) for row in kept]) for name in (step, column))
    if all(row.get(seconds) is not None for row in kept):
        times = np.array([float(row[seconds]) for row in kept])
    else:
        source = result.provenance
        times = steps * float(source.get("train_cpu_seconds") or np.nan) / float(source.get("iterations") or np.nan)
    return Curve(steps, values, times)


def histograms(folder: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of `structure.npz`, None where it is not there or is damaged, which is said."""
    path = folder / "structure.npz"
    try:
        return read_arrays(path)
    except FileNotFoundError:
        return None
    except Exception as error:  # numpy, zipfile and zlib raise many kinds for damaged files
        log.warning("%s is damaged and left out: %s", path, type(error).__name__)
        return None


def keep_record(source: Path, target: Path, result: Result) -> None:
    """Write into `target` what figures of a comparison need of the run in `source`, in a few kilobytes.

    `metrics.csv` keeps the headline and the time, means over at most 200 groups of records; `structure.npz` keeps the
    histograms in single precision.
    """
    curve, arrays = curve_of(read_metrics(source), result), histograms(source)
    for name, kept in (("metrics.csv", curve), ("structure.npz", arrays)):
        if kept is None:
            (target / name).unlink(missing_ok=True)  # of an earlier run
    if curve is not None:
        groups = np.array_split(np.arange(len(curve.steps)), min(200, len(curve.steps)))
        lines = [f"step,train/{result.quantity},train/cpu_seconds"]
        for group in groups:
            last, value = group[-1], curve.values[group].mean()
            lines.append(f"{int(curve.steps[last])},{value:.8g},{curve.cpu_seconds[last]:.6g}")
        write_text(target / "metrics.csv", "\n".join(lines) + "\n")
    if arrays is not None:
        with writing(target / "structure.npz") as file:
            single: dict[str, Any] = {k: v.astype(np.float32) for k, v in arrays.items()}
            np.savez_compressed(file, **single)
