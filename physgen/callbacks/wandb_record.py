"""What W&B is told of a run: flat columns to sort and group by, histograms as tables, files beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from physgen.core.archive import read_arrays
from physgen.core.commit import commit
from physgen.core.plain_text import folder_name
from physgen.models import Model
from physgen.models.hyperparameters import hyperparameters
from physgen.runs.result import Result

#: edges of the histograms that observables make, by what their names begin with
EDGES = {"radial_density": "radius_edges", "g_": "distance_edges"}


def run_config(model: Model, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run is made of as flat columns: physics, model, training, evaluation, versions.

    Args:
        model: what is trained.
        told: what the command line said besides, groups as mappings; its numbers, texts and truth values are kept.
    """
    found = {**hyperparameters(model), "commit": commit()}
    found["model_class"] = found["model"]
    for name, value in told.items():
        held = value.items() if isinstance(value, Mapping) else [("", value)]
        for inner, plain in held:
            if isinstance(plain, (bool, int, float, str)):
                found[f"{name}.{inner}".rstrip(".")] = plain
    return found


def run_name(model: Model, seed: int) -> str:
    """Return system, model and seed in words, the name of a run where nobody gave one."""
    return f"{model.system.label} {type(model).__name__} seed {seed}"


def artifact_name(*parts: str) -> str:
    """Return a name of letters, digits, dots and dashes, at most 120 of them."""
    return folder_name("-".join(parts))[:120]


def summary_of(result: Result) -> dict[str, Any]:
    """Return the numbers of a result by flat names; none of them is text.

    Every estimate and its `_error`, the diagnostics (`ess`, `v_score`, `variance`, ...), `reference`, the gap to it as
    `gap_percent`, `gap_nats` (KL, of densities) and `gap_sigmas`, and `train_seconds`, `train_cpu_seconds`,
    `iterations`, `parameters`.
    """
    found: dict[str, Any] = {}
    for name, estimate in result.estimates.items():
        found[name], found[f"{name}_error"] = estimate.value, estimate.known_error
    found.update(result.diagnostics)
    if result.reference is not None:
        found["reference"], found["reference_error"] = result.reference.value, result.reference.error
        found["gap_percent"], found["gap_sigmas"] = result.percent, result.sigmas
    if "kl" in result.estimates:
        found["gap_nats"] = result.estimates["kl"].value
        found["gap_nats_error"] = result.estimates["kl"].known_error
    counted = ("iterations", "parameters", "energy_evaluations")
    for name in ("train_seconds", "train_cpu_seconds", "train_peak_mib", *counted):
        found[name] = result.provenance.get(name)
    return {k: v for k, v in found.items() if v is not None and math.isfinite(v)}


def histogram_tables(folder: Path) -> dict[str, tuple[list[str], list[list[float]]]]:
    """Return columns and rows of every histogram in a run's `structure.npz`; nothing without it."""
    path = folder / "structure.npz"
    if not path.is_file():
        return {}
    held, found = read_arrays(path), {}
    for name, values in held.items():
        edges = next((edge for start, edge in EDGES.items() if name.startswith(start)), None)
        if edges is None or f"{name}_error" not in held or len(held.get(edges, ())) != len(values) + 1:
            continue
        middles = (held[edges][1:] + held[edges][:-1]) / 2
        rows = np.stack([middles, values, held[f"{name}_error"]], 1)
        found[name] = (["r", name, f"{name}_error"], rows.astype(float).tolist())
    return found


def bands(folder: Path, quantity: str) -> dict[str, tuple[str, str, list[list[float]]]]:
    """Return charts with one standard error on either side: the training's running mean, and every histogram.

    Args:
        folder: of the run.
        quantity: its headline.

    Returns:
        name of the horizontal axis, name of the quantity, and x, value - error, value, value + error `(4, points)`.
    """
    from physgen.callbacks.figures import read_curve  # matplotlib is slow
    from physgen.figures.training import running

    found = {}
    steps, values = read_curve(folder, f"train/{quantity}")
    if len(steps):
        found["training"] = ("iteration", quantity, np.stack(running(steps, values), 1).tolist())
    found |= {name: ("r", name, lines) for name, (_, lines) in histogram_tables(folder).items()}
    made = {}
    for name, (axis, shown, lines) in found.items():
        sound = np.array([line for line in lines if np.isfinite(line).all()]).reshape(-1, 3)
        if len(sound):
            x, value, error = sound.T
            made[f"{name}_band"] = (axis, shown, [v.tolist() for v in (x, value - error, value, value + error)])
    return made
