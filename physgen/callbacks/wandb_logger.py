"""Weights & Biases as a second view of a run, which can never stop it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import wandb
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import DummyExperiment  # type: ignore[attr-defined]
from lightning.pytorch.utilities import rank_zero_only

from physgen.core.archive import read_arrays
from physgen.core.commit import commit
from physgen.core.deadline import within
from physgen.models import Model
from physgen.runs.result import Result

log = logging.getLogger("physgen")


def wandb_mode(wanted: str) -> str:
    """Return `online` or `offline` for `auto`, by whether the user is logged in; other modes as they are.

    The environment variable WANDB_MODE decides over `auto`.
    """
    if wanted != "auto":
        return wanted
    if os.environ.get("WANDB_MODE"):
        return os.environ["WANDB_MODE"]
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        # `wandb.Api()` would ask a new user for an account, and wait for the answer
        return "online" if wandb.login(prompt=False, verify=False) else "offline"
    except Exception:  # credentials that cannot be read raise one of several errors
        return "offline"


def run_config(model: Model, precision: str, seed: int) -> dict[str, Any]:
    """Return what a run is made of, for the config that W&B shows and compares."""
    return {
        "model_class": type(model).__name__,
        "system": model.system.label,
        "precision": precision,
        "seed": seed,
        "commit": commit(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "recipe": model.spec(),
    }


def structure_text(folder: Path) -> dict[str, str]:
    """Return the arrays of a run's `structure.npz` as the text `structure`, to six digits; nothing without them."""
    path = folder / "structure.npz"
    if not path.is_file():
        return {}
    held = read_arrays(path)
    return {"structure": json.dumps({k: np.char.mod("%.6g", v).astype(float).tolist() for k, v in held.items()})}


class GuardedWandbLogger(WandbLogger):
    """Lightning's WandbLogger whose failures are said once and end W&B, never the training.

    Args:
        folder: run folder; W&B's own files go into its `wandb`.
        mode: `online` or `offline`.
        group: group of the run, the system.
        config: what the run is made of.
        name: name of the run, that of model and folder unless given.
    """

    def __init__(self, folder: Path, mode: str, group: str, config: dict[str, Any], name: str | None = None) -> None:
        self.dead = False
        os.environ.setdefault("WANDB_SILENT", "true")  # before the service starts, settings come too late
        settings = wandb.Settings(console="off", silent=True, init_timeout=30.0, x_disable_stats=True)
        super().__init__(
            project="physgen",
            save_dir=folder,
            name=name or f"{config['model_class']}-{folder.name}",
            group=group,
            mode=mode,
            settings=settings,
            config=config,
        )
        self._wandb_init.pop("anonymous", None)  # W&B warns about what lightning still hands on
        self._guarded(lambda: self.experiment)
        if self.dead and mode == "online":
            log.warning("W&B cannot be reached: this run is recorded offline")
            self.dead, self._experiment, self._wandb_init["mode"] = False, None, "offline"
            self._guarded(lambda: self.experiment)

    @property
    def mode(self) -> str:
        """`online`, `offline`, or `off` once W&B is dead."""
        return "off" if self.dead else self._wandb_init["mode"]

    @property
    def experiment(self) -> Any:
        """Return W&B's run, or what takes every call once W&B is dead: the trainer asks for it too."""
        return DummyExperiment() if self.dead else super().experiment

    @rank_zero_only
    def _guarded(self, call: Callable[[], Any], silent: bool = False) -> None:
        if self.dead:
            return
        try:
            call()
        except Exception as error:  # whatever W&B's service dies of, the run goes on
            self.dead = True
            if not silent:
                log.warning("W&B stopped (%s); CSV and result.json go on", type(error).__name__)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics, if W&B still lives."""
        self._guarded(lambda: super(GuardedWandbLogger, self).log_metrics(metrics, step))

    def send(self, items: dict[str, Any]) -> None:
        """Log tables and images, if W&B still lives."""
        self._guarded(lambda: self.experiment.log(items))

    def log_hyperparams(self, params: Any) -> None:
        """Log hyperparameters, if W&B still lives."""
        self._guarded(lambda: super(GuardedWandbLogger, self).log_hyperparams(params))

    def finalize(self, status: str) -> None:
        """Leave the run open: the evaluation after the training belongs to it."""

    def close(self, result: Result | None, folder: Path) -> None:
        """Write the result into the summary, send the figures and close the run."""
        self._guarded(lambda: self._summarise(result, folder))
        # also after a failure: a run left open would take the next one's data
        died, self.dead = self.dead, False
        self._guarded(lambda: wandb.finish(), silent=died)
        if died or self.dead:  # a dead service is not to be met again, in the next run or at the exit
            self.dead = False
            self._guarded(lambda: within(30, wandb.teardown), silent=True)
            wandb.run = None
        self._experiment = None

    def _summarise(self, result: Result | None, folder: Path) -> None:
        run = self.experiment
        if result is None:
            return
        for name, estimate in result.estimates.items():
            run.summary[name] = estimate.value
            run.summary[f"{name}_error"] = estimate.known_error
        for name, value in result.diagnostics.items():
            run.summary[name] = value
        if result.reference is not None:
            run.summary["reference"] = result.reference.value
        run.summary["result"] = result.text()  # whole and exact, what `compare` reads
        run.summary.update(structure_text(folder))
        figures = {p.stem: wandb.Image(str(p)) for p in sorted(folder.glob("*.png"))}
        if figures:
            run.log(figures)
