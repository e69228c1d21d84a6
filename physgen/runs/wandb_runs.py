"""Runs of Weights & Biases, read offline without an account, or online."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import wandb

from physgen.core.deadline import within
from physgen.core.errors import InputError
from physgen.core.paths import user_path
from physgen.core.small_file import read_small
from physgen.runs.finished_runs import Curve, Run, curve_of, histograms, logs
from physgen.runs.result import Result

log = logging.getLogger("physgen")
#: seconds after which W&B counts as unreachable
PATIENCE = 10


def offline_run(name: str) -> Run:
    """Return an offline run from its local record, read by `wandb leet inspect`.

    Args:
        name: the `.wandb` file, its folder `offline-run-*`, or the folder `wandb` with one run.

    Raises:
        InputError: no such record, several runs, a damaged one, or one without a result.
    """
    path = user_path(name, "run")
    found = [path] if path.suffix == ".wandb" else sorted(logs(path))
    if len(found) != 1:
        raise InputError(f"W&B run {name} must be the folder of one run, it holds {len(found)}")
    command = [sys.executable, "-P", "-m", "wandb", "leet", "inspect", "--json", str(found[0])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        records = [json.loads(line) for line in done.stdout.splitlines()]
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InputError(f"W&B run {name} cannot be read: {type(error).__name__}") from None
    updates = [record["summary"].get("update", {}) for record in records if record.get("type") == "summary"]
    summary = {key: value for update in updates for key, value in update.items()}
    rows = [record["history"]["item"] for record in records if record.get("type") == "history"]
    if done.returncode or not records:
        said = " ".join(done.stderr.split()) or "no records"
        raise InputError(f"W&B run {name} cannot be read: {said[:200]}")
    # the id says nothing where a run folder has a name
    above = re.fullmatch(r"(.+)/wandb(/(offline-)?run-[^/]+(/[^/]+\.wandb)?)?", path.as_posix())
    files = found[0].parent / "files"
    if (files / "result.json").is_file():
        text = read_small(files / "result.json")
        run = Run(name, Result.of(text, f"result of W&B run {name}"), None, histograms(files))
        run = dataclasses.replace(run, curve=sound_curve(rows, run.result))
    else:
        run = recorded(name, summary, rows)
    return dataclasses.replace(run, name=f"{above[1]} (W&B)") if above else run


def online_run(name: str) -> Run:
    """Return the run `entity/project/run_id` of W&B's server.

    Raises:
        InputError: not logged in, no answer within `PATIENCE` seconds, no such run, or one without a result.
    """
    try:
        run = server().run(name.strip("/"))
        summary = dict(run.summary_metrics)
        if "result" not in summary:
            summary |= kept_files(run)
        quantity = json.loads(summary["result"])["quantity"] if "result" in summary else ""
        columns = ["trainer/global_step", f"train/{quantity}", "train/cpu_seconds"]
        rows = list(run.scan_history(keys=columns)) if quantity else []
    except Exception as error:  # not logged in, unreachable and unknown raise one of many kinds
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"run {name} is no folder, and W&B did not give it: {reason}") from None
    return recorded(name, summary, rows)


def server() -> wandb.Api:
    """Return W&B's server.

    Raises:
        InputError: the user is not logged in.
        Exception: no answer within `PATIENCE` seconds, or an account that it does not take.
    """
    os.environ.setdefault("WANDB_SILENT", "true")

    def log_in() -> wandb.Api:
        # `wandb.Api()` alone would ask for an account, and wait for the answer
        if not wandb.login(prompt=False, verify=False):
            raise InputError("not logged in (`wandb login`), or offline by WANDB_MODE")
        return wandb.Api(timeout=PATIENCE)

    try:
        # W&B bounds the wait for its server, but not every wait for its own service
        return within(2 * PATIENCE, log_in)
    except InputError:
        raise
    except Exception:
        end_service()  # with a request on its way it could hold up the end of the process
        raise


def end_service() -> None:
    """End W&B's service, which is left behind if it does not end within `PATIENCE` seconds."""
    with contextlib.suppress(Exception):  # what it fails of does not matter any more
        within(PATIENCE, wandb.teardown)


def recorded(name: str, summary: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Run:
    """Return the run of a summary and a history.

    Raises:
        InputError: the summary holds no result, or a broken one.
    """
    if not isinstance(summary.get("result"), str):
        raise InputError(f"W&B run {name} holds no result: it was not finished, or not made by `physgen fit`")
    result = Result.of(summary["result"], f"result of W&B run {name}")
    held = summary.get("structure")
    structure = held if isinstance(held, dict) else structure_of(held)
    return Run(name, result, sound_curve(rows, result), structure)


def sound_curve(rows: Iterable[Mapping[str, Any]], result: Result) -> Curve | None:
    """Return the curve of a history, None where it holds anything but numbers."""
    try:
        return curve_of(rows, result, "trainer/global_step")
    except (TypeError, ValueError, AttributeError):
        return None


def kept_files(run: Any) -> dict[str, Any]:
    """Return `result`, as text, and `structure`, as arrays, of the files that a run of the server keeps."""
    names = {file.name for file in run.files()}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names & {"result.json", "structure.npz"}:
            run.file(name).download(root=folder, replace=True)
        if "result.json" in names:
            found["result"] = read_small(Path(folder) / "result.json")
        if (structure := histograms(Path(folder))) is not None:
            found["structure"] = structure
    return found


def structure_of(text: Any) -> dict[str, np.ndarray] | None:
    """Return the histograms that a run of W&B keeps as text, None where there are none or they are damaged."""
    try:
        return {name: np.array(values, dtype=float) for name, values in json.loads(text).items()}
    except (TypeError, ValueError, AttributeError):
        return None
